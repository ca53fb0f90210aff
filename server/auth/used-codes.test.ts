import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { SharedLedger } from '../workers/shared-state.ts'
import { mostWrongCodes, UsedCodes, wrongMilliseconds } from './used-codes.ts'

beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }))
afterEach(() => void vi.useRealTimers())

test('A code is taken once, by whatever process, and one of another user or step beside it', async () => {
  const ledger = new SharedLedger()
  const [one, other] = [new UsedCodes(ledger.holder()), new UsedCodes(ledger.holder())]
  expect(await one.take('alice', 7)).toBe('taken')
  expect(await one.take('alice', 7)).toBe('used')
  expect(await other.take('alice', 7)).toBe('used')
  expect(await other.take('alice', 8)).toBe('taken')
  expect(await other.take('bob', 7)).toBe('taken')
})

test('After so many wrong codes none is looked at, until the first of them is long ago', async () => {
  const ledger = new SharedLedger()
  const processes = [new UsedCodes(ledger.holder()), new UsedCodes(ledger.holder())]
  for (let count = 0; count < mostWrongCodes; count += 1) {
    expect(await processes[count % 2]?.take('alice', undefined)).toBe('wrong')
    vi.advanceTimersByTime(1000)
  }
  for (const each of processes) {
    expect(await each.take('alice', undefined)).toBe('too-many')
    expect(await each.take('alice', 7)).toBe('too-many')
    expect(await each.take('bob', 7 + processes.indexOf(each))).toBe('taken')
  }
  vi.advanceTimersByTime(wrongMilliseconds - mostWrongCodes * 1000)
  expect(await processes[0]?.take('alice', 7)).toBe('taken')
})

test('Codes that were taken before, and right ones, are no guesses', async () => {
  const codes = new UsedCodes(new SharedLedger().holder())
  expect(await codes.take('alice', 7)).toBe('taken')
  for (let count = 0; count < 5 * mostWrongCodes; count += 1) expect(await codes.take('alice', 7)).toBe('used')
  for (let step = 8; step < 8 + 5 * mostWrongCodes; step += 1) expect(await codes.take('alice', step)).toBe('taken')
})
