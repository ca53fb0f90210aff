/** What programs for people and devices say that can't be run here, line by line as they send it, and the answers they need to go on. */
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { roles } from '../../server/config/schema/permissions.ts'
import { ask, byPasv, get, play, put } from '../support/clients/transcript.ts'
import { readAll } from '../support/ftp-client.ts'
import { password, simpleUser, startServer, type TestServer } from '../support/server.ts'
import { connected, listenerWith, temporaryServer } from '../support/sessions.ts'

let server: TestServer

beforeAll(async () => {
  const users = ['winscp', 'flashfxp', 'filezilla', 'windows', 'reolink', 'yi', 'dahua', 'scanner'].map(name =>
    simpleUser(name, { home: `/${name}`, permissions: [...roles['read-write'], 'symlink'] }),
  )
  server = await startServer({ users })
})
afterAll(() => server.stop())

const stored = (...path: readonly string[]): string => join(server.root, ...path)

it('WinSCP logs in under TLS, stores with times, compares, copies and links', async () => {
  const client = await connected(server)
  await client.startTls()
  await play(client, ['USER winscp', 331], [`PASS ${password}`, 230], ['SYST', 215], ['FEAT', 211])
  await play(client, ['CLNT WinSCP-release-6.5', 200], ['OPTS UTF8 ON', 200], ['PBSZ 0', 200], ['PROT P', 200])
  await play(client, ['PWD', 257], ['CWD /', 250], ['TYPE I', 200])
  expect((await client.upload('STOR a file', 'content', {})).end.code).toBe(226)
  await play(client, ['MFMT 20240229120000 a file', 213], ['OPTS HASH SHA-1', 200])
  const digest = await client.send('HASH "/a file"')
  expect(digest.lines).toHaveLength(1)
  expect(digest.text).toContain(' 040f06fd774092478d450774f5ba30c5da78acc8 ')
  await play(client, ['SITE CPFR /a file', 350], ['SITE CPTO /a copy', 250], ['SITE SYMLINK "a file" link', 200])
  expect((await client.download('MLSD', {})).bytes.toString()).toMatch(/modify=20240229120000;.* a file\r\n/)
  expect(await readFile(stored('winscp', 'a copy'), 'utf8')).toBe('content')
})

it('FlashFXP sets up protection before it logs in', async () => {
  const client = await connected(server)
  await client.startTls()
  await play(client, ['PBSZ 0', 200], ['USER flashfxp', 331], [`PASS ${password}`, 230], ['SYST', 215], ['FEAT', 211])
  await play(client, ['PROT P', 200], ['PWD', 257], ['TYPE A', 200])
  expect((await client.download('MLSD', {})).end.code).toBe(226)
  expect((await client.upload('STOR file', 'bytes', {})).end.code).toBe(226)
  await play(client, ['TYPE I', 200], ['SIZE file', 213], ['XCRC file', 250], ['QUIT', 221])
})

it('ftp.exe of Windows asks for UTF-8 before it says who it is', async () => {
  const client = await connected(server)
  await play(client, ['OPTS UTF8 ON', 200], ['USER windows', 331], [`PASS ${password}`, 230], ['XPWD', 257])
  await play(client, ['XMKD new', 257], ['CWD new', 250], ['noop', 200], ['QUIT', 221])
  expect((await stat(stored('windows', 'new'))).isDirectory()).toBe(true)
})

it('a camera of Reolink looks for its directory before it makes it', async () => {
  const client = await connected(server)
  await play(client, ['USER reolink', 331], [`PASS ${password}`, 230], ['TYPE I', 200])
  await play(client, ['CWD //cam', 550], ['CWD cam', 550], ['MKD cam', 257], ['CWD cam', 250])
  expect((await client.upload('STOR 01.jpg', 'picture')).end.code).toBe(226)
  await play(client, ['CWD //cam', 250], ['SIZE 01.jpg', 213])
  expect((await stat(stored('reolink', 'cam', '01.jpg'))).size).toBe(7)
})

it('a camera of Yi sends all lines at once, in lower case', async () => {
  const client = await connected(server)
  client.write(`user yi\r\npass ${password}\r\ntype i\r\nmkd 2024\r\ncwd 2024\r\nepsv\r\n`)
  const codes: number[] = []
  for (let count = 0; count < 6; count += 1) codes.push((await client.reply()).code)
  expect(codes).toEqual([331, 230, 200, 257, 250, 229])
})

