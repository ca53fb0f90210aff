import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import type { Outcome } from './command.ts'
import { type Late, outcomeInTime } from './outcome-in-time.ts'
import { reply } from './reply.ts'

const done: Outcome = { kind: 'reply', reply: reply(250, 'Done.') }

function noting(): Late & { readonly discarded: Outcome[]; readonly faults: unknown[] } {
  const discarded: Outcome[] = []
  const faults: unknown[] = []
  return {
    discarded,
    faults,
    async discard(outcome) {
      discarded.push(outcome)
    },
    onFault: error => void faults.push(error),
  }
}

describe('a command that is in time', () => {
  test('has its outcome', async () => {
    const late = noting()
    expect(await outcomeInTime(Promise.resolve(done), 1000, late)).toBe(done)
    expect(late.discarded).toEqual([])
  })

  test('has its failure', async () => {
    const late = noting()
    await expect(outcomeInTime(Promise.reject(new Error('a defect')), 1000, late)).rejects.toThrow('a defect')
    expect(late.faults).toEqual([])
  })
})

describe('a command that is late', () => {
  test('is answered, and what it has opened is put away once it is there', async () => {
    const late = noting()
    const { promise, resolve } = Promise.withResolvers<Outcome>()
    const outcome = await outcomeInTime(promise, 5, late)
    expect(outcome).toMatchObject({ kind: 'reply', reply: { code: 451 } })
    expect(late.discarded).toEqual([])
    resolve(done)
    await delay(1)
    expect(late.discarded).toEqual([done])
  })

  test('is answered, and its failure is told', async () => {
    const late = noting()
    const { promise, reject } = Promise.withResolvers<Outcome>()
    await outcomeInTime(promise, 5, late)
    const defect = new Error('a defect')
    reject(defect)
    await delay(1)
    expect(late.faults).toEqual([defect])
  })

  test('is answered, and so is told what can’t be put away', async () => {
    const defect = new Error('a defect')
    const late = { ...noting(), discard: () => Promise.reject(defect) }
    const { promise, resolve } = Promise.withResolvers<Outcome>()
    await outcomeInTime(promise, 5, late)
    resolve(done)
    await delay(1)
    expect(late.faults).toEqual([defect])
  })
})
