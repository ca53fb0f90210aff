import { expect, test } from 'vitest'
import { amountOf, isSubset } from './subset.ts'

test.each([
  ['what others added is no difference', { a: 1 }, { a: 1, b: 2 }, true],
  ['a value that somebody changed is one', { a: { b: 1 } }, { a: { b: 2 } }, false],
  ['a key that somebody took away is one', { a: { b: 1 } }, { a: {} }, false],
  ['an empty list is as good as none', { a: [] }, {}, true],
  ['an empty object is as good as none', { a: {} }, {}, true],
  ['but not as good as one with something in it', { a: [] }, { a: [1] }, false],
  ['nothing wanted is always there', undefined, { a: 1 }, true],
  ['false is not the same as missing', { a: false }, {}, false],
  [
    'node ports that the cluster chose stay',
    { ports: [{ name: 'x', port: 1 }] },
    { ports: [{ name: 'x', port: 1, nodePort: 3 }] },
    true,
  ],
  [
    'named items may come in another order',
    { ports: [{ name: 'x' }, { name: 'y' }] },
    { ports: [{ name: 'y' }, { name: 'x' }] },
    true,
  ],
  ['a named item that is missing is a difference', { ports: [{ name: 'x' }] }, { ports: [{ name: 'y' }] }, false],
  [
    'an item that somebody added to named ones stays',
    { ports: [{ name: 'x' }] },
    { ports: [{ name: 'x' }, { name: 'y' }] },
    true,
  ],
  ['lists of values are compared in order', { args: ['a', 'b'] }, { args: ['b', 'a'] }, false],
  ['lists of values are compared whole', { args: ['a'] }, { args: ['a', 'b'] }, false],
  [
    'mounts of one volume are told apart',
    { m: [{ name: 'v', mountPath: '/a' }] },
    {
      m: [
        { name: 'v', mountPath: '/b' },
        { name: 'v', mountPath: '/a' },
      ],
    },
    true,
  ],
  [
    'amounts are compared by value',
    { requests: { cpu: '0.5', memory: '1024Mi' } },
    { requests: { cpu: '500m', memory: '1Gi' } },
    true,
  ],
  ['other texts are not', { labels: { a: '1.0' } }, { labels: { a: '1' } }, false],
  ['amounts that differ do so', { requests: { cpu: '0.5' } }, { requests: { cpu: '1' } }, false],
  [
    'a label that somebody added to a selector is a difference: it selects others',
    { selector: { app: 'ftp' } },
    { selector: { app: 'ftp', more: 'yes' } },
    false,
  ],
  [
    'so is an expression',
    { podSelector: { matchLabels: { app: 'ftp' } } },
    { podSelector: { matchLabels: { app: 'ftp' }, matchExpressions: [{ key: 'a', operator: 'Exists' }] } },
    false,
  ],
  [
    'and a condition that somebody added to a rule of a NetworkPolicy',
    { ingress: [{ ports: [{ port: 21 }] }] },
    { ingress: [{ ports: [{ port: 21 }], from: [{ podSelector: {} }] }] },
    false,
  ],
  [
    'selectors are the same with and without what is empty',
    { selector: { matchLabels: { app: 'ftp' } } },
    { selector: { matchLabels: { app: 'ftp' }, matchExpressions: [] } },
    true,
  ],
  ['a list is no object', { a: { b: 1 } }, { a: [1] }, false],
  ['an object is no text', { a: { b: 1 } }, { a: 'b' }, false],
])('%s', (_, desired, live, expected) => {
  expect(isSubset(desired, live)).toBe(expected)
})

test.each([
  ['512Mi', 512 * 2 ** 20],
  ['0.5', 0.5],
  ['500m', 0.5],
  ['1e3', 1000],
  [2, 2],
  ['1E', 1e18],
  ['many', undefined],
  ['', undefined],
])('the amount %s', (text, expected) => {
  expect(amountOf(text)).toBe(expected)
})
