import { constants } from 'node:crypto'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import type { ConnectionOptions, TLSSocket } from 'node:tls'
import { beforeAll, describe, expect, it } from 'vitest'
import type { CertificateFiles } from '../../server/config/configuration.ts'
import { HandshakeLanes } from '../../server/tls/handshake-lanes.ts'
import type { SecureChannel } from '../../server/tls/secure-channel.ts'
import { SessionTls } from '../../server/tls/session-tls.ts'
import {
  clientCertificateFor,
  connectedPair,
  readAll,
  type TlsVersion,
  testCertificate,
  testConfiguration,
  testSessionTls,
  tlsClient,
  tlsVersions,
} from '../support/data-connections.ts'

let certificate: CertificateFiles
beforeAll(async () => {
  certificate = await testCertificate()
})

const never = new AbortController().signal

async function handshake(
  secure: (socket: Socket) => Promise<SecureChannel>,
  version: TlsVersion,
  options: ConnectionOptions = {},
): Promise<{ client: TLSSocket; channel: SecureChannel }> {
  let client: TLSSocket | undefined
  const { server } = await connectedPair(port => {
    client = tlsClient(port, version, options)
    return client
  })
  const channel = await secure(server)
  channel.stream.on('error', () => {})
  if (client === undefined) throw new Error('no client')
  return { client, channel }
}

/** The session a client would resume: of a control connection with one exchange, as tickets come with it in TLS 1.3. */
async function controlSession(session: SessionTls, version: TlsVersion): Promise<Buffer> {
  let saved: Buffer | undefined
  const { client, channel } = await handshake(socket => session.secureControl(socket, never), version)
  client.on('session', data => {
    saved = data
  })
  channel.stream.write('220 ready\r\n')
  await once(client, 'data')
  client.destroy()
  channel.destroy()
  if (saved === undefined) throw new Error('no session')
  return saved
}

describe.each(tlsVersions)('SessionTls over %s', version => {
  it('carries bytes both ways on a control connection', async () => {
    const session = testSessionTls(certificate)
    const { client, channel } = await handshake(socket => session.secureControl(socket, never), version)
    expect(channel.protocol).toBe(version)
    expect(channel.resumed).toBe(false)
    channel.stream.write('220 ready\r\n')
    expect(String((await once(client, 'data'))[0])).toBe('220 ready\r\n')
    client.write('NOOP\r\n')
    expect(String((await once(channel.stream, 'data'))[0])).toBe('NOOP\r\n')
    channel.destroy()
  })

  it.each(['send', 'receive'] as const)(
    'sees that a data connection to %s resumes the session of its control connection',
    async direction => {
      const session = testSessionTls(certificate)
      let saved = await controlSession(session, version)
      for (let turn = 0; turn < 3; turn++) {
        const { client, channel } = await handshake(s => session.secureData(s, never, direction), version, {
          session: saved,
        })
        client.on('session', data => {
          saved = data
        })
        expect(channel.resumed).toBe(true)
        channel.beginWriting()
        channel.stream.end('x')
        expect(String(await readAll(client))).toBe('x')
      }
    },
  )

  it('sends a new ticket with each resumption, as TLS 1.3 clients use one once', async () => {
    const session = testSessionTls(certificate)
    const saved = await controlSession(session, version)
    let tickets = 0
    const { client, channel } = await handshake(s => session.secureData(s, never), version, { session: saved })
    client.on('session', () => tickets++)
    channel.beginWriting()
    channel.stream.end('x')
    await readAll(client)
    expect(tickets).toBe(version === 'TLSv1.3' ? 1 : 0)
  })

  it('does not resume the session of another control connection', async () => {
    const foreign = await controlSession(testSessionTls(certificate), version)
    const session = testSessionTls(certificate)
    const { channel } = await handshake(s => session.secureData(s, never), version, { session: foreign })
    expect(channel.resumed).toBe(false)
    channel.destroy()
  })

  it('tells sessions apart that take turns on the same lane', async () => {
    const settings = testConfiguration({}).server.tls
    const options = { certificate, settings, handshakeTimeoutSeconds: 5 }
    const lanes = new HandshakeLanes(options)
    const [first, second] = [new SessionTls({ ...options, lanes }), new SessionTls({ ...options, lanes })]
    const saved = await controlSession(first, version)
    await controlSession(second, version)
    const resumes = async (owner: SessionTls, session: Buffer) => {
      const { channel } = await handshake(s => owner.secureData(s, never), version, { session })
      channel.destroy()
      return channel.resumed
    }
    expect(await resumes(second, saved)).toBe(false)
    expect(await resumes(first, saved)).toBe(true)
  })

  it('takes ALPN lists with ftp and refuses lists without', async () => {
    const session = testSessionTls(certificate)
    const control = (socket: Socket) => session.secureControl(socket, never)
    const both = await handshake(control, version, { ALPNProtocols: ['h2', 'ftp', 'x-filezilla-ftp'] })
    expect(both.channel.stream.alpnProtocol).toBe('ftp')
    both.channel.destroy()
    const data = await handshake(s => session.secureData(s, never), version, { ALPNProtocols: ['ftp-data'] })
    expect(data.channel.stream.alpnProtocol).toBe('ftp-data')
    data.channel.destroy()
    await expect(handshake(control, version, { ALPNProtocols: ['h2', 'http/1.1'] })).rejects.toMatchObject({
      name: 'TlsError',
      kind: 'failed',
    })
  })

  it('tells the client certificate that its authority signed, and no other', async () => {
    const [known, stranger] = await Promise.all([clientCertificateFor('operator'), clientCertificateFor('stranger')])
    const files = { ...certificate, authority: known.authority }
    const session = testSessionTls(files, { clientCertificates: 'optional' })
    const control = (socket: Socket) => session.secureControl(socket, never)
    const read = async (options: ConnectionOptions) => {
      const { channel } = await handshake(control, version, options)
      channel.destroy()
      return channel.clientCertificate
    }
    expect(await read({ cert: known.certificate, key: known.key })).toEqual({
      commonName: 'operator',
      fingerprint: expect.stringMatching(/^([0-9A-F]{2}:){31}[0-9A-F]{2}$/),
    })
    expect(await read({ cert: stranger.certificate, key: stranger.key })).toBeUndefined()
    expect(await read({})).toBeUndefined()

    const strict = testSessionTls(files, { clientCertificates: 'required' })
    await expect(handshake(s => strict.secureControl(s, never), version)).rejects.toMatchObject({ kind: 'failed' })
  })
})

