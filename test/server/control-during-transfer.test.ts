/** Commands that come while a transfer runs (RFC 959 section 4.2, RFC 1123 section 4.1.3.3), and several that come at once. */
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { extendedPassivePort } from '../support/data-ports.ts'
import { eventually } from '../support/eventually.ts'
import { type FtpClient, readAll } from '../support/ftp-client.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { connected, loggedIn, secured, temporaryServer } from '../support/sessions.ts'

let server: TestServer

beforeAll(async () => {
  server = await startServer()
  await writeFile(join(server.root, 'file'), 'content')
})
afterAll(() => server.stop())

/** An upload that has begun; the caller ends it. */
async function uploading(client: FtpClient, name: string): Promise<Socket> {
  const data = await client.passive()
  data.on('error', () => undefined)
  expect((await client.send(`STOR ${name}`)).code).toBe(150)
  return data
}

async function codes(client: FtpClient, count: number): Promise<number[]> {
  const all: number[] = []
  while (all.length < count) all.push((await client.reply()).code)
  return all
}

describe('while a transfer runs', () => {
  it('ABOR ends it with 426, then is answered with 226, and the session goes on', async () => {
    for (const client of [await loggedIn(server), await secured(server)]) {
      const raw = await client.passive()
      expect((await client.send('STOR aborted')).code).toBe(150)
      const data = client.tls === undefined ? raw : await client.protect(raw)
      data.on('error', () => undefined)
      data.write('half')
      await eventually(async () => (await client.send('STAT')).lines.join().includes('4 bytes'), 'the bytes have come')
      client.write('ABOR\r\n')
      expect(await codes(client, 2)).toEqual([426, 226])
      await readAll(data).catch(() => undefined)
      expect(raw.readyState).not.toBe('open')
      // What arrived is kept, for REST.
      expect(await readFile(join(server.root, 'aborted'), 'utf8')).toBe('half')
      expect((await client.send('NOOP')).code).toBe(200)
    }
  })

  it('ABOR right behind the command that starts it takes effect', async () => {
    const client = await loggedIn(server)
    await client.send('EPSV')
    // Nobody connects: without ABOR this would wait for the data connection.
    client.write('RETR file\r\nABOR\r\n')
    expect(await codes(client, 3)).toEqual([150, 426, 226])
    expect((await client.send('RETR file')).code).toBe(425)
  })

  it('ABOR also ends one that waits for the TLS handshake', async () => {
    const client = await secured(server)
    const data = await client.passive()
    data.on('error', () => undefined)
    expect((await client.send('RETR file')).code).toBe(150)
    // The TLS handshake never begins.
    client.write('ABOR\r\n')
    expect(await codes(client, 2)).toEqual([426, 226])
  })

  it('STAT tells how far it is, at once', async () => {
    const client = await loggedIn(server)
    const data = await uploading(client, 'progress')
    data.write('12345')
    const { lines } = await eventually(async () => {
      const answer = await client.send('STAT')
      return answer.code === 211 && answer.lines.join().includes('5 bytes') && answer
    }, 'STAT tells of five bytes')
    expect(lines).toContain(' Transfer: STOR, 5 bytes so far')
    // What Prometheus sees does not wait for the end either.
    const metrics = await (await fetch(`http://127.0.0.1:${server.probesPort}/metrics`)).text()
    expect(metrics).toMatch(/^ftp_transfer_bytes_total\{direction="upload"\} [1-9]/m)
    data.end()
    expect((await client.reply()).code).toBe(226)
    expect((await client.send('STAT')).lines).toContain(' Transfer: none')
  })

  it('NOOP, PWD and STAT with a path wait for its end, in their order', async () => {
    const client = await loggedIn(server)
    const data = await uploading(client, 'queue')
    client.write('NOOP\r\nPWD\r\nSTAT file\r\nSYST\r\nSTAT\r\n')
    // Only the last one is for now.
    expect((await client.reply()).code).toBe(211)
    data.end('x')
    expect(await codes(client, 5)).toEqual([226, 200, 257, 213, 215])
  })

  it('QUIT waits for its end, is answered, and then the connection is closed', async () => {
    const client = await loggedIn(server)
    const data = await uploading(client, 'quit')
    client.write('QUIT\r\n')
    client.socket.end()
    data.end('whole')
    expect(await codes(client, 2)).toEqual([226, 221])
    expect(await client.closed()).toBe('')
    expect(await readFile(join(server.root, 'quit'), 'utf8')).toBe('whole')
  })

  it('a control connection that ends without QUIT aborts it', async () => {
    const client = await loggedIn(server)
    const data = await uploading(client, 'lost')
    client.close()
    await readAll(data).catch(() => undefined)
    const lost = (line: { msg: string; path?: unknown }) => line.msg.includes('transfer') && line.path === '/lost'
    await eventually(() => server.log().some(lost), 'the transfer has ended')
  })

  it('more commands than the server reads ahead are all answered', async () => {
    const client = await loggedIn(server)
    const data = await uploading(client, 'flood')
    client.write('NOOP\r\n'.repeat(1000))
    data.end()
    expect(await codes(client, 1001)).toEqual([226, ...Array<number>(1000).fill(200)])
  })
})

