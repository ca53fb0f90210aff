/** Limits of bandwidth through the wire: never faster than they say, on each way that bytes take. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { type FtpClient, readAll } from '../support/ftp-client.ts'
import { simpleUser, type TestServer } from '../support/server.ts'
import { loggedIn, secured, temporaryServer } from '../support/sessions.ts'

const rate = 4_000_000
const content = Buffer.alloc(rate * 1.5, 'a line of text\r\n')

async function limited(
  server: Record<string, unknown>,
  more: Parameters<typeof temporaryServer>[0] = {},
): Promise<TestServer> {
  const started = await temporaryServer({ ...more, server })
  await writeFile(join(started.root, 'file'), content)
  return started
}

/** Bytes a second from the 150 to the last reply. */
async function download(client: FtpClient, type: 'A' | 'I' = 'I', isPrivate = false): Promise<number> {
  await client.send(`TYPE ${type}`)
  const raw = await client.passive()
  expect((await client.send('RETR file')).code).toBe(150)
  const started = performance.now()
  const bytes = await readAll(isPrivate ? await client.protect(raw) : raw)
  expect((await client.reply()).code).toBe(226)
  expect(bytes.equals(content)).toBe(true)
  return (bytes.length * 1000) / (performance.now() - started)
}

async function upload(client: FtpClient, name = 'up', isPrivate = false, type: 'A' | 'I' = 'I'): Promise<number> {
  await client.send(`TYPE ${type}`)
  const raw = await client.passive()
  expect((await client.send(`STOR ${name}`)).code).toBe(150)
  const started = performance.now()
  const data = isPrivate ? await client.protect(raw) : raw
  data.resume()
  data.end(content)
  expect((await client.reply()).code).toBe(226)
  return (content.length * 1000) / (performance.now() - started)
}

function expectPace(measured: number, expected = rate): void {
  expect(measured).toBeLessThanOrEqual(expected * 1.03)
  expect(measured).toBeGreaterThan(expected * 0.5)
}

/** Bytes a second of all transfers together; none of them is left behind. */
async function together(transfers: readonly (() => Promise<number>)[]): Promise<number> {
  const started = performance.now()
  const each = await Promise.all(transfers.map(transfer => transfer()))
  for (const measured of each) expect(measured).toBeGreaterThan(rate / 2 / transfers.length)
  return (transfers.length * content.length * 1000) / (performance.now() - started)
}

const both = { uploadBytesPerSecond: rate, downloadBytesPerSecond: rate }

describe('A session keeps to its rate', () => {
  it.each(['sent by the kernel', 'read and written'] as const)('in clear text, %s', async way => {
    const server = await limited(
      { bandwidth: { perSession: both } },
      way === 'read and written' ? { sendfile: 'off' } : {},
    )
    const client = await loggedIn(server)
    expectPace(await download(client))
    expectPace(await upload(client))
    expect((await client.send('SIZE up')).text).toBe(`${content.length}`)
  })

  it('as text', async () => {
    const server = await limited({ bandwidth: { perSession: both } })
    const client = await loggedIn(server)
    expectPace(await download(client, 'A'))
    expectPace(await upload(client, 'up', false, 'A'))
  })

  it('under TLS', async () => {
    const server = await limited({ bandwidth: { perSession: both } })
    const client = await secured(server)
    expectPace(await download(client, 'I', true))
    expectPace(await upload(client, 'up', true))
  })

  it('in the direction that is limited only, and by its user’s own where there is one', async () => {
    const users = [simpleUser('alice', { bandwidth: { perSession: { downloadBytesPerSecond: rate } } })]
    const server = await limited({ bandwidth: { perSession: { downloadBytesPerSecond: 1024 } } }, { users })
    const client = await loggedIn(server)
    expectPace(await download(client))
    expect(await upload(client)).toBeGreaterThan(rate * 1.5)
  })

  it('over many small files', async () => {
    const server = await limited({ bandwidth: { perSession: { downloadBytesPerSecond: 100_000 } } })
    await writeFile(join(server.root, 'small'), content.subarray(0, 10_000))
    const client = await loggedIn(server)
    const started = performance.now()
    for (let file = 0; file < 15; file += 1) expect((await client.download('RETR small')).end.code).toBe(226)
    expect((150_000 * 1000) / (performance.now() - started)).toBeLessThanOrEqual(103_000)
  })
})

describe('Sessions share', () => {
  it.each([1, 2])('the rate of their user, with %i process(es)', async workers => {
    const users = [simpleUser('alice', { bandwidth: { downloadBytesPerSecond: rate } })]
    const server = await limited({ workers }, { users })
    const clients = [await loggedIn(server), await loggedIn(server)]
    expectPace(await together(clients.map(client => () => download(client))))
  })

  it('the rate of their listener, whoever they are', async () => {
    const server = await temporaryServer({ users: [simpleUser('alice'), simpleUser('bob')] })
    await writeFile(join(server.root, 'file'), content)
    const listeners = [{ name: 'ftp', port: server.port, addresses: ['127.0.0.1'], bandwidth: both }]
    const { probes, passive } = server.application.server.configuration.server
    await server.reconfigure('server.yaml', { listeners, probes, passive, root: server.root })
    const clients = [await loggedIn(server, 'alice'), await loggedIn(server, 'bob')]
    expectPace(await together(clients.map((client, index) => () => upload(client, `${index}`))))
  })
})

describe('A running transfer', () => {
  it('follows a reload that takes its limit, and one that gives it another', async () => {
    const server = await limited({ bandwidth: { perSession: { downloadBytesPerSecond: 10_000 } } })
    const settings = server.application.server.configuration.server
    const { probes, passive, listeners } = settings
    const common = { listeners, probes, passive, root: server.root }
    const client = await loggedIn(server)
    await client.send('TYPE I')
    const data = await client.passive()
    await client.send('RETR file')
    const reading = readAll(data)
    await eventually(() => data.bytesRead > 0, 'it has begun')
    expect(data.bytesRead).toBeLessThan(content.length / 2)
    await server.reconfigure('server.yaml', common)
    expect((await reading).equals(content)).toBe(true)
    expect((await client.reply()).code).toBe(226)
    const slow = await client.passive()
    slow.pause()
    await client.send('RETR file')
    await server.reconfigure('server.yaml', { ...common, bandwidth: { perSession: { downloadBytesPerSecond: 1024 } } })
    slow.resume()
    await eventually(() => slow.bytesRead > 0, 'it has begun')
    client.write('ABOR\r\n')
    expect([(await client.reply()).code, (await client.reply()).code]).toEqual([426, 226])
    expect(slow.bytesRead).toBeLessThan(content.length)
  })

  it('is neither stalled nor lost for being slow', async () => {
    const server = await limited({
      bandwidth: { perSession: { uploadBytesPerSecond: 20_000 } },
      limits: { transferStallTimeoutSeconds: 1 },
    })
    const client = await loggedIn(server)
    expect((await client.upload('STOR up', content.subarray(0, 60_000))).end.code).toBe(226)
  })
})
