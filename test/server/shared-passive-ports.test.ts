/** Passive ports that many sessions wait on: who connects is told apart by address and by TLS session, and nobody gets another's connection. */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import type { CertificateFiles } from '../../server/config/configuration.ts'
import { DataChannel } from '../../server/data/data-channel.ts'
import type { DataConnection } from '../../server/data/data-connection.ts'
import { AdvertisedAddresses } from '../../server/data/passive/advertised-address.ts'
import { PassivePorts } from '../../server/data/passive/passive.ts'
import { noShare, type PortShare, wholeRange } from '../../server/data/passive/port-order.ts'
import type { SessionTls } from '../../server/tls/session-tls.ts'
import {
  connectedPair,
  readAll,
  testCertificate,
  testConfiguration,
  testSessionTls,
  tlsClient,
  tlsVersions,
} from '../support/data-connections.ts'
import { nobodyAt } from '../support/data-ports.ts'
import { eventually } from '../support/eventually.ts'
import { freePort } from '../support/server.ts'

let certificate: CertificateFiles
beforeAll(async () => {
  certificate = await testCertificate()
})

const never = new AbortController().signal

type More = { readonly peer?: string; readonly tls?: SessionTls; readonly isPrivate?: () => boolean }

/** A server with one passive port. */
async function onePort(
  sections: Parameters<typeof testConfiguration>[0] = {},
  { share = () => wholeRange }: { readonly share?: () => PortShare } = {},
) {
  const only = await freePort('127.0.0.1')
  const passivePorts = new PassivePorts(() => {}, share)
  onTestFinished(() => passivePorts.close())
  const passive = { ports: { first: only, last: only }, portWaitSeconds: 1, ...sections.passive }
  const configuration = testConfiguration({ ...sections, passive })
  const strays: string[] = []
  const session = ({ peer = '127.0.0.1', tls, isPrivate = () => tls !== undefined }: More = {}) => {
    const channel = new DataChannel({
      session: { peer: { address: peer, port: 40_000 }, local: { address: '127.0.0.1', port: 21 } },
      boundAddress: () => '127.0.0.1',
      configuration: () => configuration,
      passivePorts,
      advertisedAddresses: new AdvertisedAddresses(),
      tls: () => tls,
      isPrivate,
      onStray: address => strays.push(address),
      onTlsFailure: () => {},
    })
    onTestFinished(() => channel.discard())
    return channel
  }
  return { only, passivePorts, session, strays, policy: configuration.server.passive }
}

function dial(port: number, localAddress = '127.0.0.1'): Socket {
  const client = connect({ port, host: '127.0.0.1', localAddress })
  client.on('error', () => {})
  onTestFinished(() => void client.destroy())
  return client
}

function gone(client: Socket): Promise<void> {
  return new Promise(resolve => client.once('close', () => resolve()))
}

async function tell(connection: DataConnection, word: string): Promise<void> {
  await connection.write(Buffer.from(word))
  await connection.end()
}

const heard = async (client: Socket): Promise<string> => (await readAll(client)).toString()

