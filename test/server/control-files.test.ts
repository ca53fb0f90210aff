/** What transfers do to files: restart, append, unique names, ASCII; and times. RFC 959, RFC 1123, RFC 3659. */
import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { FtpClient } from '../support/ftp-client.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { loggedIn } from '../support/sessions.ts'

let server: TestServer

beforeAll(async () => {
  server = await startServer()
})
afterAll(() => server.stop())
beforeEach(() => writeFile(join(server.root, 'file'), '0123456789'))

const stored = (name: string): Promise<string> => readFile(join(server.root, name), 'latin1')

async function inImage(): Promise<FtpClient> {
  const client = await loggedIn(server)
  await client.send('TYPE I')
  return client
}

describe('REST', () => {
  it('has RETR begin at its offset, also with EPSV in between', async () => {
    const client = await inImage()
    for (const [offset, tail] of [
      [4, '456789'],
      [10, ''],
      [0, '0123456789'],
    ] as const) {
      await client.send(`REST ${offset}`)
      const { bytes, end } = await client.download('RETR file')
      expect([bytes.toString(), end.code]).toEqual([tail, 226])
    }
  })

  it('holds for one transfer, and not beyond another command', async () => {
    const client = await inImage()
    await client.send('REST 4')
    await client.download('RETR file')
    expect((await client.download('RETR file')).bytes.toString()).toBe('0123456789')
    await client.send('REST 4')
    await client.send('NOOP')
    expect((await client.download('RETR file')).bytes.toString()).toBe('0123456789')
    await client.send('REST 4')
    await client.send('NOSUCH')
    expect((await client.download('RETR file')).bytes.toString()).toBe('0123456789')
  })

  it('has STOR write at its offset; what is before and beyond stays', async () => {
    const client = await inImage()
    await client.send('REST 4')
    expect((await client.upload('STOR file', 'xy')).end.code).toBe(226)
    expect(await stored('file')).toBe('0123xy6789')
    await client.send('REST 10')
    expect((await client.upload('STOR file', 'tail')).end.code).toBe(226)
    expect(await stored('file')).toBe('0123xy6789tail')
  })

  it('makes APPE a STOR at the offset', async () => {
    const client = await inImage()
    await client.send('REST 8')
    expect((await client.upload('APPE file', 'XYZ')).end.code).toBe(226)
    expect(await stored('file')).toBe('01234567XYZ')
  })

  it('beyond the end is refused with 554 by the command that follows, and the file stays as it was', async () => {
    const client = await inImage()
    for (const verb of ['RETR', 'STOR', 'APPE']) {
      expect((await client.send('REST 11')).code).toBe(350)
      await client.send('EPSV')
      expect((await client.send(`${verb} file`)).code, verb).toBe(554)
    }
    expect(await stored('file')).toBe('0123456789')
  })
})

describe('REST before TYPE A', () => {
  it('is refused by the transfer, whose file stays as it was, and listings know no offset', async () => {
    const client = await inImage()
    for (const verb of ['RETR', 'STOR', 'APPE']) {
      await client.send('TYPE I')
      await client.send('REST 4')
      await client.send('TYPE A')
      await client.send('EPSV')
      expect((await client.send(`${verb} file`)).code, verb).toBe(554)
    }
    expect(await stored('file')).toBe('0123456789')
    await client.send('TYPE I')
    await client.send('REST 4')
    await client.send('TYPE A')
    expect((await client.download('NLST file')).bytes.toString()).toBe('file\r\n')
    await client.send('TYPE I')
    await client.send('REST 4')
    await client.send('TYPE A')
    await client.send('TYPE I')
    expect((await client.download('RETR file')).bytes.toString()).toBe('456789')
  })
})

