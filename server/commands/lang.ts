import type { OpenCommand } from '../control/command.ts'
import { reply } from '../control/reply.ts'

/** RFC 2640 LANG: the language of replies. */
export const lang: OpenCommand = {
  verbs: ['LANG'],
  syntax: 'LANG [<SP> <lang-tag>]',
  rfc: 'RFC 2640 section 4',
  summary: 'Sets the language of replies.',
  argument: 'optional',
  needs: 'nothing',
  features: () => ['LANG EN*'],
  run(_context, argument) {
    const tag = argument.trim()
    if (tag !== '' && !/^[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*$/.test(tag))
      return { kind: 'reply', reply: reply(501, 'The language tag is malformed.') }
    const english = tag === '' || /^en(?:-|$)/i.test(tag)
    return {
      kind: 'reply',
      reply: english ? reply(200, 'Replies are in English.') : reply(504, 'The language is not supported.'),
    }
  },
}
