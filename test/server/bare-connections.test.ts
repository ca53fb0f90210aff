/** Connections without a socket of Node's: what goes over them is whole, and what is cut is told apart from what has ended. */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { acceptBare, ReceivedConnections } from '../../server/data/bare-acceptance.ts'
import { BareConnection, hasPeer } from '../../server/data/bare-connection.ts'
import { closedByOther, receiveSome } from '../../server/data/moving/bare-transfer.ts'
import {
  barePair,
  connectedPair,
  pattern,
  readAll,
  receivedPair,
  testSocketCalls,
} from '../support/data-connections.ts'
import { eventually } from '../support/eventually.ts'

describe.each(['here', 'by another process'] as const)('A connection without a socket, accepted %s,', by => {
  it('takes what the kernel takes, and ends', async () => {
    const { client, server } = await pair(by)
    const received = readAll(client)
    expect(server.send(pattern(4096), 'more')).toBe(4096)
    expect(server.end()).toBe(true)
    expect((await received).equals(pattern(4096))).toBe(true)
    server.close()
  })

  it('gives what has come, then says whether more can', async () => {
    const { client, server } = await pair(by)
    const buffer = Buffer.alloc(10_000)
    client.write(pattern(3000))
    expect(await receiveSome(server, buffer)).toMatchObject({ count: 3000, then: 'more' })
    expect(buffer.subarray(0, 3000).equals(pattern(3000))).toBe(true)
    client.end()
    expect(await receiveSome(server, buffer)).toEqual({ count: 0, then: 'end' })
    server.close()
  })

  it('gives no more than there is room for, and the rest later', async () => {
    const { client, server } = await pair(by)
    client.end(pattern(2500))
    const parts: Buffer[] = []
    for (;;) {
      const buffer = Buffer.alloc(1000)
      const { count, then } = await receiveSome(server, buffer)
      parts.push(buffer.subarray(0, count))
      if (then === 'end') break
    }
    expect(Buffer.concat(parts).equals(pattern(2500))).toBe(true)
    server.close()
  })

  it('is lost when the client resets it, also to whoever asks again', async () => {
    const { client, server } = await pair(by)
    client.resetAndDestroy()
    expect(await receiveSome(server, Buffer.alloc(10))).toEqual({ count: 0, then: 'lost' })
    expect(server.receive(Buffer.alloc(10))).toBe('lost')
    server.close()
  })

  it('ends the waiting when it is closed', async () => {
    const { server } = await pair(by)
    const waiting = receiveSome(server, Buffer.alloc(10))
    server.close()
    expect(await waiting).toEqual({ count: 0, then: 'lost' })
    expect(server.send(pattern(4), 'nothing')).toBe(0)
  })

  it('waits for the client to close, whatever that still says', async () => {
    const { client, server } = await pair(by)
    server.end()
    let isClosed = false
    const closing = closedByOther(server, 60_000).finally(() => {
      isClosed = true
    })
    client.resume().write(pattern(100_000))
    await new Promise<void>(resolve => client.once('end', resolve))
    expect(isClosed).toBe(false)
    client.end()
    await closing
    expect(server.closed).toBe(true)
  })

  it('does not wait for ever', async () => {
    const { client, server } = await pair(by)
    server.end()
    client.resume()
    await closedByOther(server, 20)
    expect(server.closed).toBe(true)
  })

  it('knows its ends, and which descriptor it has, until it is closed', async () => {
    const { client, server } = await pair(by)
    expect(server.remoteEnd).toMatchObject({ address: '127.0.0.1', port: client.localPort })
    expect(server.localEnd).toMatchObject({ address: '127.0.0.1', port: client.remotePort })
    expect(server.descriptor).toBeGreaterThan(2)
    server.close()
    expect([server.remoteEnd, server.localEnd, server.descriptor]).toEqual([undefined, undefined, undefined])
    await once(client.resume(), 'end')
  })

  it('tells of a stall once nothing has moved for long', async () => {
    const { server } = await pair(by)
    const { promise: stalled, resolve } = Promise.withResolvers<string>()
    server.watchStall(20, () => resolve('stalled'))
    expect(await stalled).toBe('stalled')
  })

  it('becomes a socket at any time, and is a destroyed one when it is closed', async () => {
    const { client, server } = await pair(by)
    const buffer = Buffer.alloc(10)
    client.write('before')
    expect(await receiveSome(server, buffer)).toMatchObject({ count: 6 })
    const socket = server.socket()
    client.end('after')
    expect((await readAll(socket)).toString()).toBe('after')
    expect(server.closed).toBe(true)
    expect(server.socket().destroyed).toBe(true)
    socket.destroy()
  })
})

it('where there are no calls, connections of another process are sockets', async () => {
  const received = new ReceivedConnections(undefined)
  for (const _ of [1, 2]) {
    const { client, server } = await barePair()
    const socket = received.take(testSocketCalls().duplicate(server.descriptor ?? -1) ?? -1)
    if (socket instanceof BareConnection) throw new Error('it is bare')
    server.close()
    client.end('whole')
    expect((await readAll(socket)).toString()).toBe('whole')
    socket.destroy()
    client.destroy()
  }
})

