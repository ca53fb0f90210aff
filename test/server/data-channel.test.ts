import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import type { CertificateFiles } from '../../server/config/configuration.ts'
import { DataChannel } from '../../server/data/data-channel.ts'
import { BufferPool } from '../../server/data/kernel/buffer-pool.ts'
import { AdvertisedAddresses } from '../../server/data/passive/advertised-address.ts'
import { PassivePorts } from '../../server/data/passive/passive.ts'
import type { SessionTls } from '../../server/tls/session-tls.ts'
import {
  connectedPair,
  readAll,
  type TlsVersion,
  testCertificate,
  testConfiguration,
  testSessionTls,
  tlsClient,
  tlsVersions,
} from '../support/data-connections.ts'
import { nobodyAt } from '../support/data-ports.ts'
import { eventually } from '../support/eventually.ts'
import { openDescriptors } from '../support/process-measures.ts'
import { freePortRange } from '../support/server.ts'

let certificate: CertificateFiles
beforeAll(async () => {
  certificate = await testCertificate()
})

const never = new AbortController().signal

async function channelFor(
  sections: Parameters<typeof testConfiguration>[0],
  {
    peer = '127.0.0.1',
    local = '127.0.0.1',
    bound = undefined as string | undefined,
    tls = undefined as SessionTls | undefined,
  } = {},
) {
  const strays: string[] = []
  const failures: string[] = []
  const counts: number[] = []
  const passivePorts = new PassivePorts(count => counts.push(count))
  onTestFinished(() => passivePorts.close())
  const ports = await freePortRange(10)
  let configuration = testConfiguration({ ...sections, passive: { ports, ...sections.passive } })
  const channel = new DataChannel({
    session: { peer: { address: peer, port: 40_000 }, local: { address: local, port: 21 } },
    boundAddress: () => bound ?? local,
    configuration: () => configuration,
    passivePorts,
    advertisedAddresses: new AdvertisedAddresses(),
    tls: () => tls,
    isPrivate: () => tls !== undefined,
    onStray: address => strays.push(address),
    onTlsFailure: message => failures.push(message),
  })
  return {
    channel,
    passivePorts,
    strays,
    failures,
    counts,
    range: configuration.server.passive.ports,
    checkPeers: (peerCheck: 'same-address' | 'off') => {
      configuration = testConfiguration({ ...sections, passive: { ports, ...sections.passive, peerCheck } })
    },
  }
}

function dial(port: number, localAddress = '127.0.0.1'): Socket {
  const client = connect({ port, host: '127.0.0.1', localAddress })
  client.on('error', () => {})
  return client
}

