import type { OpenCommand } from '../control/command.ts'
import { reply } from '../control/reply.ts'

/** RFC 959 NOOP. */
export const noop: OpenCommand = {
  verbs: ['NOOP'],
  syntax: 'NOOP',
  rfc: 'RFC 959 section 4.1.3',
  summary: 'Does nothing.',
  argument: 'optional',
  needs: 'nothing',
  run: () => ({ kind: 'reply', reply: reply(200, 'OK.') }),
}
