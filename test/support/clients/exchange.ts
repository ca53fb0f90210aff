/** What a client is for: files go up, are listed, come down, and are the same. */
import { randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'vitest'
import { basicFtp } from './basic-ftp.ts'
import type { FoundClient, RealClient, Target } from './client.ts'
import { findCurl } from './curl.ts'
import { findLftp } from './lftp.ts'
import { expectBytes } from './scenario.ts'

/** curl, lftp and basic-ftp; rejects where one of them is not there. */
export async function threeClients(): Promise<readonly RealClient[]> {
  return [...[await findCurl(), await findLftp()].map(required), basicFtp]
}

function required(found: FoundClient): RealClient {
  if ('missing' in found) throw new Error(found.missing)
  return found.client
}

/** So many files of all sizes up to 100 kB, in one session; `local` is a directory for both sides of the comparison. */
export async function expectExchange(
  client: RealClient,
  target: Target,
  { local, count }: { readonly local: string; readonly count: number },
): Promise<void> {
  await mkdir(local, { recursive: true })
  const directory = await mkdtemp(join(local, `${client.name}-`))
  const prefix = randomBytes(3).toString('hex')
  const files = Array.from({ length: count }, (_, index) => ({
    name: `${prefix}-${index}`,
    bytes: randomBytes(1 + Math.round((100_000 * index) / count)),
  }))
  const place = (name: string) => join(directory, name)
  await Promise.all(files.map(({ name, bytes }) => writeFile(place(name), bytes)))
  await client.run(
    target,
    [
      ...files.map(({ name }) => ({ do: 'upload', local: place(name), remote: name }) as const),
      { do: 'list', style: 'names', into: place('listing') },
      ...files.map(({ name }) => ({ do: 'download', remote: name, local: place(`${name}.back`) }) as const),
    ],
    { deadlineMilliseconds: 120_000 },
  )
  const listed = (await readFile(place('listing'), 'utf8')).split(/\r?\n/).filter(line => line.startsWith(prefix))
  expect(listed.toSorted()).toEqual(files.map(({ name }) => name).toSorted())
  for (const { name, bytes } of files) await expectBytes(place(`${name}.back`), bytes)
}
