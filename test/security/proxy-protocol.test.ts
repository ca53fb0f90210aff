/** The PROXY protocol, versions 1 and 2: who the client is, is what a trusted proxy says, and nobody else. */
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { announced, announcedData, announcedInOnePiece, proxyAddress, trusted } from '../support/announced.ts'
import { connectTo, extendedPassivePort, passiveTarget } from '../support/data-ports.ts'
import { eventually } from '../support/eventually.ts'
import { FtpClient, readAll } from '../support/ftp-client.ts'
import { endsOf, headerV1, headerV2 } from '../support/proxy-header.ts'
import { RawConnection } from '../support/raw-connection.ts'
import { freePort, passiveRange, simpleUser, type TestServer } from '../support/server.ts'
import { connected, temporaryServer } from '../support/sessions.ts'

const client = '203.0.113.5'
const other = '203.0.113.6'
const header = headerV1(endsOf(client, '127.0.0.1'))
const otherHeader = headerV2(endsOf(other, '127.0.0.1'), { checksum: 'right' })

type More = {
  readonly tls?: string
  readonly server?: Record<string, unknown>
  readonly limits?: object
  readonly passive?: object
  readonly users?: readonly Record<string, unknown>[]
}

async function behindProxy({ tls = 'explicit', server, limits, passive, users }: More = {}): Promise<TestServer> {
  const port = await freePort('127.0.0.1')
  return temporaryServer({
    server: {
      listeners: [{ name: 'ftp', port, addresses: ['127.0.0.1'], tls, proxyProtocol: trusted }],
      limits: { failedLoginDelayMilliseconds: 0, ...limits },
      passive: { ports: passiveRange(port), proxyProtocol: trusted, ...passive },
      ...server,
    },
    ...(users && { users }),
  })
}

async function greeted(server: TestServer, bytes: Uint8Array = header): Promise<FtpClient> {
  const session = await announced(server, bytes)
  expect((await session.reply()).code).toBe(220)
  return session
}

async function loggedIn(server: TestServer, bytes: Uint8Array = header): Promise<FtpClient> {
  const session = await greeted(server, bytes)
  await session.login()
  return session
}

const refusals = (server: TestServer) => server.log().filter(({ msg }) => msg === 'connection refused')

