import { once } from 'node:events'
import { connect, createServer, Socket } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { descriptorOf } from '../data/kernel/socket-calls.ts'
import { type DescriptorChannel, tryDescriptorChannel, tryReceiving } from './descriptor-channel.ts'

const closing: (() => void)[] = []

afterEach(() => {
  for (const close of closing.splice(0)) close()
})

function open(): DescriptorChannel {
  const channel = tryDescriptorChannel()
  if (channel === undefined) throw new Error('There is no channel.')
  closing.push(() => channel.near.close())
  return channel
}

type Arrival = { readonly descriptor: number | undefined; readonly words: string }

/** All that has arrived; `changed` resolves with the next. */
function receive(channel: DescriptorChannel) {
  const arrived: Arrival[] = []
  let next = Promise.withResolvers<void>()
  const receiver = tryReceiving(channel.far.descriptor, (descriptor, words) => {
    arrived.push({ descriptor, words })
    if (descriptor !== undefined) closing.push(() => new Socket({ fd: descriptor }).destroy())
    next.resolve()
    next = Promise.withResolvers()
  })
  if (receiver === undefined) throw new Error('It can’t be received.')
  return { receiver, arrived, changed: () => next.promise }
}

/** Both ends of a connection. */
async function connection(): Promise<readonly [Socket, Socket]> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const client = connect(typeof address === 'object' && address !== null ? address.port : 0, '127.0.0.1')
  const [accepted] = (await once(server, 'connection')) as [Socket]
  server.close()
  closing.push(() => client.destroy())
  return [client, accepted]
}

test('A connection arrives with its words, and goes on when the sender has closed its own descriptor', async () => {
  const channel = open()
  const { arrived, changed } = receive(channel)
  const [client, accepted] = await connection()
  expect(channel.near.send(descriptorOf(accepted) ?? -1, 'für sitzung 17')).toBe(true)
  accepted.destroy()
  await changed()
  expect(arrived).toEqual([{ descriptor: expect.any(Number), words: 'für sitzung 17' }])
  const [{ descriptor = -1 } = {}] = arrived
  closing.length = 0
  const socket = new Socket({ fd: descriptor, readable: true, writable: true })
  closing.push(
    () => socket.destroy(),
    () => client.destroy(),
    () => channel.near.close(),
  )
  socket.write('220 Hello')
  expect(String((await once(client, 'data'))[0])).toBe('220 Hello')
})

test('What has come can be taken at once, each with its own words', async () => {
  const channel = open()
  const { receiver, arrived } = receive(channel)
  const [, accepted] = await connection()
  for (const words of ['one', 'two', 'three']) channel.near.send(descriptorOf(accepted) ?? -1, words)
  accepted.destroy()
  receiver.take()
  expect(arrived.map(({ words }) => words)).toEqual(['one', 'two', 'three'])
})

test('A sender is told when no more fits, and can go on once something was taken', async () => {
  const channel = open()
  const { receiver, arrived } = receive(channel)
  const [, accepted] = await connection()
  const descriptor = descriptorOf(accepted) ?? -1
  let sent = 0
  while (channel.near.send(descriptor, `${sent}`)) sent += 1
  expect(sent).toBeGreaterThan(50)
  expect(sent).toBeLessThan(5000)
  receiver.take()
  expect(arrived.map(({ words }) => words)).toEqual(Array.from({ length: sent }, (_, index) => `${index}`))
  expect(channel.near.send(descriptor, 'more')).toBe(true)
  accepted.destroy()
  receiver.take()
  expect(arrived.at(-1)?.words).toBe('more')
})

test('Words that are too many are not sent, and neither is anything to nobody', async () => {
  const channel = open()
  const [, accepted] = await connection()
  const descriptor = descriptorOf(accepted) ?? -1
  expect(channel.near.send(descriptor, 'x'.repeat(5000))).toBe(false)
  channel.far.close()
  expect(channel.near.send(descriptor, 'words')).toBe(false)
  channel.near.close()
  channel.near.close()
  expect(channel.near.send(descriptor, 'words')).toBe(false)
  accepted.destroy()
})