describe('One port serves', () => {
  it('sessions of different addresses at once, each its own client, whoever comes first', async () => {
    const { session, passivePorts, strays } = await onePort()
    const peers = Array.from({ length: 20 }, (_, index) => `127.0.1.${index + 1}`)
    const channels = peers.map(peer => session({ peer }))
    const ports = await Promise.all(channels.map(async channel => (await channel.listen('epsv')).port))
    expect(new Set(ports).size).toBe(1)
    expect(passivePorts.inUse).toBe(1)
    const clients = new Map(peers.toReversed().map(peer => [peer, dial(ports[0] ?? 0, peer)]))
    const words = peers.map(peer => heard(clients.get(peer) ?? dial(0)))
    for (const [index, channel] of channels.entries())
      await tell(await channel.open('clear', never), peers[index] ?? '')
    expect(await Promise.all(words)).toEqual(peers)
    expect(passivePorts.inUse).toBe(0)
    expect(strays).toEqual([])
  })

  it('sessions of one address one after the other in clear text, as soon as the client of each has come', async () => {
    const { session, only } = await onePort({ passive: { portWaitSeconds: 60 } })
    const order: number[] = []
    const channels = [session(), session(), session()]
    const served = channels.map(async (channel, index) => {
      const { port } = await channel.listen('epsv')
      order.push(index)
      const word = heard(dial(port))
      await tell(await channel.open('clear', never), `${index}`)
      return word
    })
    expect(await Promise.all(served)).toEqual(['0', '1', '2'])
    expect(order).toEqual([0, 1, 2])
    await nobodyAt(only)
  })

  it('no second session of an address that nothing tells apart from the first: it is refused in time', async () => {
    const { session } = await onePort()
    await session().listen('epsv')
    await expect(session().listen('epsv')).rejects.toMatchObject({ kind: 'no-port' })
  })

  it('nobody with the same address as one that was given up, while its client may be on its way', async () => {
    const { session, only } = await onePort({ passive: { portWaitSeconds: 10 } })
    const first = session()
    await first.listen('epsv')
    first.discard()
    const second = session()
    const listening = second.listen('epsv')
    const late = dial(only)
    await gone(late)
    await listening
    const client = dial(only)
    const connection = await second.open('clear', never)
    expect(late.bytesRead).toBe(0)
    const word = heard(client)
    await tell(connection, 'second')
    expect(await word).toBe('second')
  })

  it('a client that came in time, though the process was not let run until it was over', async () => {
    const { session, only } = await onePort({ limits: { passiveAcceptTimeoutSeconds: 1 } })
    const channel = session()
    await channel.listen('epsv')
    const word = heard(dial(only))
    // It connects in the next tick, and the kernel accepts it.
    const stoodStill = new Promise<void>(resolve => {
      process.nextTick(() => {
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1200)
        resolve()
      })
    })
    await stoodStill
    await tell(await channel.open('clear', never), 'in time')
    expect(await word).toBe('in time')
  })

  it('one session at a time where addresses are hidden', async () => {
    const { session } = await onePort({ passive: { peerCheck: 'off' } })
    await session({ peer: '127.0.1.1' }).listen('epsv')
    await expect(session({ peer: '127.0.1.2' }).listen('epsv')).rejects.toMatchObject({ kind: 'no-port' })
  })

  it('nobody who has left while it waited', async () => {
    const { session } = await onePort({ passive: { portWaitSeconds: 60 } })
    const first = session()
    const { port } = await first.listen('epsv')
    const leaving = session()
    const listening = leaving.listen('epsv')
    const third = session().listen('epsv')
    leaving.discard()
    dial(port)
    ;(await first.open('clear', never)).destroy()
    await expect(listening).rejects.toMatchObject({ kind: 'aborted' })
    expect((await third).port).toBe(port)
  })
})

/** A session under TLS, and what its client can resume with. */
async function controlled(version: 'TLSv1.2' | 'TLSv1.3', handshakeTimeoutSeconds = 5) {
  const tls = testSessionTls(certificate, {}, handshakeTimeoutSeconds)
  let client: TLSSocket | undefined
  const { server } = await connectedPair(port => {
    client = tlsClient(port, version)
    return client
  })
  const control = await tls.secureControl(server, never)
  if (client === undefined) throw new Error('no client')
  const ticket = once(client, 'session')
  client.resume()
  control.stream.on('error', () => {})
  control.stream.write('220 ready\r\n')
  const [session]: Buffer[] = await ticket
  client.destroy()
  control.destroy()
  return { tls, session }
}

