/** Who comes to a passive port ahead of the client, with the client's own address, does not cost it its transfer where anything can tell the two apart. */
import { spawnSync } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import type { Socket } from 'node:net'
import { join } from 'node:path'
import { type ConnectionOptions, connect as connectTls } from 'node:tls'
import { beforeAll, describe, expect, it } from 'vitest'
import { announcedData, trusted } from '../support/announced.ts'
import { clientHello } from '../support/client-hello.ts'
import { clientCertificateFor } from '../support/data-connections.ts'
import { connectTo, extendedPassivePort, nobodyAt } from '../support/data-ports.ts'
import { type FtpClient, readAll } from '../support/ftp-client.ts'
import { endsOf, headerV1 } from '../support/proxy-header.ts'
import { simpleUser, type TestServer } from '../support/server.ts'
import { connected, loggedIn, secured, temporaryServer } from '../support/sessions.ts'

const content = Buffer.alloc(200_000, 'content')

type Stray = (port: number, connect: (port: number) => Promise<Socket>) => Promise<unknown>

const strays: Readonly<Record<string, Stray>> = {
  'is silent': (port, connect) => connect(port),
  'speaks no TLS': async (port, connect) => (await connect(port)).write('GET / HTTP/1.1\r\n\r\n'),
  'begins a record and is silent then': async (port, connect) =>
    (await connect(port)).write(clientHello().subarray(0, 40)),
  'ends at once': async (port, connect) => (await connect(port)).end(),
  'is reset': async (port, connect) => (await connect(port)).resetAndDestroy(),
  'begins TLS, without the session of the client': async (port, connect) => {
    const tls = connectTls({ socket: await connect(port), rejectUnauthorized: false })
    tls.on('error', () => undefined)
  },
}

async function protectedServer(more: Record<string, unknown> = {}): Promise<TestServer> {
  return temporaryServer({
    server: { tls: { sessionReuse: 'required' }, limits: { handshakeTimeoutSeconds: 1 }, ...more },
  })
}

/** A handshake that has begun is waited for; nothing else is: it would take longer than clients of tests wait. */
function limitsFor(name: string): Record<string, unknown> {
  return name.startsWith('begins a record') ? {} : { limits: { handshakeTimeoutSeconds: 60 } }
}

async function store(client: FtpClient, data: Socket, options?: ConnectionOptions): Promise<number> {
  expect((await client.send('STOR file')).code).toBe(150)
  const channel = await client.protect(data, options)
  channel.on('error', () => undefined)
  channel.resume()
  channel.end(content)
  return (await client.reply()).code
}

async function fetch(client: FtpClient, data: Socket): Promise<number> {
  expect((await client.send('RETR file')).code).toBe(150)
  expect((await readAll(await client.protect(data))).equals(content)).toBe(true)
  return (await client.reply()).code
}

describe('Under TLS, a stray connection that comes first', () => {
  it.each(Object.entries(strays))('costs an upload and a download nothing: it %s', async (name, stray) => {
    const server = await protectedServer(limitsFor(name))
    const client = await secured(server)
    await client.send('TYPE I')
    for (const transfer of [store, fetch]) {
      const port = extendedPassivePort(await client.send('EPSV'))
      await stray(port, connectTo)
      expect(await transfer(client, await connectTo(port))).toBe(226)
    }
    expect(await readFile(join(server.root, 'file'))).toEqual(content)
  })

  it('costs nothing where all of them come, and before the client when the transfer has begun', async () => {
    const server = await protectedServer()
    const client = await secured(server)
    await client.send('TYPE I')
    const port = extendedPassivePort(await client.send('EPSV'))
    expect((await client.send('STOR file')).code).toBe(150)
    for (const stray of Object.values(strays)) await stray(port, connectTo)
    const channel = await client.protect(await connectTo(port))
    channel.resume()
    channel.end(content)
    expect((await client.reply()).code).toBe(226)
    expect(await readFile(join(server.root, 'file'))).toEqual(content)
  })

  it.each(Object.entries(strays))('costs nothing behind a proxy: it %s', async (name, stray) => {
    const server = await protectedServer({ ...limitsFor(name), passive: { proxyProtocol: trusted } })
    const client = await secured(server)
    await client.send('TYPE I')
    const header = headerV1(endsOf('127.0.0.1', '127.0.0.1'))
    const connect = (port: number): Promise<Socket> => announcedData(port, header)
    for (const transfer of [store, fetch]) {
      const port = extendedPassivePort(await client.send('EPSV'))
      await stray(port, connect)
      expect(await transfer(client, await connect(port))).toBe(226)
    }
  })

  it('ends the wait in time where the client does not come at all', async () => {
    const server = await protectedServer()
    const client = await secured(server)
    for (const stray of Object.values(strays)) {
      const port = extendedPassivePort(await client.send('EPSV'))
      await stray(port, connectTo)
      expect((await client.send('NLST')).code).toBe(150)
      expect([425, 522]).toContain((await client.reply()).code)
    }
  })

  it('leaves the port of no transfer open: who comes after the client finds nobody', async () => {
    const server = await protectedServer()
    const client = await secured(server)
    await client.send('TYPE I')
    const port = extendedPassivePort(await client.send('EPSV'))
    expect(await store(client, await connectTo(port))).toBe(226)
    await nobodyAt(port)
  })
})

