/** Control connections in clear text, bare and by sockets: whoever reads and writes them sees no difference. */
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { ClearLine } from '../../server/control/input/clear-line.ts'
import { InputMemory } from '../../server/control/input/control-input.ts'
import { barePair, connectedPair, pattern, readAll, receivedPair } from '../support/data-connections.ts'
import { eventually } from '../support/eventually.ts'

/** More than the kernel takes of a client that does not read. */
const longBytes = 16_000_000

describe.each(['bare', 'bare and from another process', 'by a socket'] as const)('A control connection, %s,', how => {
  it('hands on what comes, and then the end', async () => {
    const { client, heard } = await reading(how)
    client.write('NOOP\r\n')
    await eventually(() => heard.text === 'NOOP\r\n', 'the first line')
    client.end('QUIT\r\n')
    await eventually(() => heard.ended, 'the end')
    expect(heard.text).toBe('NOOP\r\nQUIT\r\n')
  })

  it('keeps what comes for whoever reads next', async () => {
    const { client, line, heard } = await reading(how)
    line.release()
    client.write('later')
    const next = listening()
    line.begin(next.taker)
    line.resume()
    await eventually(() => next.heard.text === 'later', 'what came meanwhile')
    expect(heard.text).toBe('')
  })

  it('hands on nothing while it is paused', async () => {
    const { client, line, heard } = await reading(how)
    line.pause()
    client.write('held back')
    // A reply that has arrived: by then the other bytes have, too.
    line.send('200 Here.\r\n')
    await once(client, 'data')
    expect(heard.text).toBe('')
    line.resume()
    await eventually(() => heard.text === 'held back', 'what was held back')
  })

  it('sends replies, with whatever bytes are in them', async () => {
    const { client, line } = await reading(how)
    expect(line.send('257 "/ä\udcff" is it.\r\n')).toBe(true)
    expect(line.send(Uint8Array.of(0xff, 0xfc, 1))).toBe(true)
    expect(line.send(`220 ${'x'.repeat(5000)}\r\n`)).toBe(true)
    line.sendLast('221 Goodbye.\r\n', 'wait')
    const ended = line.end()
    const expected = ['257 "/ä', '" is it.\r\n', `220 ${'x'.repeat(5000)}\r\n221 Goodbye.\r\n`]
    const [first = '', second = '', rest = ''] = expected.map(text => Buffer.from(text).toString('latin1'))
    expect((await readAll(client)).toString('latin1')).toBe(`${first}\xff${second}\xff\xfc\x01${rest}`)
    client.end()
    await ended
    expect(line.closed).toBe(true)
  })

  it('tells of a client that does not read, and loses nothing of the reply', async () => {
    const { client, line, heard } = await reading(how)
    client.pause()
    expect(line.send(pattern(longBytes))).toBe(false)
    const drained = once(line.socket, 'drain')
    const read = readAll(client)
    await drained
    client.write('still heard')
    await eventually(() => heard.text === 'still heard', 'what comes later')
    void line.end()
    expect((await read).equals(pattern(longBytes))).toBe(true)
  })

  it('ends once the client has ended, and drops what it still says', async () => {
    const { client, line, heard } = await reading(how)
    line.release()
    line.sendLast('221 Goodbye.\r\n', 'wait')
    let isClosed = false
    const ended = line.end().finally(() => {
      isClosed = true
    })
    client.resume().write(pattern(100_000))
    await once(client, 'end')
    expect(isClosed).toBe(false)
    client.end()
    await ended
    expect(heard.text).toHaveLength(0)
    expect(line.send('200 Too late.\r\n')).toBe(true)
  })

  it('may be closed with the last reply, which the client still gets', async () => {
    const { client, line, heard } = await reading(how)
    const read = readAll(client)
    client.write('QUIT\r\n')
    await eventually(() => heard.text === 'QUIT\r\n', 'the last line')
    line.sendLast('221 Goodbye.\r\n', 'close')
    // A socket is ended in the usual way.
    expect(line.closed).toBe(how !== 'by a socket')
    const ended = line.end()
    expect((await read).toString()).toBe('221 Goodbye.\r\n')
    client.end()
    await ended
    expect(line.closed).toBe(true)
  })

  it('is not closed over what the client has said unread, since that would cost it the last reply', async () => {
    const { client, line, heard } = await reading(how)
    line.release()
    client.write('unread')
    line.send('200 Here.\r\n')
    // A reply that has arrived: by then the other bytes have, too.
    await once(client, 'data')
    const read = readAll(client)
    line.sendLast('221 Goodbye.\r\n', 'close')
    expect(line.closed).toBe(false)
    const ended = line.end()
    expect((await read).toString()).toBe('221 Goodbye.\r\n')
    client.end()
    await ended
    expect(heard.text).toBe('')
  })

  it('ends at once where the client has ended before', async () => {
    const { client, line, heard } = await reading(how)
    const read = readAll(client)
    client.end()
    await eventually(() => heard.ended, 'the end')
    expect(line.send('200 Still here.\r\n')).toBe(true)
    await line.end()
    expect((await read).toString()).toBe('200 Still here.\r\n')
    expect(line.closed).toBe(true)
  })

  it('is lost when the client resets it', async () => {
    const { client, line, heard } = await reading(how)
    client.resetAndDestroy()
    await eventually(() => heard.lost, 'the loss')
    expect(line.closed).toBe(true)
    await line.end()
    expect(line.localAddress).toBe('')
  })

  it('is closed at any time, which ends all waiting', async () => {
    const { client, line, heard } = await reading(how)
    const ended = line.end()
    line.destroy()
    await ended
    await eventually(() => heard.lost, 'the loss')
    await once(client.resume(), 'end')
  })

  it('goes on as a socket, with the same reader', async () => {
    const { client, line, heard } = await reading(how)
    client.write('before, ')
    await eventually(() => heard.text === 'before, ', 'what came before')
    expect(line.localAddress).toBe('127.0.0.1')
    const { socket } = line
    expect(socket.localPort).toBe(line.localPort)
    client.end('after')
    await eventually(() => heard.ended, 'the end')
    expect(heard.text).toBe('before, after')
    socket.destroy()
    await eventually(() => heard.lost, 'the loss')
  })
})

async function reading(how: keyof typeof lines) {
  const { client, line, heard, taker } = await lines[how]()
  onTestFinished(() => {
    client.destroy()
    line.destroy()
  })
  line.begin(taker)
  line.resume()
  return { client, line, heard }
}

const lines = {
  bare: () => bareLine(barePair()),
  'bare and from another process': () => bareLine(receivedPair()),
  'by a socket': () => socketLine(),
}

async function bareLine(pair: ReturnType<typeof barePair>) {
  const { client, server } = await pair
  return withLine(client, onLost => new ClearLine(server, new InputMemory(), onLost))
}

async function socketLine() {
  const { client, server } = await connectedPair()
  server.pause()
  server.allowHalfOpen = true
  return withLine(client, onLost => new ClearLine(server, new InputMemory(), onLost))
}

function withLine(client: Socket, lineWith: (onLost: () => void) => ClearLine) {
  const { heard, taker } = listening()
  const line = lineWith(() => {
    heard.lost = true
  })
  return { client, line, heard, taker }
}

function listening() {
  const heard = { text: '', ended: false, lost: false }
  const taker = {
    receive: (bytes: Buffer) => void (heard.text += bytes.toString('latin1')),
    end: () => {
      heard.ended = true
    },
  }
  return { heard, taker }
}