describe('A header on a control connection', () => {
  it.each([
    ['version 1', header, client],
    ['version 2', otherHeader, other],
    ['IPv6', headerV2(endsOf('2001:db8::5', '2001:db8::1')), '2001:db8::5'],
    ['IPv4 within IPv6', headerV2(endsOf('::ffff:cb00:7105', '::ffff:7f00:1')), client],
    ['the proxy itself', headerV2(endsOf(client, '127.0.0.1'), { command: 0x20 }), proxyAddress],
    ['somebody unknown', Buffer.from('PROXY UNKNOWN\r\n'), proxyAddress],
  ])('says who the client is, in log and status: %s', async (_, bytes, address) => {
    const server = await behindProxy()
    await loggedIn(server, bytes)
    expect(server.log().find(({ msg }) => msg === 'logged in')).toMatchObject({ address })
    expect((await server.status()).sessions).toMatchObject([{ peer: address }])
  })

  it('may come byte by byte, or with commands right behind it, of which none is lost', async () => {
    const server = await behindProxy()
    const slow = await announced(server, '')
    for (const byte of header) {
      slow.write(Uint8Array.of(byte))
      await new Promise(resolve => setImmediate(resolve))
    }
    expect((await slow.reply()).code).toBe(220)
    const quick = await announced(server, Buffer.concat([otherHeader, Buffer.from('USER alice\r\nNOOP\r\n')]))
    expect([(await quick.reply()).code, (await quick.reply()).code, (await quick.reply()).code]).toEqual([
      220, 331, 200,
    ])
  })

  it.each([
    ['a command', 'USER alice\r\n', 'no-proxy-header'],
    ['a ClientHello', '\x16\x03\x01', 'no-proxy-header'],
    ['a header that is none', 'PROXY TCP4 1.2.3 4 5 6\r\n', 'bad-proxy-header'],
    ['a header with a wrong checksum', headerV2(endsOf(client, other), { checksum: 'wrong' }), 'bad-proxy-header'],
    ['a line without end', `PROXY UNKNOWN ${'x'.repeat(200)}`, 'bad-proxy-header'],
  ])(
    'is demanded of a trusted proxy: %s in its place ends the connection, without a word',
    async (_, bytes, reason) => {
      const server = await behindProxy()
      const connection = await RawConnection.open(server.port, { localAddress: proxyAddress })
      await connection.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes)
      expect(await connection.untilClosed()).toBe('')
      await eventually(() => refusals(server).length > 0, 'the log')
      expect(refusals(server)).toMatchObject([{ reason, address: proxyAddress, detail: expect.any(String) }])
      expect((await server.status()).sessionCount).toBe(0)
    },
  )

  it('must come in time; who closes before it is a check of the port and no matter for the log', async () => {
    const server = await behindProxy({ limits: { proxyHeaderTimeoutSeconds: 1 } })
    const check = await RawConnection.open(server.port, { localAddress: proxyAddress })
    check.end()
    await check.untilClosed()
    expect(refusals(server)).toEqual([])
    const slow = await RawConnection.open(server.port, { localAddress: proxyAddress })
    await slow.write(header.subarray(0, 10))
    expect(await slow.untilClosed()).toBe('')
    expect(refusals(server)).toMatchObject([{ reason: 'no-proxy-header' }])
  })

  it('is believed from nowhere else: there it is a command like any other, and its address nobody’s', async () => {
    const server = await behindProxy()
    const liar = await connected(server)
    liar.write(header)
    expect((await liar.reply()).code).toBe(500)
    await liar.login()
    expect(server.log().find(({ msg }) => msg === 'logged in')).toMatchObject({ address: '127.0.0.1' })
    const secret = await RawConnection.open(server.port)
    await secret.write(otherHeader)
    await secret.untilReceived(/^220 [^]*500 /)
  })

  it('decides which limits, bans and networks of users hold', async () => {
    const server = await behindProxy({
      limits: { maxSessionsPerAddress: 1, maxFailedLogins: 100 },
      server: { bans: { threshold: 2, exemptNetworks: [] } },
      users: [simpleUser('alice', { allowedNetworks: ['203.0.113.6/32', '2001:db8::/32'] })],
    })
    const six = (address: string) => headerV2(endsOf(address, '2001:db8::1'))
    const first = await loggedIn(server, six('2001:db8:0:1::1'))
    expect((await (await announced(server, six('2001:db8:0:1::2'))).reply()).code).toBe(421)
    await greeted(server, six('2001:db8:0:2::1'))
    first.close()
    await eventually(
      async () => (await (await announced(server, six('2001:db8:0:1:ffff::3'))).reply()).code === 220,
      'the place in the network is free again',
    )
    await loggedIn(server, otherHeader)
    const elsewhere = await greeted(server)
    await expect(elsewhere.login()).rejects.toThrow('530')
    await elsewhere.send('USER alice')
    await elsewhere.send('PASS wrong')
    await elsewhere.send('USER alice')
    elsewhere.write('PASS wrong\r\n')
    expect(await elsewhere.closed()).toMatch(/421 Too many failures/)
    expect(await (await announced(server, header)).closed()).toBe('')
    await greeted(server, headerV1(endsOf('203.0.113.7', '127.0.0.1')))
  })

  it('comes before TLS, also in one piece with the ClientHello', async () => {
    const server = await behindProxy({ tls: 'implicit' })
    const session = FtpClient.over(announcedInOnePiece(server.port, header))
    await session.secure()
    expect((await session.reply()).code).toBe(220)
    await session.login()
    expect(server.log().find(({ msg }) => msg === 'logged in')).toMatchObject({ address: client })
  })

  it('is followed by no session while the server drains, and holds nothing up', async () => {
    const server = await behindProxy({ limits: { proxyHeaderTimeoutSeconds: 300 } })
    const waiting = await RawConnection.open(server.port, { localAddress: proxyAddress })
    await waiting.write(header.subarray(0, 10))
    await server.application.server.close(0)
    expect(await waiting.untilClosed()).toBe('')
  })
})

