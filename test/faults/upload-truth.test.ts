/** Every way in which an upload can end: its reply, its line in the log, its metric, and what is kept. */
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import type { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { deflateSync } from 'node:zlib'
import { describe, expect, onTestFinished, test } from 'vitest'
import { partialName } from '../../server/storage/local/uploads/partials.ts'
import { eventually } from '../support/eventually.ts'
import { FtpClient } from '../support/ftp-client.ts'
import { mayMount } from '../support/mounting.ts'
import { startServer, type TestServer } from '../support/server.ts'

if (!mayMount) process.stderr.write('SKIPPED: the truth about a full disk needs the right to mount a tmpfs.\n')

const modes = ['direct', 'atomic'] as const
const protections = ['clear', 'TLS'] as const
const half = randomBytes(300_000)
const text = Buffer.from('line\n'.repeat(50_000))

/** What is sent of what is to be stored: all but the end that the mode tells, and that end. */
const representations = {
  'TYPE I': { stored: half, bytes: half, rest: Buffer.alloc(0) },
  'TYPE A': { stored: text, bytes: Buffer.from('line\r\n'.repeat(50_000)), rest: Buffer.alloc(0) },
  'MODE Z': { stored: half, bytes: deflateSync(half).subarray(0, -4), rest: deflateSync(half).subarray(-4) },
  'MODE B': {
    stored: half,
    bytes: Buffer.concat(
      [0, 1, 2, 3, 4, 5].flatMap(at => [Buffer.from([0, 0xc3, 0x50]), half.subarray(at * 50_000, (at + 1) * 50_000)]),
    ),
    rest: Buffer.from([64, 0, 0]),
  },
}
type Representation = keyof typeof representations

type Ways = {
  readonly client: FtpClient
  readonly raw: Socket
  /** What ends it with close_notify under TLS; the same as `raw` in clear text. */
  readonly data: Socket
  /** What is left to be sent. */
  readonly rest: Buffer
}

type Case = {
  readonly name: string
  readonly on: readonly (typeof protections)[number][]
  readonly settings?: Record<string, unknown>
  readonly as?: Representation
  readonly end: (ways: Ways) => unknown
  readonly codes: readonly number[]
  readonly reason: string | undefined
}

const cases: readonly Case[] = [
  { name: 'its end', on: protections, end: ({ data, rest }) => data.end(rest), codes: [226], reason: undefined },
  {
    name: 'RST',
    on: protections,
    end: ({ raw }) => raw.resetAndDestroy(),
    codes: [426],
    reason: 'connection-lost',
  },
  {
    name: 'RST of text',
    on: protections,
    as: 'TYPE A',
    end: ({ raw }) => raw.resetAndDestroy(),
    codes: [426],
    reason: 'connection-lost',
  },
  {
    name: 'ABOR',
    on: protections,
    end: ({ client }) => client.write('ABOR\r\n'),
    codes: [426, 226],
    reason: 'aborted',
  },
  {
    name: 'a client that falls silent',
    on: protections,
    settings: { limits: { transferStallTimeoutSeconds: 1, failedLoginDelayMilliseconds: 0 } },
    end: () => undefined,
    codes: [426],
    reason: 'stalled',
  },
  {
    name: 'a record that is not the client’s',
    on: ['TLS'],
    // Of application data, under no key (RFC 8446 section 5.2).
    end: ({ raw }) => raw.write(Buffer.from([0x17, 3, 3, 0, 100, ...Buffer.alloc(100)])),
    codes: [426],
    reason: 'connection-lost',
  },
  {
    name: 'an end without close_notify, where that is rejected,',
    on: ['TLS'],
    settings: { tls: { truncatedUploads: 'reject' } },
    end: ({ raw }) => raw.end(),
    codes: [426],
    reason: 'truncated',
  },
  {
    name: 'an end without close_notify, where that is accepted,',
    on: ['TLS'],
    end: ({ raw }) => raw.end(),
    codes: [226],
    reason: undefined,
  },
  {
    name: 'the end of the control connection',
    on: protections,
    end: ({ client }) => client.socket.destroy(),
    codes: [],
    reason: 'aborted',
  },
]

/** The same in modes that tell the end by themselves, and what only they can know. */
const encoded: readonly Case[] = (['MODE Z', 'MODE B'] as const).flatMap(as => [
  ...cases
    .filter(({ as: other, on }) => other === undefined && on === protections)
    .map(each => ({ ...each, name: `${each.name} in ${as}`, as })),
  {
    name: `the end of the connection before that of the data in ${as}`,
    on: protections,
    as,
    end: ({ data }: Ways) => data.end(),
    codes: [426],
    reason: 'incomplete',
  },
])

describe.each(modes)('An %s upload that ends', mode => {
  describe.each(protections)('over %s', protection => {
    test.each([...cases, ...encoded].filter(({ on }) => on.includes(protection)))(
      'by $name is told as what it is',
      async each => {
        const server = await start({ uploads: { mode }, ...each.settings })
        const client = await logIn(server, protection)
        const as = each.as ?? 'TYPE I'
        const { stored, bytes, rest } = representations[as]
        expect((await client.send(as)).code).toBe(200)
        const raw = await client.passive()
        raw.on('error', () => undefined)
        expect((await client.send('STOR file')).code).toBe(150)
        const data = protection === 'TLS' ? await client.protect(raw) : raw
        data.on('error', () => undefined)
        data.resume()
        const path = join(server.root, mode === 'direct' ? 'file' : partialName('file', 'alice'))
        data.write(bytes)
        await eventually(() => statSync(path).size === stored.length, 'all bytes are stored')
        await each.end({ client, raw, data, rest })
        for (const code of each.codes) expect((await client.reply()).code).toBe(code)

        await expectTruth(server, each.reason, each.codes[0])
        const isComplete = each.reason === undefined
        expect(existsSync(join(server.root, 'file'))).toBe(isComplete || mode === 'direct')
        const kept = isComplete ? join(server.root, 'file') : path
        expect(readFileSync(kept).equals(stored)).toBe(true)
      },
    )

    test.runIf(mayMount).each(['MODE S', 'MODE Z'])(
      'on a full disk is told as that, and what fitted is kept, in %s',
      async sent => {
        const root = mkdtempSync(join(tmpdir(), 'ftp-operator-truth-'))
        execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', root])
        onTestFinished(() => {
          execFileSync('umount', ['--lazy', root])
          rmSync(root, { recursive: true })
        })
        const server = await start({ uploads: { mode } }, root)
        const client = await logIn(server, protection)
        const bytes = randomBytes(3_000_000)
        await client.send(sent)
        const wire = sent === 'MODE Z' ? deflateSync(bytes) : bytes
        const { end } = await client.upload('STOR file', wire, protection === 'TLS' ? {} : undefined)
        expect(end.code).toBe(452)
        await expectTruth(server, 'no-space', 452)
        const kept = readFileSync(join(root, mode === 'direct' ? 'file' : partialName('file', 'alice')))
        expect(kept.length).toBeGreaterThan(500_000)
        expect(kept.equals(bytes.subarray(0, kept.length))).toBe(true)
        expect(existsSync(join(root, 'file'))).toBe(mode === 'direct')
      },
    )
  })
})

/** In the log and in the metrics, once; the reply is undefined where nobody was there to read it. */
async function expectTruth(server: TestServer, reason: string | undefined, code: number | undefined): Promise<void> {
  await eventually(() => server.log().some(({ msg }) => msg === 'transfer ended'), 'the transfer is logged')
  const lines = server.log().filter(({ msg }) => msg === 'upload incomplete')
  const metrics = await (await fetch(`http://127.0.0.1:${server.probesPort}/metrics`)).text()
  const counted = /^ftp_incomplete_uploads_total\{reason="(.*)"\} (\d+)$/m.exec(metrics)
  if (reason === undefined) {
    expect(lines).toEqual([])
    expect(counted).toBeNull()
    return
  }
  expect(lines).toHaveLength(1)
  const told = { level: 'warn', user: 'alice', path: '/file', verb: 'STOR', reason }
  expect(lines[0]).toMatchObject({ ...told, ...(code !== undefined && { code }) })
  expect(counted?.slice(1)).toEqual([reason, '1'])
}

async function start(settings: Record<string, unknown>, root?: string): Promise<TestServer> {
  const server = await startServer({ server: { ...settings, ...(root !== undefined && { root }) } })
  onTestFinished(() => server.stop())
  return { ...server, root: root ?? server.root }
}

async function logIn(server: TestServer, protection: (typeof protections)[number]): Promise<FtpClient> {
  const client = await FtpClient.connect(server.port)
  onTestFinished(() => client.close())
  if (protection === 'TLS') await client.loginSecurely()
  else await client.login()
  await client.send('TYPE I')
  return client
}
