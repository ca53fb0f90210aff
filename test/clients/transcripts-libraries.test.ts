/** What libraries in other languages say that can't be run here, line by line as they send it, and what they read in the answers. */
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { roles } from '../../server/config/schema/permissions.ts'
import { ask, byPasv, byPort, get, play, put } from '../support/clients/transcript.ts'
import { type FtpClient, readAll } from '../support/ftp-client.ts'
import { password, simpleUser, startServer, type TestServer } from '../support/server.ts'
import { connected, loggedIn } from '../support/sessions.ts'

let server: TestServer

beforeAll(async () => {
  const users = ['fluentftp', 'fluentfiles', 'webrequest', 'java', 'cyberduck'].map(name =>
    simpleUser(name, { home: `/${name}`, permissions: [...roles['read-write'], 'symlink'] }),
  )
  server = await startServer({ users })
})
afterAll(() => server.stop())

const stored = (...path: readonly string[]): string => join(server.root, ...path)

describe('FluentFTP', () => {
  it('finds out how to connect: with TLS, then with what FEAT and SYST say', async () => {
    const client = await connected(server)
    await connectUnderTls(client)
    const features = (await ask(client, 'FEAT', 211)).lines.map(line => line.trim())
    for (const name of ['MLST', 'MDTM', 'REST STREAM', 'SIZE', 'UTF8', 'MFMT', 'EPSV', 'SITE MKDIR', 'SITE SYMLINK'])
      expect(features.some(line => line.startsWith(name))).toBe(true)
    const algorithms = /^HASH\s+(.*)$/.exec(features.find(line => line.startsWith('HASH')) ?? '')?.[1]?.split(';')
    expect(algorithms).toEqual(expect.arrayContaining(['SHA-256*', 'SHA-512', 'SHA-1', 'MD5']))
    await play(client, ['OPTS UTF8 ON', 200])
    expect((await ask(client, 'SYST', 215)).text).toContain('UNIX')
  })

  it('takes the server for none of those that it has special ways for', async () => {
    const client = await connected(server)
    const told = [server.application.server.configuration.server.banner, (await ask(client, 'SYST', 215)).text].join()
    expect(told).not.toMatch(
      /ftpd|proftp|filezilla|serv-u|cerberus|titan|rumpus|xlight|windows|wu-|vms|z\/os|nonstop|brickftp|gl-?ftp/i,
    )
  })

  it('stores a file in a new directory, while it asks with NOOP whether somebody is there, and compares', async () => {
    const client = await connected(server)
    await connectUnderTls(client)
    // It does not know that SIZE needs TYPE I, and learns it by these words.
    expect((await ask(client, 'SIZE /dir/file', 550)).text.toLowerCase()).toContain('not allowed in ascii')
    await play(client, ['TYPE I', 200])
    expect((await ask(client, 'SIZE /dir/file', 550)).text.toLowerCase()).toContain('no such file')
    expect((await ask(client, 'MDTM /dir/file', 550)).text.toLowerCase()).toContain('no such file')
    await play(client, ['CWD /dir', 550], ['MKD /dir', 257])
    expect((await ask(client, 'MKD /dir', 550)).text.toLowerCase()).toContain('directory already exist')
    await uploadWithNoops(client, 'STOR /dir/file', 'content')
    await play(client, ['OPTS HASH SHA-1', 200])
    const { lines, text } = await ask(client, 'HASH /dir/file', 213)
    expect(lines).toHaveLength(1)
    expect(/^(.+)\s(\d+)-(\d+)\s(.+)\s(.+)$/.exec(text)?.slice(1)).toEqual(
      expect.arrayContaining(['SHA-1', '0', '6', '040f06fd774092478d450774f5ba30c5da78acc8', '/dir/file']),
    )
    await play(client, ['MFMT 20240229120000 /dir/file', 213], ['SIZE /dir/file', 213], ['QUIT', 221])
    expect((await stat(stored('fluentftp', 'dir', 'file'))).mtime).toEqual(new Date('2024-02-29T12:00:00Z'))
  })

  it('compares by the older commands too, and reads facts, lists and goes on with an upload', async () => {
    const client = await loggedIn(server, 'fluentfiles')
    await play(client, ['TYPE I', 200])
    await put(client, 'STOR /file', 'cont')
    await play(client, ['SIZE /file', 213])
    await put(client, 'APPE /file', 'ent')
    // It takes the path and the name of the command away from what is answered.
    for (const verb of ['MD5', 'XMD5', 'XSHA1', 'XSHA256', 'XSHA512', 'XCRC']) {
      const { code, text } = await client.send(`${verb} /file`)
      expect([verb, code < 300, /^(?:\/file )?[0-9A-F]{8,128}$/.test(text)]).toEqual([verb, true, true])
    }
    const { lines } = await ask(client, 'MLST /file', 250)
    expect(lines[1]).toMatch(/^ type=file;size=7;modify=\d{14};.* \/file$/)
    await play(client, ['PRET MLSD', 200])
    expect(await get(client, 'MLSD /')).toMatch(/^type=cdir;|size=7;/)
    await play(client, ['RNFR /file', 350], ['RNTO /other', 250], ['SITE CHMOD 640 /other', 200], ['DELE /other', 250])
  })
})