describe('Data connections', () => {
  it('come to the address that the client has connected to, and to the port of the server', async () => {
    const server = await behindProxy()
    const session = await loggedIn(server, headerV1(endsOf(client, '198.51.100.9')))
    const { address, port } = passiveTarget(await session.send('PASV'))
    expect(address).toBe('198.51.100.9')
    const data = await announcedData(port, header)
    expect((await session.send('NLST')).code).toBe(150)
    expect((await readAll(data)).length).toBe(0)
    expect((await session.reply()).code).toBe(226)
  })

  it('of IPv6 clients behind a proxy that speaks IPv4 are set up by EPSV', async () => {
    const server = await behindProxy()
    const ends = endsOf('2001:db8::5', '2001:db8::1')
    const session = await loggedIn(server, headerV2(ends))
    expect((await session.send('PASV')).code).toBe(425)
    expect((await session.send('EPSV 1')).text).toMatch(/ \(2\)$/)
    const port = extendedPassivePort(await session.send('EPSV 2'))
    const data = await announcedData(port, headerV2(endsOf('2001:db8:0::0:5', '2001:db8::1')))
    expect((await session.send('NLST')).code).toBe(150)
    expect((await readAll(data)).length).toBe(0)
  })

  it('are those of the client by their headers; all others are strays and cost it nothing', async () => {
    const server = await behindProxy({ limits: { proxyHeaderTimeoutSeconds: 1 } })
    const session = await loggedIn(server)
    const port = extendedPassivePort(await session.send('EPSV'))
    await announcedData(port, '')
    for (const bytes of [otherHeader, 'PROXY UNKNOWN\r\n', 'content', headerV2(undefined, { command: 0x20 })])
      await readAll(await announcedData(port, bytes)).catch(() => undefined)
    await readAll(await connectTo(port)).catch(() => undefined)
    expect((await session.send('STOR file')).code).toBe(150)
    const data = await announcedData(port, Buffer.concat([headerV2(endsOf(client, '127.0.0.1')), Buffer.from('mine')]))
    data.end(', all of it')
    expect((await session.reply()).code).toBe(226)
    expect(await readFile(join(server.root, 'file'), 'utf8')).toBe('mine, all of it')
    expect(server.log().filter(({ msg }) => msg === 'stray data connection')).toMatchObject([{ from: other }])
  })

  it.each([0, 7, 300_000])('may have sent all of %i bytes, and their end, before the transfer begins', async length => {
    const server = await behindProxy()
    const session = await loggedIn(server)
    await session.send('TYPE I')
    const content = Buffer.alloc(length, 'content')
    for (const first of [Buffer.concat([header, content]), header]) {
      const data = await announcedData(extendedPassivePort(await session.send('EPSV')), first)
      data.end(first === header ? content : '')
      await session.send('NOOP')
      expect((await session.send('STOR file')).code).toBe(150)
      expect((await session.reply()).code).toBe(226)
      expect(await readFile(join(server.root, 'file'))).toEqual(content)
    }
  })

  it('take no header from others: who comes directly is the client only by its own address', async () => {
    const server = await behindProxy()
    const session = await connected(server)
    await session.login()
    await session.send('TYPE I')
    const port = extendedPassivePort(await session.send('EPSV'))
    await readAll(await announcedData(port, header)).catch(() => undefined)
    const data = await connectTo(port)
    expect((await session.send('STOR file')).code).toBe(150)
    data.end(header)
    expect((await session.reply()).code).toBe(226)
    expect(await readFile(join(server.root, 'file'))).toEqual(header)
  })

  it.each([true, false])('are encrypted behind the header, with all of it in one piece: %s', async inOnePiece => {
    const server = await behindProxy({ server: { tls: { sessionReuse: 'required' } } })
    const session = await greeted(server)
    await session.loginSecurely()
    await session.send('TYPE I')
    const content = Buffer.alloc(300_000, 'content')
    const open = async () => {
      const port = extendedPassivePort(await session.send('EPSV'))
      return inOnePiece ? announcedInOnePiece(port, header) : announcedData(port, header)
    }
    for (let round = 0; round < 3; round += 1) {
      const down = round === 0 ? undefined : await open()
      if (down !== undefined) {
        expect((await session.send('RETR file')).code).toBe(150)
        expect((await readAll(await session.protect(down))).equals(content)).toBe(true)
        expect((await session.reply()).code).toBe(226)
      }
      const up = await open()
      expect((await session.send('STOR file')).code).toBe(150)
      const channel = await session.protect(up)
      channel.resume()
      channel.end(content)
      expect((await session.reply()).code).toBe(226)
    }
  })

  it('of active mode go to the client, never to the proxy', async () => {
    const server = await behindProxy()
    const session = await loggedIn(server, headerV1(endsOf('127.0.0.1', '198.51.100.9')))
    expect((await session.send(`PORT ${proxyAddress.replaceAll('.', ',')},200,10`)).code).toBe(501)
    const listener = createServer().listen(0, '127.0.0.1')
    onTestFinished(() => void listener.close())
    const accepted = new Promise<string | undefined>(resolve => {
      listener.once('connection', socket => resolve(socket.end().remoteAddress))
    })
    await eventually(() => listener.listening, 'a port')
    const bound = listener.address()
    const port = typeof bound === 'object' && bound !== null ? bound.port : 0
    expect((await session.send(`EPRT |1|127.0.0.1|${port}|`)).code).toBe(200)
    expect((await session.send('NLST')).code).toBe(150)
    expect(await accepted).toBe('127.0.0.1')
  })
})

