import { constants } from 'node:crypto'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import type { ConnectionOptions, TLSSocket } from 'node:tls'
import { beforeAll, describe, expect, it } from 'vitest'
import type { CertificateFiles } from '../../server/config/configuration.ts'
import { bareOf } from '../../server/data/bare-connection.ts'
import { HandshakeLanes } from '../../server/tls/handshake-lanes.ts'
import type { TlsConnection } from '../../server/tls/openssl/tls-connection.ts'
import { SecureChannel } from '../../server/tls/secure-channel.ts'
import { SessionTls } from '../../server/tls/session-tls.ts'
import {
  clientCertificateFor,
  connectedPair,
  readAll,
  type TlsVersion,
  testCertificate,
  testConfiguration,
  testOpenSsl,
  testSessionTls,
  tlsClient,
  tlsVersions,
} from '../support/data-connections.ts'
import { eventually } from '../support/eventually.ts'

let certificate: CertificateFiles
beforeAll(async () => {
  certificate = await testCertificate()
})

const never = new AbortController().signal

/** With a socket of Node's under Node's TLS, or bare under OpenSSL's own. */
const ways = ['with sockets', 'bare'] as const
type Way = (typeof ways)[number]
const each = ways.flatMap(way => tlsVersions.map(version => ({ way, version })))

const openssl = testOpenSsl()

/** The server's end, of either way. */
class End {
  readonly #of: SecureChannel | TlsConnection

  constructor(of: SecureChannel | TlsConnection) {
    this.#of = of
    if (of instanceof SecureChannel) of.stream.on('error', () => {})
  }

  get facts(): Pick<SecureChannel, 'protocol' | 'resumed' | 'clientCertificate' | 'serverName'> {
    return this.#of
  }

  /** To the client; with new tickets, where they are due. */
  say(text: string): void {
    if (this.#of instanceof SecureChannel) {
      this.#of.beginWriting()
      this.#of.stream.write(text)
    } else {
      this.#of.write(Buffer.from(text))
    }
  }

  sayLast(text: string, direction: 'send' | 'receive'): void {
    if (this.#of instanceof SecureChannel) {
      this.#of.beginWriting()
      this.#of.stream.end(text)
      return
    }
    if (direction === 'receive') this.#of.sendTickets()
    this.#of.writeEnd(Buffer.from(text))
    this.#of.bare.end()
  }

  /** What the client has said, from the beginning. */
  async hears(text: string): Promise<void> {
    let heard = ''
    const of = this.#of
    if (of instanceof SecureChannel) of.stream.on('data', bytes => (heard += String(bytes)))
    else
      of.bare.watch(
        () => (heard += textOf(of)),
        () => {},
      )
    await eventually(() => heard === text, text)
  }

  /** Lets what comes be read, and answered by TLS itself. */
  listen(): void {
    const of = this.#of
    if (of instanceof SecureChannel) of.stream.resume()
    else
      of.bare.watch(
        () => void textOf(of),
        () => {},
      )
  }