describe.each(tlsVersions)('Under %s, with proof demanded, one port serves', version => {
  it('sessions of one address at once, each its own client', async () => {
    const { session, only, passivePorts } = await onePort({ tls: { sessionReuse: 'required' } })
    const parties = await Promise.all(Array.from({ length: 5 }, () => controlled(version)))
    const channels = parties.map(({ tls }) => session({ tls }))
    for (const channel of channels) await channel.listen('epsv')
    const words = parties
      .toReversed()
      .map(({ session: ticket }) => heard(tlsClient(only, version, ticket && { session: ticket })))
    await Promise.all(
      channels.map(async (channel, index) => tell(await channel.open('private', never, 'send'), `${index}`)),
    )
    expect(await Promise.all(words)).toEqual(['4', '3', '2', '1', '0'])
    expect(passivePorts.inUse).toBe(0)
  })

  it('each its own client though strangers come first and say nothing, speak no TLS or resume nothing', async () => {
    const { session, only } = await onePort({ tls: { sessionReuse: 'required' } })
    const parties = [await controlled(version), await controlled(version)]
    const channels = parties.map(({ tls }) => session({ tls }))
    for (const channel of channels) await channel.listen('epsv')
    dial(only)
    dial(only).write('GET / HTTP/1.1\r\n\r\n')
    dial(only).end()
    const thief = tlsClient(only, version)
    await gone(thief)
    const words = parties.map(({ session: ticket }) => heard(tlsClient(only, version, ticket && { session: ticket })))
    for (const [index, channel] of channels.entries())
      await tell(await channel.open('private', never, 'send'), `${index}`)
    expect(await Promise.all(words)).toEqual(['0', '1'])
  })

  it('nobody without proof beside those who have it', async () => {
    const { session } = await onePort({ tls: { sessionReuse: 'required' } })
    const { tls } = await controlled(version)
    await session({ tls }).listen('epsv')
    await expect(session().listen('epsv')).rejects.toMatchObject({ kind: 'no-port' })
  })

  it('nobody in clear text any more who came to it with proof', async () => {
    const { session, only } = await onePort({ tls: { sessionReuse: 'required' } })
    const { tls } = await controlled(version)
    const channel = session({ tls })
    await channel.listen('epsv')
    dial(only)
    await expect(channel.open('clear', never)).rejects.toMatchObject({ kind: 'not-set-up' })
  })

  /** Two sessions of one address on one port, the second of which waits for a client that does not come. */
  async function forsaken(limits: { readonly passiveAcceptTimeoutSeconds?: number } = {}) {
    const { session, only } = await onePort({ tls: { sessionReuse: 'required' }, limits })
    const [other, own] = [await controlled(version), await controlled(version, 1)]
    const channels = [session({ tls: other.tls }), session({ tls: own.tls })] as const
    for (const channel of channels) await channel.listen('epsv')
    return { only, channels, other, own }
  }

  it('nobody for longer because the client of another is there, and has nothing to say yet', async () => {
    const { only, channels, other } = await forsaken({ passiveAcceptTimeoutSeconds: 1 })
    const [first, second] = channels
    const client = dial(only)
    await once(client, 'connect')
    await expect(second.open('private', never)).rejects.toMatchObject({ kind: 'timeout' })
    const word = heard(tlsClient(only, version, { socket: client, ...(other.session && { session: other.session }) }))
    await tell(await first.open('private', never, 'send'), 'first')
    expect(await word).toBe('first')
  })

  it('nobody for longer because clients of others keep coming', async () => {
    const { only, channels } = await forsaken({ passiveAcceptTimeoutSeconds: 2 })
    const crowd = setInterval(() => void dial(only), 200)
    onTestFinished(() => clearInterval(crowd))
    await expect(channels[1].open('private', never)).rejects.toMatchObject({ kind: 'timeout' })
  })

  it('nobody for longer because others keep coming after its client has failed', async () => {
    const { only, channels, own } = await forsaken()
    const crowd = setInterval(() => void dial(only).end(), 200)
    onTestFinished(() => clearInterval(crowd))
    tlsClient(only, version, { ...(own.session && { session: own.session }), ALPNProtocols: ['http/1.1'] })
    await expect(channels[1].open('private', never)).rejects.toMatchObject({ kind: 'tls-failed' })
  })

  /** Two sessions of two addresses on one port, and as many silent connections from the first as there is room for. */
  async function crowded() {
    const { session, only } = await onePort({
      tls: { sessionReuse: 'required' },
      limits: { passiveAcceptTimeoutSeconds: 5 },
    })
    const [loud, own] = [await controlled(version), await controlled(version)]
    const first = session({ tls: loud.tls, peer: '127.0.1.1' })
    const second = session({ tls: own.tls })
    for (const channel of [first, second]) await channel.listen('epsv')
    const silent = Array.from({ length: 20 }, () => dial(only, '127.0.1.1'))
    await Promise.race(silent.map(gone))
    return { only, first, second, own, silent }
  }

  it('its client though one of another address has connected as often as it can, and says nothing', async () => {
    const { only, second, own } = await crowded()
    const [word] = await Promise.all([
      heard(tlsClient(only, version, own.session && { session: own.session })),
      second.open('private', never, 'send').then(connection => tell(connection, 'second')),
    ])
    expect(word).toBe('second')
  })

  it('nobody any more whose session has left, while others wait', async () => {
    const { first, second, silent } = await crowded()
    const all = Promise.all(silent.filter(client => !client.closed).map(gone))
    first.discard()
    await all
    expect(second.state).toBe('passive')
  })

  it('several where addresses are hidden, as TLS tells them apart', async () => {
    const { session, only } = await onePort({ tls: { sessionReuse: 'required' }, passive: { peerCheck: 'off' } })
    const parties = [await controlled(version), await controlled(version)]
    const channels = parties.map(({ tls }, index) => session({ tls, peer: `127.0.1.${index + 1}` }))
    for (const channel of channels) await channel.listen('epsv')
    const words = parties.map(({ session: ticket }) => heard(tlsClient(only, version, ticket && { session: ticket })))
    for (const [index, channel] of channels.entries())
      await tell(await channel.open('private', never, 'send'), `${index}`)
    expect(await Promise.all(words)).toEqual(['0', '1'])
  })
})

