/** rclone: trees over several sessions at once, with times, and what it makes of names and of half a file. */
import { mkdir, readdir, readFile, stat, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { announceMissing, describeClient } from '../support/clients/availability.ts'
import type { Connection, Protection } from '../support/clients/client.ts'
import { findRclone, runRclone } from '../support/clients/rclone.ts'
import { type ClientServer, startClientServer } from '../support/clients/server.ts'

const rclone = await findRclone()
announceMissing([rclone])

const protections: readonly Protection[] = ['plain', 'explicit TLS 1.2', 'explicit TLS 1.3', 'implicit TLS 1.3']
const commands = ['EPSV', 'PASV'] as const
const cells = protections.flatMap(protection => commands.map(data => ({ protection, data, family: 'IPv4' }) as const))
const timeout = 60_000
const modified = new Date('2020-02-29T12:34:56Z')
/** Directories before what is in them; names that listings can get wrong. */
const names = ['a', 'b ü 名前', 'c "quoted" & 100%.txt', ...Array.from({ length: 20 }, (_, index) => `many/${index}`)]

let server: ClientServer
beforeAll(async () => {
  const users = [...cells.map(userOf), 'few', 'parts', 'empty']
  server = await startClientServer({ users, ipv6: false })
})
afterAll(() => server?.stop())

describeClient(rclone, () => {
  it.for(cells)('mirrors a tree both ways, $protection, $data', { timeout }, async connection => {
    const user = userOf(connection)
    const { local, home } = await server.directories(user)
    const target = server.target(connection, user)
    const tree = join(local, 'tree')
    await writeTree(tree)
    await runRclone(target, ['sync', tree, ':ftp:tree'])
    expect(await contentOf(join(home, 'tree'))).toEqual(await contentOf(tree))
    expect((await stat(join(home, 'tree', 'a'))).mtime).toEqual(modified)
    await runRclone(target, ['check', '--download', tree, ':ftp:tree'])
    await runRclone(target, ['sync', ':ftp:tree', join(local, 'back')])
    expect(await contentOf(join(local, 'back'))).toEqual(await contentOf(tree))
    expect((await stat(join(local, 'back', 'a'))).mtime).toEqual(modified)
    expectNoFailure(user)
  })

  it('sends nothing again that is there with the same time, and only what is new', { timeout }, async () => {
    const user = 'few'
    const { local } = await server.directories(user)
    const target = server.target({ protection: 'plain', data: 'EPSV', family: 'IPv4' }, user)
    const tree = join(local, 'tree')
    await writeTree(tree)
    const upload = ['sync', '--checkers', '1', '--transfers', '1', '--ftp-concurrency', '3', tree, ':ftp:tree']
    await runRclone(target, upload)
    const stored = () => server.log(user).filter(({ verb, msg }) => msg === 'command' && verb === 'STOR').length
    expect(stored()).toBe(names.length)
    expect(mostAtOnce(user)).toBeLessThanOrEqual(3)
    await runRclone(target, upload)
    expect(stored()).toBe(names.length)
    await writeFile(join(tree, 'new'), 'new')
    await runRclone(target, upload)
    expect(stored()).toBe(names.length + 1)
    expect(server.log(user).some(({ verb, code }) => verb === 'MFMT' && code === 213)).toBe(true)
  })

  it('reads a part of a file, moves, deletes, and removes directories', { timeout }, async () => {
    const { home } = await server.directories('parts')
    const target = server.target({ protection: 'explicit TLS 1.3', data: 'EPSV', family: 'IPv4' }, 'parts')
    await mkdir(join(home, 'old/deep'), { recursive: true })
    await writeFile(join(home, 'file'), '0123456789')
    await writeFile(join(home, 'old/deep/file'), 'old')
    const { stdout } = await runRclone(target, ['cat', '--offset', '3', '--count', '4', ':ftp:file'])
    expect(stdout).toBe('3456')
    await runRclone(target, ['moveto', ':ftp:file', ':ftp:new/name of it'])
    await runRclone(target, ['purge', ':ftp:old'])
    expect(await contentOf(home)).toEqual(new Map([['new/name of it', '0123456789']]))
    await runRclone(target, ['deletefile', ':ftp:new/name of it'])
    await runRclone(target, ['rmdirs', ':ftp:new'])
    expect(await readdir(home)).toEqual([])
    expectNoFailure('parts')
  })

  it('uploads a file of no bytes under TLS, and one whose size it does not know', { timeout }, async () => {
    const { local, home } = await server.directories('empty')
    const target = server.target({ protection: 'implicit TLS 1.3', data: 'EPSV', family: 'IPv4' }, 'empty')
    await writeFile(join(local, 'nothing'), '')
    await runRclone(target, ['copy', join(local, 'nothing'), ':ftp:'])
    await runRclone(target, ['rcat', ':ftp:piped'], { input: 'from a pipe' })
    expect(await contentOf(home)).toEqual(
      new Map([
        ['nothing', ''],
        ['piped', 'from a pipe'],
      ]),
    )
  })
})

function userOf({ protection, data }: Pick<Connection, 'protection' | 'data'>): string {
  return `${protection}-${data}`.replace(/[^\w]+/g, '-')
}

async function writeTree(directory: string): Promise<void> {
  for (const name of names) {
    const path = join(directory, name)
    await mkdir(join(path, '..'), { recursive: true })
    await writeFile(path, `content of ${name}\n`.repeat(500))
    await utimes(path, modified, modified)
  }
}

/** Of all files below, by path. */
async function contentOf(directory: string): Promise<ReadonlyMap<string, string>> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true })
  const files = entries.filter(entry => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name))
  const contents = files
    .toSorted()
    .map(async path => [path.slice(directory.length + 1), await readFile(path, 'utf8')] as const)
  return new Map(await Promise.all(contents))
}

/** What rclone tries first and may be refused: the directory it is about to make. */
function expectNoFailure(user: string): void {
  const failed = server.log(user).filter(({ msg, code }) => msg === 'transfer ended' && code !== 226)
  expect(failed).toEqual([])
}

function mostAtOnce(user: string): number {
  let most = 0
  const open = new Set<unknown>()
  for (const { msg, session } of server.log(user)) {
    if (msg === 'logged in') open.add(session)
    if (msg === 'session closed') open.delete(session)
    most = Math.max(most, open.size)
  }
  return most
}
