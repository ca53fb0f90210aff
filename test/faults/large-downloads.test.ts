/** Large downloads in clear text, by each way a server has to send them: whole, from an offset, and broken off by either side. */
import { randomBytes } from 'node:crypto'
import { truncate, writeFile } from 'node:fs/promises'
import type { Socket } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { readAll } from '../support/ftp-client.ts'
import { openDescriptors } from '../support/process-measures.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { loggedIn } from '../support/sessions.ts'

const megabyte = 1_048_576
const content = randomBytes(5 * megabyte + 777)
const endless = 400 * megabyte

describe.each(['sendfile', 'reading and writing'] as const)('by %s', way => {
  let server: TestServer

  beforeAll(async () => {
    server = await startServer({
      server: { limits: { failedLoginDelayMilliseconds: 0, transferStallTimeoutSeconds: 1 } },
      ...(way === 'sendfile' ? {} : { sendfile: 'off' as const }),
    })
    await writeFile(join(server.root, 'file'), content)
    await writeFile(join(server.root, 'endless'), '')
    await truncate(join(server.root, 'endless'), endless)
  })
  afterAll(() => server.stop())

  /** A download that has begun and is not read yet. */
  async function begun(name: string): Promise<{ client: Awaited<ReturnType<typeof loggedIn>>; data: Socket }> {
    const client = await loggedIn(server)
    await client.send('TYPE I')
    const data = await client.passive()
    data.on('error', () => undefined)
    expect((await client.send(`RETR ${name}`)).code).toBe(150)
    return { client, data }
  }

  it('says in the log where the kernel does not send files by itself', () => {
    const told = server.log().filter(({ msg }) => msg.includes('without sendfile'))
    expect(told).toHaveLength(way === 'sendfile' ? 0 : 1)
  })

  it('sends every byte, also of several files at once', async () => {
    const clients = await Promise.all(Array.from({ length: 6 }, () => loggedIn(server)))
    const received = await Promise.all(
      clients.map(async client => {
        await client.send('TYPE I')
        const data = await client.passive()
        const [bytes, reply] = await Promise.all([readAll(data), client.send('RETR file')])
        expect([reply.code, (await client.reply()).code]).toEqual([150, 226])
        return bytes
      }),
    )
    for (const bytes of received) expect(bytes.equals(content)).toBe(true)
  })

  it('goes on from where REST says', async () => {
    const client = await loggedIn(server)
    await client.send('TYPE I')
    const offset = 2 * megabyte + 13
    expect((await client.send(`REST ${offset}`)).code).toBe(350)
    const data = await client.passive()
    const [bytes, reply] = await Promise.all([readAll(data), client.send('RETR file')])
    expect([reply.code, (await client.reply()).code]).toEqual([150, 226])
    expect(bytes.equals(content.subarray(offset))).toBe(true)
  })

  it('converts line ends where the type is ASCII', async () => {
    await writeFile(join(server.root, 'text'), 'line\n'.repeat(200_000))
    const client = await loggedIn(server)
    const data = await client.passive()
    const [bytes] = await Promise.all([readAll(data), client.send('RETR text')])
    expect((await client.reply()).code).toBe(226)
    expect(bytes.toString()).toBe('line\r\n'.repeat(200_000))
  })

  it('keeps to what a file has become that gets shorter meanwhile', async () => {
    await writeFile(join(server.root, 'shrinking'), '')
    await truncate(join(server.root, 'shrinking'), endless)
    const { client, data } = await begun('shrinking')
    await truncate(join(server.root, 'shrinking'), 100)
    const bytes = await readAll(data)
    expect((await client.reply()).code).toBe(226)
    expect(bytes.length).toBeLessThan(endless)
  })

  it('counts what was sent', async () => {
    const client = await loggedIn(server)
    await client.send('TYPE I')
    const data = await client.passive()
    await Promise.all([readAll(data), client.send('RETR file')])
    expect((await client.reply()).code).toBe(226)
    const told = await eventually(
      () => server.log().findLast(line => line['verb'] === 'RETR' && line['bytes'] !== undefined),
      'the transfer is in the log',
    )
    expect(told['bytes']).toBe(content.length)
  })

  it('stops at once when ABOR comes', async () => {
    const { client, data } = await begun('endless')
    data.once('data', () => data.pause())
    await eventually(async () => (await client.send('STAT')).lines.some(line => / [1-9]\d* bytes/.test(line)), 'bytes')
    client.write('ABOR\r\n')
    expect([(await client.reply()).code, (await client.reply()).code]).toEqual([426, 226])
    expect((await readAll(data.resume()).catch(() => Buffer.alloc(0))).length).toBeLessThan(endless)
    expect((await client.send('NOOP')).code).toBe(200)
  })

  it('gives up on a client that stops reading, with RST', async () => {
    const { client, data } = await begun('endless')
    data.pause()
    expect((await client.reply()).code).toBe(426)
    expect(server.log().findLast(({ verb }) => verb === 'RETR')?.['result']).toBe('stalled')
    await expect(readAll(data.resume())).rejects.toThrow('ECONNRESET')
  })

  it('does not take a client that keeps reading for one that stopped', async () => {
    const before = server.log().length
    const { client, data } = await begun('endless')
    const started = performance.now()
    for await (const chunk of data) {
      expect(chunk.length).toBeGreaterThan(0)
      if (performance.now() - started > 1700) break
      await new Promise(resolve => setTimeout(resolve, 2))
    }
    expect((await client.reply()).code).toBe(426)
    const told = server
      .log()
      .slice(before)
      .find(({ verb }) => verb === 'RETR')
    expect(told?.['result']).toBe('connection-lost')
  })

  it('tells of a client that resets the connection, and leaves nothing open', async () => {
    const { others } = await openDescriptors(process.pid)
    for (let time = 0; time < 5; time++) {
      const { client, data } = await begun('endless')
      await new Promise<void>(resolve => data.once('data', () => resolve()))
      data.resetAndDestroy()
      expect((await client.reply()).code).toBe(426)
      client.close()
    }
    await eventually(async () => (await openDescriptors(process.pid)).others <= others, 'all is closed')
  })

  it('answers others meanwhile', async () => {
    const downloads = await Promise.all(Array.from({ length: 8 }, () => begun('endless')))
    for (const { data } of downloads) data.resume()
    const other = await loggedIn(server)
    for (let time = 0; time < 50; time++) expect((await other.send('NOOP')).code).toBe(200)
    for (const { client, data } of downloads) {
      data.destroy()
      client.close()
    }
  })
})
