/** Virtual hosts: RFC 7151 HOST, and SNI, which chooses one as well. */
import { once } from 'node:events'
import { mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { connect as connectTls } from 'node:tls'
import { beforeAll, describe, expect, it } from 'vitest'
import { createSelfSignedCertificate, type SelfSignedCertificate } from '../../server/tls/self-signed.ts'
import { eventually } from '../support/eventually.ts'
import { FtpClient, readAll } from '../support/ftp-client.ts'
import { startReversibleTls } from '../support/reversible-tls.ts'
import { password, simpleUser, type TestServer, type TestServerOptions } from '../support/server.ts'
import { connected, listenerWith, temporaryServer } from '../support/sessions.ts'

const [one, two, own] = ['one.example', 'two.example', 'localhost']
const certificates = new Map<string, SelfSignedCertificate>()

beforeAll(async () => {
  for (const name of [one, two, own, 'later.example']) {
    const options = { commonName: name, dnsNames: [name], addresses: [], validDays: 30, now: Date.now() }
    certificates.set(name, await createSelfSignedCertificate(options))
  }
})

function files(directory: string, name: string): Record<string, string> {
  const { certificate, key } = certificates.get(name) ?? { certificate: '', key: '' }
  return { [`tls${directory}/tls.crt`]: certificate, [`tls${directory}/tls.key`]: key }
}

const hosts = [
  {
    name: 'One.example',
    aliases: ['www.one.example'],
    banner: 'This is one.\nWelcome.',
    root: '/one',
    certificate: 'one',
  },
  { name: two, users: 'own', certificate: 'two' },
]
const users = [
  simpleUser('alice', { home: '/alice' }),
  simpleUser('tina', { home: '/', hosts: [two] }),
  simpleUser('otto', { home: '/otto', hosts: ['ONE.example', two] }),
]

async function start(more: TestServerOptions = {}): Promise<TestServer> {
  return temporaryServer({
    users,
    ...more,
    server: { hosts, limits: { failedLoginDelayMilliseconds: 0 }, ...more.server },
    files: { ...files('', own), ...files('/one', one), ...files('/two', two), ...more.files },
  })
}

async function loginCode(client: FtpClient, user: string, secret = password): Promise<number> {
  await client.send(`USER ${user}`)
  return (await client.send(`PASS ${secret}`)).code
}

function shownCertificate(client: FtpClient): string {
  return String(client.tls?.getPeerCertificate().subject.CN)
}

describe('HOST', () => {
  it('answers with the banner of the host, and may come again until somebody has logged in', async () => {
    const server = await start()
    const client = await connected(server)
    expect((await client.send('HOST one.example')).lines).toEqual(['This is one.', 'Welcome.'])
    expect((await client.send(`HOST ${two}`)).text).toBe('Service ready for new user.')
    await client.send('USER alice')
    expect((await client.send('HOST www.one.example')).code).toBe(220)
    // The login that had begun was for another host.
    expect((await client.send(`PASS ${password}`)).code).toBe(503)
    await client.login()
    expect((await client.send(`HOST ${two}`)).code).toBe(503)
  })

  it('takes the users to the root of the host', async () => {
    const server = await start()
    const client = await connected(server)
    await client.send('HOST one.example')
    await client.login()
    await client.upload('STOR file', 'bytes')
    expect(await readdir(join(server.root, 'one', 'alice'))).toEqual(['file'])
    expect((await client.send('PWD')).text).toMatch(/^"\/" /)
  })

  it.each([
    ['alice', undefined, 230],
    ['alice', one, 230],
    ['alice', two, 530],
    ['tina', undefined, 530],
    ['tina', one, 530],
    ['tina', two, 230],
    ['otto', undefined, 530],
    ['otto', one, 230],
    ['otto', two, 230],
  ])('%s logs in at %s: %i', async (user, host, code) => {
    const server = await start()
    const client = await connected(server)
    if (host !== undefined) await client.send(`HOST ${host}`)
    expect(await loginCode(client, user)).toBe(code)
  })

  it('is in FEAT where it can be used: where there are hosts, and until somebody has logged in', async () => {
    const server = await start()
    const client = await connected(server)
    expect((await client.send('FEAT')).lines).toContain(' HOST')
    await client.login()
    expect((await client.send('FEAT')).lines).not.toContain(' HOST')
    const without = await connected(await temporaryServer())
    expect((await without.send('FEAT')).lines).not.toContain(' HOST')
    expect((await without.send('HOST one.example')).code).toBe(504)
  })

  it('is forgotten at REIN', async () => {
    const server = await start()
    const client = await connected(server)
    await client.send(`HOST ${two}`)
    await client.login('tina')
    await client.send('REIN')
    expect(await loginCode(client, 'tina')).toBe(530)
  })

  it('is in the log, in /status and in the metrics', async () => {
    const server = await start()
    const client = await connected(server)
    await client.send('HOST www.one.example')
    await client.login()
    expect((await server.status()).sessions).toMatchObject([{ user: 'alice', host: one }])
    expect(server.log()).toContainEqual(expect.objectContaining({ msg: 'logged in', user: 'alice', host: one }))
    const metrics = await (await fetch(`http://127.0.0.1:${server.probesPort}/metrics`)).text()
    expect(metrics).toContain(`ftp_logins_total{result="success",host="${one}"} 1`)
  })
})

describe('The certificate', () => {
  it.each(['TLSv1.2', 'TLSv1.3'] as const)('is that of the host named by HOST or by SNI, over %s', async version => {
    const server = await start()
    const tls = { minVersion: version, maxVersion: version }
    const plain = await connected(server)
    await plain.startTls(tls)
    expect(shownCertificate(plain)).toBe(own)
    const byHost = await connected(server)
    await byHost.send('HOST one.example')
    await byHost.startTls(tls)
    expect(shownCertificate(byHost)).toBe(one)
    const byName = await connected(server)
    await byName.startTls({ ...tls, servername: 'TWO.example' })
    expect(shownCertificate(byName)).toBe(two)
    expect(await loginCode(byName, 'tina')).toBe(230)
    const byBoth = await connected(server)
    await byBoth.send('HOST one.example')
    await byBoth.startTls({ ...tls, servername: 'www.one.example' })
    expect(shownCertificate(byBoth)).toBe(one)
  })

  it.each(['TLSv1.2', 'TLSv1.3'] as const)(
    'is that of data connections as well, which resume, over %s',
    async version => {
      const server = await start({ server: { tls: { sessionReuse: 'required' } } })
      const tls = { minVersion: version, maxVersion: version }
      for (const [names, options] of [
        [['HOST one.example'], tls],
        [[], { ...tls, servername: one }],
      ] as const) {
        const client = await connected(server)
        for (const line of names) await client.send(line)
        await client.loginSecurely(options)
        for (const file of ['a', 'b']) {
          expect((await client.upload(`STOR ${file}`, 'private', options)).end.code).toBe(226)
          expect((await client.download(`RETR ${file}`, options)).bytes.toString()).toBe('private')
        }
      }
    },
  )

  it('is that of data connections which do not resume', async () => {
    const server = await start({ server: { tls: { sessionReuse: 'off' } } })
    const byHost = await connected(server)
    await byHost.send('HOST one.example')
    const byName = await connected(server)
    for (const [client, options] of [
      [byHost, {}],
      [byName, { servername: one }],
    ] as const) {
      await client.loginSecurely(options)
      const raw = await client.passive()
      expect((await client.send('NLST')).code).toBe(150)
      const data = connectTls({ socket: raw, rejectUnauthorized: false })
      await once(data, 'secureConnect')
      expect(data.isSessionReused()).toBe(false)
      expect(data.getPeerCertificate().subject.CN).toBe(one)
      await readAll(data)
      expect((await client.reply()).code).toBe(226)
    }
  })

  it('is refused where HOST and SNI name different hosts, with the alert unrecognized_name', async () => {
    const server = await start()
    for (const servername of [two, 'unknown.example']) {
      const client = await connected(server)
      await client.send('HOST one.example')
      await expect(client.startTls({ servername })).rejects.toThrow(/unrecognized name/)
    }
  })

  it('binds HOST to what the handshake named: 504 for another host, and for the server itself', async () => {
    const server = await start()
    const named = await connected(server)
    await named.startTls({ servername: one })
    expect((await named.send(`HOST ${two}`)).code).toBe(504)
    expect((await named.send('HOST [127.0.0.1]')).code).toBe(504)
    expect((await named.send('HOST www.one.example')).code).toBe(220)
    const unknown = await connected(server)
    await unknown.startTls({ servername: 'unknown.example' })
    expect((await unknown.send(`HOST ${two}`)).code).toBe(504)
    expect((await unknown.send('HOST [127.0.0.1]')).code).toBe(220)
    const unnamed = await connected(server)
    await unnamed.startTls()
    expect((await unnamed.send(`HOST ${two}`)).code).toBe(220)
  })

  it('no longer binds after REIN, which ends TLS', async () => {
    const server = await start()
    const client = await connected(server)
    await client.send(`HOST ${two}`)
    const endTls = await startReversibleTls(client)
    await client.login('tina')
    expect((await client.send('REIN')).code).toBe(220)
    const clear = await endTls()
    expect((await clear.send('HOST one.example')).code).toBe(220)
  })

  it('may be a known host’s with tls.strictServerName, and no unknown one’s', async () => {
    const server = await start({ server: { tls: { strictServerName: true } } })
    const client = await connected(server)
    await client.startTls({ servername: two })
    expect(shownCertificate(client)).toBe(two)
    const other = await connected(server)
    await expect(other.startTls({ servername: 'unknown.example' })).rejects.toThrow(/unrecognized name/)
  })

  it('is chosen by SNI under implicit TLS, and so are the banner and, after REIN, the host', async () => {
    const server = await start({ server: { listeners: await listenerWith('implicit') } })
    const client = await FtpClient.open(server.port)
    await client.secure({ servername: one })
    expect((await client.reply()).lines).toEqual(['This is one.', 'Welcome.'])
    await client.login()
    await client.send('REIN')
    await client.login('otto')
    client.close()
  })
})

describe('A change of the files', () => {
  it('of a certificate is in force with the next handshake', async () => {
    const running = await start()
    const { certificate, key } = certificates.get('later.example') ?? { certificate: '', key: '' }
    await running.configure('tls/one/tls.crt', certificate)
    await running.reconfigure('tls/one/tls.key', key)
    const client = await connected(running)
    await client.startTls({ servername: one })
    expect(shownCertificate(client)).toBe('later.example')
  })

  it('that breaks a certificate leaves the last good one in force, and the problem in /status', async () => {
    const running = await start()
    await running.configure('tls/one/tls.crt', 'no certificate')
    await eventually(async () => (await running.status()).problems.length > 0, 'the problem is told')
    expect((await running.status()).problems).toMatchObject([{ file: 'tls/one/tls.crt' }])
    const client = await connected(running)
    await client.startTls({ servername: one })
    expect(shownCertificate(client)).toBe(one)
  })

  it.each([1, 2])(
    'adds and removes hosts, and ends sessions at one that is gone, with %i process(es)',
    async workers => {
      const running = await start({ server: { workers } })
      const gone = await connected(running)
      await gone.send(`HOST ${two}`)
      await gone.login('tina')
      const stays = await connected(running)
      await stays.send(`HOST ${one}`)
      await stays.login()
      const waiting = await connected(running)
      await waiting.send(`HOST ${two}`)
      await mkdir(join(running.root, 'new'), { recursive: true })
      const { probes, passive } = running.application.server.configuration.server
      await running.reconfigure('server.yaml', {
        listeners: [{ name: 'ftp', port: running.port, addresses: ['127.0.0.1'] }],
        probes,
        passive,
        root: running.root,
        workers,
        limits: { failedLoginDelayMilliseconds: 0 },
        hosts: [hosts[0], { name: 'new.example', root: '/new' }],
      })
      expect((await gone.reply()).code).toBe(421)
      expect((await stays.send('PWD')).code).toBe(257)
      expect(await loginCode(waiting, 'alice')).toBe(530)
      const client = await connected(running)
      expect((await client.send(`HOST ${two}`)).code).toBe(504)
      expect((await client.send('HOST new.example')).code).toBe(220)
      expect(await loginCode(client, 'alice')).toBe(230)
      expect(await readdir(join(running.root, 'new'))).toEqual(['alice'])
    },
  )

  it('that names a certificate which is not there is told; the host has the server’s until it is', async () => {
    const running = await start({ server: { hosts: [{ name: 'bare.example', certificate: 'later' }] } })
    expect((await running.status()).problems).toMatchObject([{ file: 'server.yaml', path: 'hosts[0].certificate' }])
    const before = await connected(running)
    await before.startTls({ servername: 'bare.example' })
    expect(shownCertificate(before)).toBe(own)
    const { certificate, key } = certificates.get('later.example') ?? { certificate: '', key: '' }
    await running.configure('tls/later/tls.crt', certificate)
    await running.configure('tls/later/tls.key', key)
    await eventually(async () => (await running.status()).problems.length === 0, 'nothing is wrong')
    const after = await connected(running)
    await after.startTls({ servername: 'bare.example' })
    expect(shownCertificate(after)).toBe('later.example')
  })
})
