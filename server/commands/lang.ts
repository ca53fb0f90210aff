import { type Language, languages } from '../config/schema/language.ts'
import type { Context, OpenCommand } from '../control/command.ts'
import { reply } from '../control/reply.ts'
import { languageFor } from '../language/languages.ts'

/** RFC 2640 LANG: the language of replies; without a tag that of the server. */
export const lang: OpenCommand = {
  verbs: ['LANG'],
  syntax: 'LANG [<SP> <lang-tag>]',
  rfc: 'RFC 2640 section 4',
  summary: 'Sets the language of replies.',
  argument: 'optional',
  needs: 'nothing',
  features: context => [`LANG ${languages.map(language => shown(language, context)).join(';')}`],
  run(_context, argument) {
    const tag = argument.trim()
    if (tag !== '' && !/^[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*$/.test(tag))
      return { kind: 'reply', reply: reply(501, 'The language tag is malformed.') }
    const language = languageFor(tag)
    if (tag !== '' && language === undefined)
      return { kind: 'reply', reply: reply(504, 'The language is not supported.') }
    return { kind: 'reply', reply: reply(200, 'Replies are in English.'), session: { language } }
  },
}

/** RFC 2640 section 4.3: a star marks the one in use. */
function shown(language: Language, { session, configuration }: Context): string {
  const current = session.language ?? configuration.server.language
  return language.toUpperCase() + (language === current ? '*' : '')
}
