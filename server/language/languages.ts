/** The languages of replies (RFC 2640 section 4): which there are, which one a tag means, and replies in them. */
import { type Language, languages } from '../config/schema/language.ts'
import type { Reply } from '../control/reply.ts'
import { type Catalogue, type Text, texts } from './english.ts'
import { french } from './french.ts'
import { german } from './german.ts'
import { italian } from './italian.ts'
import { spanish } from './spanish.ts'

/** The language for a tag, by the lookup of RFC 4647 section 3.4: `de-AT` is `de`. Undefined if there is none. */
export function languageFor(tag: string): Language | undefined {
  const parts = tag.toLowerCase().split('-')
  while (parts.length > 0) {
    const found = languages.find(language => language === parts.join('-'))
    if (found !== undefined) return found
    parts.pop()
    // A single letter begins what the next part means: it goes with it.
    if (parts.at(-1)?.length === 1) parts.pop()
  }
  return undefined
}

/** The reply in a language. Codes stay, and so do words that no catalogue has: paths, facts, addresses. */
export function translated(answer: Reply, language: Language): Reply {
  if (language === 'en') return answer
  const translate = translators[language]
  const [first, ...rest] = answer.lines
  const last = rest.pop()
  if (last === undefined) return { code: answer.code, lines: [translate(first)] }
  // In between are names and listings, but for the status of the session (STAT).
  const inner = answer.code === 211 ? rest.map(line => (line.startsWith(' ') ? translate(line) : line)) : rest
  return { code: answer.code, lines: [translate(first), ...inner, translate(last)] }
}

type Translate = (line: string) => string

function translator(catalogue: Catalogue): Translate {
  const known = new Map<string, string>(Object.entries(catalogue))
  const templates = texts
    .filter(text => text.includes('{1}'))
    .map(text => ({ pattern: patternOf(text), template: catalogue[text] }))
  return line => known.get(line) ?? fill(templates, line) ?? line
}

function fill(templates: readonly { readonly pattern: RegExp; readonly template: string }[], line: string) {
  for (const { pattern, template } of templates) {
    const values = pattern.exec(line)
    if (values !== null) return template.replace(/\{(\d)\}/g, (_, place: string) => values[Number(place)] ?? '')
  }
  return undefined
}

function patternOf(text: Text): RegExp {
  const escaped = text.replace(/[.*+?^$()|[\]\\]/g, '\\$&')
  return new RegExp(`^${escaped.replace(/\{\d\}/g, '(.*)')}$`, 's')
}

const translators: Readonly<Record<Exclude<Language, 'en'>, Translate>> = {
  de: translator(german),
  fr: translator(french),
  es: translator(spanish),
  it: translator(italian),
}