describe('FtpWebRequest of .NET', () => {
  it('begins with OPTS and PWD, uses one connection for several requests, and sends whole paths', async () => {
    const client = await connected(server)
    await play(client, ['USER webrequest', 331], [`PASS ${password}`, 230], ['OPTS utf8 on', 200], ['PWD', 257])
    await play(client, ['MKD dir', 257], ['TYPE I', 200])
    await put(client, 'STOR dir/file', 'content')
    await play(client, ['SIZE dir/file', 213], ['MDTM dir/file', 213])
    expect(await get(client, 'RETR dir/file')).toBe('content')
    const data = await byPasv(client)
    await play(client, ['REST 4', 350], ['RETR dir/file', 150])
    expect((await readAll(data)).toString()).toBe('ent')
    expect((await client.reply()).code).toBe(226)
    expect(await get(client, 'NLST dir')).toBe('dir/file\r\n')
    await play(client, ['RNFR dir/file', 350], ['RNTO dir/other', 250], ['DELE dir/other', 250], ['RMD dir', 250])
    await play(client, ['QUIT', 221])
  })

  it('protects data after the login, and gives its own address where it is not passive', async () => {
    const client = await connected(server)
    await play(client, ['AUTH TLS', 234])
    await client.secure()
    await play(client, ['USER webrequest', 331], [`PASS ${password}`, 230], ['PBSZ 0', 200], ['PROT P', 200])
    await play(client, ['OPTS utf8 on', 200], ['PWD', 257], ['TYPE A', 200])
    const arrival = await byPort(client)
    await play(client, ['LIST', 150])
    expect(await readAll(await client.protect(await arrival()))).toEqual(Buffer.alloc(0))
    expect((await client.reply()).code).toBe(226)
  })
})

describe('commons-net of Java', () => {
  it('reads FEAT and SYST before it lists, and counts the answers to NOOP of a long transfer', async () => {
    const client = await connected(server)
    await play(client, ['AUTH TLS', 234])
    await client.secure()
    await play(client, ['PBSZ 0', 200], ['PROT P', 200], ['USER java', 331], [`PASS ${password}`, 230], ['FEAT', 211])
    await play(client, ['SYST', 215], ['TYPE I', 200])
    // It waits for an answer to each, in any order with that of the transfer.
    await uploadWithNoops(client, 'STOR file', 'content')
    const { bytes, end } = await client.download('LIST', {})
    expect(end.code).toBe(226)
    expect(bytes.toString()).toMatch(/^-rw-r--r-- +1 \S+ +\S+ +7 [A-Z][a-z]{2} [ \d]\d \d\d:\d\d file\r\n$/)
    // An answer without a text it takes for one that was cut off.
    expect((await ask(client, 'RETR missing', 425)).text).not.toBe('')
    await play(client, ['STAT', 211], ['HELP', 214], ['NOOP', 200], ['QUIT', 221])
  })

  it('as Cyberduck lists by STAT where there is no MLSD, with one entry in each line between the codes', async () => {
    const client = await connected(server)
    await play(client, ['USER cyberduck', 331], [`PASS ${password}`, 230], ['FEAT', 211], ['OPTS UTF8 ON', 200])
    await play(client, ['SYST', 215], ['PWD', 257], ['MKD /dir', 257], ['TYPE I', 200])
    await put(client, 'STOR /dir/file', 'content')
    const { lines } = await ask(client, 'STAT /dir', 212)
    expect(lines.slice(1, -1)).toEqual([expect.stringMatching(/^ *-rw.* 7 .* file$/)])
    expect(await get(client, 'LIST -a')).toMatch(/ dir\r\n/)
    const times = '20240301000000 20240229120000 20240229120000 UTC'
    await play(client, [`SITE UTIME /dir/file ${times}`, 200], ['SITE CHMOD 600 /dir/file', 200])
    await play(client, ['SITE SYMLINK file /dir/link', 200], ['CWD /dir/link', 550], ['CWD /dir', 250])
    expect((await stat(stored('cyberduck', 'dir', 'file'))).mtime).toEqual(new Date('2024-02-29T12:00:00Z'))
    expect(await readFile(stored('cyberduck', 'dir', 'link'), 'utf8')).toBe('content')
  })
})

async function connectUnderTls(client: FtpClient): Promise<void> {
  await play(client, ['AUTH TLS', 234])
  await client.secure()
  await play(client, ['USER fluentftp', 331], [`PASS ${password}`, 230], ['PBSZ 0', 200], ['PROT P', 200])
}

/** Each NOOP is answered, and none instead of the transfer: what comes first after the data is its result. */
async function uploadWithNoops(client: FtpClient, line: string, bytes: string): Promise<void> {
  const raw = await client.passive()
  await play(client, [line, 150])
  const data = await client.protect(raw)
  data.resume()
  client.write('NOOP\r\nNOOP\r\n')
  data.end(bytes)
  const codes = [await client.reply(), await client.reply(), await client.reply()].map(({ code }) => code)
  expect(codes).toEqual([226, 200, 200])
}
