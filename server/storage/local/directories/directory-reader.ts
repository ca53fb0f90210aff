/** Reads the names in a directory of the operating system, a part at a time. */
import { Buffer } from 'node:buffer'
import { closeSync, constants, type Dir, type Dirent, opendirSync, openSync } from 'node:fs'
import { decodeName } from '../../name.ts'
import { type Getdents, namesIn, roomForName } from '../kernel/getdents.ts'
import type { Pinned } from '../tree/pin.ts'
import { targetOfPartial } from '../uploads/partials.ts'
import type { VolumeKind } from '../volumes/volume.ts'

/** Uploads that are not whole are not among the names. After the end nothing is read. */
export type Names = { readonly names: readonly string[]; readonly ended: boolean }
export type DirectoryReader = {
  /** At once where the directory is in memory, else through the thread pool. Rejects or throws with system errors. */
  readonly read: () => Names | Promise<Names>
  readonly close: () => void
}

/** The caller closes it. Throws system errors. Where holding the directory did not hang, this does not. */
export function openDirectory(
  directory: Pinned,
  getdents: Getdents | undefined,
  volume: VolumeKind | undefined,
): DirectoryReader {
  if (getdents === undefined || directory.descriptor === undefined) return byNode(directory, volume)
  const descriptor = openSync(directory.self, constants.O_RDONLY | constants.O_DIRECTORY)
  const buffer = Buffer.allocUnsafeSlow(bufferBytes)
  return {
    read: () => (volume === 'memory' ? fill(descriptor, buffer, getdents) : fillInTurn(descriptor, buffer, getdents)),
    close: () => closeSync(descriptor),
  }
}

/** Some 1,600 entries. */
const bufferBytes = 65_536

function fill(descriptor: number, buffer: Buffer, { atOnce }: Getdents): Names {
  let filled = 0
  while (buffer.length - filled >= roomForName) {
    const count = atOnce(descriptor, filled === 0 ? buffer : buffer.subarray(filled))
    if (count === 0) return { names: namesIn(buffer, filled), ended: true }
    filled += count
  }
  return { names: namesIn(buffer, filled), ended: false }
}

async function fillInTurn(descriptor: number, buffer: Buffer, { inTurn }: Getdents): Promise<Names> {
  let filled = 0
  while (buffer.length - filled >= roomForName) {
    const count = await inTurn(descriptor, buffer.subarray(filled))
    if (count === 0) return { names: namesIn(buffer, filled), ended: true }
    filled += count
  }
  return { names: namesIn(buffer, filled), ended: false }
}

const batchEntries = 1024
// opendir decodes names: one character a byte loses nothing.
const latin1 = 'latin1'

function byNode(directory: Pinned, volume: VolumeKind | undefined): DirectoryReader {
  const opened = opendirSync(directory.self, { bufferSize: batchEntries, encoding: latin1 })
  return {
    read: () =>
      volume === 'memory'
        ? namesFrom(opened, opened.readSync())
        : opened.read().then(first => namesFrom(opened, first)),
    close: () => opened.closeSync(),
  }
}

function namesFrom(directory: Dir, first: Dirent | null): Names {
  const names: string[] = []
  let entry = first
  for (let read = 1; entry !== null; read++) {
    if (targetOfPartial(entry.name) === undefined) names.push(toName(entry.name))
    if (read === batchEntries) break
    // A read fills the buffer unless the end is near: these are in it already, or the end comes at once.
    entry = directory.readSync()
  }
  return { names, ended: entry === null }
}

const ascii = /^[\x20-\x7e]*$/

function toName(bytes: string): string {
  return ascii.test(bytes) ? bytes : decodeName(Buffer.from(bytes, latin1))
}
