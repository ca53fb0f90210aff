import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { advisoryReview } from './advisory-review.ts'
import { securityPage } from './security-reference.ts'
import { securityRows } from './security-rows.ts'

/** A string that is the first argument of a call whose second is a function or options. */
const title = /\(\s*(['"`])((?:\\.|(?!\1)[^\\\n])+)\1,\s*(?:\{[^}]*\},\s*)?(?:async\b|\(|function\b|\w+ =>)/g

function titlesIn(source: string): readonly string[] {
  return [...source.matchAll(title)].map(([, , words = '']) => words)
}

test('a title is what names a test, not any words in its file', () => {
  const source = "it('one', async () => {})\ntest.each(x)('two: %s', { timeout: 5 }, _ => {})\n// three\nsay('four')"
  expect(titlesIn(source)).toEqual(['one', 'two: %s'])
})

test.each(securityRows.flatMap(({ attack, proofs }) => proofs.map(each => [each.title, each.file, attack] as const)))(
  '%s (%s) is there',
  async (words, file) => {
    expect(file).toMatch(/\.test\.ts$/)
    expect(titlesIn(await readFile(new URL(`../${file}`, import.meta.url), 'utf8'))).toContain(words)
  },
)

test('there is a row for each of the 27 classes of the past, and for four since, with a test, on the page', () => {
  expect(securityRows).toHaveLength(31)
  expect(new Set(securityRows.map(({ attack }) => attack)).size).toBe(31)
  const page = securityPage(securityRows, advisoryReview)
  for (const { attack, proofs } of securityRows) {
    expect(page).toContain(`| ${attack} | `)
    expect(proofs.length).toBeGreaterThan(0)
  }
})