describe('a passive data connection', () => {
  it('comes from the range, serves one transfer and frees its port at once', async () => {
    const { channel, counts, range } = await channelFor({})
    expect(channel.state).toBe('none')
    const { address, port } = await channel.listen('pasv')
    expect(address).toBe('127.0.0.1')
    expect(port >= range.first && port <= range.last).toBe(true)
    expect(channel.state).toBe('passive')
    const client = dial(port)
    const connection = await channel.open('clear', never)
    await connection.write(Buffer.from('hello'))
    await Promise.all([connection.end(), readAll(client).then(data => expect(data.toString()).toBe('hello'))])
    expect(channel.state).toBe('none')
    expect(counts).toEqual([1, 0])
    await expect(channel.open('clear', never)).rejects.toMatchObject({ kind: 'not-set-up' })
  })

  it('opens no port and connects to nobody once the control connection is gone', async () => {
    const { channel, counts } = await channelFor({}, { bound: '' })
    await expect(async () => channel.listen('epsv')).rejects.toMatchObject({ kind: 'aborted' })
    expect(counts).toEqual([])
    channel.target({ address: '127.0.0.1', port: 1 })
    await expect(channel.open('clear', never)).rejects.toMatchObject({ kind: 'aborted' })
  })

  it('keeps a client that connects before the transfer, with what it sent', async () => {
    const { channel, passivePorts } = await channelFor({})
    const { port } = await channel.listen('epsv')
    const client = dial(port)
    client.end('early')
    await eventually(() => passivePorts.inUse === 0, 'the connection')
    const connection = await channel.open('clear', never)
    let received = ''
    await connection.receive(
      async bytes => {
        received += Buffer.from(bytes).toString()
      },
      { buffers: new BufferPool() },
    )
    expect(received).toBe('early')
    await connection.end()
  })

  it('drops a stranger without using the port up', async () => {
    const { channel, strays } = await channelFor({})
    const { port } = await channel.listen('pasv')
    const stranger = dial(port, '127.0.0.2')
    await once(stranger, 'close')
    const opening = channel.open('clear', never)
    const second = dial(port, '127.0.0.3')
    await once(second, 'close')
    const client = dial(port)
    await once(client, 'connect')
    const connection = await opening
    client.end('mine')
    let received = ''
    await connection.receive(
      async bytes => {
        received += Buffer.from(bytes).toString()
      },
      { buffers: new BufferPool() },
    )
    expect(received).toBe('mine')
    expect(strays).toEqual(['127.0.0.2', '127.0.0.3'])
    connection.destroy()
  })

  it('takes anybody where the peer check is off', async () => {
    const { channel, strays } = await channelFor({ passive: { ports: await freePortRange(3), peerCheck: 'off' } })
    const { port } = await channel.listen('pasv')
    dial(port, '127.0.0.2')
    const connection = await channel.open('clear', never)
    expect(strays).toEqual([])
    connection.destroy()
  })

  it.each([
    ['goes off holds at once, also for a port that waits already', 'same-address', 'off'],
    ['comes back holds for new sessions only: the address of this one may be that of a proxy', 'off', 'same-address'],
  ] as const)('a peer check that %s', async (_, before, after) => {
    const { channel, strays, checkPeers } = await channelFor({
      passive: { ports: await freePortRange(3), peerCheck: before },
    })
    const { port } = await channel.listen('pasv')
    checkPeers(after)
    dial(port, '127.0.0.2')
    const connection = await channel.open('clear', never)
    expect(strays).toEqual([])
    connection.destroy()
  })

  it('knows an IPv4 client of a dual-stack listener', async () => {
    const { channel } = await channelFor({}, { peer: '::ffff:127.0.0.1', local: '::ffff:127.0.0.1' })
    const { address, port } = await channel.listen('pasv')
    expect(address).toBe('127.0.0.1')
    dial(port)
    const connection = await channel.open('clear', never)
    connection.destroy()
  })

  it('works over IPv6 with EPSV, and refuses PASV there', async () => {
    const { channel } = await channelFor({}, { peer: '::1', local: '::1' })
    await expect(async () => channel.listen('pasv')).rejects.toMatchObject({
      name: 'DataChannelError',
      kind: 'wrong-family',
    })
    const { port } = await channel.listen('epsv')
    const client = connect({ port, host: '::1' })
    client.on('error', () => {})
    const connection = await channel.open('clear', never)
    connection.destroy()
  })

  it.each(['auto', 'off'] as const)(
    'replaces the port of a second PASV, and drops it when told to: sharing %s',
    async sharing => {
      const { channel, passivePorts } = await channelFor({ passive: { ports: await freePortRange(10), sharing } })
      const first = await channel.listen('pasv')
      let second = await channel.listen('pasv')
      // A port that is one session's alone is closed after it, and may be the next one.
      while (second.port === first.port) second = await channel.listen('pasv')
      expect(passivePorts.inUse).toBe(1)
      await nobodyAt(first.port)
      channel.discard()
      expect(passivePorts.inUse).toBe(0)
      expect(channel.state).toBe('none')
      await nobodyAt(second.port)
    },
  )

  it('gives up after its time, at once for later transfers', async () => {
    const { channel, passivePorts } = await channelFor({ limits: { passiveAcceptTimeoutSeconds: 1 } })
    await channel.listen('pasv')
    await expect(channel.open('clear', never)).rejects.toMatchObject({ kind: 'timeout' })
    expect(passivePorts.inUse).toBe(0)
    await channel.listen('pasv')
    await eventually(() => passivePorts.inUse === 0, 'the timeout')
    expect(channel.state).toBe('none')
    await expect(channel.open('clear', never)).rejects.toMatchObject({ kind: 'timeout' })
  })

  it('stops waiting when the signal aborts', async () => {
    const { channel, passivePorts } = await channelFor({})
    await channel.listen('pasv')
    const stop = new AbortController()
    const opening = channel.open('clear', stop.signal)
    stop.abort()
    await expect(opening).rejects.toMatchObject({ kind: 'aborted' })
    expect(passivePorts.inUse).toBe(0)
  })

  it.each(['auto', 'off'] as const)(
    'uses every port of the range, passes by those that others hold, and says when none is left: sharing %s',
    async sharing => {
      const ports = await freePortRange(5)
      const other = createServer().listen(ports.first + 2, '127.0.0.1')
      await once(other, 'listening')
      const passivePorts = new PassivePorts(() => {})
      const listen = async () =>
        passivePorts.listen({
          address: '127.0.0.1',
          ports,
          sharing,
          portWaitSeconds: 0,
          client: '127.0.0.1',
          isExpected: () => true,
          onStray: () => {},
          acceptTimeoutSeconds: 10,
        })
      const opened = await Promise.all([listen(), listen(), listen(), listen()])
      expect(opened.map(({ port }) => port).sort((a, b) => a - b)).toEqual(
        [0, 1, 3, 4].map(index => ports.first + index),
      )
      await expect(listen()).rejects.toMatchObject({ kind: 'no-port' })
      opened[0]?.close()
      await eventually(
        () =>
          listen().then(
            ({ port }) => port === opened[0]?.port,
            () => false,
          ),
        'the port is free again',
      )
      passivePorts.close()
      expect(passivePorts.inUse).toBe(0)
      other.close()
    },
  )

  it('tells the advertised address and port, or that there is none yet', async () => {
    const ports = await freePortRange(1)
    const { channel } = await channelFor({
      passive: {
        ports,
        advertisedAddress: '203.0.113.9',
        advertisedPorts: [{ port: ports.first, advertised: 31_234 }],
      },
    })
    expect(await channel.listen('pasv')).toEqual({ address: '203.0.113.9', port: 31_234 })
    channel.discard()
    const pending = await channelFor({ passive: { ports: await freePortRange(1), advertisedAddress: 'pending' } })
    await expect(async () => pending.channel.listen('pasv')).rejects.toMatchObject({ kind: 'no-address' })
    await expect(async () => pending.channel.listen('epsv')).rejects.toMatchObject({ kind: 'no-address' })
  })
})

