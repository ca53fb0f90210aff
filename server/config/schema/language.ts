/** Languages of replies (RFC 2640). */
import { oneOf } from './parts.ts'

/** By their tags (RFC 5646); each has a catalogue in `server/language/`. */
export const languages = ['en', 'de', 'fr', 'es', 'it'] as const
export type Language = (typeof languages)[number]

export const language = oneOf(languages, {
  default: 'en',
  description:
    'Language of replies until a client chooses one by LANG (RFC 2640): English, German, French, Spanish or Italian. Codes, and words that clients parse, are the same in all.',
})
