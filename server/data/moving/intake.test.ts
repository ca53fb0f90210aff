import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { BufferPool } from '../kernel/buffer-pool.ts'
import { type Consumer, Intake } from './intake.ts'

function gate() {
  const waiting: (() => void)[] = []
  return {
    pass: () => new Promise<void>(resolve => waiting.push(resolve)),
    open: () => waiting.shift()?.(),
    waiting,
  }
}

async function turn(): Promise<void> {
  await new Promise(resolve => setImmediate(resolve))
}

/** Puts bytes where a connection would: into the place it was told of after the last ones. */
function reader(intake: Intake) {
  let room = intake.room()
  return (bytes: Uint8Array): 'room' | 'full' => {
    let state: 'room' | 'full' = 'room'
    for (let at = 0; at < bytes.length; ) {
      const part = bytes.subarray(at, at + room.length)
      room.set(part)
      state = intake.added(part.length)
      room = intake.room()
      at += part.length
    }
    return state
  }
}

const numbers = Buffer.alloc(10_000_000)
for (let at = 0; at < numbers.length; at++) numbers[at] = at % 251

function numbered(from: number, length: number): Uint8Array {
  return numbers.subarray(from, from + length)
}

/** Then little room is left in the first buffer. */
const beyondSmallFiles = 65_537

describe('Intake', () => {
  it('gives all bytes in order, however they come and however long each call takes', async () => {
    const steps = fc.array(
      fc.record({
        bytes: fc.oneof(fc.integer({ min: 1, max: 3000 }), fc.integer({ min: 50_000, max: 700_000 })),
        consume: fc.constantFrom('at once' as const, 'later' as const),
        pause: fc.boolean(),
      }),
      { minLength: 1, maxLength: 12 },
    )
    await fc.assert(
      fc.asyncProperty(steps, async plan => {
        let expected = 0
        let given = 0
        let calls = 0
        const consume: Consumer = bytes => {
          const way = plan[calls++ % plan.length]?.consume
          const check = () => {
            expect(numbers.compare(bytes, 0, bytes.length, given, given + bytes.length)).toBe(0)
            given += bytes.length
          }
          if (way !== 'at once') return turn().then(check)
          check()
          return undefined
        }
        const intake = new Intake(consume, new BufferPool(), () => {})
        const read = reader(intake)
        for (const { bytes, pause } of plan) {
          read(numbered(expected, bytes))
          expected += bytes
          if (pause) await turn()
        }
        await intake.idle()
        intake.throwIfFailed()
        expect(given).toBe(expected)
        intake.close()
      }),
      { numRuns: 100 },
    )
  })

  it('takes what was read elsewhere as well', async () => {
    const chunks: Buffer[] = []
    const intake = new Intake(
      bytes => void chunks.push(Buffer.from(bytes)),
      new BufferPool(),
      () => {},
    )
    intake.add(numbered(0, 3_000_000))
    await intake.idle()
    expect(Buffer.concat(chunks).equals(numbered(0, 3_000_000))).toBe(true)
    intake.close()
  })

  it('gives what comes in one turn of the event loop as one', async () => {
    const given: number[] = []
    const intake = new Intake(
      bytes => void given.push(bytes.length),
      new BufferPool(),
      () => {},
    )
    const read = reader(intake)
    for (let times = 0; times < 3; times++) read(numbered(0, 1000))
    await turn()
    expect(given).toEqual([3000])
    intake.close()
  })

  it('is full after two buffers that nobody consumes, and calls back when there is room', async () => {
    const { pass, open, waiting } = gate()
    let room = 0
    const intake = new Intake(pass, new BufferPool(), () => room++)
    const read = reader(intake)
    let bytes = 0
    for (let state: 'room' | 'full' = 'room'; state === 'room' || bytes < 1_900_000; bytes += 60_000) {
      state = read(numbered(bytes, 60_000))
      await turn()
      expect(bytes).toBeLessThan(2_200_000)
    }
    const before = room
    while (waiting.length > 0) {
      open()
      await turn()
    }
    expect(room).toBe(before + 1)
    expect(read(numbered(0, 1))).toBe('room')
    const rest = intake.idle()
    open()
    await rest
    intake.close()
  })

  it('lets others have their turn, however quickly its bytes are consumed', async () => {
    let room = 0
    const intake = new Intake(
      () => undefined,
      new BufferPool(),
      () => room++,
    )
    const read = reader(intake)
    expect(read(numbered(0, 500_000))).toBe('room')
    expect(read(numbered(0, 100_000))).toBe('full')
    expect(room).toBe(0)
    await turn()
    expect(room).toBe(1)
    expect(read(numbered(0, 100_000))).toBe('room')
    intake.close()
  })

  it.each(['throws', 'rejects'] as const)(
    'reports once that its consumer %s, and takes nothing after it',
    async how => {
      let calls = 0
      const failures: Error[] = []
      const intake = new Intake(
        () => {
          calls++
          const error = new Error('disk full')
          if (how === 'throws') throw error
          return Promise.reject(error)
        },
        new BufferPool(),
        () => {},
      )
      intake.onFailure = error => failures.push(error)
      const read = reader(intake)
      read(numbered(0, 10))
      await intake.idle()
      expect(read(numbered(0, 10))).toBe('full')
      await intake.idle()
      expect([calls, failures.length]).toEqual([1, 1])
      expect(() => intake.throwIfFailed()).toThrow('disk full')
      intake.close()
    },
  )

  it('begins with a small buffer, and leaves it to others once more has come than small files have', () => {
    const pool = new BufferPool()
    const intake = new Intake(
      () => undefined,
      pool,
      () => {},
    )
    const first = intake.room().buffer
    expect(first.byteLength).toBe(131_072)
    intake.added(4096)
    expect(intake.room().buffer).toBe(first)
    intake.added(beyondSmallFiles)
    expect(intake.room()).toHaveLength(1_048_576)
    expect(pool.takeSmall().buffer).toBe(first)
    intake.close()
  })

  it('gives a small buffer back only when nobody reads from it any more', async () => {
    const pool = new BufferPool()
    const { pass, open } = gate()
    const intake = new Intake(pass, pool, () => {})
    const read = reader(intake)
    const first = intake.room().buffer
    read(numbered(0, beyondSmallFiles))
    read(numbered(0, 1_000_000))
    expect(pool.takeSmall().buffer).not.toBe(first)
    open()
    await turn()
    read(numbered(0, 10))
    expect(pool.takeSmall().buffer).toBe(first)
    open()
    await turn()
    open()
    await intake.idle()
    intake.close()
  })

  it('takes no more of the pool’s large buffers than there are', () => {
    const pool = new BufferPool()
    const intakes = Array.from(
      { length: 300 },
      () =>
        new Intake(
          () => undefined,
          pool,
          () => {},
        ),
    )
    for (const intake of intakes) intake.added(beyondSmallFiles)
    const bytes = intakes.reduce((sum, intake) => sum + intake.room().length, 0)
    expect(bytes).toBeLessThan(75_000_000)
    for (const intake of intakes) intake.close()
    const again = new Intake(
      () => undefined,
      pool,
      () => {},
    )
    again.added(beyondSmallFiles)
    expect(again.room()).toHaveLength(1_048_576)
    again.close()
  })
})
