/** Uploads that are written beside their name and get it when they are whole: nobody ever sees half a file under it. */
import { Buffer } from 'node:buffer'
import { constants, type Stats } from 'node:fs'
import { StorageError, type WritableFile } from '../../storage.ts'
import { type Counting, UploadAccount } from '../counting.ts'
import { identityOf } from '../entry.ts'
import { errnoOf } from '../kernel/errno.ts'
import { close, copyFile, fchmod, fsync, futimes, read, rename, write } from '../kernel/system.ts'
import { syncDirectory } from '../sync.ts'
import { lstatIfThere, moveToFreeName, unlinkIfThere } from '../tree/names.ts'
import { descriptorDirectory } from '../tree/pin.ts'
import { type HeldDirectory, type Place, symbolicLink } from '../tree/place.ts'
import { openUnlessLink, regularFile } from '../tree/regular-file.ts'
import { partialName, targetHash } from './partials.ts'
import type { RunningUploads } from './running-uploads.ts'
import { LocalUpload, startOf, type UploadEnding, type UploadSettings, type WithoutUnique } from './upload.ts'
import { nameClaim } from './upload-claims.ts'

/**
 * Opens what an upload of the same user to the place has left, or something new that begins with what is to stay of the whole
 * file, however large that is.
 */
export async function openBeside(
  place: Place,
  mode: WithoutUnique,
  running: RunningUploads,
  settings: UploadSettings,
  counting?: Counting,
): Promise<WritableFile | typeof symbolicLink> {
  const claim = nameClaim(place.directory, targetHash(place.name))
  // Who wants a new name can have another one at once.
  if (!(await running.claims.claim(claim))) throw new StorageError(mode.kind === 'create' ? 'exists' : 'busy')
  let begun: WritableFile | typeof symbolicLink = symbolicLink
  try {
    // Not before: the upload that had the claim may just have ended, and this is what it has stored.
    const whole = await openWhole(place, mode)
    if (whole !== symbolicLink) begun = await begin({ place, claim, whole, mode }, running, settings, counting)
    return begun
  } finally {
    // Nothing has begun that would give it back.
    if (begun === symbolicLink) running.claims.release(claim)
  }
}

type Claimed = {
  readonly place: Place
  readonly claim: string
  /** Closed by `begin`. */
  readonly whole: Whole | undefined
  readonly mode: WithoutUnique
}

async function begin(
  { place, claim, whole, mode }: Claimed,
  running: RunningUploads,
  settings: UploadSettings,
  counting: Counting | undefined,
): Promise<WritableFile> {
  try {
    const directory = await place.hold()
    try {
      const name = partialName(place.name, settings.user)
      const partial = await openPartial({ directory, name, counting }, whole, mode)
      const ending = new BesideEnding({ directory, name, counting, target: place.name, partial, mode, settings })
      const { path, volume, gate } = place
      const account = counting && new UploadAccount(counting, partial.stats.size)
      const { position } = partial
      return new LocalUpload(partial.descriptor, { path, volume, gate, position, claim, ending, account }, running)
    } catch (error) {
      directory.release()
      throw error
    }
  } finally {
    if (whole !== undefined) await close(whole.descriptor)
  }
}

type Whole = { readonly descriptor: number; readonly stats: Stats }
type Beside = {
  readonly directory: HeldDirectory
  readonly name: string
  readonly counting: Counting | undefined
}
type Partial = {
  readonly descriptor: number
  readonly stats: Stats
  readonly position: number
  readonly isNew: boolean
}

/** What is under the name itself. It is opened for writing, though nothing is written: who may not write to it may not replace it either. */
async function openWhole(place: Place, mode: WithoutUnique): Promise<Whole | undefined | typeof symbolicLink> {
  if (mode.kind === 'create') {
    if ((await lstatIfThere(place.address)) !== undefined) throw new StorageError('exists')
    return undefined
  }
  const isCopied = mode.kind !== 'replace'
  try {
    const descriptor = await openUnlessLink(place, isCopied ? constants.O_RDWR : constants.O_WRONLY)
    return descriptor === undefined ? symbolicLink : await regular(descriptor)
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error
    if ('creating' in mode && mode.creating === 'refused') throw new StorageError('not-found', { cause: error })
    return undefined
  }
}

async function regular(descriptor: number): Promise<Whole> {
  try {
    return { descriptor, stats: regularFile(descriptor) }
  } catch (error) {
    await close(descriptor)
    throw error
  }
}

async function openPartial(beside: Beside, whole: Whole | undefined, mode: WithoutUnique): Promise<Partial> {
  const left = mode.kind === 'append' || mode.kind === 'resume' ? await openLeft(beside, whole, mode) : undefined
  if (left === undefined) return await makePartial(beside, whole, mode)
  try {
    const position = startOf(mode, left.stats)
    const now = Date.now() / 1000
    // It is not stale any more.
    await futimes(left.descriptor, now, now)
    await beside.counting?.take({ least: 0, most: 0, files: 0, upload: 'begins' })
    return { ...left, position, isNew: false }
  } catch (error) {
    await close(left.descriptor)
    throw error
  }
}

