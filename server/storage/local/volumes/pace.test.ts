import { describe, expect, it } from 'vitest'
import { Pace } from './pace.ts'

const megabyte = 1_048_576

function quickly(pace: Pace, times: number, where: 'here' | 'thread' = 'thread'): void {
  for (let time = 0; time < times; time++) pace.note(where, 1, megabyte)
}

describe('Pace', () => {
  it('trusts calls after many quick ones, and small ones say nothing', () => {
    const pace = new Pace(() => 0)
    for (let time = 0; time < 1000; time++) pace.note('thread', 0.1, 4096)
    quickly(pace, 31)
    expect(pace.isQuick).toBe(false)
    quickly(pace, 1)
    expect(pace.isQuick).toBe(true)
  })

  it('begins anew after a slow one in a thread', () => {
    const pace = new Pace(() => 0)
    quickly(pace, 31)
    pace.note('thread', 100, megabyte)
    quickly(pace, 31)
    expect(pace.isQuick).toBe(false)
  })

  it('does not take waiting for a thread for a slow disk', () => {
    const pace = new Pace(() => 0)
    quickly(pace, 32)
    pace.note('thread', 100, megabyte)
    expect(pace.isQuick).toBe(true)
  })

  it('pauses after a slow call in place, twice as long each time', () => {
    let now = 0
    const pace = new Pace(() => now)
    for (const pause of [4000, 8000, 16_000]) {
      quickly(pace, 32)
      expect(pace.isQuick).toBe(true)
      pace.note('here', 13, megabyte)
      expect(pace.isQuick).toBe(false)
      now += pause - 1
      quickly(pace, 100)
      expect(pace.isQuick).toBe(false)
      now += 1
    }
  })

  it('pauses longer after a very slow call, so that such calls take no more than half a percent of the time', () => {
    let now = 0
    const pace = new Pace(() => now)
    quickly(pace, 32)
    pace.note('here', 100, megabyte)
    now += 19_999
    quickly(pace, 100)
    expect(pace.isQuick).toBe(false)
    now += 1
    quickly(pace, 32)
    expect(pace.isQuick).toBe(true)
  })

  it('pauses as well when calls in place are not slow but many of them are slowish', () => {
    const pace = new Pace(() => 0)
    quickly(pace, 32)
    for (let time = 0; time < 3; time++) pace.note('here', 6, megabyte)
    expect(pace.isQuick).toBe(true)
    for (let time = 0; time < 10; time++) pace.note('here', 6, megabyte)
    expect(pace.isQuick).toBe(false)
  })

  it('forgets what was slow after ten thousand quick calls', () => {
    let now = 0
    const pace = new Pace(() => now)
    for (let time = 0; time < 5; time++) {
      quickly(pace, 32)
      pace.note('here', 100, megabyte)
      now += 100_000
    }
    quickly(pace, 10_000, 'here')
    pace.note('here', 13, megabyte)
    now += 4000
    quickly(pace, 32)
    expect(pace.isQuick).toBe(true)
  })
})
