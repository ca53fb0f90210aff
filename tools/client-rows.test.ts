import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { clientsPage } from './client-reference.ts'
import { clientRows } from './client-rows.ts'

test.each(clientRows.map(row => [row.client, row.need, row.proof] as const))(
  '%s, %s: is proved where the row says',
  async (_client, _need, { file, test: words }) => {
    expect(await readFile(new URL(`../${file}`, import.meta.url), 'utf8')).toContain(words)
  },
)

test('the page has a line for each row', () => {
  const page = clientsPage(clientRows)
  for (const { client, need } of clientRows) expect(page).toContain(`| ${client} | ${need} | `)
})
