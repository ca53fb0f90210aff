import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Ban, BanRules } from './ban.ts'
import { BanBook } from './ban-book.ts'
import { type Offence, offences } from './offence.ts'

const rules: BanRules = {
  threshold: 10,
  windowSeconds: 600,
  durationSeconds: 600,
  maxDurationSeconds: 3600,
  maxAddresses: 100,
  isExempt: () => false,
}
const start = Date.parse('2030-01-01T00:00:00Z')
const seconds = 1000
const client = '192.0.2.7'

function bookWith(changes: Partial<BanRules> = {}): BanBook {
  return new BanBook({ ...rules, ...changes })
}

/** Offends until that leads to a ban. */
function provoke(book: BanBook, now: number, who = client): Ban {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const ban = book.offend(who, 'other-protocol', undefined, now)
    if (ban !== undefined) return ban
  }
  throw new Error('There is no ban.')
}

function givenBan(changes: Partial<Ban> = {}): Ban {
  return { client, from: start, until: start + 600 * seconds, count: 1, offence: 'wrong-password', ...changes }
}

describe('Points', () => {
  test.each([
    ['wrong-password', 10],
    ['unknown-user', 5],
    ['unknown-commands', 10],
    ['errors-before-login', 10],
    ['line-too-long', 5],
    ['other-protocol', 2],
    ['data-after-auth', 2],
    ['bounce-attempt', 4],
  ] as const)('%s leads to a ban the %i. time', (offence, times) => {
    const book = bookWith()
    for (let time = 1; time < times; time += 1) expect(book.offend(client, offence, undefined, start)).toBeUndefined()
    expect(book.find(client, start)).toBeUndefined()
    expect(book.offend(client, offence, undefined, start)).toEqual(givenBan({ offence }))
    expect(book.find(client, start)).toEqual(givenBan({ offence }))
  })

  test('count for as long as the window, and no longer', () => {
    const book = bookWith()
    const offend = (now: number) => book.offend(client, 'other-protocol', undefined, now)
    expect(offend(start)).toBeUndefined()
    expect(offend(start + 600 * seconds)).toBeUndefined()
    expect(offend(start + 1199 * seconds)).toBeDefined()
  })

  test('of one client are not those of another', () => {
    const book = bookWith()
    book.offend(client, 'other-protocol', undefined, start)
    expect(book.offend('192.0.2.8', 'other-protocol', undefined, start)).toBeUndefined()
  })

  test('from before the clock was set back do not count', () => {
    const book = bookWith()
    book.offend(client, 'other-protocol', undefined, start)
    expect(book.offend(client, 'other-protocol', undefined, start - 86_400 * seconds)).toBeUndefined()
  })

  test('a login takes back the failures of its own user, and of no other', () => {
    const book = bookWith({ threshold: 4 })
    const fail = (user: string | undefined) => book.offend(client, 'wrong-password', user, start)
    for (const user of ['alice', 'alice', 'bob']) expect(fail(user)).toBeUndefined()
    book.forgive(client, 'alice')
    expect(fail('bob')).toBeUndefined()
    book.forgive(client, 'alice')
    expect(fail('bob')).toBeUndefined()
    book.forgive(client, 'alice')
    expect(fail(undefined)).toBeDefined()
  })

  test('an own account does not pay for trying others, however often it logs in', () => {
    const book = bookWith()
    for (let attempt = 1; attempt < 10; attempt += 1) {
      expect(book.offend(client, 'wrong-password', `user-${attempt}`, start)).toBeUndefined()
      book.forgive(client, 'own')
    }
    expect(book.offend(client, 'wrong-password', 'user-10', start)).toBeDefined()
  })
})

describe('Bans', () => {
  test('double for who comes back, up to the longest', () => {
    const book = bookWith()
    let now = start
    const durations: number[] = []
    for (let count = 1; count <= 5; count += 1) {
      const ban = provoke(book, now)
      expect(ban.count).toBe(count)
      durations.push((ban.until - ban.from) / seconds)
      now = ban.until
      expect(book.find(client, now - 1)).toBeDefined()
      expect(book.find(client, now)).toBeUndefined()
    }
    expect(durations).toEqual([600, 1200, 2400, 3600, 3600])
  })

  test('begin anew for who has been away for the longest time', () => {
    const book = bookWith()
    const first = provoke(book, start)
    expect(provoke(book, first.until + 3599 * seconds).count).toBe(2)
    const second = book.find(client, first.until + 3599 * seconds)
    const back = (second?.until ?? 0) + 3600 * seconds
    expect(provoke(book, back).count).toBe(1)
    const tidied = bookWith()
    const ban = provoke(tidied, start)
    tidied.expire(ban.until + 3600 * seconds)
    expect(tidied.remembered).toBe(0)
  })

  test('are not made longer by what comes during them', () => {
    const book = bookWith()
    const { until } = provoke(book, start)
    expect(book.offend(client, 'other-protocol', undefined, until - 1)).toBeUndefined()
    expect(book.offend(client, 'other-protocol', undefined, until)).toBeUndefined()
  })

  test('are told once when they have ended', () => {
    const book = bookWith()
    const ban = provoke(book, start)
    expect(book.size).toBe(1)
    expect(book.expire(ban.until - 1)).toEqual([])
    expect(book.expire(ban.until)).toEqual([ban])
    expect(book.expire(ban.until + 1)).toEqual([])
    expect([book.size, [...book.inForce(ban.until)]]).toEqual([0, []])
  })

  test('that have ended do not begin again when the clock is set back', () => {
    const book = bookWith()
    const { until } = provoke(book, start)
    expect(book.expire(until)).toHaveLength(1)
    expect(book.find(client, until - 1)).toBeUndefined()
    expect([...book.inForce(until - 1)]).toEqual([])
    expect(book.size).toBe(0)
  })

  test('last no longer than the longest from now when the clock is set back', () => {
    const book = bookWith()
    provoke(book, start)
    const before = start - 86_400 * seconds
    book.expire(before)
    expect(book.find(client, before + 3599 * seconds)).toBeDefined()
    expect(book.find(client, before + 3600 * seconds)).toBeUndefined()
  })

  test('of clients that are exempt by other rules are lifted', () => {
    const book = bookWith()
    const ban = provoke(book, start)
    provoke(book, start, '2001:db8:0:0::/64')
    const lifted = book.follow({ ...rules, isExempt: address => address === client })
    expect(lifted).toEqual([ban])
    expect(book.find(client, start)).toBeUndefined()
    expect(book.follow({ ...rules, isExempt: address => address === '2001:db8:0:0::' })).toHaveLength(1)
    expect(book.size).toBe(0)
  })
})