describe('STOR, APPE and STOU', () => {
  it('STOR replaces a file', async () => {
    const client = await loggedIn(server)
    await client.upload('STOR file', 'new')
    expect(await stored('file')).toBe('new')
  })

  it('APPE writes at the end, and makes a file that is missing', async () => {
    const client = await inImage()
    await client.upload('APPE file', 'ab')
    expect(await stored('file')).toBe('0123456789ab')
    await client.upload('APPE appended', 'new')
    expect(await stored('appended')).toBe('new')
  })

  it('STOU tells the name it made in the 150, and never takes one that exists', async () => {
    const client = await inImage()
    const names = new Set<string>()
    for (const argument of ['', '', ' file', ' file', ' file']) {
      const { opening, end } = await client.upload(`STOU${argument}`, 'unique')
      const name = /^FILE: (\S+)$/.exec(opening.text)?.[1] ?? ''
      expect([opening.code, end.code]).toEqual([150, 226])
      expect(await stored(name)).toBe('unique')
      names.add(name)
    }
    expect(names.size).toBe(5)
    expect(await stored('file')).toBe('0123456789')
  })

  it('STOU into another directory tells a path that RETR takes', async () => {
    const client = await inImage()
    await client.send('MKD unique')
    const { opening } = await client.upload('STOU unique/name', 'there')
    expect(opening.text).toBe('FILE: /unique/name')
    expect((await client.download(`RETR ${opening.text.slice(6)}`)).bytes.toString()).toBe('there')
  })
})

describe('TYPE A', () => {
  it('sends each end of line as CRLF, once', async () => {
    const client = await loggedIn(server)
    await writeFile(join(server.root, 'text'), 'unix\nnetwork\r\nold\rlast')
    expect((await client.download('RETR text')).bytes.toString()).toBe('unix\r\nnetwork\r\nold\rlast')
    await client.send('TYPE I')
    expect((await client.download('RETR text')).bytes.toString()).toBe('unix\nnetwork\r\nold\rlast')
  })

  it('stores CRLF as LF, however it is cut, and a CR alone as it is', async () => {
    const client = await loggedIn(server)
    const data = await client.passive()
    await client.send('STOR text')
    for (const piece of ['one\r', '\ntwo\r\n', 'a\rb', '\r'])
      await new Promise<void>(resolve => data.write(piece, () => setImmediate(resolve)))
    data.end()
    expect((await client.reply()).code).toBe(226)
    expect(await stored('text')).toBe('one\ntwo\na\rb\r')
  })

  it('is what a session begins with; listings have CRLF in any type', async () => {
    const client = await loggedIn(server)
    expect((await client.send('STAT')).lines.join()).toContain('TYPE: ascii')
    await client.send('TYPE L 8')
    expect((await client.send('STAT')).lines.join()).toContain('TYPE: image')
    expect((await client.download('LIST file')).bytes.toString()).toMatch(/ file\r\n$/)
  })
})

describe('times and modes', () => {
  it('MDTM and MFMT set and tell times in UTC', async () => {
    const client = await loggedIn(server)
    expect((await client.send('MFMT 20200229123456 file')).text).toBe('Modify=20200229123456; file')
    expect((await stat(join(server.root, 'file'))).mtime.toISOString()).toBe('2020-02-29T12:34:56.000Z')
    expect((await client.send('MDTM file')).text).toBe('20200229123456')
    expect((await client.send('MDTM 19991231235959 file')).text).toBe('19991231235959')
    expect((await client.send('MDTM file')).text).toBe('19991231235959')
  })

  it.each(['19691231235959', '19380124083000'])('MFMT sets %s, a time before 1970', async time => {
    const client = await loggedIn(server)
    expect((await client.send(`MFMT ${time} file`)).text).toBe(`Modify=${time}; file`)
    expect((await client.send('MDTM file')).text).toBe(time)
    expect((await client.download('LIST file')).bytes.toString()).toContain(` ${time.slice(0, 4)} file`)
  })

  it('MDTM takes what is named like a time and a path for that file', async () => {
    const client = await loggedIn(server)
    await writeFile(join(server.root, '20200101000000 file'), '')
    const before = (await client.send('MDTM file')).text
    expect((await client.send('MDTM 20200101000000 file')).text).not.toBe('20200101000000')
    expect((await client.send('MDTM file')).text).toBe(before)
  })

  it('SITE CHMOD changes the permission bits', async () => {
    const client = await loggedIn(server)
    expect((await client.send('SITE CHMOD 640 file')).code).toBe(200)
    expect((await stat(join(server.root, 'file'))).mode & 0o777).toBe(0o640)
  })

  it('RNTO takes the place of a file, never of a directory', async () => {
    const client = await loggedIn(server)
    await client.upload('STOR target', 'old')
    await client.send('MKD place')
    await client.send('RNFR file')
    expect((await client.send('RNTO place')).code).toBe(550)
    await client.send('RNFR file')
    expect((await client.send('RNTO target')).code).toBe(250)
    expect(await stored('target')).toBe('0123456789')
    expect((await client.send('MLST file')).code).toBe(550)
  })
})
