import { expect, test } from 'vitest'
import { SharedLedger } from './shared-state.ts'

test('places are as many as the limit says, whoever takes them, and one that is given back can be taken', () => {
  const ledger = new SharedLedger()
  const [one, other] = [ledger.holder(), ledger.holder()]
  expect(one.claim('session-of-user', 'alice', 2)).toBe(true)
  expect(other.claim('session-of-user', 'alice', 2)).toBe(true)
  expect(one.claim('session-of-user', 'alice', 2)).toBe(false)
  expect(one.claim('session-of-user', 'bob', 2)).toBe(true)
  other.release('session-of-user', 'alice')
  expect(one.claim('session-of-user', 'alice', 2)).toBe(true)
})

test('what is taken without a limit counts for those who have one', () => {
  const holder = new SharedLedger().holder()
  expect(holder.claim('session-of-user', 'alice', undefined)).toBe(true)
  expect(holder.claim('session-of-user', 'alice', 1)).toBe(false)
})

test('kinds are apart', () => {
  const holder = new SharedLedger().holder()
  holder.claim('upload', 'alice', 1)
  expect(holder.isClaimed('upload', 'alice')).toBe(true)
  expect(holder.isClaimed('session-of-user', 'alice')).toBe(false)
})

test('nobody gives back what another has', () => {
  const ledger = new SharedLedger()
  const [one, other] = [ledger.holder(), ledger.holder()]
  one.claim('upload', '1:2', 1)
  other.release('upload', '1:2')
  expect(other.isClaimed('upload', '1:2')).toBe(true)
})

test('all that one has can be given back at once, and nothing of the others', () => {
  const ledger = new SharedLedger()
  const [one, other] = [ledger.holder(), ledger.holder()]
  one.claim('upload', '1:2', 1)
  one.claim('session-of-user', 'alice', undefined)
  one.claim('session-of-user', 'alice', undefined)
  other.claim('session-of-user', 'alice', undefined)
  one.releaseAll()
  expect(other.claim('upload', '1:2', 1)).toBe(true)
  expect(other.claim('session-of-user', 'alice', 2)).toBe(true)
  expect(other.claim('session-of-user', 'alice', 2)).toBe(false)
})
