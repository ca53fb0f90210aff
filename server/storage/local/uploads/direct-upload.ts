/** Uploads that are written in place: whoever looks sees what has arrived so far. */
import { closeSync, constants, fchmodSync, ftruncateSync } from 'node:fs'
import { after } from '../../../at-once.ts'
import { StorageError, type WritableFile } from '../../storage.ts'
import { type Counting, UploadAccount } from '../counting.ts'
import { identityOf } from '../entry.ts'
import { errnoOf, storageError } from '../kernel/errno.ts'
import { close, fsync, ftruncate } from '../kernel/system.ts'
import { syncDirectory } from '../sync.ts'
import { lstatIfThere } from '../tree/names.ts'
import { type HeldDirectory, type Place, symbolicLink } from '../tree/place.ts'
import { openUnlessLink, regularFile, safeFlags } from '../tree/regular-file.ts'
import type { Tree } from '../tree/tree.ts'
import type { RunningUploads } from './running-uploads.ts'
import {
  LocalUpload,
  startOf,
  type UploadEnding,
  type UploadSettings,
  type UploadTarget,
  type WithoutUnique,
} from './upload.ts'

/** Writes in place, under the name itself. */
export async function openForWriting(
  place: Place,
  mode: WithoutUnique,
  running: RunningUploads,
  durability: UploadSettings['durability'],
  counting?: Counting,
): Promise<WritableFile | typeof symbolicLink> {
  if (counting === undefined) return await openInPlace(place, mode, running, durability)
  const files = (await lstatIfThere(place.address)) === undefined ? 1 : 0
  await counting.take({ least: 0, most: 0, files, upload: 'begins' })
  let opened: LocalUpload | typeof symbolicLink | undefined
  try {
    opened = await openInPlace(place, mode, running, durability, counting)
    return opened
  } finally {
    if (opened === undefined || opened === symbolicLink) counting.change({ bytes: 0, files: -files, upload: 'ends' })
  }
}

/**
 * The same for a path below the root of a tree in memory, if it can be done at once and there is no link on the way; nothing is counted or synced.
 * Throws and rejects with StorageErrors.
 */
export function openForWritingAtOnce(
  tree: Tree,
  path: string,
  mode: WithoutUnique,
  running: RunningUploads,
): WritableFile | Promise<WritableFile> | undefined {
  if (!tree.isInMemory || mode.permissions !== undefined) return undefined
  const opened = tree.openAtOnce(path, constants.O_WRONLY | flagsOf(mode) | safeFlags)
  if (opened === undefined) return undefined
  const { descriptor, volume } = opened
  try {
    const stats = regularFile(descriptor)
    if (mode.kind === 'replace' && stats.size > emptiedAtOnce) {
      closeSync(descriptor)
      return undefined
    }
    const claim = identityOf(stats)
    const begun = after(running.claims.claim(claim), isFree => {
      if (!isFree) throw new StorageError('busy')
      return beginAtOnce(descriptor, mode, { path, volume, gate: tree.gate, claim }, running)
    })
    return begun instanceof Promise ? begun.catch((error: unknown) => giveUp(descriptor, error)) : begun
  } catch (error) {
    return giveUp(descriptor, error)
  }
}

/** More takes as long as a thread does. */
const emptiedAtOnce = 1_048_576

function beginAtOnce(
  descriptor: number,
  mode: WithoutUnique,
  { path, volume, gate, claim }: Pick<UploadTarget, 'path' | 'volume' | 'gate' | 'claim'>,
  running: RunningUploads,
): LocalUpload {
  try {
    // Only now nobody else changes the size.
    const stats = regularFile(descriptor)
    const position = startOf(mode, stats)
    if (mode.kind === 'replace' && stats.size > 0) ftruncateSync(descriptor, 0)
    return new LocalUpload(
      descriptor,
      { path, volume, gate, position, claim, ending: undefined, account: undefined },
      running,
    )
  } catch (error) {
    running.claims.release(claim)
    throw error
  }
}

function giveUp(descriptor: number, error: unknown): never {
  closeSync(descriptor)
  throw storageError(error)
}

async function openInPlace(
  place: Place,
  mode: WithoutUnique,
  running: RunningUploads,
  durability: UploadSettings['durability'],
  counting?: Counting,
): Promise<LocalUpload | typeof symbolicLink> {
  const descriptor = await openForMode(place, mode).catch((error: unknown) => {
    // RFC 3659 section 5.3: a restart beyond the end, here of a file that isn't there.
    throw mode.kind === 'resume' && mode.offset > 0 && errnoOf(error) === 'ENOENT'
      ? new StorageError('bad-offset')
      : error
  })
  if (descriptor === undefined) return symbolicLink
  let identity: string | undefined
  try {
    const claimed = identityOf(regularFile(descriptor))
    if (!(await running.claims.claim(claimed))) throw new StorageError('busy')
    identity = claimed
    // Only now nobody else changes the size.
    const stats = regularFile(descriptor)
    const position = startOf(mode, stats)
    // Only now: not by O_TRUNC, which would cut off what another upload is writing.
    if (mode.kind === 'replace' && stats.size > 0) {
      await ftruncate(descriptor, 0)
      counting?.change({ bytes: -stats.size, files: 0 })
    }
    const account = counting && new UploadAccount(counting, mode.kind === 'replace' ? 0 : stats.size)
    const ending = durability === 'fsync' ? syncedEnding(await place.hold()) : undefined
    return new LocalUpload(descriptor, { ...place, position, claim: identity, ending, account }, running)
  } catch (error) {
    if (identity !== undefined) running.claims.release(identity)
    await close(descriptor)
    throw error
  }
}

function syncedEnding(directory: HeldDirectory): UploadEnding {
  return {
    written: fsync,
    published: () => syncDirectory(directory),
    kept: async () => undefined,
    release: () => directory.release(),
  }
}

/** Undefined for a symbolic link. */
async function openForMode(place: Place, mode: WithoutUnique): Promise<number | undefined> {
  const flags = constants.O_WRONLY | flagsOf(mode)
  if (mode.permissions === undefined || (flags & constants.O_CREAT) === 0) return await openUnlessLink(place, flags)
  try {
    const made = await openUnlessLink(place, flags | constants.O_EXCL)
    // open(2) takes away what the umask of the process has.
    if (made !== undefined) fchmodSync(made, mode.permissions)
    return made
  } catch (error) {
    if (mode.kind === 'create' || errnoOf(error) !== 'EEXIST') throw error
    return await openUnlessLink(place, flags)
  }
}

function flagsOf(mode: WithoutUnique): number {
  if (mode.kind === 'create') return constants.O_CREAT | constants.O_EXCL
  if (mode.kind === 'replace') return constants.O_CREAT
  const create = mode.creating === 'refused' ? 0 : constants.O_CREAT
  if (mode.kind === 'append') return constants.O_APPEND | create
  return mode.offset === 0 ? create : 0
}
