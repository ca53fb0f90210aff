import { describe, expect, test } from 'vitest'
import { Bandwidth, type BandwidthShares } from './bandwidth.ts'
import { Pace, type PaceLimits, type PaceWait } from './pace.ts'

const rate = 4_000_000

/** The real clock: what is measured is bytes over the time that has really passed. */
function patient(more: Partial<PaceWait> = {}): PaceWait {
  return { signal: new AbortController().signal, isOver: () => false, onWait: () => {}, ...more }
}

async function move(pace: Pace, bytes: number): Promise<void> {
  for (let left = bytes; left > 0; ) left -= await pace.take(left, patient())
}

/** Bytes a second, over the whole. */
async function measure(bytes: number, run: () => Promise<unknown>): Promise<number> {
  const started = performance.now()
  await run()
  return (bytes * 1000) / (performance.now() - started)
}

const alice = { perSession: undefined, shared: [{ key: 'user alice', bytesPerSecond: rate }] }

describe('A pace', () => {
  test('keeps to the rate', async () => {
    const pace = new Pace(new Bandwidth(), () => ({ perSession: rate, shared: [] }))
    const measured = await measure(rate * 2, () => move(pace, rate * 2))
    expect(measured).toBeLessThanOrEqual(rate * 1.03)
    expect(measured).toBeGreaterThan(rate * 0.5)
  })

  test('keeps to the slowest of several', async () => {
    const shared = [{ key: 'listener', bytesPerSecond: rate * 50 }, ...alice.shared]
    const pace = new Pace(new Bandwidth(), () => ({ perSession: rate * 10, shared }))
    expect(await measure(rate, () => move(pace, rate))).toBeLessThanOrEqual(rate * 1.06)
  })

  test('that sessions share is divided evenly, and all of it is used', async () => {
    const bandwidth = new Bandwidth()
    const moved = [0, 0, 0, 0]
    let sum = 0
    const measured = await measure(rate * 2, () =>
      Promise.all(
        moved.map(async (_, index) => {
          const pace = new Pace(bandwidth, () => alice)
          while (sum < rate * 2) {
            const granted = await pace.take(1_000_000, patient())
            moved[index] = (moved[index] ?? 0) + granted
            sum += granted
          }
        }),
      ),
    )
    expect(measured).toBeLessThanOrEqual(rate * 1.1)
    for (const bytes of moved) expect(Math.abs(bytes / (sum / 4) - 1)).toBeLessThan(0.15)
  })

  test('is what the configuration says now, in the middle of a transfer', async () => {
    let limits: PaceLimits | undefined = { perSession: 1024, shared: [] }
    const pace = new Pace(new Bandwidth(), () => limits)
    expect(await pace.take(1_000_000, patient())).toBe(512)
    limits = { perSession: 1_000_000_000, shared: [] }
    expect(await pace.take(10_000_000, patient())).toBe(1_048_576)
    limits = undefined
    expect(pace.isLimited).toBe(false)
    expect(await pace.take(10_000_000, patient())).toBe(10_000_000)
  })

  test('holds for one transfer after the other: small files are no way around it', async () => {
    const bandwidth = new Bandwidth()
    const measured = await measure(rate, async () => {
      for (let file = 0; file < 200; file += 1) {
        const pace = new Pace(bandwidth, () => alice)
        await move(pace, rate / 200)
        pace.end()
      }
    })
    expect(measured).toBeLessThanOrEqual(rate * 1.06)
  })

  test('keeps nobody waiting whose transfer is over', async () => {
    const pace = new Pace(new Bandwidth(), () => ({ perSession: 1024, shared: [] }))
    const abort = new AbortController()
    await pace.take(1, patient())
    const waiting = Promise.all(Array.from({ length: 20 }, () => pace.take(1024, patient({ signal: abort.signal }))))
    abort.abort()
    expect(await waiting).toHaveLength(20)
    expect(await pace.take(100_000, patient({ isOver: () => true }))).toBe(100_000)
  })

  test('tells while it waits, so that nobody is taken for stalled', async () => {
    let told = 0
    const pace = new Pace(new Bandwidth(), () => ({ perSession: 1024, shared: [] }))
    await pace.take(1024, patient({ onWait: () => (told += 1) }))
    expect(told).toBeGreaterThan(0)
  })
})

describe('A rate that other processes have part of', () => {
  function remote(): { readonly shares: BandwidthShares; readonly uses: [string, number][] } {
    const uses: [string, number][] = []
    return { uses, shares: { use: (key, transfers) => uses.push([key, transfers]), onShare: () => {} } }
  }

  test('is used as far as it is this process’s, and said to be used as long as it is', async () => {
    const { shares, uses } = remote()
    const pace = new Pace(new Bandwidth(shares), () => alice)
    const taking = pace.take(1_000_000, patient())
    shares.onShare('user alice', 0.25)
    expect(await taking).toBe((rate / 4 / 1000) * 50)
    shares.onShare('user alice', 0.5)
    expect(await pace.take(1_000_000, patient())).toBe((rate / 2 / 1000) * 50)
    pace.end()
    expect(uses).toEqual([
      ['user alice', 1],
      ['user alice', 0],
    ])
  })

  test('holds nobody up for ever where nobody says how much that is', async () => {
    const pace = new Pace(new Bandwidth(remote().shares), () => alice)
    expect(await pace.take(1_000_000, patient())).toBe((rate / 1000) * 50)
  })
})
