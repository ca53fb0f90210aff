/** Finds and reads the files of a configuration directory, as a person or the kubelet lays them out. */
import { constants, type Dirent } from 'node:fs'
import { open, readdir, readlink, realpath, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { isHostName } from './formats.ts'

export type FoundFile = {
  /** Relative to the configuration directory, with `/`. */
  readonly path: string
  /** Where its content is: below the target of `..data`, where there is one. */
  readonly location: string
}

export type FoundFiles = {
  readonly files: readonly FoundFile[]
  /** Every directory that was looked into. */
  readonly directories: readonly string[]
  /** What could not be looked into and why, by relative path; `.` is the configuration directory itself. */
  readonly faults: ReadonlyMap<string, string>
}

export type ConfigurationFiles = {
  readonly contents: ReadonlyMap<string, Uint8Array>
  readonly faults: ReadonlyMap<string, string>
}

export type Content = { readonly bytes: Uint8Array } | { readonly fault: string; readonly missing: boolean }

export const serverFile = 'server.yaml'
const certificateNames: readonly string[] = ['tls.crt', 'tls.key', 'ca.crt']
const hostCertificateNames: readonly string[] = ['tls.crt', 'tls.key']
const maxFiles = 10_000
const maxDepth = 8
const maxFileBytes = 16 * 1024 * 1024
const readAttempts = 10
const concurrency = 16

/** `server.yaml` (there or in `server/`), the certificates' files below `tls/` and all files below `users/`. Rejects if directories come and go meanwhile. */
export async function findFiles(directory: string): Promise<FoundFiles> {
  const search: Search = { files: [], directories: [], faults: new Map() }
  try {
    await searchRoot(search, directory)
  } catch (error) {
    if (!isMissing(error) || (await exists(directory))) throw error
    return { files: [], directories: [], faults: new Map([['.', 'must be an existing directory']]) }
  }
  return search
}

/** The content of all files, where one mounted volume is read from one version of it. */
export async function readFiles(directory: string): Promise<ConfigurationFiles> {
  for (let attempt = 1; ; attempt++) {
    try {
      const found = await findFiles(directory)
      const read = await mapBounded(found.files, file => readContent(file.location, maxFileBytes))
      // The kubelet removes the old version right after the swap: what was found there is looked for anew.
      if (attempt < readAttempts && read.some(content => 'fault' in content && content.missing)) continue
      return collect(found, read)
    } catch (error) {
      if (!isMissing(error)) throw error
      if (attempt < readAttempts) continue
      return { contents: new Map(), faults: new Map([['.', 'must be a directory that stays while it is read']]) }
    }
  }
}

/** Reads one file. Never waits for the other end of a pipe, never reads more than is allowed. */
export async function readContent(location: string, maxBytes: number): Promise<Content> {
  try {
    await using file = await open(location, constants.O_RDONLY | constants.O_NONBLOCK)
    for (let attempt = 0; attempt < readAttempts; attempt++) {
      const before = await file.stat({ bigint: true })
      if (!before.isFile()) return { fault: 'must be a file', missing: false }
      if (before.size > maxBytes) return { fault: `must have at most ${maxBytes} bytes`, missing: false }
      const bytes = Buffer.alloc(Number(before.size))
      const { bytesRead } = await file.read(bytes, 0, bytes.length, 0)
      const after = await file.stat({ bigint: true })
      if (bytesRead === bytes.length && after.size === before.size && after.mtimeNs === before.mtimeNs) return { bytes }
    }
    return { fault: 'must not change while it is read', missing: false }
  } catch (error) {
    if (isMissing(error))
      return { fault: 'must be a file; it is not there, or a link to it leads nowhere', missing: true }
    return { fault: `must be readable for the server (${errorCode(error)})`, missing: false }
  }
}

/** One text that changes with any of the files: a look at them without reading. */
export async function filesSignature(found: FoundFiles, references: readonly string[]): Promise<string> {
  const locations = [...found.files.map(({ location }) => location), ...references]
  const lines = await mapBounded(locations, async location => {
    try {
      const { dev, ino, size, mtimeNs, ctimeNs } = await stat(location, { bigint: true })
      return `${location} ${dev} ${ino} ${size} ${mtimeNs} ${ctimeNs}`
    } catch (error) {
      return `${location} ${errorCode(error)}`
    }
  })
  return [...lines, ...[...found.faults].map(([path, fault]) => `${path}: ${fault}`)].toSorted().join('\n')
}

/** As Promise.all over the items, with few of them under way at once. */
export async function mapBounded<Item, Result>(
  items: readonly Item[],
  run: (item: Item) => Promise<Result>,
): Promise<readonly Result[]> {
  const results: Result[] = []
  const entries = items.entries()
  const work = async () => {
    for (const [index, item] of entries) results[index] = await run(item)
  }
  await Promise.all(Array.from({ length: Math.min(concurrency, items.length) }, work))
  return results
}

type Search = {
  readonly files: FoundFile[]
  readonly directories: string[]
  readonly faults: Map<string, string>
}
type DirectoryEntry = { readonly name: string; readonly location: string; readonly kind: 'file' | 'directory' }

async function searchRoot(search: Search, directory: string): Promise<void> {
  const entries = await entriesOf(search, directory, '.')
  const inPlace = entries.some(({ name }) => name === serverFile)
  for (const { name, location, kind } of entries) {
    if (name === serverFile) search.files.push({ path: name, location })
    else if (name === 'server' && kind === 'directory' && !inPlace) await searchServer(search, location)
    else if (name === 'tls') await searchCertificate(search, location)
    else if (name === 'users' && kind === 'directory') await searchUsers(search, location, name, 1)
    else if (name === 'users') search.faults.set(name, 'must be a directory')
  }
}

// Kubernetes mounts volumes as directories, and none inside another: `server/` is for a ConfigMap with the one file.
async function searchServer(search: Search, directory: string): Promise<void> {
  for (const { name, location } of await entriesOf(search, directory, 'server')) {
    if (name === serverFile) search.files.push({ path: serverFile, location })
  }
}

async function searchCertificate(search: Search, directory: string): Promise<void> {
  for (const { name, location, kind } of await entriesOf(search, directory, 'tls')) {
    if (certificateNames.includes(name)) search.files.push({ path: `tls/${name}`, location })
    else if (kind === 'directory' && isHostName(name)) await searchHostCertificate(search, location, `tls/${name}`)
  }
}

async function searchHostCertificate(search: Search, directory: string, path: string): Promise<void> {
  for (const { name, location } of await entriesOf(search, directory, path)) {
    if (!hostCertificateNames.includes(name)) continue
    if (search.files.length < maxFiles) search.files.push({ path: `${path}/${name}`, location })
    else search.faults.set('tls', `must have at most ${maxFiles} files`)
  }
}

async function searchUsers(search: Search, directory: string, path: string, depth: number): Promise<void> {
  if (depth > maxDepth) {
    search.faults.set(path, `must be at most ${maxDepth} directories deep`)
    return
  }
  for (const entry of await entriesOf(search, directory, path)) {
    const entryPath = `${path}/${entry.name}`
    if (entry.kind === 'directory') await searchUsers(search, entry.location, entryPath, depth + 1)
    else if (search.files.length < maxFiles) search.files.push({ path: entryPath, location: entry.location })
    else search.faults.set('users', `must have at most ${maxFiles} files`)
  }
}

/** Entries but for those that begin with a dot. Where `..data` is, its target is looked into, once, in place of the links through it. */
async function entriesOf(search: Search, directory: string, path: string): Promise<readonly DirectoryEntry[]> {
  try {
    const listed = await readdir(directory, { withFileTypes: true })
    search.directories.push(directory)
    const visible = listed.filter(entry => !entry.name.startsWith('.'))
    if (!listed.some(entry => entry.name === '..data')) return await resolved(directory, visible)
    const volume = await realpath(join(directory, '..data'))
    const projected = await readdir(volume, { withFileTypes: true })
    const beside = await mapBounded(visible, async entry => ((await leadsIntoVolume(directory, entry)) ? [] : [entry]))
    return [
      ...(await resolved(
        volume,
        projected.filter(entry => !entry.name.startsWith('.')),
      )),
      ...(await resolved(directory, beside.flat())),
    ]
  } catch (error) {
    if (isMissing(error)) throw error
    search.faults.set(path, `must be a readable directory (${errorCode(error)})`)
    return []
  }
}

async function leadsIntoVolume(directory: string, entry: Dirent): Promise<boolean> {
  return entry.isSymbolicLink() && (await readlink(join(directory, entry.name))).startsWith('..data/')
}

function resolved(directory: string, entries: readonly Dirent[]): Promise<readonly DirectoryEntry[]> {
  return mapBounded(entries, async entry => {
    const location = join(directory, entry.name)
    const isDirectory = entry.isSymbolicLink() ? await leadsToDirectory(location) : entry.isDirectory()
    return { name: entry.name, location, kind: isDirectory ? 'directory' : 'file' }
  })
}

/** A link that leads nowhere counts as a file, which then cannot be read. */
async function leadsToDirectory(location: string): Promise<boolean> {
  try {
    return (await stat(location)).isDirectory()
  } catch {
    return false
  }
}

function collect(found: FoundFiles, read: readonly Content[]): ConfigurationFiles {
  const contents = new Map<string, Uint8Array>()
  const faults = new Map(found.faults)
  for (const [index, { path }] of found.files.entries()) {
    const content = read[index]
    if (content === undefined) continue
    if ('bytes' in content) contents.set(path, content.bytes)
    else faults.set(path, content.fault)
  }
  return { contents, faults }
}

async function exists(directory: string): Promise<boolean> {
  try {
    await stat(directory)
    return true
  } catch {
    return false
  }
}

function isMissing(error: unknown): boolean {
  return errorCode(error) === 'ENOENT'
}

function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown error'
}
