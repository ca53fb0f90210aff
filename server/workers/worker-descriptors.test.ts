import { expect, test } from 'vitest'
import { argumentsFor, descriptorsGiven, inOrder, type WorkerDescriptors } from './worker-descriptors.ts'

test.each<WorkerDescriptors>([
  { lockFiles: [], sockets: undefined },
  { lockFiles: [30, 31, 32], sockets: undefined },
  { lockFiles: [], sockets: 40 },
  { lockFiles: [30, 31, 32], sockets: 40 },
])('A process finds what it was given: %j', given => {
  const found = descriptorsGiven(argumentsFor(given))
  const streams = ['stdin', 'stdout', 'stderr', 'channel']
  const own = [...streams, ...inOrder(given)]
  expect(found.lockFiles.map(at => own[at])).toEqual(given.lockFiles)
  expect(found.sockets === undefined ? undefined : own[found.sockets]).toBe(given.sockets)
})

test('A process that was told of none has none', () => {
  expect(descriptorsGiven([])).toEqual({ lockFiles: [], sockets: undefined })
})
