import { expect, test } from 'vitest'
import { anyOwnPort, countOwn, fewOf, foreignPorts, isOwn, noShare, ownPorts, wholeRange } from './port-order.ts'

const sorted = (ports: Iterable<number>): readonly number[] => [...ports].toSorted((a, b) => a - b)
const range = { first: 3001, last: 3007 }
const all = [3001, 3002, 3003, 3004, 3005, 3006, 3007]

test('each port of a range comes once, in an order that differs', () => {
  const orders = Array.from({ length: 50 }, () => [...ownPorts(range, wholeRange)])
  for (const order of orders) expect(sorted(order)).toEqual(all)
  expect(new Set(orders.map(order => order[0])).size).toBeGreaterThan(3)
})

test('any port is one of one’s own, and each comes', () => {
  const any = (share: typeof wholeRange) => Array.from({ length: 200 }, () => anyOwnPort(range, share) ?? 0)
  expect(sorted(new Set(any(wholeRange)))).toEqual(all)
  expect(sorted(new Set(any({ index: 1, of: 3 })))).toEqual([3002, 3005])
  expect(anyOwnPort(range, { index: 7, of: 8 })).toBeUndefined()
  expect(anyOwnPort(range, noShare)).toBeUndefined()
})

test('shares have every port once, and each has one where there are enough', () => {
  for (const of of [2, 3, 7]) {
    const shares = Array.from({ length: of }, (_, index) => ({ index, of }))
    expect(sorted(shares.flatMap(share => [...ownPorts(range, share)]))).toEqual(all)
    for (const share of shares) {
      const own = sorted(ownPorts(range, share))
      expect(own).toHaveLength(countOwn(range, share))
      expect(own.length).toBeGreaterThan(0)
      expect(all.filter(port => isOwn(port, range, share))).toEqual(own)
      expect(sorted(foreignPorts(range, share))).toEqual(all.filter(port => !own.includes(port)))
    }
  }
})

test('who has no share has no port of its own, and one beyond the last port has none either', () => {
  for (const share of [noShare, { index: 7, of: 8 }]) {
    expect([...ownPorts(range, share)]).toEqual([])
    expect(countOwn(range, share)).toBe(0)
    expect(sorted(foreignPorts(range, share))).toEqual(all)
  }
})

test('few of one’s own are spread over the range, and none of them is another’s', () => {
  const wide = { first: 10_000, last: 19_999 }
  for (const share of [wholeRange, { index: 2, of: 3 }]) {
    const own = new Set(ownPorts(wide, share))
    const few = sorted(ownPorts(wide, fewOf(wide, share, 100, 12_345)))
    expect(few.length).toBeGreaterThan(95)
    expect(few.length).toBeLessThanOrEqual(100)
    expect(few.every(port => own.has(port))).toBe(true)
    expect((few.at(-1) ?? 0) - (few[0] ?? 0)).toBeGreaterThan(9800)
  }
  expect(fewOf(range, wholeRange, 7, 12_345)).toEqual(wholeRange)
  expect(fewOf(range, noShare, 7, 12_345)).toEqual(noShare)
})
