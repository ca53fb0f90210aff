import { describe, expect, it } from 'vitest'
import { freshMilliseconds, SeenNonces } from './seen-nonces.ts'

const now = Date.UTC(2026, 0, 1)

describe('A header', () => {
  it('is believed once', () => {
    const seen = new SeenNonces()
    expect(seen.take({ time: now, nonce: 'a' }, now)).toBe('fresh')
    expect(seen.take({ time: now, nonce: 'b' }, now)).toBe('fresh')
    expect(seen.take({ time: now, nonce: 'a' }, now)).toBe('replayed')
  })

  it.each([-1, 1])('is stale where the clocks differ too much (%i)', sign => {
    const seen = new SeenNonces()
    expect(seen.take({ time: now + sign * freshMilliseconds, nonce: 'a' }, now)).toBe('fresh')
    expect(seen.take({ time: now + sign * (freshMilliseconds + 1), nonce: 'b' }, now)).toBe('stale')
  })

  it('is remembered as long as it is fresh, at whatever moment it came', () => {
    for (let came = 0; came < 4 * freshMilliseconds; came += 7919) {
      const seen = new SeenNonces()
      seen.take({ time: now, nonce: 'first' }, now)
      // From the fastest clock that is believed.
      const time = now + came + freshMilliseconds
      expect(seen.take({ time, nonce: 'a' }, now + came)).toBe('fresh')
      for (let later = 0; later <= 2 * freshMilliseconds; later += 7919) {
        seen.take({ time: now + came + later, nonce: `other ${later}` }, now + came + later)
        expect(seen.take({ time, nonce: 'a' }, now + came + later)).toBe('replayed')
      }
    }
  })
})