  destroy(): void {
    if (this.#of instanceof SecureChannel) return this.#of.destroy()
    this.#of.close()
    this.#of.bare.close()
  }
}

function textOf(connection: TlsConnection): string {
  const into = Buffer.alloc(16_384)
  const count = connection.read(into)
  return typeof count === 'number' ? into.toString('latin1', 0, count) : ''
}

function bare(socket: Socket) {
  const taken = bareOf(socket, openssl.socketCalls)
  if (taken === undefined) throw new Error('no connection')
  return taken
}

async function control(session: SessionTls, way: Way, socket: Socket, signal = never): Promise<End> {
  if (way === 'with sockets') return new End(await session.secureControl(socket, signal))
  return new End(await session.secureBareControl(bare(socket).connection, signal))
}

async function data(
  session: SessionTls,
  way: Way,
  socket: Socket,
  direction: 'send' | 'receive' = 'receive',
): Promise<End> {
  if (way === 'with sockets') return new End(await session.secureData(socket, never, direction))
  const { connection, early } = bare(socket)
  return new End(await session.secureBareData(connection, never, direction, { early, demand: 'none' }))
}

function sessionWith(
  settings: Parameters<typeof testSessionTls>[1] = {},
  files = certificate,
  timeoutSeconds = 5,
): SessionTls {
  return testSessionTls(files, settings, timeoutSeconds, openssl)
}

async function handshake(
  secure: (socket: Socket) => Promise<End>,
  version: TlsVersion,
  options: ConnectionOptions = {},
): Promise<{ client: TLSSocket; end: End }> {
  let client: TLSSocket | undefined
  let connected: Promise<unknown> | undefined
  const { server } = await connectedPair(port => {
    client = tlsClient(port, version, options)
    connected = once(client, 'secureConnect')
    connected.catch(() => {})
    return client
  })
  const end = await secure(server)
  await connected
  if (client === undefined) throw new Error('no client')
  return { client, end }
}

/** The session a client would resume: of a control connection with one exchange, as tickets come with it in TLS 1.3. */
async function controlSession(session: SessionTls, way: Way, version: TlsVersion): Promise<Buffer> {
  let saved: Buffer | undefined
  const { client, end } = await handshake(socket => control(session, way, socket), version)
  client.on('session', bytes => {
    saved = bytes
  })
  saved ??= version === 'TLSv1.2' ? client.getSession() : undefined
  end.say('220 ready\r\n')
  await once(client, 'data')
  client.destroy()
  end.destroy()
  if (saved === undefined) throw new Error('no session')
  return saved
}

describe.each(each)('SessionTls over $version, $way,', ({ way, version }) => {
  it('carries bytes both ways on a control connection', async () => {
    const session = sessionWith()
    const { client, end } = await handshake(socket => control(session, way, socket), version)
    expect(end.facts.protocol).toBe(version)
    expect(end.facts.resumed).toBe(false)
    end.say('220 ready\r\n')
    expect(String((await once(client, 'data'))[0])).toBe('220 ready\r\n')
    client.write('NOOP\r\n')
    await end.hears('NOOP\r\n')
    end.destroy()
  })

  it.each(['send', 'receive'] as const)(
    'sees that a data connection to %s resumes the session of its control connection',
    async direction => {
      const session = sessionWith()
      let saved = await controlSession(session, way, version)
      for (let turn = 0; turn < 3; turn++) {
        const { client, end } = await handshake(s => data(session, way, s, direction), version, { session: saved })
        client.on('session', bytes => {
          saved = bytes
        })
        expect(end.facts.resumed).toBe(true)
        end.sayLast('x', direction)
        expect(String(await readAll(client))).toBe('x')
      }
    },
  )

  it('sends a new ticket with each resumption, as TLS 1.3 clients use one once', async () => {
    const session = sessionWith()
    const saved = await controlSession(session, way, version)
    let tickets = 0
    const { client, end } = await handshake(s => data(session, way, s), version, { session: saved })
    client.on('session', () => tickets++)
    end.sayLast('x', 'receive')
    await readAll(client)
    expect(tickets).toBe(version === 'TLSv1.3' ? 1 : 0)
  })

  it('does not resume the session of another control connection', async () => {
    const foreign = await controlSession(sessionWith(), way, version)
    const session = sessionWith()
    const { end } = await handshake(s => data(session, way, s), version, { session: foreign })
    expect(end.facts.resumed).toBe(false)
    end.destroy()
  })

  it('tells sessions apart that take turns on the same lane', async () => {
    const settings = testConfiguration({}).server.tls
    const options = { certificate, settings, handshakeTimeoutSeconds: 5, openssl }
    const lanes = new HandshakeLanes(options)
    const [first, second] = [new SessionTls({ ...options, lanes }), new SessionTls({ ...options, lanes })]
    const saved = await controlSession(first, way, version)
    await controlSession(second, way, version)
    const resumes = async (owner: SessionTls, session: Buffer) => {
      const { end } = await handshake(s => data(owner, way, s), version, { session })
      const { resumed } = end.facts
      end.destroy()
      return resumed
    }
    expect(await resumes(second, saved)).toBe(false)
    expect(await resumes(first, saved)).toBe(true)
  })

  it('takes ALPN lists with ftp and refuses lists without', async () => {
    const session = sessionWith()
    const begin = (socket: Socket) => control(session, way, socket)
    const both = await handshake(begin, version, { ALPNProtocols: ['h2', 'ftp', 'x-filezilla-ftp'] })
    expect(both.client.alpnProtocol).toBe('ftp')
    both.end.destroy()
    const other = await handshake(s => data(session, way, s), version, { ALPNProtocols: ['ftp-data'] })
    expect(other.client.alpnProtocol).toBe('ftp-data')
    other.end.destroy()
    await expect(handshake(begin, version, { ALPNProtocols: ['h2', 'http/1.1'] })).rejects.toMatchObject({
      name: 'TlsError',
      kind: 'failed',
    })
  })

  it('tells the client certificate that its authority signed, and no other', async () => {
    const [known, stranger] = await Promise.all([clientCertificateFor('operator'), clientCertificateFor('stranger')])
    const files = { ...certificate, authority: known.authority }
    const session = sessionWith({ clientCertificates: 'optional' }, files)
    const read = async (options: ConnectionOptions) => {
      const { end } = await handshake(socket => control(session, way, socket), version, options)
      const { clientCertificate } = end.facts
      end.destroy()
      return clientCertificate
    }
    expect(await read({ cert: known.certificate, key: known.key })).toEqual({
      commonName: 'operator',
      fingerprint: expect.stringMatching(/^([0-9A-F]{2}:){31}[0-9A-F]{2}$/),
    })
    expect(await read({ cert: stranger.certificate, key: stranger.key })).toBeUndefined()
    expect(await read({})).toBeUndefined()

    const strict = sessionWith({ clientCertificates: 'required' }, files)
    await expect(handshake(s => control(strict, way, s), version)).rejects.toMatchObject({ kind: 'failed' })
  })
})

describe.each(ways)('SessionTls over TLSv1.2 without tickets, %s,', way => {
  const noTickets = { secureOptions: constants.SSL_OP_NO_TICKET }

  it('resumes by the ID of the session that the control connection began, and of no other', async () => {
    const { tls: settings } = testConfiguration({}).server
    const options = { certificate, settings, handshakeTimeoutSeconds: 5, openssl }
    const lanes = new HandshakeLanes(options)
    const [owner, other] = [new SessionTls({ ...options, lanes }), new SessionTls({ ...options, lanes })]
    const { client } = await handshake(s => control(owner, way, s), 'TLSv1.2', noTickets)
    const session = client.getSession()
    client.destroy()
    if (session === undefined) throw new Error('no session')
    const resumes = async (tls: SessionTls) => {
      const { end } = await handshake(s => data(tls, way, s), 'TLSv1.2', { ...noTickets, session })
      const { resumed } = end.facts
      end.destroy()
      return resumed
    }
    expect(await resumes(other)).toBe(false)
    expect(await resumes(owner)).toBe(true)
    expect(await resumes(owner)).toBe(true)
  })
})

describe.each(ways)('SessionTls, %s,', way => {
  it('refuses another handshake within a connection, which would come when its lane is somebody else’s', async () => {
    const session = sessionWith()
    const { client, end } = await handshake(socket => control(session, way, socket), 'TLSv1.2')
    end.say('220 ready\r\n')
    await once(client, 'data')
    end.listen()
    const ended = once(client, 'error')
    const outcome = await Promise.race([
      new Promise(resolve => client.renegotiate({ rejectUnauthorized: false }, () => resolve('renegotiated'))),
      ended.then(([error]) => String(error)),
    ])
    expect(outcome).toMatch(/no.renegotiation/i)
    end.destroy()
  })

  it('gives handshakes at the same time a lane each', async () => {
    const { tls: settings } = testConfiguration({}).server
    const options = { certificate, settings, handshakeTimeoutSeconds: 5, openssl }
    const lanes = new HandshakeLanes(options)
    const sessions = Array.from({ length: 5 }, () => new SessionTls({ ...options, lanes }))
    const saved = await Promise.all(sessions.map(session => controlSession(session, way, 'TLSv1.3')))
    const outcomes = await Promise.all(
      sessions.map(async (session, index) => {
        const ticket = saved[index]
        const { end } = await handshake(s => data(session, way, s), 'TLSv1.3', ticket && { session: ticket })
        const { resumed } = end.facts
        end.destroy()
        return resumed
      }),
    )
    expect(outcomes).toEqual(sessions.map(() => true))
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

describe.each(ways)('SessionTls, %s,', way => {
  it('refuses a version below the lowest one', async () => {
    const session = sessionWith({ minVersion: 'TLSv1.3' })
    const attempt = handshake(s => control(session, way, s), 'TLSv1.2')
    await expect(attempt).rejects.toMatchObject({ kind: 'failed', message: expect.stringContaining('protocol') })
  })

  it('gives up on a client that does not begin its handshake', async () => {
    const { client, server } = await connectedPair()
    const ended = once(client.resume(), 'close')
    const attempt = control(sessionWith({}, certificate, 0.05), way, server)
    await expect(attempt).rejects.toMatchObject({ kind: 'timeout' })
    client.end()
    await ended
  })

  it('gives up when the signal aborts, and when the client goes', async () => {
    const session = sessionWith()
    const stop = new AbortController()
    const first = await connectedPair()
    const aborted = control(session, way, first.server, stop.signal)
    stop.abort()
    await expect(aborted).rejects.toMatchObject({ kind: 'aborted' })
    const second = await connectedPair()
    const left = data(session, way, second.server, 'send')
    second.client.destroy()
    await expect(left).rejects.toMatchObject({ kind: 'failed' })
  })

  it('fails on bytes that are no TLS, and goes on with the next connection', async () => {
    const session = sessionWith()
    const { client, server } = await connectedPair()
    client.write('GET / HTTP/1.1\r\n\r\n')
    await expect(control(session, way, server)).rejects.toMatchObject({ kind: 'failed' })
    const { end } = await handshake(s => control(session, way, s), 'TLSv1.3')
    end.destroy()
  })

  it('fails with a certificate that cannot be used', async () => {
    const { server } = await connectedPair()
    const session = sessionWith({}, { ...certificate, key: 'no key' })
    await expect(control(session, way, server)).rejects.toMatchObject({ kind: 'failed' })
  })

  it('fails with a host whose certificate cannot be used, rather than go on with another one', async () => {
    const options = { certificate, settings: testConfiguration({}).server.tls, handshakeTimeoutSeconds: 5 }
    const lanes = new HandshakeLanes({ ...options, certificate: { ...certificate, key: 'no key' } })
    const hosts = { named: undefined, find: (name: string) => ({ name, lanes }) }
    const session = new SessionTls({ ...options, openssl, hosts })
    const attempt = handshake(s => control(session, way, s), 'TLSv1.3', { servername: 'localhost' })
    await expect(attempt).rejects.toMatchObject({ kind: 'failed' })
  })
})
