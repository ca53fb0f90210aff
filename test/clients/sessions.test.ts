/** What real clients do beyond one transfer after the other: trees over parallel sessions, ABOR, many sessions at once. */
import { createHash, randomBytes } from 'node:crypto'
import { mkdir, open, readdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { announceMissing, describeClient } from '../support/clients/availability.ts'
import { basicFtp, withBasicFtp } from '../support/clients/basic-ftp.ts'
import type { Connection, Protection } from '../support/clients/client.ts'
import { findFtplib, runFtplib } from '../support/clients/ftplib.ts'
import { findLftp, quote, runLftp } from '../support/clients/lftp.ts'
import { run } from '../support/clients/process.ts'
import { expectBytes, expectTransfers } from '../support/clients/scenario.ts'
import { type ClientServer, startClientServer } from '../support/clients/server.ts'
import { findTools, wgetArguments } from '../support/clients/tools.ts'

const [lftp, ftplib, tools] = await Promise.all([findLftp(), findFtplib(), findTools()])
announceMissing([lftp, ftplib])
const protections: readonly Protection[] = ['plain', 'explicit TLS 1.2', 'explicit TLS 1.3', 'implicit TLS 1.3']

let server: ClientServer
beforeAll(async () => {
  const users = ['mirror', 'abort', 'parallel', 'wget'].flatMap(name =>
    protections.map(protection => userOf(name, protection)),
  )
  server = await startClientServer({ users: [...users, 'ftpput'], ipv6: false })
})
afterAll(() => server?.stop())

describeClient(lftp, () => {
  it.for(protections)('mirrors a tree up and down with four sessions, %s', async protection => {
    const user = userOf('mirror', protection)
    const connection: Connection = { protection, data: 'EPSV', family: 'IPv4' }
    const { local, home } = await server.directories(user)
    await writeTree(join(local, 'tree'))
    await runLftp(server.target(connection, user), [
      `mirror --parallel=4 --reverse ${quote(join(local, 'tree'))} ${quote('the tree')}`,
      `mirror --parallel=4 ${quote('the tree')} ${quote(join(local, 'back'))}`,
    ])
    const expected = await digestTree(join(local, 'tree'))
    expect(expected.size).toBe(treeFiles.length)
    expect(await digestTree(join(home, 'the tree'))).toEqual(expected)
    expect(await digestTree(join(local, 'back'))).toEqual(expected)
    const transfers = expectTransfers(server.log(user), connection)
    expect(new Set(transfers.map(({ session }) => session)).size).toBeGreaterThan(1)
  })
})

describeClient(ftplib, () => {
  // In clear text ftplib sends the whole line as urgent data, the last byte of which the socket drops; under TLS it can't.
  it.for(protections)('aborts a download, and the session goes on, %s', async protection => {
    const user = userOf('abort', protection)
    const { home, local } = await server.directories(user)
    // More than the buffers of both sides hold, so that it still runs when ABOR comes.
    await writeHole(join(home, 'long.bin'), 200_000_000)
    await writeFile(join(home, 'short.txt'), 'whole')
    const connection: Connection = { protection, data: 'PASV', family: 'IPv4' }
    const { stdout } = await runFtplib(server.target(connection, user), [
      { do: 'abort download', remote: 'long.bin' },
      { do: 'download', remote: 'short.txt', local: join(local, 'short.txt') },
    ])
    expect(stdout).toMatch(/^abort: 426 /m)
    expect(stdout).toMatch(/^after: 226 /m)
    expect(stdout).toMatch(/^noop: 200 /m)
    await expectBytes(join(local, 'short.txt'), Buffer.from('whole'))
    const ended = server.log(user).filter(({ msg }) => msg === 'transfer ended')
    expect(ended.map(({ result, code }) => [result, code])).toEqual([
      ['aborted', 426],
      ['complete', 226],
    ])
  })
})

describe(basicFtp.name, () => {
  it.for(protections)('transfers in 20 sessions at once, %s', async protection => {
    const user = userOf('parallel', protection)
    const connection: Connection = { protection, data: 'EPSV', family: 'IPv4' }
    const { local, home } = await server.directories(user)
    const files = Array.from({ length: 20 }, (_, index) => ({
      name: `${index}.bin`,
      bytes: randomBytes(100_000 + index),
    }))
    await Promise.all(
      files.map(async ({ name, bytes }) => {
        await writeFile(join(local, name), bytes)
        await withBasicFtp(server.target(connection, user), 30_000, async client => {
          await client.uploadFrom(join(local, name), name)
          await client.downloadTo(join(local, `back-${name}`), name)
        })
      }),
    )
    for (const { name, bytes } of files) {
      await expectBytes(join(home, name), bytes)
      await expectBytes(join(local, `back-${name}`), bytes)
    }
    const transfers = expectTransfers(server.log(user), connection)
    expect(new Set(transfers.map(({ session }) => session)).size).toBe(files.length)
  })
})

// Welcome where they are, missed nowhere: wget has downloads only, and ftpput of busybox is what cameras upload with.
describe('smaller clients', () => {
  for (const protection of protections) {
    const title = `wget downloads, ${protection}`
    const reason = tools.wget(protection)
    if (reason !== undefined) it.skip(`${title}: left out, ${reason}`)
    else
      it(title, async () => {
        const user = userOf('wget', protection)
        const { local, home } = await server.directories(user)
        const bytes = randomBytes(100_003)
        await writeFile(join(home, 'file ü.bin'), bytes)
        const connection: Connection = { protection, data: 'EPSV', family: 'IPv4' }
        await run('wget', wgetArguments(server.target(connection, user), 'file ü.bin', join(local, 'file.bin')))
        await expectBytes(join(local, 'file.bin'), bytes)
      })
  }

  if (tools.ftpput !== undefined) it.skip(`ftpput of busybox uploads: left out, ${tools.ftpput}`)
  else
    it('ftpput of busybox uploads', async () => {
      const { local, home } = await server.directories('ftpput')
      const target = server.target({ protection: 'plain', data: 'PASV', family: 'IPv4' }, 'ftpput')
      const bytes = randomBytes(100_003)
      await writeFile(join(local, 'file.bin'), bytes)
      const login = ['-u', target.user, '-p', target.password, '-P', String(target.port)]
      await run('busybox', ['ftpput', ...login, '127.0.0.1', 'file.bin', join(local, 'file.bin')])
      await expectBytes(join(home, 'file.bin'), bytes)
    })
})

const treeFiles = Array.from(
  { length: 24 },
  (_, index) => `${['', 'a/', 'a/b b/', 'ç/d/e/'][index % 4]}file ${index}.bin`,
)

async function writeTree(directory: string): Promise<void> {
  for (const [index, name] of treeFiles.entries()) {
    const path = join(directory, name)
    await mkdir(dirname(path), { recursive: true })
    await writeFile(path, randomBytes(index * 3001))
  }
}

/** Digests of all files below, by path. */
async function digestTree(directory: string): Promise<Map<string, string>> {
  const paths = await readdir(directory, { recursive: true, withFileTypes: true })
  const digests = new Map<string, string>()
  for (const entry of paths.filter(found => found.isFile())) {
    const path = join(entry.parentPath, entry.name)
    digests.set(
      path.slice(directory.length + 1),
      createHash('sha256')
        .update(await readFile(path))
        .digest('hex'),
    )
  }
  return digests
}

/** A file that takes no room. */
async function writeHole(path: string, length: number): Promise<void> {
  await using file = await open(path, 'w')
  await file.truncate(length)
}

function userOf(name: string, protection: Protection): string {
  return `${name}-${protection.toLowerCase().replaceAll(' ', '-')}`
}
