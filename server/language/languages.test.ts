import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it, test } from 'vitest'
import { reply } from '../control/reply.ts'
import { texts } from './english.ts'
import { french } from './french.ts'
import { german } from './german.ts'
import { italian } from './italian.ts'
import { languageFor, translated } from './languages.ts'
import { spanish } from './spanish.ts'

const known: ReadonlySet<string> = new Set(texts)

describe('A catalogue', () => {
  describe.each(Object.entries({ german, french, spanish, italian }))('%s', (_, catalogue) => {
    it('has every text, with the same places, and no others', () => {
      expect(Object.keys(catalogue)).toEqual(texts)
      for (const [text, translation] of Object.entries(catalogue)) {
        expect(translation.match(/\{\d\}/g)?.toSorted(), text).toEqual(text.match(/\{\d\}/g)?.toSorted())
        expect(translation.trim(), text).not.toBe('')
        // A line of the session’s status begins with a space; an end of line would end the reply.
        expect(translation.startsWith(' '), text).toBe(text.startsWith(' '))
        expect(translation, text).not.toMatch(/^\d|[\r\n\0]/)
      }
    })
  })

  it('has every text of a reply that the sources have, but for words that clients parse', async () => {
    const found = await textsOfSources()
    expect(found.size).toBeGreaterThan(100)
    expect([...found].filter(text => !known.has(text) && !parsed.some(pattern => pattern.test(text)))).toEqual([])
  })

  it('has no text that the sources do not have', async () => {
    const found = await textsOfSources()
    // What is put together of several words there is whole here.
    const whole = /^Data connections are (clear|private)\.$|^ /
    expect(texts.filter(text => !found.has(text) && !whole.test(text))).toEqual([])
  })
})

test.each([
  ['de', 'de'],
  ['DE', 'de'],
  ['de-AT', 'de'],
  ['fr-CA', 'fr'],
  ['es-419', 'es'],
  ['en-GB-oed', 'en'],
  ['it-x-anything', 'it'],
  ['de-Latn-DE-1996', 'de'],
  ['nl', undefined],
  ['deu', undefined],
  ['x-de', undefined],
  ['', undefined],
])('the tag %j means %j', (tag, language) => {
  expect(languageFor(tag)).toBe(language)
})

describe('A reply in another language', () => {
  it('has the same code, and other words', () => {
    expect(translated(reply(226, 'Transfer complete.'), 'de')).toEqual(reply(226, 'Übertragung vollständig.'))
    expect(translated(reply(226, 'Transfer complete.'), 'en')).toEqual(reply(226, 'Transfer complete.'))
  })

  it('has what differs in its place', () => {
    expect(translated(reply(257, '"/a ""b""" was made.'), 'es')).toEqual(reply(257, 'Se ha creado "/a ""b""".'))
    expect(translated(reply(350, 'The range is 3 to 5.'), 'fr')).toEqual(reply(350, 'La plage va de 3 à 5.'))
    expect(translated(reply(250, '"$1 {2}" is the working directory.'), 'it')).toEqual(
      reply(250, '"$1 {2}" è la directory di lavoro.'),
    )
  })

  it('leaves words that clients parse, and lines in between, as they are', () => {
    const features = reply(211, 'Extensions supported:', ' UTF8', 'End.')
    expect(translated(features, 'de')).toEqual(reply(211, 'Unterstützte Erweiterungen:', ' UTF8', 'Ende.'))
    const listing = reply(213, 'Status of the path:', 'Deleted.', 'End of status.')
    expect(translated(listing, 'de').lines[1]).toBe('Deleted.')
    for (const text of ['Entering Passive Mode (127,0,0,1,1,2)', '20200101000000', 'PBSZ=0']) {
      expect(translated(reply(227, text), 'fr')).toEqual(reply(227, text))
    }
  })

  it('has the status of the session in the language', () => {
    const status = reply(
      211,
      'Status of the session:',
      ' Connected from ::1 for 3 s',
      ' Not logged in',
      'End of status.',
    )
    expect(translated(status, 'de').lines).toEqual([
      'Stand der Sitzung:',
      ' Verbunden von ::1 seit 3 s',
      ' Nicht angemeldet',
      'Ende des Standes.',
    ])
  })
})

/** Codes of commands, words of facts and checksums, and lists: what programs read. */
const parsed: readonly RegExp[] = [
  /^UNIX Type: L8$|^PBSZ=0$|^MLST OPTS |^Name=ftp-operator;|^FILE: |^MARK \{1\} = \{2\}$/,
  /^The network protocol is not supported, use \(/,
  /^Data connections are \{1\}\.$|^ TYPE: \{1\}/,
  /^[^A-Za-z]*$/,
]

/** Literal texts of replies: the arguments of `reply(code, …)` behind the code, and what opens a transfer. */
async function textsOfSources(): Promise<ReadonlySet<string>> {
  const found = new Set<string>()
  const root = join(import.meta.dirname, '..')
  for (const path of await readdir(root, { recursive: true })) {
    if (!path.endsWith('.ts') || path.endsWith('.test.ts')) continue
    const source = await readFile(join(root, path), 'utf8')
    const calls = source.matchAll(/\breply\(\s*[\w.]+,\s*((?:[^()]|\((?:[^()]|\([^()]*\))*\))*)\)/g)
    for (const [, words = ''] of calls) for (const text of literals(words)) found.add(text)
    for (const [, words = ''] of source.matchAll(/\bopening: ('[^'\n]*')/g))
      for (const text of literals(words)) found.add(text)
  }
  return found
}

/** Literals that are arguments by themselves. */
function literals(source: string): readonly string[] {
  const matches = source.matchAll(/(?:^|,\s*)(?:'((?:[^'\\\n]|\\.)*)'|`((?:[^`\\]|\\.)*)`)(?=\s*(?:,|$))/g)
  return [...matches].map(([, plain, template]) => {
    let place = 0
    return plain ?? (template ?? '').replace(/\$\{(?:[^{}]|\{[^{}]*\})*\}/g, () => `{${(place += 1)}}`)
  })
}
