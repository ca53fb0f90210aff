/** What each client does over each connection: every operation once, with names and lengths that break what is careless. */
import { randomBytes } from 'node:crypto'
import { access, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'vitest'
import type { LogLine } from '../server.ts'
import type { Connection, Operation, RealClient } from './client.ts'
import type { ClientServer } from './server.ts'

/** Lists, makes, uploads, downloads, resumes both ways, renames, deletes and removes; then compares both sides and the server's log. */
export async function expectEveryOperation(
  client: RealClient,
  connection: Connection,
  user: string,
  server: ClientServer,
): Promise<void> {
  const { local, home } = await server.directories(user)
  await Promise.all(Object.entries(remoteFiles).map(([name, bytes]) => writeFile(join(home, name), bytes)))
  await Promise.all(Object.entries(localFiles).map(([name, bytes]) => writeFile(join(local, name), bytes)))
  await mkdir(join(home, names.emptyDirectory))

  const uploads =
    connection.protection !== 'plain' && client.noEmptyUploadOverTls !== undefined ? uploadNames.slice(1) : uploadNames
  await client.run(server.target(connection, user), operationsIn(local, uploads))

  const listed = [...Object.keys(remoteFiles), names.emptyDirectory]
  await expectListing(join(local, 'names.txt'), listed)
  await expectListing(join(local, 'details.txt'), listed)
  for (const name of uploads) await expectBytes(join(home, names.directory, name), localFiles[name])
  for (const name of downloads) await expectBytes(join(local, name), remoteFiles[name])
  await expectBytes(join(home, names.resumedUpload), whole)
  await expectBytes(join(local, names.resumedDownload), whole)
  await expectBytes(join(home, names.directory, names.renamed), remoteFiles[names.unwanted])
  for (const gone of [names.unwanted, names.deleted, names.emptyDirectory])
    await expect(access(join(home, gone)), `${gone} is gone`).rejects.toThrow()
  expectLog(server.log(user), connection)
}

/** Compares a file with bytes, without printing either of them. */
export async function expectBytes(path: string, expected: Uint8Array | undefined): Promise<void> {
  const actual = await readFile(path)
  expect(actual.length, `length of ${path}`).toBe(expected?.length)
  expect(expected !== undefined && actual.equals(expected), `the bytes of ${path} are the same`).toBe(true)
}

/** All transfers were whole, and under the protection and by the commands that the connection is about. */
export function expectTransfers(log: readonly LogLine[], connection: Connection): readonly LogLine[] {
  const transfers = log.filter(({ msg }) => msg === 'transfer ended')
  expect(transfers.length).toBeGreaterThan(0)
  const verbs = new Set(log.filter(({ msg }) => msg === 'command').map(({ verb }) => verb))
  expect([...verbs].filter(verb => dataVerbs.has(verb))).toEqual([connection.data])
  const protection = connection.protection === 'plain' ? 'clear' : 'private'
  for (const transfer of transfers) expect(transfer).toMatchObject({ result: 'complete', code: 226, protection })
  return transfers
}

const dataVerbs: ReadonlySet<unknown> = new Set(['EPSV', 'PASV', 'EPRT', 'PORT'])

const resumeLength = 70_000
const resumeOffset = 30_000
const whole = randomBytes(resumeLength)
const part = whole.subarray(0, resumeOffset)

const names = {
  emptyDirectory: 'empty directory',
  directory: 'new directory é',
  resumedUpload: 'resumed upload.bin',
  resumedDownload: 'resumed download.bin',
  unwanted: 'rename me "so".txt',
  renamed: 'renamed ß.txt',
  deleted: 'delete me & mine; 100%.txt',
} as const

const uploadNames = ['upload of nothing', 'upload of one', 'upload 名前 [1] #2.bin'] as const
const downloads = ['download of nothing', 'download of one', 'download ünïcode.bin'] as const

const localFiles: Readonly<Record<string, Uint8Array>> = {
  [uploadNames[0]]: randomBytes(0),
  [uploadNames[1]]: randomBytes(1),
  [uploadNames[2]]: randomBytes(70_000),
  [names.resumedUpload]: whole,
  [names.resumedDownload]: part,
}

const remoteFiles: Readonly<Record<string, Uint8Array>> = {
  [downloads[0]]: randomBytes(0),
  [downloads[1]]: randomBytes(1),
  [downloads[2]]: randomBytes(70_000),
  [names.resumedUpload]: part,
  [names.resumedDownload]: whole,
  [names.unwanted]: randomBytes(300),
  [names.deleted]: randomBytes(300),
}

function operationsIn(local: string, uploads: readonly string[]): readonly Operation[] {
  const inDirectory = (name: string) => `${names.directory}/${name}`
  return [
    { do: 'list', style: 'names', into: join(local, 'names.txt') },
    { do: 'list', style: 'details', into: join(local, 'details.txt') },
    { do: 'mkdir', remote: names.directory },
    ...uploads.map(name => ({ do: 'upload', local: join(local, name), remote: inDirectory(name) }) as const),
    ...downloads.map(name => ({ do: 'download', remote: name, local: join(local, name) }) as const),
    { do: 'resume upload', local: join(local, names.resumedUpload), remote: names.resumedUpload },
    { do: 'resume download', remote: names.resumedDownload, local: join(local, names.resumedDownload) },
    { do: 'rename', from: names.unwanted, to: inDirectory(names.renamed) },
    { do: 'delete', remote: names.deleted },
    { do: 'rmdir', remote: names.emptyDirectory },
  ]
}

async function expectListing(path: string, expected: readonly string[]): Promise<void> {
  const lines = (await readFile(path, 'utf8')).split(/\r?\n/).filter(line => line !== '')
  expect(lines).toHaveLength(expected.length)
  // Details come before the name; lftp writes a slash after the name of a directory.
  for (const name of expected) expect(lines.filter(line => line.replace(/\/$/, '').endsWith(name))).toHaveLength(1)
}

function expectLog(log: readonly LogLine[], connection: Connection): void {
  const transfers = expectTransfers(log, connection)
  const mode = connection.data === 'EPRT' || connection.data === 'PORT' ? 'active' : 'passive'
  for (const transfer of transfers) expect(transfer).toMatchObject({ mode })
  const resumed = transfers.filter(({ path }) =>
    [`/${names.resumedUpload}`, `/${names.resumedDownload}`].includes(String(path)),
  )
  // What was there already was not sent again.
  expect(resumed.map(({ bytes }) => bytes)).toEqual([resumeLength - resumeOffset, resumeLength - resumeOffset])
}