/** What an earlier upload has left. */
async function openLeft(
  { directory, name }: Beside,
  whole: Whole | undefined,
  { overwriting }: Extract<WithoutUnique, { kind: 'append' | 'resume' }>,
): Promise<Whole | undefined> {
  // It may have nothing in common with the file whose place it would take.
  if (whole !== undefined && overwriting === 'refused') return undefined
  try {
    const descriptor = await openUnlessLink(placeOf(directory, name), constants.O_WRONLY)
    if (descriptor === undefined) return undefined
    const left = await regular(descriptor)
    // With a second name it is a whole file, whose upload was interrupted in between, or not ours.
    if (left.stats.nlink === 1) return left
    await close(descriptor)
    return undefined
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined
    throw error
  }
}

async function makePartial(beside: Beside, whole: Whole | undefined, mode: WithoutUnique): Promise<Partial> {
  const position = startOf(mode, whole?.stats ?? { size: 0 })
  const { counting } = beside
  const bytes = mode.kind === 'replace' ? 0 : (whole?.stats.size ?? 0)
  await counting?.take({ least: bytes, most: bytes, files: 1, upload: 'begins' })
  try {
    return await fill(beside, whole, mode, position)
  } catch (error) {
    counting?.change({ bytes: -bytes, files: -1, upload: 'ends' })
    throw error
  }
}

async function fill(beside: Beside, whole: Whole | undefined, mode: WithoutUnique, position: number): Promise<Partial> {
  const descriptor = await create(beside)
  try {
    if (whole !== undefined) {
      // Before there is anything in it that not everybody may read.
      await fchmod(descriptor, whole.stats.mode & 0o777)
      if (mode.kind !== 'replace') await copy(whole, descriptor)
    } else if (mode.permissions !== undefined) await fchmod(descriptor, mode.permissions)
    return { descriptor, stats: regularFile(descriptor), position, isNew: true }
  } catch (error) {
    await close(descriptor)
    await unlinkIfThere(beside.directory.address(beside.name)).catch(() => undefined)
    throw error
  }
}

/** A new file, whatever had the name. */
async function create({ directory, name, counting }: Beside): Promise<number> {
  const place = placeOf(directory, name)
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL
  const make = async (): Promise<number> => {
    const descriptor = await openUnlessLink(place, flags)
    if (descriptor === undefined) throw new StorageError('busy')
    return descriptor
  }
  try {
    return await make()
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error
  }
  const stale = counting && (await lstatIfThere(place.address))
  if (await unlinkIfThere(place.address)) counting?.removed(stale)
  return await make()
}

function placeOf(directory: HeldDirectory, name: string): Pick<Place, 'address' | 'openAtOnce'> {
  return { address: directory.address(name), openAtOnce: flags => directory.openAtOnce(name, flags) }
}

const copiedBytes = 1_048_576

/** At once where the file system shares what two files have in common (Btrfs, XFS), piece by piece elsewhere. */
async function copy({ descriptor: from, stats: { size, mode } }: Whole, to: number): Promise<void> {
  if (size >= copiedBytes) {
    const [source, target] = [from, to].map(descriptor => `${descriptorDirectory}/${descriptor}`)
    try {
      await copyFile(source ?? '', target ?? '', constants.COPYFILE_FICLONE_FORCE)
      return await fchmod(to, mode & 0o777)
    } catch {
      // The rest works everywhere.
    }
  }
  const buffer = Buffer.allocUnsafeSlow(Math.min(copiedBytes, Math.max(1, size)))
  for (let position = 0; position < size; ) {
    const { bytesRead } = await read(from, buffer, 0, Math.min(buffer.length, size - position), position)
    if (bytesRead === 0) throw new StorageError('busy')
    for (let done = 0; done < bytesRead; ) {
      done += (await write(to, buffer, done, bytesRead - done, position + done)).bytesWritten
    }
    position += bytesRead
  }
}

type EndingOptions = Beside & {
  readonly target: string
  readonly partial: Partial
  readonly mode: WithoutUnique
  readonly settings: UploadSettings
}

class BesideEnding implements UploadEnding {
  readonly #options: EndingOptions

  constructor(options: EndingOptions) {
    this.#options = options
  }

  async written(descriptor: number): Promise<void> {
    if (this.#options.settings.durability === 'fsync') await fsync(descriptor)
  }

  async published(): Promise<void> {
    const { directory, name, counting, target, mode, settings } = this.#options
    // Another server on the same volume may have taken it for stale, and begun anew.
    if (!(await this.#isOurs())) throw new StorageError('failed', { cause: new Error('the partial file is gone') })
    const [from, to] = [directory.address(name), directory.address(target)]
    const replaced = counting && (await lstatIfThere(to))
    if (mode.kind === 'create') await moveToFreeName(from, to)
    else await rename(from, to)
    counting?.removed(replaced)
    if (settings.durability === 'fsync') await syncDirectory(directory)
  }

  async kept(bytes: number): Promise<void> {
    const { directory, name, counting, partial } = this.#options
    // There is nothing to go on with.
    if (!partial.isNew || bytes > 0) return
    if (!(await this.#isOurs().catch(() => false))) return
    const gone = await unlinkIfThere(directory.address(name)).catch(() => false)
    if (gone) counting?.removed(partial.stats)
  }

  release(): void {
    this.#options.directory.release()
  }

  async #isOurs(): Promise<boolean> {
    const { directory, name, partial } = this.#options
    const found = await lstatIfThere(directory.address(name))
    return found !== undefined && identityOf(found) === identityOf(partial.stats)
  }
}