describe('Listening', () => {
  it('goes on when nobody waits, and ends where the port is not in the range any more, or another process’s', async () => {
    let share = wholeRange
    const { session, only, passivePorts, policy } = await onePort({}, { share: () => share })
    const serve = async () => {
      const channel = session()
      const { port } = await channel.listen('epsv')
      dial(port)
      ;(await channel.open('clear', never)).destroy()
    }
    await serve()
    expect(await isOpen(only)).toBe(true)
    passivePorts.follow({ ...policy, ports: { first: 1025, last: 1025 } })
    expect(await isOpen(only)).toBe(false)
    await serve()
    share = noShare
    passivePorts.follow(policy)
    expect(await isOpen(only)).toBe(false)
    // While nobody else has it, it can be borrowed.
    await serve()
    expect(await isOpen(only)).toBe(false)
  })

  it('ends after who waits there has been served', async () => {
    const { session, only, passivePorts, policy } = await onePort()
    const channel = session()
    await channel.listen('epsv')
    passivePorts.follow({ ...policy, ports: { first: 1025, last: 1025 } })
    const word = heard(dial(only))
    await tell(await channel.open('clear', never), 'served')
    expect(await word).toBe('served')
    expect(await isOpen(only)).toBe(false)
  })

  it('ends with each session where sharing is off', async () => {
    const { session, only } = await onePort({ passive: { sharing: 'off' } })
    const first = session({ peer: '127.0.1.1' })
    await first.listen('epsv')
    await expect(session({ peer: '127.0.1.2' }).listen('epsv')).rejects.toMatchObject({ kind: 'no-port' })
    first.discard()
    expect(await isOpen(only)).toBe(false)
  })

  it('is tried again where somebody else has had the port', async () => {
    const other = createServer().listen(0, '127.0.0.1')
    await once(other, 'listening')
    const { port } = other.address() as AddressInfo
    const { session } = await onePort({ passive: { ports: { first: port, last: port }, portWaitSeconds: 10 } })
    const listening = session().listen('epsv')
    other.close()
    expect((await listening).port).toBe(port)
  })

  it('closes with all that wait', async () => {
    const { session, passivePorts, only } = await onePort({ passive: { portWaitSeconds: 60 } })
    const first = session()
    await first.listen('epsv')
    const opening = first.open('clear', never)
    const waiting = session().listen('epsv')
    passivePorts.close()
    await expect(opening).rejects.toMatchObject({ kind: 'aborted' })
    await expect(waiting).rejects.toMatchObject({ kind: 'aborted' })
    await eventually(async () => !(await isOpen(only)), 'the port is closed')
  })
})

it('Of a wide range others are kept open where another process has those that were', async () => {
  // A quarter of a range this wide is kept. Of six servers one at least begins with a quarter that is taken.
  const ports = { first: 40_000, last: 41_023 }
  const address = '127.91.7.3'
  const others = Array.from({ length: 1024 }, (_, index) => index).filter(index => index % 4 !== 0)
  await Promise.all(others.map(index => occupy(ports.first + index, address)))
  const six = Array.from({ length: 6 }, () => new PassivePorts(() => {}))
  onTestFinished(() => {
    for (const each of six) each.close()
  })
  for (const passivePorts of six) {
    const lastPort = async (): Promise<number> => {
      const port = await passivePorts.listen({
        address,
        ports,
        sharing: 'auto',
        portWaitSeconds: 0,
        client: '127.0.0.1',
        isExpected: () => true,
        onStray: () => {},
        acceptTimeoutSeconds: 10,
      })
      port.close()
      return port.port
    }
    await eventually(async () => isOpen(await lastPort(), address), 'a port stays open')
  }
})

async function occupy(port: number, host: string): Promise<void> {
  const server = createServer().listen(port, host)
  onTestFinished(() => void server.close())
  await once(server, 'listening')
}

/** Whether somebody listens there. */
async function isOpen(port: number, host = '127.0.0.1'): Promise<boolean> {
  const other = createServer()
  const outcome = await new Promise<boolean>(resolve => {
    other.once('error', () => resolve(true))
    other.listen({ port, host, exclusive: true }, () => resolve(false))
  })
  other.close()
  return outcome
}
