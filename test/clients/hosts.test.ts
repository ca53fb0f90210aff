/** Virtual hosts as curl finds them: by the name in its URL, without knowing HOST, and by HOST where it is told to send it. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createSelfSignedCertificate } from '../../server/tls/self-signed.ts'
import { announceMissing, describeClient } from '../support/clients/availability.ts'
import { findCurl } from '../support/clients/curl.ts'
import { run } from '../support/clients/process.ts'
import { password, simpleUser, startServer, type TestServer } from '../support/server.ts'

const curl = await findCurl()
announceMissing([curl])

let server: TestServer
let directory: string

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'hosts-'))
  const files: Record<string, string> = {}
  for (const [path, name] of [
    ['tls', 'ftp.example'],
    ['tls/acme', 'acme.example'],
  ] as const) {
    const options = { commonName: name, dnsNames: [name], addresses: [], validDays: 30, now: Date.now() }
    const { certificate, key } = await createSelfSignedCertificate(options)
    files[`${path}/tls.crt`] = certificate
    files[`${path}/tls.key`] = key
    await writeFile(join(directory, `${name}.crt`), certificate)
  }
  const hosts = [{ name: 'acme.example', root: '/acme', users: 'own', certificate: 'acme' }]
  const users = [simpleUser('alice', { home: '/' }), simpleUser('anna', { home: '/', hosts: ['acme.example'] })]
  server = await startServer({ server: { hosts, limits: { failedLoginDelayMilliseconds: 0 } }, users, files })
})
afterAll(async () => {
  await server?.stop()
  await rm(directory, { recursive: true, force: true })
})

describeClient(curl, () => {
  it('takes the certificate of the name it connects to for good, and stores below the root of the host', async () => {
    await upload('acme.example', 'anna', ['--ssl-reqd'])
    expect(await readFile(join(server.root, 'acme', 'file'), 'utf8')).toBe('bytes')
    await upload('ftp.example', 'alice', ['--ssl-reqd'])
    expect(await readFile(join(server.root, 'file'), 'utf8')).toBe('bytes')
  })

  it('logs in only the users of the name it connects to', async () => {
    await expect(upload('acme.example', 'alice', ['--ssl-reqd'])).rejects.toThrow(/ended with 67/)
    await expect(upload('ftp.example', 'anna', ['--ssl-reqd'])).rejects.toThrow(/ended with 67/)
  })

  it('may not mean another host by TLS than by its certificates', async () => {
    await expect(upload('acme.example', 'anna', ['--ssl-reqd'], 'ftp.example')).rejects.toThrow(/ended with 60/)
  })
})

/** With the certificate of `trusted` as the only one that is good. */
async function upload(host: string, user: string, more: readonly string[], trusted = host): Promise<void> {
  await run(
    'curl',
    [
      ...['--silent', '--show-error', '--disable', '--max-time', '20', '--resolve', `${host}:${server.port}:127.0.0.1`],
      ...['--cacert', join(directory, `${trusted}.crt`), '--user', `${user}:${password}`, ...more],
      ...['--upload-file', '-', `ftp://${host}:${server.port}/file`],
    ],
    { input: 'bytes' },
  )
}
