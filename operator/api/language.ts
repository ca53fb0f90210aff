/** Language of replies: in words, as enumerations of Kubernetes are. */
import type { Language } from '../../server/config/schema/language.ts'
import { oneOf } from './fields.ts'

const words = ['English', 'German', 'French', 'Spanish', 'Italian'] as const
type Word = (typeof words)[number]

export const language = oneOf(words, {
  default: 'English',
  description:
    'Language of replies until a client chooses one by LANG (RFC 2640). Codes, and words that clients parse, are the same in all.',
})

/** By the word of a resource. */
export const languageTags: Readonly<Record<Word, Language>> = {
  English: 'en',
  German: 'de',
  French: 'fr',
  Spanish: 'es',
  Italian: 'it',
}
