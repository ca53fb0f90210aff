/** Path names are bytes: RFC 2640, RFC 3659 section 2.2, RFC 959 appendix II. */
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type FtpClient, type FtpReply, readAll } from '../support/ftp-client.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { loggedIn } from '../support/sessions.ts'

let server: TestServer

beforeAll(async () => {
  server = await startServer()
})
afterAll(() => server.stop())
beforeEach(async () => {
  await rm(server.root, { recursive: true })
  await mkdir(server.root)
})

/** A command whose argument is bytes, as they go over Telnet. */
async function sendBytes(client: FtpClient, verb: string, name: Uint8Array): Promise<FtpReply> {
  const escaped = [...name].flatMap(byte => (byte === 0xff ? [0xff, 0xff] : byte === 0x0d ? [0x0d, 0] : [byte]))
  client.write(Buffer.concat([Buffer.from(`${verb} `), Buffer.from(escaped), Buffer.from('\r\n')]))
  return client.reply()
}

async function download(client: FtpClient, verb: string, name: Uint8Array): Promise<string> {
  const data = await client.passive()
  expect((await sendBytes(client, verb, name)).code).toBe(150)
  const content = await readAll(data)
  expect((await client.reply()).code).toBe(226)
  return content.toString('latin1')
}

async function upload(client: FtpClient, name: Uint8Array, content: string): Promise<void> {
  const data = await client.passive()
  expect((await sendBytes(client, 'STOR', name)).code).toBe(150)
  data.end(content)
  expect((await client.reply()).code).toBe(226)
}

async function onDisk(): Promise<string[]> {
  return (await readdir(server.root, { encoding: 'buffer' })).map(name => name.toString('latin1'))
}

const names: readonly (readonly [string, Buffer])[] = [
  ['UTF-8', Buffer.from('grüße 日本 🎈')],
  ['composed', Buffer.from('\u00e9')],
  ['decomposed', Buffer.from('e\u0301')],
  ['latin1, which is not UTF-8', Buffer.from('caf\xe9', 'latin1')],
  ['bytes that are cut UTF-8', Buffer.from([0x61, 0xf0, 0x9f, 0x8e, 0x62])],
  ['encoded surrogates, which are not UTF-8', Buffer.from([0xed, 0xb2, 0x80])],
  ['byte 255, sent as IAC IAC', Buffer.from([0x61, 0xff, 0x62])],
  ['a leading space', Buffer.from(' leading')],
  ['a trailing space', Buffer.from('trailing ')],
  ['only spaces', Buffer.from('  ')],
  ['quotes', Buffer.from('a "quoted" name')],
  ['what looks like a reply', Buffer.from('226 done')],
  ['what looks like a flag within', Buffer.from('a -la')],
  ['a star', Buffer.from('a*b')],
  ['a backslash', Buffer.from('a\\b')],
]

describe.each(names)('a name with %s', (_what, name) => {
  it('is the same in upload, on disk, in listings, download, rename and delete', async () => {
    const client = await loggedIn(server)
    const text = name.toString('latin1')
    await upload(client, name, 'content')
    expect(await onDisk()).toEqual([text])
    for (const verb of ['NLST', 'MLSD', 'LIST']) {
      const { bytes } = await client.download(verb)
      expect(` ${bytes.toString('latin1')}`.endsWith(` ${text}\r\n`), verb).toBe(true)
    }
    expect(await download(client, 'RETR', name)).toBe('content')
    expect((await sendBytes(client, 'MLST', name)).lines[1]?.endsWith(` /${text}`)).toBe(true)
    const other = Buffer.concat([name, Buffer.from('2')])
    await sendBytes(client, 'RNFR', name)
    expect((await sendBytes(client, 'RNTO', other)).code).toBe(250)
    expect(await onDisk()).toEqual([other.toString('latin1')])
    expect((await sendBytes(client, 'DELE', other)).code).toBe(250)
    expect(await onDisk()).toEqual([])
  })

  it('is the same as a directory, told in quotes that are doubled within', async () => {
    const client = await loggedIn(server)
    const quoted = `"/${name.toString('latin1').replaceAll('"', '""')}"`
    expect((await sendBytes(client, 'MKD', name)).text).toBe(`${quoted} was made.`)
    expect((await sendBytes(client, 'CWD', name)).code).toBe(250)
    expect((await client.send('PWD')).text).toBe(`${quoted} is the working directory.`)
    await client.send('CDUP')
    expect((await sendBytes(client, 'RMD', name)).code).toBe(250)
  })
})

describe('a name with CR', () => {
  it('is sent as CR NUL, and breaks neither listings nor replies', async () => {
    const client = await loggedIn(server)
    const name = Buffer.from('a\rb')
    await upload(client, name, 'content')
    expect(await onDisk()).toEqual(['a\rb'])
    expect(await download(client, 'RETR', name)).toBe('content')
    const listing = (await client.download('LIST')).bytes.toString('latin1')
    expect(listing.replace(/\r\n$/, '')).not.toMatch(/[\r\n]/)
    expect((await sendBytes(client, 'MLST', name)).lines.join()).not.toMatch(/[\r\n]/)
    expect((await sendBytes(client, 'DELE', name)).code).toBe(250)
  })
})

describe('paths', () => {
  it('use slashes, dots and two dots, and end at the root (TVFS)', async () => {
    const client = await loggedIn(server)
    await mkdir(join(server.root, 'a', 'b'), { recursive: true })
    await writeFile(join(server.root, 'a', 'file'), 'content')
    await client.send('CWD a/b')
    for (const path of ['../file', '/a/file', '//a///file', './../file', '/../../a/./file', '../../../../a/file']) {
      expect((await client.download(`RETR ${path}`)).bytes.toString(), path).toBe('content')
    }
    expect((await client.send('CWD /../..')).code).toBe(250)
    expect((await client.send('PWD')).text).toMatch(/^"\/" /)
  })

  it('may not hold NUL, nor be longer than the system takes', async () => {
    const client = await loggedIn(server)
    expect((await client.send('MKD a\0b')).code).toBe(553)
    expect((await client.send(`MKD ${'ü'.repeat(128)}`)).code).toBe(553)
    expect((await client.send(`MKD ${'ü'.repeat(127)}`)).code).toBe(257)
  })
})
