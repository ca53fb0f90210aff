import { expect, test } from 'vitest'
import { BandwidthLedger } from './bandwidth-ledger.ts'

test('a rate is divided by transfers, and what a process leaves is the others’', () => {
  const ledger = new BandwidthLedger()
  const shares = new Map<string, number>()
  const holderOf = (name: string) => {
    const holder = ledger.holder()
    holder.onShare = (key, share) => shares.set(`${name} ${key}`, share)
    return holder
  }
  const [first, second] = [holderOf('first'), holderOf('second')]
  first.use('alice', 1)
  expect(shares.get('first alice')).toBe(1)
  second.use('alice', 3)
  second.use('bob', 1)
  expect(Object.fromEntries(shares)).toEqual({ 'first alice': 0.25, 'second alice': 0.75, 'second bob': 1 })
  second.use('alice', 1)
  expect(shares.get('first alice')).toBe(0.5)
  second.releaseAll()
  expect(shares.get('first alice')).toBe(1)
  first.use('alice', 0)
  second.use('alice', 1)
  expect(shares.get('second alice')).toBe(1)
})
