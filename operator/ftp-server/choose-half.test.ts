import { expect, test } from 'vitest'
import { chooseHalf } from './choose-half.ts'

test.each([
  ['the first pod gets a', { templateChanged: false, live: undefined, serving: [], draining: [] }, 'a'],
  [
    'a Deployment made anew leaves the half on which its old pod still serves',
    { templateChanged: false, live: undefined, serving: [], draining: ['a'] },
    'b',
  ],
  [
    'a Deployment made anew does not wait, whatever is busy',
    { templateChanged: false, live: undefined, serving: ['a'], draining: ['b'] },
    'a',
  ],
  ['the same template stays where it is', { templateChanged: false, live: 'b', serving: ['b'], draining: [] }, 'b'],
  [
    'the same template stays while the older pod drains',
    { templateChanged: false, live: 'b', serving: ['b'], draining: ['a'] },
    'b',
  ],
  [
    'a pod that was deleted drains on its ports, and the one in its place gets the others',
    { templateChanged: false, live: 'a', serving: [], draining: ['a'] },
    'b',
  ],
  ['unless that one serves already', { templateChanged: false, live: 'a', serving: ['a'], draining: ['a'] }, 'a'],
  ['or there are no others', { templateChanged: false, live: 'a', serving: [], draining: ['a', 'b'] }, 'a'],
  ['a new template gets the other half', { templateChanged: true, live: 'a', serving: ['a'], draining: [] }, 'b'],
  ['and the next one goes back', { templateChanged: true, live: 'b', serving: ['b'], draining: [] }, 'a'],
  [
    'a new template waits while an older pod drains on the other half',
    { templateChanged: true, live: 'b', serving: ['b'], draining: ['a'] },
    'wait',
  ],
  [
    'what never served is replaced in place, and the pod that serves keeps its ports',
    { templateChanged: true, live: 'b', serving: ['a'], draining: [] },
    'b',
  ],
  ['where nobody serves nothing has to change', { templateChanged: true, live: 'b', serving: [], draining: [] }, 'b'],
] as const)('%s', (_, { serving, draining, ...choice }, expected) => {
  expect(chooseHalf({ ...choice, serving: new Set(serving), draining: new Set(draining) })).toBe(expected)
})
