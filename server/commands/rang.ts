import type { LoginCommand } from '../control/command.ts'
import { reply } from '../control/reply.ts'
import { effectiveType } from '../control/session/representation.ts'
import { mayRestart } from './may-restart.ts'

/** RANG of the Internet-Draft draft-bryan-ftp-range: the part of a file that the command which follows is about; both ends belong to it. */
export const rang: LoginCommand = {
  verbs: ['RANG'],
  syntax: 'RANG <SP> <start-point> <SP> <end-point>',
  rfc: 'draft-bryan-ftp-range',
  summary: 'Sets the first and the last byte for RETR, STOR or HASH; 1 0 takes that back.',
  argument: 'required',
  needs: 'login',
  features: context => (mayRestart(context) ? ['RANG STREAM'] : []),
  run({ session, configuration }, argument) {
    const [, first = '', last = ''] = /^(\d{1,16}) (\d{1,16})$/.exec(argument.trim()) ?? []
    const [start, end] = [Number(first), Number(last)]
    if (first === '' || !Number.isSafeInteger(start) || !Number.isSafeInteger(end + 1)) {
      return { kind: 'reply', reply: reply(501, 'The range must be two numbers of bytes.') }
    }
    if (start === 1 && end === 0) return { kind: 'reply', reply: reply(350, 'The range is the whole file.') }
    if (start > end) return { kind: 'reply', reply: reply(501, 'The range must not end before it begins.') }
    // As for REST: offsets count bytes of the file.
    if (effectiveType(session, configuration) === 'ascii')
      return { kind: 'reply', reply: reply(501, 'A range needs TYPE I.') }
    const range = { restartOffset: start, rangeEnd: end + 1 }
    return { kind: 'reply', reply: reply(350, `The range is ${start} to ${end}.`), session: range }
  },
}