describe('an active data connection', () => {
  it('goes to the client from the local address of the control connection', async () => {
    const { channel } = await channelFor({}, { peer: '127.0.0.1', local: '127.0.0.5' })
    const client = createServer().listen(0, '127.0.0.1')
    await once(client, 'listening')
    channel.target({ address: '::ffff:127.0.0.1', port: (client.address() as AddressInfo).port })
    expect(channel.state).toBe('active')
    const [[socket], connection] = await Promise.all([once(client, 'connection'), channel.open('clear', never)])
    expect((socket as Socket).remoteAddress).toBe('127.0.0.5')
    expect(channel.state).toBe('none')
    connection.destroy()
    client.close()
  })

  it('is refused where nobody listens, and replaced by PASV', async () => {
    const { channel } = await channelFor({})
    const closed = createServer().listen(0, '127.0.0.1')
    await once(closed, 'listening')
    const { port } = closed.address() as AddressInfo
    closed.close()
    channel.target({ address: '127.0.0.1', port })
    await expect(channel.open('clear', never)).rejects.toMatchObject({ kind: 'refused' })
    channel.target({ address: '127.0.0.1', port })
    await channel.listen('pasv')
    expect(channel.state).toBe('passive')
    channel.discard()
  })

  it('does not begin once the signal has aborted', async () => {
    const { channel } = await channelFor({})
    channel.target({ address: '127.0.0.1', port: 9 })
    await expect(channel.open('clear', AbortSignal.abort())).rejects.toMatchObject({ kind: 'aborted' })
  })
})

