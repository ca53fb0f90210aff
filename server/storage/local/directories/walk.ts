/** Directories with all that is below them, walked through without following links, and without holding up anybody. */
import { Buffer } from 'node:buffer'
import { type Dirent, opendirSync } from 'node:fs'
import { decodeName } from '../../name.ts'
import { joinPath } from '../../path.ts'
import { lstatIfThere } from '../tree/names.ts'
import type { Pinned } from '../tree/pin.ts'
import type { Tree } from '../tree/tree.ts'
import { inTurn, type VolumeGate } from '../volumes/volume-gate.ts'

export type WalkOptions = {
  /** Called for everything but directories, for some entries at once; they are of the directory at this path. */
  readonly visit: (name: string, directory: Pinned, path: string) => Promise<void>
  /** Awaited before each directory. Ends the walk by rejecting. */
  readonly pace: () => Promise<void>
  /** Whether to leave out a directory that failed with this error. */
  readonly leavesOut: (error: unknown) => boolean
}

/** Names are kept while a directory's subdirectories are walked through: of more than a hundred thousand, the rest is left out. */
const mostBelow = 100_000
const visitsAtOnce = 16

/** Rejects with what `pace` and `visit` reject with, and with system errors and StorageErrors that are not left out. */
export async function walk(tree: Tree, path: string, options: WalkOptions): Promise<void> {
  await options.pace()
  for (const name of await walkOne(tree, path, options)) await walk(tree, joinPath(path, name), options)
}

async function walkOne(tree: Tree, path: string, { visit, leavesOut }: WalkOptions): Promise<readonly string[]> {
  const below: string[] = []
  try {
    const directory = await tree.pin(path)
    try {
      let visits: Promise<void>[] = []
      for await (const entry of entriesOf(directory, tree.gate)) {
        if (!(await inTurn(tree.gate, () => isDirectory(directory, entry))))
          visits.push(inTurn(tree.gate, () => visit(nameOf(entry), directory, path)))
        else if (below.length < mostBelow) below.push(nameOf(entry))
        if (visits.length < visitsAtOnce) continue
        await Promise.all(visits)
        visits = []
      }
      await Promise.all(visits)
    } finally {
      directory.release()
    }
  } catch (error) {
    if (!leavesOut(error)) throw error
  }
  return below
}

/** Closed when nobody wants more. */
export async function* entriesOf({ self }: Pinned, gate?: VolumeGate): AsyncGenerator<Dirent> {
  const opened = opendirSync(self, { bufferSize: 1024, encoding: latin1 })
  try {
    const read = (): Promise<Dirent | null> => inTurn(gate, () => opened.read())
    for (let entry = await read(); entry !== null; entry = await read()) yield entry
  } finally {
    opened.closeSync()
  }
}

// opendir decodes names: one character a byte loses nothing.
const latin1 = 'latin1'

function nameOf({ name }: Dirent): string {
  return decodeName(Buffer.from(name, latin1))
}

async function isDirectory(directory: Pinned, entry: Dirent): Promise<boolean> {
  const isOne = entry.isDirectory()
  if (isOne || entry.isFile() || entry.isSymbolicLink()) return isOne
  // Some file systems don't tell in listings what a name stands for.
  return (await lstatIfThere(directory.address(nameOf(entry))))?.isDirectory() === true
}