describe('Bans of others', () => {
  test('are in force here, and are not this server’s to keep', () => {
    const book = bookWith()
    expect(book.takeOver([givenBan()], 'of-others', start)).toEqual([givenBan()])
    expect(book.find(client, start)).toEqual(givenBan())
    expect(book.own()).toEqual([])
    expect(book.takeOver([givenBan()], 'of-others', start)).toEqual([])
  })

  test('count when the client comes back', () => {
    const book = bookWith()
    const ended = givenBan({ count: 3 })
    expect(book.takeOver([ended], 'of-others', ended.until)).toEqual([])
    expect(book.expire(ended.until)).toEqual([])
    expect(provoke(book, ended.until)).toMatchObject({ count: 4 })
  })

  test('of servers that are gone are kept by this one, once', () => {
    const book = bookWith()
    book.takeOver([givenBan()], 'of-others', start)
    const before = book.ownRevision
    book.takeOver([givenBan()], 'own', start)
    expect(book.own()).toEqual([givenBan()])
    expect(book.ownRevision).not.toBe(before)
    const after = book.ownRevision
    book.takeOver([givenBan()], 'own', start)
    expect(book.ownRevision).toBe(after)
  })

  test('are not taken if they are forgotten, exempt or end before the one that is known, and are cut at the longest', () => {
    const book = bookWith({ isExempt: address => address === '192.0.2.9' })
    const old = givenBan({ client: '192.0.2.8', until: start - 3600 * seconds })
    book.takeOver([old, givenBan({ client: '192.0.2.9' })], 'of-others', start)
    expect(book.remembered).toBe(0)
    book.takeOver([givenBan({ until: start + 1e15 })], 'of-others', start)
    expect(book.find(client, start)?.until).toBe(start + 3600 * seconds)
    book.takeOver([givenBan({ count: 9 })], 'of-others', start)
    expect(book.find(client, start)?.count).toBe(1)
  })
})

describe('However many clients there are', () => {
  test('no more than the given number of them are remembered, the latest ones', () => {
    const book = bookWith()
    for (let number = 0; number < 100_000; number += 1) {
      const address = `10.${number >> 16}.${(number >> 8) & 255}.${number & 255}`
      if (number % 2 === 0) provoke(book, start, address)
      else book.offend(address, 'wrong-password', 'alice', start)
    }
    expect([book.remembered, book.size, book.own().length]).toEqual([200, 100, 100])
    expect(book.find('10.1.134.158', start)).toBeDefined()
    expect(book.find('10.0.0.0', start)).toBeUndefined()
  })

  test('who offends again is not the oldest any more', () => {
    const book = bookWith()
    book.offend(client, 'other-protocol', undefined, start)
    for (let number = 0; number < 99; number += 1) book.offend(`10.0.0.${number}`, 'wrong-password', undefined, start)
    book.offend(client, 'wrong-password', undefined, start)
    book.offend('10.0.1.0', 'wrong-password', undefined, start)
    expect(book.offend(client, 'bounce-attempt', undefined, start)).toBeUndefined()
    expect(book.offend(client, 'wrong-password', undefined, start)).toBeDefined()
  })
})

test('whatever happens, a ban never comes before the threshold, never lasts longer than the longest, and both numbers stay in bounds', () => {
  const step = fc.record({
    after: fc.integer({ min: -700, max: 700 }),
    number: fc.integer({ min: 0, max: 9 }),
    offence: fc.constantFrom<Offence>(...offences),
    what: fc.constantFrom('offend', 'offend', 'offend', 'forgive', 'expire'),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), steps => {
      const book = bookWith({ maxAddresses: 5 })
      let now = start
      for (const { after, number, offence, what } of steps) {
        now += after * seconds
        const who = `192.0.2.${number}`
        if (what === 'forgive') book.forgive(who, 'alice')
        else if (what === 'expire') book.expire(now)
        else {
          const wasBanned = book.find(who, now) !== undefined
          const ban = book.offend(who, offence, 'alice', now)
          expect(ban !== undefined && wasBanned).toBe(false)
          if (ban !== undefined) expect(ban.until - now).toBeLessThanOrEqual(3600 * seconds)
        }
        expect(book.remembered).toBeLessThanOrEqual(10)
        expect([...book.inForce(now)].length).toBeLessThanOrEqual(book.size)
      }
    }),
  )
})
