import { expect, test } from 'vitest'
import { createReader } from './read.ts'

const read = createReader()

function written(spec: Readonly<Record<string, unknown>>) {
  return { apiVersion: 'ftp-operator.io/v1alpha1', kind: 'FtpServer', metadata: { name: 'uploads' }, spec }
}

const storage = { emptyDir: {} }

test('what isn’t written is filled in, and what was given stays as it is', () => {
  const given = written({ storage, users: [{ name: 'a', passwordSecretRef: { name: 'a' } }] })
  const result = read(given)
  expect(result).toMatchObject({
    valid: true,
    value: {
      metadata: { name: 'uploads' },
      spec: {
        replicas: 1,
        listeners: [{ name: 'ftp', port: 21, tls: 'Explicit' }],
        users: [{ name: 'a', passwordSecretRef: { name: 'a', key: 'password' } }],
        tls: { clientCertificates: { mode: 'Disabled' } },
      },
    },
  })
  expect(given).toEqual(written({ storage, users: [{ name: 'a', passwordSecretRef: { name: 'a' } }] }))
})

test.each([
  ['no resource at all', 'text', [' must be object']],
  ['another kind', { ...written({ storage }), kind: 'FtpUser' }, ['kind must be one of FtpServer']],
  [
    'several mistakes',
    written({ storage, listeners: [{ name: 'a', port: 0, tls: 'explicit' }], prot: 21 }),
    [
      'spec.prot is not a known field',
      'spec.listeners[0].port must be >= 1',
      'spec.listeners[0].tls must be one of Disabled, Explicit, Required, Implicit',
    ],
  ],
  ['nothing but a name', written({}), ['spec.storage must be given']],
  [
    'a key that has swallowed its secret value',
    written({ storage, users: [{ name: 'a', 'passwordHash:$2b$12$secret': null }] }),
    ['spec.users[0].passwordHash… is not a known field'],
  ],
])('%s is refused with all errors', (_, value, errors) => {
  const result = read(value)
  expect(result.valid ? [] : result.errors.toSorted()).toEqual(errors.toSorted())
})

test('podTemplate and resources are taken as Kubernetes takes them', () => {
  const podTemplate = { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'x' }] }, extra: 1 }
  const resources = { limits: { cpu: 1, memory: '1Gi' } }
  expect(read(written({ storage, podTemplate, resources }))).toMatchObject({
    valid: true,
    value: { spec: { podTemplate, resources } },
  })
  expect(read(written({ storage, resources: { limits: { cpu: 'much' } } })).valid).toBe(false)
})
