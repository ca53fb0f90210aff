/** What clients say that can't be run here, line by line as they send it, and the answers they need to go on. */
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { roles } from '../../server/config/schema/permissions.ts'
import type { FtpClient } from '../support/ftp-client.ts'
import { password, simpleUser, startServer, type TestServer } from '../support/server.ts'
import { connected } from '../support/sessions.ts'

let server: TestServer

beforeAll(async () => {
  const users = ['winscp', 'flashfxp', 'windows', 'reolink', 'yi'].map(name =>
    simpleUser(name, { home: `/${name}`, permissions: [...roles['read-write'], 'symlink'] }),
  )
  server = await startServer({ users })
})
afterAll(() => server.stop())

const stored = (...path: readonly string[]): string => join(server.root, ...path)

/** Lines that a client sends, each with the code of the answer it needs. */
async function play(client: FtpClient, ...dialogue: readonly (readonly [line: string, code: number])[]): Promise<void> {
  for (const [line, code] of dialogue) expect([line, (await client.send(line)).code]).toEqual([line, code])
}

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