describe('With worker processes', () => {
  it('the client, its bytes behind the header and its data connections are the same', async () => {
    const explicit = await behindProxy({ server: { workers: 2 } })
    const sessions = await Promise.all(
      [header, otherHeader, header, otherHeader].map(async bytes => {
        const early = await announced(explicit, Buffer.concat([bytes, Buffer.from('USER alice\r\n')]))
        expect([(await early.reply()).code, (await early.reply()).code]).toEqual([220, 331])
        await early.login()
        const port = extendedPassivePort(await early.send('EPSV'))
        await readAll(await announcedData(port, bytes === header ? otherHeader : header)).catch(() => undefined)
        const data = await announcedData(port, bytes)
        expect((await early.send('NLST')).code).toBe(150)
        await readAll(data)
        expect((await early.reply()).code).toBe(226)
        return early
      }),
    )
    expect(sessions.length).toBe(4)
    const { sessions: described } = await explicit.status()
    expect(described.map(({ peer }) => peer).toSorted()).toEqual([client, client, other, other])
    expect(new Set(described.map(({ worker }) => worker)).size).toBe(2)
    for (const bytes of ['PROXY UNKNOWN\r\n', headerV2(undefined, { command: 0x20 })]) {
      const itself = await announced(explicit, bytes)
      expect((await itself.reply()).code).toBe(220)
      await itself.login()
      expect(passiveTarget(await itself.send('PASV')).address).toBe('127.0.0.1')
    }
    const implicit = await behindProxy({ tls: 'implicit', server: { workers: 2 } })
    for (let round = 0; round < 10; round += 1) {
      const session = FtpClient.over(announcedInOnePiece(implicit.port, header))
      await session.secure()
      expect((await session.reply()).code).toBe(220)
      await session.login()
    }
  })
})