describe('SessionTls over TLSv1.2 without tickets', () => {
  const noTickets = { secureOptions: constants.SSL_OP_NO_TICKET }

  it('resumes by the ID of the session that the control connection began, and of no other', async () => {
    const options = { certificate, settings: testConfiguration({}).server.tls, handshakeTimeoutSeconds: 5 }
    const lanes = new HandshakeLanes(options)
    const [owner, other] = [new SessionTls({ ...options, lanes }), new SessionTls({ ...options, lanes })]
    const control = await handshake(s => owner.secureControl(s, never), 'TLSv1.2', noTickets)
    const session = control.client.getSession()
    control.client.destroy()
    if (session === undefined) throw new Error('no session')
    const resumes = async (tls: SessionTls) => {
      const { channel } = await handshake(s => tls.secureData(s, never), 'TLSv1.2', { ...noTickets, session })
      channel.destroy()
      return channel.resumed
    }
    expect(await resumes(other)).toBe(false)
    expect(await resumes(owner)).toBe(true)
    expect(await resumes(owner)).toBe(true)
  })
})

describe('SessionTls', () => {
  it('refuses another handshake within a connection, which would come when its lane is somebody else’s', async () => {
    const session = testSessionTls(certificate)
    const { client, channel } = await handshake(socket => session.secureControl(socket, never), 'TLSv1.2')
    channel.stream.write('220 ready\r\n')
    await once(client, 'data')
    channel.stream.resume()
    const ended = once(client, 'error')
    const outcome = await Promise.race([
      new Promise(resolve => client.renegotiate({ rejectUnauthorized: false }, () => resolve('renegotiated'))),
      ended.then(([error]) => String(error)),
    ])
    expect(outcome).toMatch(/no.renegotiation/i)
    channel.destroy()
  })

  it('gives handshakes at the same time a lane each', async () => {
    const options = { certificate, settings: testConfiguration({}).server.tls, handshakeTimeoutSeconds: 5 }
    const lanes = new HandshakeLanes(options)
    const sessions = Array.from({ length: 5 }, () => new SessionTls({ ...options, lanes }))
    const saved = await Promise.all(sessions.map(session => controlSession(session, 'TLSv1.3')))
    const resumed = await Promise.all(
      sessions.map(async (session, index) => {
        const ticket = saved[index]
        const { channel } = await handshake(s => session.secureData(s, never), 'TLSv1.3', ticket && { session: ticket })
        channel.destroy()
        return channel.resumed
      }),
    )
    expect(resumed).toEqual(sessions.map(() => true))
  })
})

