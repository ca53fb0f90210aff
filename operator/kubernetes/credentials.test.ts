import { mkdtemp, rename, rm, unlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { KubeConfig } from '@kubernetes/client-node'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { fakeClock } from '../../test/support/fake-clock.ts'
import { createCredentials } from './credentials.ts'

let directory: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'credentials-'))
})
afterEach(() => rm(directory, { recursive: true }))

/** As a pod finds it: a token and a certificate in files, which are replaced by renaming. */
async function inPod() {
  const put = async (name: string, content: string) => {
    await writeFile(join(directory, `${name}.new`), content)
    await rename(join(directory, `${name}.new`), join(directory, name))
  }
  await put('token', 'first\n')
  await put('ca.crt', 'CA 1')
  const kubeConfig = new KubeConfig()
  kubeConfig.loadFromClusterAndUser(
    { name: 'c', server: 'https://192.0.2.1:443', caFile: join(directory, 'ca.crt'), skipTLSVerify: false },
    { name: 'u', authProvider: { name: 'tokenFile', config: { tokenFile: join(directory, 'token') } } },
  )
  const clock = fakeClock()
  return { put, clock, credentials: createCredentials(kubeConfig, clock) }
}

test('a pod proves itself by the token in its file, and by a new one when that is replaced', async () => {
  const { put, clock, credentials } = await inPod()
  const first = await credentials.access()
  expect(first).toMatchObject({ headers: { authorization: 'Bearer first' }, tls: { ca: 'CA 1' } })
  expect(first.server.href).toBe('https://192.0.2.1/')
  await put('token', 'second')
  await put('ca.crt', 'CA 2')
  await clock.advance(1001)
  const second = await credentials.access()
  expect(second).toMatchObject({ headers: { authorization: 'Bearer second' }, tls: { ca: 'CA 2' } })
})

test('a refused token is read again at once', async () => {
  const { put, credentials } = await inPod()
  await credentials.access()
  await credentials.access()
  await put('token', 'second')
  expect(await credentials.access('renew')).toMatchObject({ headers: { authorization: 'Bearer second' } })
})

test('while a file is missing, what was read before stays in use; the first time that is an error', async () => {
  const { clock, credentials, put } = await inPod()
  await credentials.access()
  await unlink(join(directory, 'token'))
  await clock.advance(1001)
  expect(await credentials.access()).toMatchObject({ headers: { authorization: 'Bearer first' } })
  const fresh = await inPod()
  await unlink(join(directory, 'token'))
  await expect(fresh.credentials.access()).rejects.toThrow(/ENOENT/)
  await put('token', 'later')
  expect(await fresh.credentials.access()).toMatchObject({ headers: { authorization: 'Bearer later' } })
})

test('a kubeconfig without a context is refused with a reason', () => {
  expect(() => createCredentials(new KubeConfig(), fakeClock())).toThrow('no current context')
})

test('certificates and passwords of a kubeconfig are taken as they are', async () => {
  const kubeConfig = new KubeConfig()
  const base64 = (text: string) => Buffer.from(text).toString('base64')
  kubeConfig.loadFromString(
    JSON.stringify({
      'current-context': 'x',
      contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
      clusters: [{ name: 'c', cluster: { server: 'https://a.example:6443/base', 'insecure-skip-tls-verify': true } }],
      users: [{ name: 'u', user: { 'client-certificate-data': base64('CERT'), 'client-key-data': base64('KEY') } }],
    }),
  )
  expect(await createCredentials(kubeConfig, fakeClock()).access()).toMatchObject({
    headers: {},
    tls: { cert: 'CERT', key: 'KEY', rejectUnauthorized: false },
  })
})
