import { expect, test } from 'vitest'
import { coresGiven, workerCount } from './count.ts'

test.each([
  [4, undefined, 4],
  [4, 'max 100000\n', 4],
  [8, '200000 100000\n', 2],
  [8, '250000 100000', 2],
  [8, '50000 100000', 1],
  [2, '800000 100000', 2],
  [4, '-1 100000', 4],
  [4, 'nonsense', 4],
  [0, undefined, 1],
])('of %i cores with the quota %j a process may use %i', (parallelism, quota, cores) => {
  expect(coresGiven(parallelism, quota)).toBe(cores)
})

test.each([
  [1, 8, 1],
  [3, 1, 3],
  ['auto', 1, 1],
  ['auto', 4, 4],
  ['auto', 96, 16],
] as const)('workers: %s on %i cores are %i', (setting, cores, count) => {
  expect(workerCount(setting, cores)).toBe(count)
})
