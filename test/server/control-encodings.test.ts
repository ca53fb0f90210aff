/** MODE and STRU of RFC 959, MODE Z of draft-preston-ftpext-deflate, and TYPE A switched off: what goes over the connection, and what lies in the file. */
import { randomBytes } from 'node:crypto'
import { readFile, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { deflateSync, inflateSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually } from '../support/eventually.ts'
import type { FtpClient, FtpReply } from '../support/ftp-client.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { loggedIn, secured } from '../support/sessions.ts'

let server: TestServer
const text = 'one\ntwo  \n\nthree\r\nend'
const large = Buffer.alloc(3_000_000, 'some words, and others, and again some words\n')

beforeAll(async () => {
  server = await startServer({
    server: { limits: { failedLoginDelayMilliseconds: 0, transferStallTimeoutSeconds: 2 } },
  })
  await writeFile(join(server.root, 'text'), text)
  await writeFile(join(server.root, 'large'), large)
})
afterAll(() => server.stop())

const stored = (name: string): Promise<Buffer> => readFile(join(server.root, name))

async function inModes(...commands: readonly string[]): Promise<FtpClient> {
  const client = await loggedIn(server)
  for (const command of commands) expect((await client.send(command)).code, command).toBe(200)
  return client
}

/** An upload with replies until one is final, over a connection that stays open: the end is told in the data. */
async function uploadOpenly(client: FtpClient, command: string, bytes: Uint8Array): Promise<readonly FtpReply[]> {
  const data = await client.passive()
  data.on('error', () => {})
  const replies = [await client.send(command)]
  data.write(bytes)
  while ((replies.at(-1)?.code ?? 0) < 200) replies.push(await client.reply())
  data.destroy()
  return replies
}

const block = (descriptor: number, content: string | Uint8Array = ''): Buffer =>
  Buffer.concat([Buffer.from([descriptor, content.length >> 8, content.length & 255]), Buffer.from(content)])

describe('MODE Z', () => {
  it.each(['clear', 'tls'] as const)('deflates downloads and listings, and inflates uploads, over %s', async over => {
    const client = over === 'clear' ? await loggedIn(server) : await secured(server)
    const tls = over === 'clear' ? undefined : {}
    for (const command of ['TYPE I', 'MODE Z']) await client.send(command)
    const download = await client.download('RETR large', tls)
    expect(inflateSync(download.bytes).equals(large)).toBe(true)
    expect(download.bytes.length).toBeLessThan(large.length / 50)
    expect((await client.upload('STOR copy', deflateSync(large), tls)).end.code).toBe(226)
    expect((await stored('copy')).equals(large)).toBe(true)
    expect((await client.upload('APPE copy', deflateSync('tail'), tls)).end.code).toBe(226)
    expect((await stored('copy')).subarray(-4).toString()).toBe('tail')
    const unique = await client.upload('STOU', deflateSync('unique'), tls)
    expect((await stored(unique.opening.text.replace('FILE: ', ''))).toString()).toBe('unique')
    for (const command of ['LIST', 'NLST', 'MLSD'])
      expect(inflateSync((await client.download(command, tls)).bytes).toString()).toMatch(/large\r\n/)
    await client.send('MODE S')
    expect((await client.download('RETR text', tls)).bytes.toString()).toBe(text)
  })

  it('counts offsets in the file, for downloads and uploads', async () => {
    const client = await inModes('TYPE I', 'MODE Z')
    await client.send('REST 4')
    expect(inflateSync((await client.download('RETR text')).bytes).toString()).toBe(text.slice(4))
    await writeFile(join(server.root, 'half'), 'one\n')
    await client.send('REST 4')
    expect((await client.upload('STOR half', deflateSync('two'))).end.code).toBe(226)
    expect((await stored('half')).toString()).toBe('one\ntwo')
    await client.send('RANG 4 6')
    expect(inflateSync((await client.download('RETR text')).bytes).toString()).toBe('two')
  })

  it('translates ends of lines in TYPE A, and sends records of STRU R', async () => {
    const client = await inModes('TYPE A', 'MODE Z')
    expect(inflateSync((await client.download('RETR text')).bytes).toString()).toBe('one\r\ntwo  \r\n\r\nthree\r\nend')
    await client.upload('STOR lines', deflateSync('a\r\nb\r\n'))
    expect((await stored('lines')).toString()).toBe('a\nb\n')
    await client.send('STRU R')
    expect(inflateSync((await client.download('RETR lines')).bytes).toString('latin1')).toBe(
      'a\xff\x01b\xff\x01\xff\x02',
    )
  })

  it('deflates as hard as OPTS asks for, for that session', async () => {
    const words = Buffer.from(Array.from({ length: 20_000 }, (_, index) => `${(index * 7919) % 1009} `).join(''))
    await writeFile(join(server.root, 'words'), words)
    const client = await inModes('TYPE I', 'MODE Z')
    const lengths: number[] = []
    for (const level of [0, 1, 9]) {
      expect((await client.send(`OPTS MODE Z LEVEL ${level}`)).code).toBe(200)
      const { bytes } = await client.download('RETR words')
      expect(inflateSync(bytes).equals(words)).toBe(true)
      lengths.push(bytes.length)
    }
    const [plain = 0, fast = 0, small = 0] = lengths
    expect(plain).toBeGreaterThan(words.length)
    expect(fast).toBeLessThan(words.length)
    expect(small).toBeLessThan(fast)
  })

  const wire = deflateSync(Buffer.from('0123456789'.repeat(100)))
  it.each([
    ['is cut off', wire.subarray(0, -1), 426, 'incomplete'],
    ['never began', Buffer.alloc(0), 426, 'incomplete'],
    ['goes on after its end', Buffer.concat([wire, Buffer.from('x')]), 451, 'malformed'],
    ['is not deflated', Buffer.from('0123456789'), 451, 'malformed'],
    ['becomes too much', deflateSync(Buffer.alloc(60_000_000)), 552, 'inflated'],
  ])('answers an upload that %s in clear words, and marks it incomplete', async (_, bytes, code, reason) => {
    const client = await inModes('TYPE I', 'MODE Z')
    const before = server.log().length
    expect((await client.upload('STOR bad', bytes)).end.code).toBe(code)
    const lines = server.log().slice(before)
    expect(lines.find(({ msg }) => msg === 'upload incomplete')).toMatchObject({ reason })
    expect(lines.find(({ msg }) => msg === 'transfer ended')).toMatchObject({ result: reason })
    expect((await stored('bad')).length).toBeLessThan(40_000_000)
  })

  it('stalls, and is aborted, like any other', async () => {
    const client = await inModes('TYPE I', 'MODE Z')
    const idle = await client.passive()
    expect((await client.send('STOR stalled')).code).toBe(150)
    idle.write(wire.subarray(0, 10))
    expect((await client.reply()).code).toBe(426)
    idle.destroy()
    const data = await client.passive()
    expect((await client.send('STOR aborted')).code).toBe(150)
    data.on('error', () => {})
    data.write(wire.subarray(0, 10))
    client.write('ABOR\r\n')
    expect([(await client.reply()).code, (await client.reply()).code]).toEqual([426, 226])
  })

  it('is cut off where a download breaks, and the session goes on', async () => {
    await truncate(join(server.root, 'words'), 50_000_000)
    const client = await inModes('TYPE I', 'MODE Z', 'OPTS MODE Z LEVEL 0')
    const data = await client.passive()
    expect((await client.send('RETR words')).code).toBe(150)
    data.destroy()
    expect((await client.reply()).code).toBe(426)
    expect((await client.download('RETR text')).end.code).toBe(226)
  })

  it('keeps to a bandwidth in both directions', async () => {
    const perSession = { uploadBytesPerSecond: 200_000, downloadBytesPerSecond: 200_000 }
    const slow = await startServer({ server: { bandwidth: { perSession } } })
    try {
      const client = await loggedIn(slow)
      for (const command of ['TYPE I', 'MODE Z']) await client.send(command)
      const bytes = randomBytes(50_000)
      expect((await client.upload('STOR file', deflateSync(bytes))).end.code).toBe(226)
      expect((await readFile(join(slow.root, 'file'))).equals(bytes)).toBe(true)
      expect(inflateSync((await client.download('RETR file')).bytes).equals(bytes)).toBe(true)
    } finally {
      await slow.stop()
    }
  })

  it('holds to a quota by what is stored', async () => {
    const small = await startServer({
      server: { quotas: [{ path: '/', maxBytes: 1000 }] },
    })
    try {
      const client = await loggedIn(small)
      for (const command of ['TYPE I', 'MODE Z']) await client.send(command)
      expect((await client.upload('STOR fits', deflateSync(Buffer.alloc(900)))).end.code).toBe(226)
      expect((await client.upload('STOR over', deflateSync(Buffer.alloc(900)))).end.code).toBe(552)
    } finally {
      await small.stop()
    }
  })
})

describe('MODE Z by configuration', () => {
  it('is refused where it is switched off, and not in FEAT; levels have a limit, and transfers a number', async () => {
    const strict = await startServer({
      server: { transfers: { deflate: { enabled: true, maxLevel: 3, maxTransfers: 1 } } },
    })
    try {
      const client = await loggedIn(strict)
      expect((await client.send('FEAT')).lines).toContain(' MODE Z')
      expect((await client.send('OPTS MODE Z LEVEL 4')).text).toBe('Levels of MODE Z are 0 to 3.')
      expect((await client.send('OPTS MODE Z LEVEL 3')).code).toBe(200)
      await client.send('TYPE I')
      await client.send('MODE Z')
      const held = await client.passive()
      expect((await client.send('STOR first')).code).toBe(150)
      const second = await loggedIn(strict)
      await second.send('MODE Z')
      const waiting = second.upload('STOR second', deflateSync('x'))
      const third = await loggedIn(strict)
      expect((await third.upload('STOR third', 'x')).end.code).toBe(226)
      const ended = () => strict.log().flatMap(({ msg, path }) => (msg === 'transfer ended' ? [path] : []))
      expect(ended()).toEqual(['/third'])
      held.end(deflateSync('first'))
      expect((await client.reply()).code).toBe(226)
      expect((await waiting).end.code).toBe(226)
      await strict.reconfigure('server.yaml', await withoutDeflate(strict))
      expect((await client.send('FEAT')).lines).not.toContain(' MODE Z')
      expect((await second.send('MODE Z')).code).toBe(504)
      expect((await second.send('OPTS MODE Z LEVEL 1')).code).toBe(504)
      // Who has it keeps it.
      expect(inflateSync((await client.download('RETR first')).bytes).toString()).toBe('first')
    } finally {
      await strict.stop()
    }
  })
})

it('in MODE Z are as many transfers as allowed over all processes, and others wait', async () => {
  const limits = { failedLoginDelayMilliseconds: 0, drainTimeoutSeconds: 1 }
  const transfers = { deflate: { enabled: true, maxTransfers: 1 } }
  const several = await startServer({ server: { workers: 2, limits, transfers } })
  try {
    const [first, second, third] = await Promise.all([loggedIn(several), loggedIn(several), loggedIn(several)])
    for (const client of [first, second, third]) for (const line of ['TYPE I', 'MODE Z']) await client.send(line)
    const held = await first.passive()
    expect((await first.send('STOR first')).code).toBe(150)
    const waiting = [second.upload('STOR second', deflateSync('x')), third.upload('STOR third', deflateSync('x'))]
    const other = await loggedIn(several)
    expect((await other.upload('STOR other', 'x')).end.code).toBe(226)
    const ended = () => several.log().flatMap(({ msg, path }) => (msg === 'transfer ended' ? [path] : []))
    await eventually(() => ended().length > 0, 'a process has told of it')
    expect(ended()).toEqual(['/other'])
    held.end(deflateSync('first'))
    expect((await first.reply()).code).toBe(226)
    expect((await Promise.all(waiting)).map(({ end }) => end.code)).toEqual([226, 226])
  } finally {
    await several.stop()
  }
})

async function withoutDeflate({ configurationDirectory }: TestServer): Promise<string> {
  const source = await readFile(join(configurationDirectory, 'server.yaml'), 'utf8')
  return source.replace(/deflate:\n(?: +\w+: \w+\n)+/, 'deflate: { enabled: false }\n')
}

describe('MODE B', () => {
  it('tells the end of a download, and ends an upload where its end is told', async () => {
    const client = await inModes('TYPE I', 'MODE B')
    const { bytes, end } = await client.download('RETR text')
    expect(bytes).toEqual(Buffer.concat([block(0, text), block(64)]))
    expect(end.code).toBe(226)
    const upload = Buffer.concat([block(0, 'one\n'), block(64, 'two')])
    expect((await uploadOpenly(client, 'STOR blocks', upload)).at(-1)?.code).toBe(226)
    expect((await stored('blocks')).toString()).toBe('one\ntwo')
  })

  it('does the same under TLS', async () => {
    const client = await secured(server)
    for (const command of ['TYPE I', 'MODE B']) await client.send(command)
    expect((await client.download('RETR text', {})).bytes).toEqual(Buffer.concat([block(0, text), block(64)]))
    const raw = await client.passive()
    expect((await client.send('STOR blocks')).code).toBe(150)
    const data = await client.protect(raw)
    data.write(Buffer.concat([block(0, 'secret'), block(64)]))
    expect((await client.reply()).code).toBe(226)
    data.destroy()
    expect((await stored('blocks')).toString()).toBe('secret')
  })

  it('sends markers with a download, and takes them for REST', async () => {
    const client = await inModes('TYPE I', 'MODE B')
    const { bytes } = await client.download('RETR large')
    const { content, markers } = blocksOf(bytes)
    expect(content.equals(large)).toBe(true)
    expect(markers.map(({ marker }) => Number(marker))).toEqual([1_048_576, 2_097_152])
    for (const { marker, after } of markers) {
      expect(String(after)).toBe(marker)
      expect((await client.send(`REST ${marker}`)).code).toBe(350)
      const rest = blocksOf((await client.download('RETR large')).bytes)
      expect(rest.content.equals(large.subarray(after))).toBe(true)
    }
  })

  it('answers the markers of an upload with those of the server, from which it goes on', async () => {
    const client = await inModes('TYPE A', 'MODE B')
    const first = Buffer.concat([block(0, 'a\r\nb\r\n'), block(16, 'M1'), block(0, 'c\r\n'), block(16, 'M2')])
    const data = await client.passive()
    expect((await client.send('STOR marked')).code).toBe(150)
    data.write(first)
    expect(await client.reply()).toMatchObject({ code: 110, text: 'MARK M1 = 4' })
    expect(await client.reply()).toMatchObject({ code: 110, text: 'MARK M2 = 6' })
    data.destroy()
    expect((await client.reply()).code).toBe(426)
    expect((await client.send('REST 4')).code).toBe(350)
    const rest = Buffer.concat([block(16, 'M3'), block(0, 'C\r\n'), block(16, 'M4'), block(64)])
    const replies = await uploadOpenly(client, 'STOR marked', rest)
    expect(replies.map(({ code, text: words }) => (code === 110 ? words : code))).toEqual([
      150,
      'MARK M3 = 4',
      'MARK M4 = 6',
      226,
    ])
    expect((await stored('marked')).toString()).toBe('a\nb\nC\n')
    const more = await uploadOpenly(client, 'APPE marked', Buffer.concat([block(16, 'M5'), block(64)]))
    expect(more[1]).toMatchObject({ code: 110, text: 'MARK M5 = 6' })
  })

  it('has records where STRU R asks for them', async () => {
    const client = await inModes('TYPE A', 'MODE B', 'STRU R')
    expect((await client.download('RETR text')).bytes).toEqual(
      Buffer.concat([
        ...['one', 'two  '].flatMap(line => [block(0, line), block(128)]),
        ...[block(128), block(0, 'three'), block(128), block(0, 'end'), block(64)],
      ]),
    )
    await uploadOpenly(client, 'STOR records', Buffer.concat([block(128, 'a'), block(192, 'b')]))
    expect((await stored('records')).toString()).toBe('a\nb\n')
  })

  it('refuses what is no block, at once', async () => {
    const client = await inModes('TYPE I', 'MODE B')
    const replies = await uploadOpenly(client, 'STOR bad', Buffer.concat([block(0, 'good'), block(3, 'bad')]))
    expect(replies.at(-1)?.code).toBe(451)
    expect((await uploadOpenly(client, 'STOR bad', Buffer.concat([block(64), block(0, 'x')]))).at(-1)?.code).toBe(451)
  })
})

describe('MODE C', () => {
  it('compresses runs, tells the end, and takes what is compressed', async () => {
    const client = await inModes('TYPE I', 'MODE C')
    await writeFile(join(server.root, 'runs'), `${'\0'.repeat(100)}${'a'.repeat(10)}end`)
    const { bytes } = await client.download('RETR runs')
    expect(bytes.toString('hex')).toBe('ffe58a6103656e640040c0')
    expect((await uploadOpenly(client, 'STOR runs2', bytes)).at(-1)?.code).toBe(226)
    expect(await stored('runs2')).toEqual(await stored('runs'))
  })

  it('answers markers', async () => {
    const client = await inModes('TYPE I', 'MODE C')
    const bytes = Buffer.from('0361626300100241410040c0', 'hex')
    expect((await uploadOpenly(client, 'STOR marked', bytes))[1]).toMatchObject({ code: 110, text: 'MARK AA = 3' })
  })
})

describe('STRU R', () => {
  it('has records for lines in both directions, and in listings', async () => {
    const client = await inModes('TYPE A', 'STRU R')
    const { bytes } = await client.download('RETR text')
    expect(bytes.toString('latin1')).toBe('one\xff\x01two  \xff\x01\xff\x01three\xff\x01end\xff\x02')
    expect((await client.upload('STOR back', bytes)).end.code).toBe(226)
    expect((await stored('back')).toString()).toBe(text.replace('\r', ''))
    expect((await client.download('NLST')).bytes.toString('latin1')).toMatch(/(^|\x01)text\xff\x01.*\xff\x02$/s)
    await client.send('TYPE I')
    const exact = await client.download('RETR text')
    await client.upload('STOR back', exact.bytes)
    expect((await stored('back')).toString()).toBe(text)
  })

  it('is told by STAT, with the mode, and forgotten by REIN', async () => {
    const client = await inModes('STRU R', 'MODE Z')
    expect((await client.send('STAT')).lines).toContain(' TYPE: ascii; STRU: record; MODE: deflate')
    await client.send('REIN')
    expect((await client.send('STAT')).lines).toContain(' TYPE: ascii; STRU: file; MODE: stream')
  })
})

describe('TYPE A that is switched off', () => {
  it('leaves files as they are, and lets SIZE, REST and RANG count their bytes', async () => {
    const off = await startServer({ server: { transfers: { ascii: 'off' } } })
    try {
      await writeFile(join(off.root, 'text'), text)
      const client = await loggedIn(off)
      expect((await client.download('RETR text')).bytes.toString()).toBe(text)
      expect(await client.send('TYPE A')).toMatchObject({ code: 200, text: 'The type is ascii; files go as they are.' })
      expect((await client.download('RETR text')).bytes.toString()).toBe(text)
      await client.upload('STOR back', 'a\r\nb\n')
      expect((await readFile(join(off.root, 'back'))).toString()).toBe('a\r\nb\n')
      expect(await client.send('SIZE text')).toMatchObject({ code: 213, text: `${text.length}` })
      await client.send('REST 4')
      expect((await client.download('RETR text')).bytes.toString()).toBe(text.slice(4))
      await client.send('RANG 0 2')
      expect((await client.download('RETR text')).bytes.toString()).toBe('one')
      expect((await client.download('NLST')).bytes.toString()).toMatch(/text\r\n/)
    } finally {
      await off.stop()
    }
  })
})

type Marker = { readonly marker: string; readonly after: number }

/** Data of a download in MODE B, and the markers in it. */
function blocksOf(bytes: Buffer): { readonly content: Buffer; readonly markers: readonly Marker[] } {
  const parts: Buffer[] = []
  const markers: Marker[] = []
  let after = 0
  for (let at = 0; at < bytes.length; ) {
    const descriptor = bytes[at]
    const part = bytes.subarray(at + 3, at + 3 + bytes.readUInt16BE(at + 1))
    at += 3 + part.length
    if (descriptor === 16) {
      markers.push({ marker: part.toString(), after })
    } else {
      parts.push(part)
      after += part.length
    }
  }
  return { content: Buffer.concat(parts), markers }
}
