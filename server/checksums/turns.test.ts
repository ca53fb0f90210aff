import { expect, test } from 'vitest'
import { SharedLedger } from '../workers/shared-state.ts'
import { ChecksumTurns } from './turns.ts'

const never = new AbortController().signal

function job(turns: ChecksumTurns, signal: AbortSignal = never) {
  const { promise, resolve } = Promise.withResolvers<string>()
  let begun = false
  const result = turns.run(signal, () => {
    begun = true
    return promise
  })
  result.catch(() => undefined)
  return { result, end: resolve, hasBegun: () => begun }
}

test('So many have a turn at once over all processes; the others come in their order', async () => {
  const ledger = new SharedLedger()
  const here = new ChecksumTurns({ shared: ledger.holder(), maxAtOnce: 2 })
  const elsewhere = new ChecksumTurns({ shared: ledger.holder(), maxAtOnce: 2 })
  const [first, second] = [job(here), job(elsewhere)]
  await expect.poll(() => first.hasBegun() && second.hasBegun()).toBe(true)
  const [third, fourth] = [job(here), job(here)]
  second.end('second')
  await expect.poll(() => third.hasBegun()).toBe(true)
  expect(fourth.hasBegun()).toBe(false)
  first.end('first')
  await expect.poll(() => fourth.hasBegun()).toBe(true)
  third.end('third')
  fourth.end('fourth')
  expect(await Promise.all([first, second, third, fourth].map(({ result }) => result))).toEqual(
    'first second third fourth'.split(' '),
  )
})

test('Whoever waits too long, or when too many wait, gets busy, and holds up nobody', async () => {
  const shared = new SharedLedger().holder()
  const turns = new ChecksumTurns({ shared, maxAtOnce: 1, maxWaiting: 1, deadlineMilliseconds: 20 })
  const first = job(turns)
  await expect.poll(() => first.hasBegun()).toBe(true)
  const late = job(turns)
  await expect(job(turns).result).rejects.toMatchObject({ kind: 'busy' })
  await expect(late.result).rejects.toMatchObject({ kind: 'busy' })
  first.end('')
  await first.result
  const next = job(turns)
  next.end('next')
  expect(await next.result).toBe('next')
})

test('Who gives up waiting takes no place, and neither does work that fails', async () => {
  const shared = new SharedLedger().holder()
  const turns = new ChecksumTurns({ shared, maxAtOnce: 1 })
  const first = job(turns)
  await expect.poll(() => first.hasBegun()).toBe(true)
  const abort = new AbortController()
  const second = job(turns, abort.signal)
  const third = job(turns)
  abort.abort()
  await expect(second.result).rejects.toMatchObject({ kind: 'busy' })
  first.end('')
  third.end('third')
  expect(await third.result).toBe('third')
  await expect(turns.run(never, () => Promise.reject(new Error('broken')))).rejects.toThrow('broken')
  expect(shared.isClaimed('checksum', '')).toBe(false)
})
