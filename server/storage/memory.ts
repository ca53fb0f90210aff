/** Files in memory: for tests of what stands on the storage. Keeps the same contract as local storage, without links. */
import { Buffer } from 'node:buffer'
import { isWithin, nameOf, namesOf, parentOf } from './path.ts'
import {
  type Entry,
  type ReadableFile,
  type Room,
  type Storage,
  StorageError,
  type Watch,
  type WritableFile,
  type WriteMode,
} from './storage.ts'
import { writeUnique } from './unique.ts'

/** An empty storage. The clock gives milliseconds since the epoch. */
export function createMemoryStorage(options: { readonly now?: () => number } = {}): Storage {
  return new MemoryStorage(options.now ?? Date.now)
}

type Node = FileNode | DirectoryNode
type Attributes = { readonly unique: string; mode: number; modified: number }
type FileNode = Attributes & { readonly type: 'file'; content: Buffer; uploading: boolean }
type DirectoryNode = Attributes & { readonly type: 'directory'; readonly children: Map<string, Node> }

const batchEntries = 512

class MemoryStorage implements Storage {
  readonly #now: () => number
  readonly #root: DirectoryNode
  #made = 0

  constructor(now: () => number) {
    this.#now = now
    this.#root = this.#newDirectory()
  }

  async stat(path: string): Promise<Entry> {
    return toEntry(nameOf(path), this.#find(path))
  }

  /** What breaks off is under its name here. */
  statForResume(path: string): Promise<Entry> {
    return this.stat(path)
  }

  async *list(path: string): AsyncGenerator<readonly Entry[]> {
    const children = Array.from(this.#directory(path).children)
    for (let first = 0; first < children.length; first += batchEntries) {
      yield children.slice(first, first + batchEntries).map(([name, node]) => toEntry(name, node))
    }
  }

  async read(path: string, offset: number): Promise<ReadableFile> {
    const node = this.#find(path)
    if (node.type !== 'file') throw new StorageError('not-a-file')
    if (offset > node.content.length) throw new StorageError('bad-offset')
    let position = offset
    return {
      size: node.content.length,
      offset,
      async read(buffer) {
        const bytesRead = node.content.copy(buffer, 0, position)
        position += bytesRead
        return bytesRead
      },
      async close() {},
    }
  }

  async write(path: string, mode: WriteMode): Promise<WritableFile> {
    if (mode.kind === 'unique') return await writeUnique(this, path, mode.permissions)
    const siblings = this.#directory(parentOf(path)).children
    const existing = path === '/' ? this.#root : siblings.get(nameOf(path))
    if (existing !== undefined) {
      if (mode.kind === 'create') throw new StorageError('exists')
      if (existing.type !== 'file') throw new StorageError('not-a-file')
      if (existing.uploading) throw new StorageError('busy')
    } else if (mode.kind === 'resume' && mode.offset > 0) {
      throw new StorageError('bad-offset')
    } else if ('creating' in mode && mode.creating === 'refused') {
      throw new StorageError('not-found')
    }
    const node = existing ?? this.#newFile(mode.permissions)
    const position = startOf(mode, node.content.length)
    siblings.set(nameOf(path), node)
    if (mode.kind === 'replace') node.content = Buffer.alloc(0)
    node.uploading = true
    return new MemoryUpload(path, node, position, this.#now)
  }

  async rename(from: string, to: string, replacing?: 'refused'): Promise<void> {
    if (from === '/' || to === '/') throw new StorageError('forbidden')
    const node = this.#find(from)
    const siblings = this.#directory(parentOf(to)).children
    const existing = siblings.get(nameOf(to))
    if (existing !== undefined) {
      if (from === to) return
      if (node.type === 'directory' || existing.type === 'directory' || replacing === 'refused') {
        throw new StorageError('exists')
      }
      if (existing.uploading) throw new StorageError('busy')
    }
    if (node.type === 'directory' && isWithin(to, from)) throw new StorageError('name-not-allowed')
    this.#directory(parentOf(from)).children.delete(nameOf(from))
    siblings.set(nameOf(to), node)
  }

  async removeFile(path: string): Promise<void> {
    if (path === '/') throw new StorageError('forbidden')
    const node = this.#find(path)
    if (node.type !== 'file') throw new StorageError('not-a-file')
    if (node.uploading) throw new StorageError('busy')
    this.#directory(parentOf(path)).children.delete(nameOf(path))
  }

  async removeDirectory(path: string): Promise<void> {
    if (path === '/') throw new StorageError('forbidden')
    if (this.#directory(path).children.size > 0) throw new StorageError('not-empty')
    this.#directory(parentOf(path)).children.delete(nameOf(path))
  }

  async removeTree(path: string, { progress }: Watch): Promise<void> {
    if (path === '/') throw new StorageError('forbidden')
    this.#directory(path)
    this.#directory(parentOf(path)).children.delete(nameOf(path))
    progress.bytes += 1
  }

  async makeDirectory(path: string, permissions?: number): Promise<void> {
    const siblings = this.#directory(parentOf(path)).children
    if (path === '/' || siblings.has(nameOf(path))) throw new StorageError('exists')
    siblings.set(nameOf(path), this.#newDirectory(permissions))
  }

  async makeLink(): Promise<void> {
    throw new StorageError('not-supported')
  }

  async checkRoom(): Promise<void> {}

  async room(directory: string): Promise<Room> {
    this.#directory(directory)
    return { bytes: Number.MAX_SAFE_INTEGER, quotas: [] }
  }

  async setMode(path: string, mode: number): Promise<void> {
    this.#find(path).mode = mode & 0o777
  }

  async setModified(path: string, modified: number): Promise<number> {
    this.#find(path).modified = modified
    return modified
  }

  async close(): Promise<void> {}

  #find(path: string): Node {
    let node: Node = this.#root
    for (const name of namesOf(path)) {
      if (node.type !== 'directory') throw new StorageError('not-a-directory')
      const child: Node | undefined = node.children.get(name)
      if (child === undefined) throw new StorageError('not-found')
      node = child
    }
    return node
  }

  #directory(path: string): DirectoryNode {
    const node = this.#find(path)
    if (node.type !== 'directory') throw new StorageError('not-a-directory')
    return node
  }

  #newFile(permissions = 0o644): FileNode {
    return { ...this.#attributes(permissions), type: 'file', content: Buffer.alloc(0), uploading: false }
  }

  #newDirectory(permissions = 0o755): DirectoryNode {
    return { ...this.#attributes(permissions), type: 'directory', children: new Map() }
  }

  #attributes(mode: number): Attributes {
    this.#made += 1
    return { unique: `memory-${this.#made}`, mode, modified: this.#now() }
  }
}

class MemoryUpload implements WritableFile {
  readonly path: string
  readonly #node: FileNode
  #position: number
  readonly #now: () => number
  #open = true

  constructor(path: string, node: FileNode, position: number, now: () => number) {
    this.path = path
    this.#node = node
    this.#position = position
    this.#now = now
  }

  async write(bytes: Uint8Array): Promise<void> {
    if (!this.#open) throw new StorageError('failed')
    const { content } = this.#node
    const end = this.#position + bytes.byteLength
    const grown = Buffer.alloc(Math.max(content.length, end))
    content.copy(grown)
    grown.set(bytes, this.#position)
    this.#node.content = grown
    this.#node.modified = this.#now()
    this.#position = end
  }

  async finish(): Promise<void> {
    await this.abandon()
  }

  async abandon(): Promise<void> {
    if (!this.#open) return
    this.#open = false
    this.#node.uploading = false
  }
}

function startOf(mode: Exclude<WriteMode, { kind: 'unique' }>, size: number): number {
  if (mode.kind === 'append') return size
  if (mode.kind !== 'resume') return 0
  if (mode.offset > size) throw new StorageError('bad-offset')
  if (mode.offset < size && mode.overwriting === 'refused') throw new StorageError('forbidden')
  return mode.offset
}

function toEntry(name: string, node: Node): Entry {
  const isFile = node.type === 'file'
  const { unique, mode, modified, type } = node
  return { name, type, size: isFile ? node.content.length : 0, modified, unique, mode, links: 1, owner: 0, group: 0 }
}