it.each([
  { bound: '127.0.0.1', by: '127.0.0.1', from: ['127.0.0.1', '127.3.2.1', '127.200.255.254', '127.3.2.1'] },
  { bound: '::1', by: '::1', from: ['::1'] },
  { bound: '::', by: '127.0.0.1', from: ['127.0.0.1'] },
])('tells who has come to $bound', async ({ bound, by, from }) => {
  const listener = createServer().listen(0, bound)
  await once(listener, 'listening')
  onTestFinished(() => void listener.close())
  const taken: BareConnection[] = []
  acceptBare(listener, testSocketCalls(), connection => taken.push(connection) > 0)
  for (const address of from) {
    const { port } = listener.address() as AddressInfo
    const client = connect({ port, host: by, localAddress: address })
    onTestFinished(() => void client.destroy())
    await once(client, 'connect')
    await eventually(() => taken.length > 0, 'the connection')
    const connection = taken.pop()
    expect(connection?.remoteEnd).toMatchObject({ address, port: client.localPort })
    connection?.close()
    expect(connection?.remoteAddress).toBeUndefined()
  }
})

it('where a connection is not taken, the server emits it as a socket', async () => {
  const listener = createServer().listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const addresses: (string | undefined)[] = []
  acceptBare(listener, testSocketCalls(), ({ remoteAddress }) => {
    addresses.push(remoteAddress)
    return false
  })
  const emitted = once(listener, 'connection') as Promise<[Socket]>
  const client = connect((listener.address() as AddressInfo).port, '127.0.0.1')
  const [socket] = await emitted
  socket.end('whole')
  expect((await readAll(client)).toString()).toBe('whole')
  expect(addresses).toEqual(['127.0.0.1'])
  listener.close()
})

async function pair(by: 'here' | 'by another process') {
  const both = await (by === 'here' ? barePair() : receivedPair())
  onTestFinished(() => {
    both.client.destroy()
    both.server.close()
  })
  return both
}

it('A reset shows on a socket that nobody reads as well', async () => {
  const { client, server } = await connectedPair()
  expect(hasPeer(server)).toBe(true)
  client.resetAndDestroy()
  await eventually(() => !hasPeer(server), 'the reset')
  expect(server.destroyed).toBe(false)
  server.destroy()
})

describe('A server that gives its connections without sockets', () => {
  it.each([
    { atOnce: 4, turns: [4, 4, 2] },
    { atOnce: 100, turns: [10] },
  ])('takes $atOnce that wait in a turn of the event loop, and leaves none waiting', async ({ atOnce, turns }) => {
    const server = await listening()
    const taken: BareConnection[] = []
    const inTurn: number[] = []
    let isNewTurn = true
    const take = (connection: BareConnection): boolean => {
      if (isNewTurn) {
        inTurn.push(0)
        isNewTurn = false
        setImmediate(() => {
          isNewTurn = true
        })
      }
      inTurn[inTurn.length - 1] = (inTurn.at(-1) ?? 0) + 1
      taken.push(connection)
      return true
    }
    acceptBare(server, testSocketCalls(), take, atOnce)
    const clients = Array.from({ length: 10 }, () => clientOf(server))
    await eventually(() => taken.length === 10, 'ten connections')
    expect(inTurn).toEqual(turns)
    expect(new Set(taken.map(({ remoteEnd }) => remoteEnd?.port)).size).toBe(10)
    for (const connection of taken) connection.send(pattern(4), 'nothing')
    await Promise.all(clients.map(async client => expect(await once(client, 'data')).toEqual([pattern(4)])))
    for (const connection of taken) connection.close()
  })

  it('makes sockets of those that are not taken, the first and the others', async () => {
    const server = await listening()
    const sockets: Socket[] = []
    server.on('connection', socket => sockets.push(socket))
    acceptBare(server, testSocketCalls(), () => false, 100)
    const clients = Array.from({ length: 3 }, () => clientOf(server))
    await eventually(() => sockets.length === 3, 'three sockets')
    for (const socket of sockets) socket.end(pattern(1000))
    const all = await Promise.all(clients.map(readAll))
    expect(all.every(bytes => bytes.equals(pattern(1000)))).toBe(true)
  })

  it('takes no more once it is closed, though more wait', async () => {
    const server = await listening()
    let count = 0
    const take = (connection: BareConnection): boolean => {
      count++
      connection.close()
      server.close()
      return true
    }
    acceptBare(server, testSocketCalls(), take, 100)
    const clients = Array.from({ length: 3 }, () => clientOf(server))
    await eventually(() => clients.every(client => client.closed), 'the end of all')
    expect(count).toBe(1)
  })
})

async function listening() {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  return server
}

function clientOf(server: Awaited<ReturnType<typeof listening>>): Socket {
  const client = connect({ port: (server.address() as AddressInfo).port, host: '127.0.0.1' })
  client.on('error', () => {})
  onTestFinished(() => void client.destroy())
  return client
}