/** A control connection whose client has a TLS session to resume. */
async function controlSession(session: SessionTls, version: TlsVersion): Promise<Buffer> {
  let client: TLSSocket | undefined
  const { server } = await connectedPair(port => {
    client = tlsClient(port, version)
    return client
  })
  const control = await session.secureControl(server, never)
  if (client === undefined) throw new Error('no client')
  const ticket = once(client, 'session')
  client.resume()
  control.stream.on('error', () => {})
  control.stream.write('220 ready\r\n')
  const [data] = await ticket
  client.destroy()
  control.destroy()
  return data
}

describe.each(tlsVersions)('a data connection over %s', version => {
  it.each(['passive', 'active'] as const)('has the server as TLS server when it is %s', async mode => {
    const { channel } = await channelFor({}, { tls: testSessionTls(certificate) })
    const received = Promise.withResolvers<string>()
    const read = async (client: TLSSocket) => received.resolve((await readAll(client)).toString())
    if (mode === 'passive') void read(tlsClient((await channel.listen('pasv')).port, version))
    else {
      const listener = createServer(socket => {
        listener.close()
        void read(tlsClient(0, version, { socket }))
      }).listen(0, '127.0.0.1')
      await once(listener, 'listening')
      channel.target({ address: '127.0.0.1', port: (listener.address() as AddressInfo).port })
    }
    const connection = await channel.open('private', never, 'send')
    expect(connection.protection).toBe(version)
    await connection.write(Buffer.from('hello'))
    await connection.end()
    expect(await received.promise).toBe('hello')
  })

  it.each([
    ['required', 'own', 'accepted'],
    ['required', 'none', 'not-resumed'],
    ['required', 'foreign', 'not-resumed'],
    ['auto', 'none', 'accepted'],
    ['auto', 'foreign', 'accepted'],
    ['off', 'none', 'accepted'],
  ] as const)('with session reuse %s and %s session is %s', async (sessionReuse, whose, expected) => {
    const tls = testSessionTls(certificate)
    const { channel, failures } = await channelFor({ tls: { sessionReuse } }, { tls })
    const session =
      whose === 'none' ? undefined : await controlSession(whose === 'own' ? tls : testSessionTls(certificate), version)
    const { port } = await channel.listen('pasv')
    const client = tlsClient(port, version, session === undefined ? {} : { session })
    const outcome = await channel.open('private', never).then(
      connection => {
        connection.destroy()
        return 'accepted'
      },
      error => error.kind,
    )
    client.destroy()
    expect(outcome).toBe(expected)
    expect(failures.length).toBe(expected === 'accepted' ? 0 : 1)
  })

  it('gives whoever does not resume nothing to resume by, where that is demanded', async () => {
    const tls = testSessionTls(certificate)
    const { channel } = await channelFor({ tls: { sessionReuse: 'required' } }, { tls })
    const own = await controlSession(tls, version)
    const stranger = tlsClient((await channel.listen('pasv')).port, version)
    const issued: Buffer[] = []
    stranger.on('session', session => issued.push(session))
    stranger.resume()
    const gone = once(stranger, 'close')
    await expect(channel.open('private', never, 'send')).rejects.toMatchObject({ kind: 'not-resumed' })
    await gone
    for (const session of issued) {
      const again = tlsClient((await channel.listen('pasv')).port, version, { session })
      await expect(channel.open('private', never)).rejects.toMatchObject({ kind: 'not-resumed' })
      again.destroy()
    }
    for (const session of version === 'TLSv1.2' ? [own, own] : [own]) {
      const client = tlsClient((await channel.listen('pasv')).port, version, { session })
      ;(await channel.open('private', never)).destroy()
      client.destroy()
    }
  })

  it('must be resumed from then on once it was, by default', async () => {
    const tls = testSessionTls(certificate)
    const { channel } = await channelFor({}, { tls })
    const session = await controlSession(tls, version)
    const first = tlsClient((await channel.listen('pasv')).port, version, { session })
    ;(await channel.open('private', never, 'send')).destroy()
    first.destroy()
    const thief = tlsClient((await channel.listen('pasv')).port, version)
    await expect(channel.open('private', never)).rejects.toMatchObject({ kind: 'not-resumed' })
    thief.destroy()
  })
})

