import type { LoginCommand } from '../control/command.ts'
import { addressFamily, parsePort } from '../data/address.ts'
import { mayTarget, setTarget } from './set-target.ts'

/** RFC 959 PORT: the client listens for data at an IPv4 address. */
export const port: LoginCommand = {
  verbs: ['PORT'],
  syntax: 'PORT <SP> <host-port>',
  rfc: 'RFC 959 section 4.1.2',
  summary: 'Names the address and port that the next data connection goes to.',
  argument: 'required',
  needs: 'login',
  keepsRestart: true,
  // It names IPv4 addresses, and as a rule the client's own is needed.
  offered: context =>
    mayTarget(context) &&
    (addressFamily(context.session.peer.address) === 1 || context.configuration.server.active.foreignAddresses),
  run: (context, argument) => setTarget(context, parsePort(argument)),
}
