import { describe, expect, test } from 'vitest'
import { isStorageError } from '../../storage.ts'
import type { Errand } from './volume-gate.ts'
import { VolumeGates } from './volume-gates.ts'

type Call = { readonly end: () => void; readonly started: () => boolean; readonly result: Promise<unknown> }

function setUp(threads = 16) {
  let clock = 0
  const told: string[] = []
  const gates = new VolumeGates({
    threads,
    onStalled: directory => told.push(`stalled ${directory}`),
    onAnswering: directory => told.push(`answering ${directory}`),
    now: () => clock,
  })
  gates.patienceSeconds = 40
  const gate = (device: number) => gates.ofDevice(device, `/volumes/${device}`)
  const call = (device: number, errand: Errand = 'command'): Call => {
    const { promise, resolve } = Promise.withResolvers<void>()
    let started = false
    const result = gate(device)
      .run(() => {
        started = true
        return promise
      }, errand)
      .catch(error => error as unknown)
    return { end: resolve, started: () => started, result }
  }
  const calls = (count: number, device: number, errand?: Errand): readonly Call[] =>
    Array.from({ length: count }, () => call(device, errand))
  /** Looks twice a second, as the gates do. */
  const pass = (seconds: number): void => {
    for (let looked = 0; looked < seconds * 2; looked++) {
      clock += 500
      for (const device of [1, 2, 3]) gate(device).look()
    }
  }
  return { gates, gate, call, calls, pass, told }
}

const started = (calls: readonly Call[]): number => calls.filter(call => call.started()).length
/** Until all that can go on has gone on. */
const settled = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

describe('Of the threads for files', () => {
  test.each([
    [16, 11],
    [8, 5],
    [4, 2],
    [2, 1],
  ])('of %i, one volume gets %i at most, in order', async (threads, most) => {
    const { calls } = setUp(threads)
    const all = calls(20, 1)
    expect(started(all)).toBe(most)
    all[0]?.end()
    await settled()
    expect(started(all)).toBe(most + 1)
    expect(all[most]?.started()).toBe(true)
  })

  test('volumes that hang leave some to others, one after the other', () => {
    const { calls, pass } = setUp()
    expect(started(calls(20, 1))).toBe(11)
    pass(11)
    expect(started(calls(20, 2))).toBe(2)
    pass(11)
    expect(started(calls(20, 3))).toBe(1)
  })

  test('more than half send files, and each of those learns how many others wait', async () => {
    const { gate } = setUp()
    const { promise, resolve } = Promise.withResolvers<number>()
    const learned: (() => number)[] = []
    const send = () =>
      gate(1).send(others => {
        learned.push(others)
        return promise
      })
    const sending = Array.from({ length: 8 }, send)
    await settled()
    expect([learned.length, learned[0]?.()]).toEqual([8, 0])
    sending.push(...Array.from({ length: 8 }, send))
    await settled()
    expect([learned.length, learned[0]?.()]).toEqual([8, 1])
    resolve(0)
    await Promise.all(sending)
    expect([learned.length, learned[0]?.()]).toEqual([16, 0])
  })

  test('those that send files learn that hardly any is left', async () => {
    const { gate, calls } = setUp()
    const { promise, resolve } = Promise.withResolvers<number>()
    let others = () => 0
    const sending = gate(1).send(given => {
      others = given
      return promise
    })
    await settled()
    expect(others()).toBe(0)
    for (const device of [2, 3]) calls(6, device)
    expect(others()).toBeGreaterThan(0)
    resolve(0)
    await sending
  })

  test('all are never taken, whatever begins at once', async () => {
    const { calls } = setUp()
    const [first, second, third] = [calls(20, 1), calls(20, 2), calls(20, 3)]
    expect(started([...first, ...second, ...third])).toBe(14)
    first[0]?.end()
    await settled()
    expect(started([...first, ...second, ...third])).toBe(15)
  })
})

describe('A volume that answers nothing', () => {
  test('is stalled after a quarter of the patience, once, and refuses commands at once', async () => {
    const { gates, call, pass, told } = setUp()
    call(1)
    pass(9)
    expect(told).toEqual([])
    pass(30)
    expect(told).toEqual(['stalled /volumes/1'])
    expect(gates.stalled).toEqual([{ directory: '/volumes/1', milliseconds: expect.any(Number) }])
    // One is let through to see whether it answers.
    expect(call(1).started()).toBe(true)
    const refused = call(1)
    expect(refused.started()).toBe(false)
    expect(isStorageError(await refused.result, 'not-answering')).toBe(true)
  })

  test('refuses those who wait for it, but for transfers and what must be done', async () => {
    const { calls, call, pass } = setUp()
    const hanging = calls(11, 1)
    const [command, transfer, ending] = [call(1), call(1, 'transfer'), call(1, 'ending')]
    pass(11)
    expect(isStorageError(await command.result, 'not-answering')).toBe(true)
    expect([transfer.started(), ending.started()]).toEqual([false, false])
    hanging[0]?.end()
    hanging[1]?.end()
    await settled()
    expect([transfer.started(), ending.started()]).toEqual([true, true])
  })

  test('is in use again with its first answer', async () => {
    const { gates, call, pass, told } = setUp()
    call(1)
    pass(12)
    call(1).end()
    await settled()
    expect(told).toEqual(['stalled /volumes/1', 'answering /volumes/1'])
    expect(gates.stalled).toEqual([])
    expect(started([call(1), call(1), call(1)])).toBe(3)
    pass(11)
    expect(told).toHaveLength(3)
  })

  test('is not one that answers slowly, or does what takes long', async () => {
    const { call, pass, told } = setUp()
    call(1)
    for (let second = 0; second < 30; second++) {
      call(1).end()
      await settled()
      pass(1)
    }
    call(2, 'ending')
    call(3, 'copy')
    pass(20)
    expect(told).toEqual(['stalled /volumes/1'])
  })

  test('does not hold up others', () => {
    const { calls, call, pass } = setUp()
    calls(20, 1)
    pass(11)
    expect(call(2).started()).toBe(true)
  })
})

describe('A place', () => {
  test('is given back whether the operation succeeds or fails', async () => {
    const { gate } = setUp(2)
    await expect(gate(1).run(() => Promise.reject(new Error('no')))).rejects.toThrow('no')
    await expect(gate(1).run(async () => 'yes')).resolves.toBe('yes')
  })

  test('is given away while an operation takes places of its own', async () => {
    const { gate } = setUp(2)
    const inner = () => gate(1).run(async () => 'inner')
    await expect(gate(1).run(() => gate(1).without(inner))).resolves.toBe('inner')
  })

  test('is shared by directories of which nothing is known but where they would be mounted', () => {
    const { gates } = setUp()
    expect(gates.ofDirectory('/data/a/1', '/data/a')).toBe(gates.ofDirectory('/data/a/2', '/data/a'))
    gates.learn('/data/a/1', 7)
    expect(gates.ofDirectory('/data/a/1', '/data/a')).toBe(gates.ofDevice(7, ''))
    expect(gates.ofDirectory('/data/a/2', '/data/a')).not.toBe(gates.ofDevice(7, ''))
  })
})
