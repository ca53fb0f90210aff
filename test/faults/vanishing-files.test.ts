/** Files of a configuration that vanish while the server runs: what was in force stays, the log says so, and it goes on when they are back. */
import { rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { selfSigned } from '../support/certificates.ts'
import { eventually } from '../support/eventually.ts'
import { FtpClient } from '../support/ftp-client.ts'
import { replaceFile } from '../support/replace-file.ts'
import { password, simpleUser } from '../support/server.ts'
import { type ServerProcess, startServerProcess } from '../support/server-process.ts'

let server: ServerProcess
let pair: { readonly certificate: string; readonly key: string }

beforeAll(async () => {
  pair = await selfSigned('first')
  server = await startServerProcess({
    files: {
      'users/users.yaml': JSON.stringify({
        users: [
          simpleUser('alice'),
          { name: 'bob', passwordFile: 'bob.password' },
          simpleUser('carol', { totp: { secretFile: 'carol.totp' } }),
        ],
      }),
      'users/bob.password': 'of bob',
      'users/carol.totp': 'ABCDEFGHIJKLMNOPQRSTUVWX',
      'tls/tls.crt': pair.certificate,
      'tls/tls.key': pair.key,
    },
  })
})

afterAll(async () => {
  await server?.dispose()
})

const place = (file: string) => join(server.configurationDirectory, file)

/** What is served: logs in with both kinds of passwords, under TLS, and gives the fingerprint of the certificate. */
async function serve(): Promise<string> {
  const client = await FtpClient.connect(server.port)
  try {
    await client.startTls()
    await client.login()
    const bob = await FtpClient.connect(server.port)
    await bob.login('bob', 'of bob').finally(() => bob.close())
    const carol = await FtpClient.connect(server.port)
    await carol.send('USER carol')
    expect((await carol.send(`PASS ${password}`)).code).toBe(332)
    carol.close()
    return client.tls?.getPeerCertificate().fingerprint256 ?? ''
  } finally {
    client.close()
  }
}

async function problems(): Promise<string> {
  const { problems: found, users } = await server.status()
  return JSON.stringify([...found, ...users.rejected])
}

test.each([
  ['the key', 'tls/tls.key', 'tls/tls.key'],
  ['the certificate', 'tls/tls.crt', 'tls/tls.crt'],
  ['a password file', 'users/bob.password', 'passwordFile'],
  ['the secret of one-time codes', 'users/carol.totp', 'totp.secretFile'],
])('%s: everybody is served as before, and it is told', async (_, file, told) => {
  const before = await serve()
  await rename(place(file), join(server.root, 'away'))
  await eventually(async () => (await problems()).includes(told), `${file} is missed`)
  expect(server.output().stdout).toContain(told)
  expect(await serve()).toBe(before)
  await rename(join(server.root, 'away'), place(file))
  await eventually(async () => (await problems()) === '[]', 'nothing is missing')
  expect(await serve()).toBe(before)
})

test('the whole directory: everybody is served as before, and a change is seen when it is back', async () => {
  const before = await serve()
  await rename(server.configurationDirectory, `${server.configurationDirectory}-away`)
  await eventually(async () => (await problems()).includes('must be an existing directory'), 'the directory is missed')
  expect(await serve()).toBe(before)
  await rename(`${server.configurationDirectory}-away`, server.configurationDirectory)
  await eventually(async () => (await problems()) === '[]', 'nothing is missing')
  const next = await selfSigned('second')
  await rm(place('tls/tls.crt'))
  await replaceFile(server, 'tls/tls.key', next.key)
  await replaceFile(server, 'tls/tls.crt', next.certificate)
  await eventually(async () => (await serve()) !== before, 'the new certificate is in use')
  expect(server.output().stdout).not.toContain('"fault"')
  expect(server.output().stderr).toBe('')
})
