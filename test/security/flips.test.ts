/** Symbolic links that are swapped in at any moment: CVE-2017-7418. The long version is in test/soak. */
import { existsSync } from 'node:fs'
import { expect, it } from 'vitest'
import { runFlipping } from '../support/flipping.ts'

// Only where a name can be pinned by a descriptor is there a defence.
const skip = !existsSync('/proc/self/fd')

it('lead no command outside: thousands of swaps while every command runs', { skip }, async () => {
  const { escapes, succeeded } = await runFlipping({ swaps: 5000, rounds: 2 })
  expect(escapes).toEqual([])
  // Else this would prove nothing.
  expect(succeeded.size).toBeGreaterThan(20)
})