describe('SessionTls.resumptionExpected', () => {
  const connection = (resumed: boolean, protocol: TlsVersion) =>
    ({ resumed, protocol }) satisfies Pick<SecureChannel, 'resumed' | 'protocol'>

  it('begins with the first resumption and stays with TLS 1.2', () => {
    const session = testSessionTls(certificate)
    expect(session.resumptionExpected).toBe(false)
    session.noteDataConnection(connection(false, 'TLSv1.2'), 'receive')
    expect(session.resumptionExpected).toBe(false)
    session.noteDataConnection(connection(true, 'TLSv1.2'), 'receive')
    expect(session.resumptionExpected).toBe(true)
  })

  it('ceases in TLS 1.3 after an upload, and is back after a download brought new tickets', () => {
    const session = testSessionTls(certificate)
    session.noteDataConnection(connection(true, 'TLSv1.3'), 'send')
    expect(session.resumptionExpected).toBe(true)
    session.noteDataConnection(connection(true, 'TLSv1.3'), 'receive')
    expect(session.resumptionExpected).toBe(false)
    session.noteDataConnection(connection(false, 'TLSv1.3'), 'receive')
    session.noteDataConnection(connection(false, 'TLSv1.3'), 'send')
    expect(session.resumptionExpected).toBe(true)
  })

  it('stays through uploads of clients that resume without new tickets', () => {
    const session = testSessionTls(certificate)
    for (let turn = 0; turn < 4; turn++) session.noteDataConnection(connection(true, 'TLSv1.3'), 'receive')
    expect(session.resumptionExpected).toBe(true)
  })

  it('does not take the last of several tickets for a sign of more', () => {
    const session = testSessionTls(certificate)
    session.noteDataConnection(connection(true, 'TLSv1.3'), 'receive')
    session.noteDataConnection(connection(true, 'TLSv1.3'), 'receive')
    expect(session.resumptionExpected).toBe(false)
  })
})

describe('SessionTls', () => {
  it('refuses a version below the lowest one', async () => {
    const session = testSessionTls(certificate, { minVersion: 'TLSv1.3' })
    const attempt = handshake(s => session.secureControl(s, never), 'TLSv1.2')
    await expect(attempt).rejects.toMatchObject({ kind: 'failed', message: expect.stringContaining('protocol') })
  })

  it('gives up on a client that does not begin its handshake', async () => {
    const { server } = await connectedPair()
    const attempt = testSessionTls(certificate, {}, 0.05).secureControl(server, never)
    await expect(attempt).rejects.toMatchObject({ kind: 'timeout' })
    expect(server.destroyed).toBe(true)
  })

  it('gives up when the signal aborts, and when the client goes', async () => {
    const session = testSessionTls(certificate)
    const stop = new AbortController()
    const first = await connectedPair()
    const aborted = session.secureData(first.server, stop.signal)
    stop.abort()
    await expect(aborted).rejects.toMatchObject({ kind: 'aborted' })
    const second = await connectedPair()
    const left = session.secureData(second.server, never, 'send')
    second.client.destroy()
    await expect(left).rejects.toMatchObject({ kind: 'failed' })
    expect(second.server.destroyed).toBe(true)
  })

  it('fails on bytes that are no TLS, and goes on with the next connection', async () => {
    const session = testSessionTls(certificate)
    const { client, server } = await connectedPair()
    client.write('GET / HTTP/1.1\r\n\r\n')
    await expect(session.secureControl(server, never)).rejects.toMatchObject({ kind: 'failed' })
    const { channel } = await handshake(s => session.secureControl(s, never), 'TLSv1.3')
    channel.destroy()
  })

  it('fails with a certificate that cannot be used', async () => {
    const { server } = await connectedPair()
    const session = testSessionTls({ ...certificate, key: 'no key' })
    await expect(session.secureControl(server, never)).rejects.toMatchObject({ kind: 'failed' })
  })
})