describe('a data connection that is to be private', () => {
  it('fails when the client speaks no TLS, goes, or there is no TLS on the control connection', async () => {
    const { channel, failures } = await channelFor({}, { tls: testSessionTls(certificate) })
    dial((await channel.listen('pasv')).port).write('hello, this is clear text\r\n')
    await expect(channel.open('private', never)).rejects.toMatchObject({ kind: 'tls-failed' })
    const gone = dial((await channel.listen('pasv')).port)
    gone.once('connect', () => gone.end())
    await expect(channel.open('private', never)).rejects.toMatchObject({ kind: 'tls-failed' })
    expect(failures.length).toBe(2)
    const clear = await channelFor({})
    dial((await clear.channel.listen('pasv')).port)
    await expect(clear.channel.open('private', never)).rejects.toMatchObject({ kind: 'tls-failed' })
  })

  it('fails when the handshake takes too long or the signal aborts', async () => {
    const { channel } = await channelFor({}, { tls: testSessionTls(certificate, {}, 0.05) })
    const silent = dial((await channel.listen('pasv')).port)
    await expect(channel.open('private', never)).rejects.toMatchObject({ kind: 'timeout' })
    silent.destroy()
    const patient = await channelFor({}, { tls: testSessionTls(certificate) })
    const other = dial((await patient.channel.listen('pasv')).port)
    await once(other, 'connect')
    const stop = new AbortController()
    const opening = patient.channel.open('private', stop.signal)
    stop.abort()
    await expect(opening).rejects.toMatchObject({ kind: 'aborted' })
    other.destroy()
  })
})

it.each([
  ['off', 1000],
  // A port that was given up serves nobody for a while.
  ['auto', 90],
] as const)(
  'leaves no port, socket or descriptor behind with sharing %s after %i aborted transfers',
  async (sharing, count) => {
    const tls = testSessionTls(certificate)
    const { channel, passivePorts } = await channelFor(
      { passive: { ports: await freePortRange(40), sharing } },
      { tls },
    )
    const kept = sharing === 'off' ? 0 : 40
    const { listening } = await openDescriptors(process.pid)
    const cycle = async (turn: number) => {
      const stop = new AbortController()
      const { port } = await channel.listen('epsv')
      const client = turn % 3 === 0 ? undefined : turn % 3 === 1 ? dial(port) : tlsClient(port, 'TLSv1.3')
      const opening = channel.open(turn % 3 === 2 ? 'private' : 'clear', stop.signal)
      if (turn % 2 === 0) stop.abort()
      else if (client === undefined) stop.abort()
      await opening.then(
        connection => connection.destroy(),
        () => {},
      )
      client?.destroy()
    }
    for (let turn = 0; turn < 90; turn++) await cycle(turn)
    await eventually(
      () => process.getActiveResourcesInfo().filter(name => name.startsWith('TCP')).length < 5 + kept,
      'closed sockets',
    )
    const { others } = await openDescriptors(process.pid)
    for (let turn = 0; turn < count; turn++) await cycle(turn)
    expect(passivePorts.inUse).toBe(0)
    await eventually(async () => {
      const now = await openDescriptors(process.pid)
      return now.others <= others + 2 && now.listening <= listening + kept
    }, 'closed descriptors')
    await eventually(
      () => process.getActiveResourcesInfo().filter(name => name === 'Timeout').length < 10,
      'cleared timers',
    )
  },
)
