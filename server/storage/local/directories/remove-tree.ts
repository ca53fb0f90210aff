/** Removing a directory with all that is in it: by names in directories that are held, so that no link is ever followed. */
import { Buffer } from 'node:buffer'
import { existsSync, type Stats } from 'node:fs'
import { decodeName } from '../../name.ts'
import { joinPath } from '../../path.ts'
import { StorageError, type Watch } from '../../storage.ts'
import { rmdir } from '../kernel/system.ts'
import { lstatIfThere, unlinkIfThere } from '../tree/names.ts'
import { descriptorDirectory, type Pinned, pinByDescriptor, pinByPath } from '../tree/pin.ts'
import type { Tree } from '../tree/tree.ts'
import { inTurn } from '../volumes/volume-gate.ts'
import { entriesOf } from './walk.ts'

export type Removal = Watch & {
  /** Asked before a name is removed that is no directory. Rejects to end the removal. */
  readonly onRemove: (directory: Pinned, name: string, stats: Stats) => Promise<void>
  /** So many bytes are gone; the path is virtual. */
  readonly onRemoved: (path: string, bytes: number) => void
}

/** A directory is read from its beginning again after so many names: what was read is gone then. */
const namesAtOnce = 1000
/** Removed at the same time: with workers, each has to be asked for. */
const atOnce = 16
/** Each level holds a descriptor. */
const maxDepth = 200

/** Rejects with system errors and StorageErrors: `not-a-directory` for a link to one, `failed` once the signal is aborted. */
export async function removeTree(tree: Tree, path: string, removal: Removal): Promise<void> {
  const pin = existsSync(descriptorDirectory) ? pinByDescriptor : pinByPath
  const top = await tree.at(path, ({ address }) => pin(address, 'keep'))
  try {
    await empty(top, path, 1)
  } finally {
    top.release()
  }
  await tree.at(path, ({ address }) => rmdir(address))

  async function empty(directory: Pinned, at: string, depth: number): Promise<void> {
    if (!directory.stats.isDirectory()) throw new StorageError('not-a-directory')
    if (depth > maxDepth) throw new StorageError('not-empty')
    for (;;) {
      const names = await inTurn(tree.gate, () => firstNames(directory))
      if (names.length === 0) return
      const below: string[] = []
      for (let first = 0; first < names.length; first += atOnce) {
        if (removal.signal.aborted) throw new StorageError('failed', { cause: removal.signal.reason })
        const some = names.slice(first, first + atOnce)
        const kinds = await allOf(some.map(name => removeFile(directory, name, joinPath(at, name))))
        below.push(...some.filter((_, index) => kinds[index] === 'directory'))
      }
      for (const name of below) await removeDirectory(directory, name, joinPath(at, name), depth)
    }
  }

  async function removeFile(directory: Pinned, name: string, at: string): Promise<'directory' | undefined> {
    const address = directory.address(name)
    const stats = await inTurn(tree.gate, () => lstatIfThere(address))
    if (stats?.isDirectory() === true) return 'directory'
    if (stats === undefined) return undefined
    await removal.onRemove(directory, name, stats)
    const gone = await inTurn(tree.gate, () => unlinkIfThere(address))
    if (gone && stats.isFile()) removal.onRemoved(at, stats.size)
    removal.progress.bytes += 1
    return undefined
  }

  async function removeDirectory(directory: Pinned, name: string, at: string, depth: number): Promise<void> {
    if (removal.signal.aborted) throw new StorageError('failed', { cause: removal.signal.reason })
    const address = directory.address(name)
    const below = await inTurn(tree.gate, () => pin(address, 'keep'))
    try {
      await empty(below, at, depth + 1)
    } finally {
      below.release()
    }
    await inTurn(tree.gate, () => rmdir(address))
    removal.progress.bytes += 1
  }
}

/** All are waited for: none may use a directory that is released. Rejects with what the first of them has. */
async function allOf<Result>(running: readonly Promise<Result>[]): Promise<readonly Result[]> {
  await Promise.allSettled(running)
  return await Promise.all(running)
}

async function firstNames(directory: Pinned): Promise<readonly string[]> {
  const names: string[] = []
  for await (const { name } of entriesOf(directory)) {
    // One character a byte, as entriesOf has them.
    names.push(decodeName(Buffer.from(name, 'latin1')))
    if (names.length === namesAtOnce) break
  }
  return names
}
