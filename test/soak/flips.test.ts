/** The long version of test/security/flips.test.ts. */
import { expect, it } from 'vitest'
import { runFlipping } from '../support/flipping.ts'

it('100,000 swaps of directories and links lead no command outside', async () => {
  const { escapes, swaps, commands } = await runFlipping({ swaps: 100_000, rounds: 20 })
  console.info(`${swaps} swaps, ${commands} commands`)
  expect(escapes).toEqual([])
})
