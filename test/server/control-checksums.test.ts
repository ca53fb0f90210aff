/** Checksums of files that take their time: what the client is told, what ends them, and how many there are at once. */
import { open, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { layOut } from '../support/conformance/conformance.ts'
import { eventually } from '../support/eventually.ts'
import type { FtpClient } from '../support/ftp-client.ts'
import { simpleUser, startServer, type TestServer } from '../support/server.ts'
import { loggedIn } from '../support/sessions.ts'

const whole = 'SHA-256 0-9 84d89877f0d4041efb6bf91a16f0248f2fd573e6af05c19f96bedb9f882f7882 file'
/** Nothing is stored of it, and it takes an hour to read. */
const hugeBytes = 2 ** 42

async function layOutWithHuge({ root }: TestServer): Promise<void> {
  await layOut(root)
  const file = await open(join(root, 'huge'), 'w')
  await file.truncate(hugeBytes)
  await file.close()
}

/** A session that computes a checksum; STAT has told that it runs. */
async function computing(server: TestServer, line = 'HASH huge'): Promise<FtpClient> {
  const client = await loggedIn(server)
  client.write(`${line}\r\n`)
  await eventually(async () => /: HASH, [1-9]/.test((await client.send('STAT')).lines.join()), 'it is under way')
  return client
}

/** What comes until the first line has ended. */
async function untilWaitingLine({ socket }: FtpClient): Promise<string> {
  const said: Buffer[] = []
  socket.on('data', (chunk: Buffer) => said.push(chunk))
  await eventually(() => Buffer.concat(said).includes('\n'), 'the first line')
  return Buffer.concat(said).toString()
}

describe.each([1, 2])('with %i processes', workers => {
  let server: TestServer

  beforeAll(async () => {
    server = await startServer({
      server: { workers, limits: { failedLoginDelayMilliseconds: 0, drainTimeoutSeconds: 1 } },
      users: [simpleUser('alice', { limits: { idleTimeoutSeconds: 1 } })],
    })
    await layOutWithHuge(server)
  })
  afterAll(() => server.stop())

  it('the client hears every few seconds that it goes on, is not idle, and ends it with ABOR', async () => {
    const client = await computing(server)
    expect(await untilWaitingLine(client)).toBe('213-The checksum is being computed.\r\n')
    client.write('ABOR\r\n')
    // The first line of the reply has said how its last one begins.
    expect(await client.reply()).toMatchObject({ code: 213, text: 'The command was aborted.' })
    expect((await client.reply()).code).toBe(226)
    expect((await client.send('HASH file')).text).toBe(whole)
  })

  it('clients that would fail at several lines hear nothing until the end: WinSCP, and all of XCRC and its like', async () => {
    const winscp = await loggedIn(server)
    await winscp.send('CLNT WinSCP-release-6.5')
    winscp.write('HASH huge\r\n')
    const older = await loggedIn(server)
    older.write('XCRC huge\r\n')
    const told: Buffer[] = []
    for (const { socket } of [winscp, older]) socket.on('data', (chunk: Buffer) => told.push(chunk))
    await untilWaitingLine(await computing(server))
    expect(Buffer.concat(told).toString()).toBe('')
    for (const client of [winscp, older]) {
      client.write('ABOR\r\n')
      expect([(await client.reply()).code, (await client.reply()).code]).toEqual([426, 226])
    }
  })

  it('a name may stand in quotes', async () => {
    const client = await loggedIn(server)
    await writeFile(join(server.root, 'two words'), '')
    expect((await client.send('HASH "two words"')).text).toMatch(/^SHA-256 0-0 e3b0c442[0-9a-f]{56} "two words"$/)
    expect((await client.send('HASH two words')).code).toBe(213)
  })

  it('ABOR before that gets 426 and 226', async () => {
    const client = await computing(server)
    client.write('ABOR\r\n')
    expect([(await client.reply()).code, (await client.reply()).code]).toEqual([426, 226])
  })

  it('four are computed at once, one more waits until another ends, and others are served meanwhile', async () => {
    const busy = await Promise.all([1, 2, 3, 4].map(() => computing(server)))
    const late = await loggedIn(server)
    late.write('HASH file\r\n')
    expect((await late.send('STAT')).lines).toContain(' Transfer: HASH, 0 bytes so far')
    const other = await loggedIn(server)
    expect((await other.download('RETR file')).bytes.toString()).toBe('0123456789')
    expect((await late.send('STAT')).lines).toContain(' Transfer: HASH, 0 bytes so far')
    // A client that has gone takes no place.
    busy[0]?.close()
    expect((await late.reply()).text).toBe(whole)
    for (const client of busy) client.close()
    await eventually(async () => (await server.status()).sessionCount === 2, 'the others are gone')
  })
})

describe('RANG', () => {
  let server: TestServer

  beforeAll(async () => {
    server = await startServer()
  })
  beforeEach(() => layOut(server.root))
  afterAll(() => server.stop())

  const ranged = async (range: string): Promise<FtpClient> => {
    const client = await loggedIn(server)
    await client.send('TYPE I')
    expect((await client.send(`RANG ${range}`)).code).toBe(350)
    return client
  }

  it.each([
    ['2 4', '234'],
    ['0 0', '0'],
    ['8 99', '89'],
    ['10 12', ''],
    ['11 12', ''],
    ['1 0', '0123456789'],
  ])('%s has RETR send that part and no more', async (range, expected) => {
    const client = await ranged(range)
    const { bytes, end } = await client.download('RETR file')
    expect({ code: end.code, sent: bytes.toString() }).toEqual({ code: 226, sent: expected })
    expect((await client.download('RETR file')).bytes.toString()).toBe('0123456789')
  })

  it('sends a part of a large file that the kernel would send otherwise', async () => {
    const bytes = Buffer.alloc(3_000_000, 'ab')
    await writeFile(join(server.root, 'large'), bytes)
    const client = await ranged('1000001 2000000')
    expect((await client.download('RETR large')).bytes.equals(bytes.subarray(1_000_001, 2_000_001))).toBe(true)
  })

  it('has STOR and APPE write that part, and leave the rest', async () => {
    for (const line of ['STOR file', 'APPE file']) {
      const client = await ranged('0 2')
      expect((await client.upload(line, 'abc')).end.code).toBe(226)
      expect(await readFile(join(server.root, 'file'), 'utf8')).toBe('abc3456789')
    }
    const client = await ranged('4 5')
    expect((await client.upload('STOR file', 'too long')).end.code).toBe(552)
    expect(await readFile(join(server.root, 'file'), 'utf8')).toBe('abc3to6789')
    await client.send('RANG 0 1')
    await client.send('EPSV')
    expect((await client.send('STOU')).code).toBe(503)
  })

  it('of the wrong order takes back the one before', async () => {
    const client = await ranged('2 4')
    expect((await client.send('RANG 4 2')).code).toBe(501)
    expect((await client.download('RETR file')).bytes.toString()).toBe('0123456789')
  })
})