describe('commands that come at once', () => {
  it('are answered in their order', async () => {
    const client = await connected(server)
    client.write(
      'USER alice\r\nPASS correct horse\r\nTYPE I\r\nSIZE file\r\nNOSUCH\r\nRNFR file\r\nRNTO file\r\nQUIT\r\n',
    )
    expect(await codes(client, 8)).toEqual([331, 230, 200, 213, 500, 350, 250, 221])
    expect(await client.closed()).toBe('')
  })

  it('are understood however they are cut', async () => {
    const client = await connected(server)
    for (const piece of ['US', 'ER ali', 'ce\r', '\nPASS correct', ' horse\r\nNO', 'OP\r\n']) {
      await new Promise<void>(resolve => client.socket.write(piece, () => setImmediate(resolve)))
    }
    expect(await codes(client, 3)).toEqual([331, 230, 200])
  })

  it('are answered even if the client has closed its side already', async () => {
    const client = await connected(server)
    client.socket.end('SYST\r\nNOOP\r\n')
    expect(await codes(client, 2)).toEqual([215, 200])
    expect(await client.closed()).toBe('')
  })
})

describe('the end of a transfer', () => {
  it('is told after the data connection is closed', async () => {
    const client = await loggedIn(server)
    const port = extendedPassivePort(await client.send('EPSV'))
    // Half open: the client has all the bytes and the FIN, but does not close its side.
    const data = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
    const received: Buffer[] = []
    // To iterate would close it at the end.
    data.on('data', (bytes: Buffer) => received.push(bytes))
    const ended = once(data, 'end')
    expect((await client.send('RETR file')).code).toBe(150)
    await ended
    expect(Buffer.concat(received).toString()).toBe('content')
    // STAT is answered at once: had 226 been sent already, it would come first.
    expect((await client.send('STAT')).lines.join()).toContain('Transfer: RETR')
    data.end()
    expect((await client.reply()).code).toBe(226)
  })

  it('is 226 for an empty file and an empty listing as well', async () => {
    const client = await loggedIn(server)
    expect((await client.upload('STOR empty', '')).end.code).toBe(226)
    const download = await client.download('RETR empty')
    expect([download.opening.code, download.bytes.length, download.end.code]).toEqual([150, 0, 226])
    await client.send('MKD nothing')
    for (const verb of ['LIST', 'NLST', 'MLSD']) {
      const listing = await client.download(`${verb} nothing`)
      expect([listing.opening.code, listing.bytes.length, listing.end.code]).toEqual([150, 0, 226])
    }
  })

  it('is 426 when no byte has moved for too long', async () => {
    const impatient = await temporaryServer({ server: { limits: { transferStallTimeoutSeconds: 1 } } })
    const client = await loggedIn(impatient)
    const data = await uploading(client, 'stalled')
    expect((await client.reply()).code).toBe(426)
    await readAll(data).catch(() => undefined)
    expect((await client.send('NOOP')).code).toBe(200)
  })
})