describe('In clear text', () => {
  it('connections from other addresses, and one that is reset before it is accepted, cost nothing', async () => {
    const server = await temporaryServer()
    const client = await loggedIn(server)
    await client.send('TYPE I')
    const port = extendedPassivePort(await client.send('EPSV'))
    for (let last = 2; last < 12; last += 1)
      await readAll(await connectTo(port, '127.0.0.1', `127.0.0.${last}`)).catch(() => undefined)
    // The server is in this process: it accepts nothing before this returns.
    const reset = spawnSync('python3', ['-c', connectAndReset, String(port)])
    expect(reset.status).toBe(0)
    expect((await client.send('STOR file')).code).toBe(150)
    const data = await connectTo(port)
    data.end(content)
    expect((await client.reply()).code).toBe(226)
    expect(await readFile(join(server.root, 'file'))).toEqual(content)
  })
})

const connectAndReset = `
import socket, struct, sys
connection = socket.create_connection(('127.0.0.1', int(sys.argv[1])))
connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
connection.close()
`

describe('The certificate of a client', () => {
  type Issued = Awaited<ReturnType<typeof clientCertificateFor>>
  let mine: Issued
  let others: Issued

  beforeAll(async () => {
    ;[mine, others] = await Promise.all([clientCertificateFor('alice'), clientCertificateFor('mallory')])
  })

  it('is that of its control connection on data connections as well, whoever else has a valid one', async () => {
    const { certificate, key } = await ownCertificate()
    const server = await temporaryServer({
      server: { tls: { clientCertificates: 'optional', sessionReuse: 'off' } },
      users: [simpleUser('alice')],
      files: {
        'tls/tls.crt': certificate,
        'tls/tls.key': key,
        'tls/ca.crt': `${mine.authority}${others.authority}`,
      },
    })
    const client = await connected(server)
    await client.loginSecurely({ cert: mine.certificate, key: mine.key })
    await client.send('TYPE I')
    const open = async (): Promise<Socket> => connectTo(extendedPassivePort(await client.send('EPSV')))
    // A full handshake: a resumed one is proof enough.
    const full = { session: undefined } as const
    const own = { ...full, cert: mine.certificate, key: mine.key }
    expect(await store(client, await open(), own)).toBe(226)
    for (const wrong of [{ ...full, cert: others.certificate, key: others.key }, full]) {
      const data = await open()
      expect((await client.send('RETR file')).code).toBe(150)
      const channel = await client.protect(data, wrong).catch(() => undefined)
      const bytes = channel === undefined ? Buffer.alloc(0) : await readAll(channel).catch(() => Buffer.alloc(0))
      expect(bytes.length).toBe(0)
      expect((await client.reply()).code).toBe(522)
    }
    expect(server.log().find(({ msg }) => msg === 'TLS handshake failed')).toMatchObject({
      channel: 'data',
      reason: 'the certificate is not that of the control connection',
    })
  })
})

async function ownCertificate(): Promise<{ readonly certificate: string; readonly key: string }> {
  const { createSelfSignedCertificate } = await import('../../server/tls/self-signed.ts')
  const options = { commonName: 'localhost', dnsNames: ['localhost'], addresses: ['127.0.0.1'] }
  return createSelfSignedCertificate({ ...options, validDays: 1, now: Date.now() })
}
