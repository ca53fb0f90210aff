import { expect, test } from 'vitest'
import { ftpServer } from '../../test/operator/samples.ts'
import { certificateSource, type LabelSelector, referencesOf, refersTo, selects } from './references.ts'

test.each<[string, LabelSelector, Record<string, string>, boolean]>([
  ['all labels must match', { matchLabels: { a: '1', b: '2' } }, { a: '1', b: '2', c: '3' }, true],
  ['one that does not is enough', { matchLabels: { a: '1', b: '2' } }, { a: '1' }, false],
  ['In', { matchExpressions: [{ key: 'a', operator: 'In', values: ['1', '2'] }] }, { a: '2' }, true],
  ['In without the label', { matchExpressions: [{ key: 'a', operator: 'In', values: ['1'] }] }, {}, false],
  ['NotIn', { matchExpressions: [{ key: 'a', operator: 'NotIn', values: ['1'] }] }, { a: '1' }, false],
  ['NotIn without the label', { matchExpressions: [{ key: 'a', operator: 'NotIn', values: ['1'] }] }, {}, true],
  ['Exists', { matchExpressions: [{ key: 'a', operator: 'Exists' }] }, { a: '' }, true],
  ['DoesNotExist', { matchExpressions: [{ key: 'a', operator: 'DoesNotExist' }] }, { a: '' }, false],
  ['an empty selector selects nothing', {}, { a: '1' }, false],
  ['a name of all objects is no label', { matchExpressions: [{ key: 'toString', operator: 'Exists' }] }, {}, false],
  [
    'what the operator made is never selected',
    { matchLabels: { a: '1' } },
    { a: '1', 'app.kubernetes.io/managed-by': 'ftp-operator' },
    false,
  ],
])('%s', (_, selector, labels, expected) => {
  expect(selects(selector, labels)).toBe(expected)
})

test('a server refers to the Secrets and ConfigMaps that it names or selects, and to no others', () => {
  const references = referencesOf(
    ftpServer(`
storage: { emptyDir: {} }
tls: { secretName: wildcard, clientCertificates: { mode: Required, secretName: partners } }
users: [{ name: alice, passwordSecretRef: { name: alice } }]
usersFrom:
  - secretRef: { name: team }
  - configMapRef: { name: guests }
  - secretSelector: { matchLabels: { ftp: 'yes' } }
`),
  )
  const object = (kind: 'Secret' | 'ConfigMap', name: string, labels = {}) => ({ kind, name, labels })
  const referred = [
    object('Secret', 'wildcard'),
    object('Secret', 'partners'),
    object('Secret', 'alice'),
    object('Secret', 'team'),
    object('ConfigMap', 'guests'),
    object('Secret', 'any', { ftp: 'yes' }),
  ]
  const others = [
    object('ConfigMap', 'team'),
    object('Secret', 'guests'),
    object('Secret', 'uploads-tls'),
    object('ConfigMap', 'any', { ftp: 'yes' }),
  ]
  expect(referred.filter(each => !refersTo(references, each))).toEqual([])
  expect(others.filter(each => refersTo(references, each))).toEqual([])
})

test('without TLS no certificate is needed', () => {
  const server = ftpServer(`{ listeners: [{ name: ftp, port: 21, tls: Disabled }], storage: { emptyDir: {} } }`)
  expect(certificateSource(server)).toEqual({ kind: 'none' })
})