it('a space behind MLSD names nothing', async () => {
  const client = await connected(server)
  await play(client, ['USER windows', 331], [`PASS ${password}`, 230])
  expect((await client.download('MLSD ')).end.code).toBe(226)
})

it('FileZilla logs in under TLS, lists by PASV, stores with times, and keeps the session alive', async () => {
  const client = await connected(server)
  await play(client, ['AUTH TLS', 234])
  await client.secure()
  await play(client, ['USER filezilla', 331], [`PASS ${password}`, 230], ['SYST', 215])
  const { lines } = await ask(client, 'FEAT', 211)
  // It reads each line by the name it begins with, in capitals, and a space.
  for (const line of [' UTF8', ' CLNT', ' MFMT', ' MDTM', ' SIZE', ' TVFS', ' REST STREAM', ' EPSV'])
    expect(lines).toContain(line)
  await play(client, ['CLNT FileZilla', 200], ['OPTS UTF8 ON', 200], ['PBSZ 0', 200], ['PROT P', 200])
  expect((await ask(client, 'PWD', 257)).text).toMatch(/^"\/" /)
  await play(client, ['TYPE I', 200])
  const listing = await client.protect(await sent('MLSD'))
  expect(listing.isSessionReused()).toBe(true)
  expect(await readAll(listing)).toEqual(Buffer.alloc(0))
  expect((await client.reply()).code).toBe(226)
  const upload = await client.protect(await sent('STOR a file'))
  upload.end('content')
  expect((await client.reply()).code).toBe(226)
  await play(client, ['MFMT 20240229120000 a file', 213], ['NOOP', 200], ['TYPE I', 200], ['PWD', 257])
  expect((await stat(stored('filezilla', 'a file'))).mtime).toEqual(new Date('2024-02-29T12:00:00Z'))

  async function sent(line: string) {
    const data = await byPasv(client)
    await play(client, [line, 150])
    return data
  }
})

it('FileZilla goes on where a directory is there already, and without TLS where there is none', async () => {
  const plain = await temporaryServer({ server: { listeners: await listenerWith('disabled') } })
  const client = await connected(plain)
  await play(client, ['AUTH TLS', 534], ['AUTH SSL', 534], ['USER alice', 331], [`PASS ${password}`, 230])
  await play(client, ['CWD /', 250], ['MKD new', 257])
  expect((await ask(client, 'MKD new', 550)).text.toLowerCase()).toContain('already exists')
})

it('Explorer of Windows asks for help with SITE, and lists by LIST alone', async () => {
  const client = await connected(server)
  await play(client, ['USER anonymous', 331], ['PASS User@', 530], ['USER windows', 331], [`PASS ${password}`, 230])
  await play(client, ['opts utf8 on', 200], ['syst', 215], ['site help', 214], ['PWD', 257], ['noop', 200])
  await play(client, ['CWD /', 250], ['TYPE A', 200])
  // 150: it does not understand 125.
  expect(await get(client, 'LIST')).toMatch(/^(?:[-d][rwx-]{9} .*\r\n)*$/)
})

it('files of GNOME and of Ubuntu list with -a', async () => {
  const client = await connected(server)
  await play(client, ['USER windows', 331], [`PASS ${password}`, 230], ['TYPE I', 200])
  expect(await get(client, 'LIST -a')).toMatch(/^d.* \.\r\n/)
})

it('a camera of Dahua announces the size of a picture, and needs 200 for that', async () => {
  const client = await connected(server)
  await play(client, ['USER dahua', 331], [`PASS ${password}`, 230], ['TYPE I', 200], ['ALLO 7', 200])
  await put(client, 'STOR 01.jpg', 'picture')
  expect(await readFile(stored('dahua', '01.jpg'), 'utf8')).toBe('picture')
})

it('a scanner first only looks whether it gets in, and comes again with what it has scanned', async () => {
  const first = await connected(server)
  await play(first, ['USER scanner', 331], [`PASS ${password}`, 230], ['CWD /', 250], ['QUIT', 221])
  const second = await connected(server)
  await play(second, ['USER scanner', 331], [`PASS ${password}`, 230], ['CWD /', 250], ['TYPE I', 200])
  await put(second, 'STOR scan.pdf', 'pages')
  await play(second, ['QUIT', 221])
  expect(await readFile(stored('scanner', 'scan.pdf'), 'utf8')).toBe('pages')
})
