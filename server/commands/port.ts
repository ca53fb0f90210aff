import type { LoginCommand } from '../control/command.ts'
import { parsePort } from '../data/address.ts'
import { setTarget } from './set-target.ts'

/** RFC 959 PORT: the client listens for data at an IPv4 address. */
export const port: LoginCommand = {
  verbs: ['PORT'],
  syntax: 'PORT <SP> <host-port>',
  rfc: 'RFC 959 section 4.1.2',
  summary: 'Names the address and port that the next data connection goes to.',
  argument: 'required',
  needs: 'login',
  keepsRestart: true,
  run: (context, argument) => setTarget(context, parsePort(argument)),
}
