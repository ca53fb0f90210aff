/** Connections that share the memory into which they are read. */
import { once } from 'node:events'
import { Socket } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { ControlInput, InputMemory } from '../../server/control/input/control-input.ts'
import { connectedPair } from '../support/data-connections.ts'
import { eventually } from '../support/eventually.ts'
import { startServer } from '../support/server.ts'
import { loggedIn } from '../support/sessions.ts'

/** A connection and what its input hands on. */
async function readBy(memory: InputMemory) {
  const { client, server } = await connectedPair()
  onTestFinished(() => {
    client.destroy()
    server.destroy()
  })
  server.pause()
  const input = new ControlInput(server, memory)
  const consumer = () => {
    let text = ''
    return { take: (bytes: Buffer) => void (text += bytes.toString('latin1')), text: () => text }
  }
  return { client, server, input, consumer }
}

describe('Control connections of one process', () => {
  it('keep their lines apart though these come in pieces by turns', async () => {
    const server = await startServer()
    onTestFinished(() => server.stop())
    const clients = await Promise.all(Array.from({ length: 8 }, () => loggedIn(server)))
    for (const [index, client] of clients.entries()) client.write(`NOOP\r\nMKD dir-${index}${index}`)
    for (const client of clients) expect((await client.reply()).code).toBe(200)
    for (const [index, client] of clients.entries()) client.write(`-${index}\r\nPWD\r`)
    for (const [index, client] of clients.entries())
      expect(await client.reply()).toMatchObject({
        code: 257,
        lines: [expect.stringContaining(`dir-${index}${index}-${index}"`)],
      })
    for (const client of clients) client.write('\n')
    for (const client of clients) expect((await client.reply()).code).toBe(257)
  })
})

describe('ControlInput', () => {
  it('reads all of them into the same bytes, one after the other', async () => {
    const memory = new InputMemory()
    const parties = await Promise.all(Array.from({ length: 3 }, () => readBy(memory)))
    const seen = new Set<ArrayBufferLike>()
    for (const [index, { client, server, input, consumer }] of parties.entries()) {
      const { take, text } = consumer()
      input.begin(bytes => {
        seen.add(bytes.buffer)
        take(bytes)
      })
      server.resume()
      client.write(`line ${index}`)
      await eventually(() => text() === `line ${index}`, 'the line')
    }
    expect([...seen]).toEqual([memory.bytes.buffer])
  })

  it('hands on what comes to whoever is the consumer then', async () => {
    const { client, server, input, consumer } = await readBy(new InputMemory())
    const [first, second] = [consumer(), consumer()]
    input.begin(first.take)
    server.resume()
    client.write('one')
    await eventually(() => first.text() === 'one', 'the first bytes')
    input.end()
    server.pause()
    client.end('two')
    const ended = once(server, 'end')
    input.begin(second.take)
    server.resume()
    await ended
    expect([first.text(), second.text()]).toEqual(['one', 'two'])
  })

  it('gives back first what was put back into the socket, and then the end', async () => {
    const { client, server, input, consumer } = await readBy(new InputMemory())
    server.unshift(Buffer.from('put back, '))
    client.end('came later')
    const { take, text } = consumer()
    const ended = once(server, 'end')
    input.begin(take)
    server.resume()
    await ended
    expect(text()).toBe('put back, came later')
  })

  it('reads by events where sockets have no memory of ours', async () => {
    // Without a connection there is nothing that could be told where to read.
    const socket = new Socket()
    const input = new ControlInput(socket, new InputMemory())
    let text = ''
    input.begin(bytes => (text += bytes.toString('latin1')))
    socket.push('some')
    socket.resume()
    await eventually(() => text === 'some', 'the bytes')
    input.end()
    socket.destroy()
  })
})
