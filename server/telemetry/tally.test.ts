import { expect, test } from 'vitest'
import { Tally } from './tally.ts'

function taken(tally: Tally): unknown[] {
  const counts: unknown[] = []
  tally.take((...count) => counts.push(count))
  return counts
}

test('adds up by both labels, and gives each sum once', () => {
  const tally = new Tally()
  tally.add(1, 'RETR', 226)
  tally.add(1, 'RETR', 550)
  tally.add(2, 'RETR', 226)
  tally.add(5, 'STOR', 226)
  expect(taken(tally)).toEqual([
    [3, 'RETR', 226],
    [1, 'RETR', 550],
    [5, 'STOR', 226],
  ])
  expect(taken(tally)).toEqual([])
  tally.add(4, 'STOR', 226)
  expect(taken(tally)).toEqual([[4, 'STOR', 226]])
})

test('one label is enough', () => {
  const tally = new Tally()
  tally.add(2, 'download')
  tally.add(3, 'download')
  expect(taken(tally)).toEqual([[5, 'download', '']])
})
