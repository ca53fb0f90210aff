import { describe, expect, test } from 'vitest'
import type { Change } from '../controller/informer.ts'
import type { KubernetesObject } from '../kubernetes/object.ts'
import { namedServers, userIndexers, userOfSecret } from './user-view.ts'

function user(spec: object, metadata: object = {}, status: object = {}): KubernetesObject {
  return {
    apiVersion: 'ftp-operator.io/v1alpha1',
    kind: 'FtpUser',
    metadata: { name: 'alice', namespace: 'team', uid: 'one', generation: 1, ...metadata },
    spec,
    status,
  }
}

const change = (before: KubernetesObject | undefined, after: KubernetesObject | undefined): Change => ({
  key: 'team/alice',
  before,
  after,
})
const refs = (...serverRefs: readonly object[]) => ({ serverRefs })
const near = { name: 'near' }
const far = { name: 'far', namespace: 'media' }

describe('Servers are concerned', () => {
  test.each([
    ['by a new user', undefined, user(refs(near, far)), ['team/near', 'media/far']],
    ['by one who goes', user(refs(near)), undefined, ['team/near']],
    ['by one who changes over', user(refs(near)), user(refs(far), { generation: 2 }), ['team/near', 'media/far']],
    ['by other labels', user(refs(near)), user(refs(near), { labels: { team: 'a' } }), ['team/near']],
    ['by the wish to delete', user(refs(near)), user(refs(near), { deletionTimestamp: 'now' }), ['team/near']],
    ['by another of the same name', user(refs(near)), user(refs(near), { uid: 'two' }), ['team/near']],
    ['not by status', user(refs(near)), user(refs(near), { resourceVersion: '2' }, { username: 'alice' }), []],
  ])('%s', (_, before, after, expected) => {
    expect(namedServers(change(before, after))).toEqual(expected)
  })
})

test('a user is found by its servers and Secrets, each once, and by none if it can’t be read', () => {
  const keyed = user({
    ...refs(near, { ...near, namespace: 'team' }),
    passwordSecretRef: { name: 'keys' },
    previousPassword: { passwordSecretRef: { name: 'keys' } },
    totpSecretRef: { name: 'codes' },
  })
  expect(userIndexers.server(keyed)).toEqual(['team/near'])
  expect(userIndexers.secret(keyed)).toEqual(['team/keys', 'team/codes'])
  expect(userIndexers.secret(user({ generatedPassword: {} }))).toEqual(['team/alice-ftp-user'])
  expect(userIndexers.server(user({ serverRefs: 'near' }))).toEqual([])
})

test('a Secret leads to the user whose password was generated, and to nobody if it is another', () => {
  const secret = (labels: Record<string, string>) =>
    change(undefined, { ...user({}), kind: 'Secret', metadata: { name: 's', namespace: 'team', labels } })
  const own = {
    'app.kubernetes.io/name': 'ftp-user',
    'app.kubernetes.io/instance': 'alice',
    'app.kubernetes.io/managed-by': 'ftp-operator',
  }
  expect(userOfSecret(secret(own))).toEqual(['team/alice'])
  expect(userOfSecret(secret({ ...own, 'app.kubernetes.io/name': 'ftp-server' }))).toEqual([])
  expect(userOfSecret(secret({}))).toEqual([])
})
