/** Opens a user's part of the server's directory as a storage. */
import { concealedPath, concealIn, isConcealed } from '../concealed.ts'
import { joinPath, namesOf } from '../path.ts'
import { type Storage, StorageError } from '../storage.ts'
import type { QuotaSettings } from './counting.ts'
import { errnoOf, translated } from './kernel/errno.ts'
import type { Getdents } from './kernel/getdents.ts'
import type { Statx } from './kernel/statx.ts'
import { LocalStorage } from './local-storage.ts'
import type { LocalSettings } from './settings.ts'
import { makeDirectoryAt } from './sync.ts'
import type { MayLead } from './tree/place.ts'
import type { SymlinkPolicy } from './tree/symlinks.ts'
import { Tree } from './tree/tree.ts'
import type { RunningUploads } from './uploads/running-uploads.ts'
import type { UploadSettings } from './uploads/upload.ts'
import type { Volumes } from './volumes/volume.ts'

export type LocalStorageOptions = {
  /** The server's directory, as an absolute path of the operating system. */
  readonly root: string
  /** The directory below it that is `/` here, as an absolute virtual path; made if it is missing. */
  readonly home: string
  /** One set for all storages of a server: a file is written by one upload at a time. */
  readonly uploads: RunningUploads
  /** By default uploads are written in place, and not synced. */
  readonly uploading?: UploadSettings | undefined
  /** Where there are any: what is outside of the root does not count. */
  readonly quotas?: QuotaSettings | undefined
  /** Whether a path that goes through symbolic links may be used for where it leads. By default wherever that is inside. */
  readonly mayLead?: MayLead
  /** Where symbolic links may lead; by default to what is inside. */
  readonly symlinks?: SymlinkPolicy
  /** A directory of the server's own, as an absolute path of the operating system: nobody finds it here. */
  readonly concealed?: string | undefined
  /** A quicker way to look at many files; without it, they are looked at through node:fs. */
  readonly statx?: Statx | undefined
  /** A quicker way to read directories; without it, they are read through node:fs. */
  readonly getdents?: Getdents | undefined
  /** One for all storages of a server: what it knows of volumes spares the thread pool. */
  readonly volumes?: Volumes | undefined
}

/** Opens a user's part of the server's directory, at once where it can. The caller closes it. Rejects with a StorageError. */
export function openLocalStorage(options: LocalStorageOptions): Storage | Promise<Storage> {
  const { concealed } = options
  const path = concealed === undefined ? undefined : concealedPath(options.root, options.home, concealed)
  return path === undefined ? openTree(options) : openConcealing(options, path)
}

async function openConcealing(options: TreeOptions, path: string): Promise<Storage> {
  const { mayLead = () => true } = options
  if (path === '/') throw new StorageError('not-found')
  // Links are followed deeper down: none may lead there.
  const leadsElsewhere: MayLead = (from, target) => !isConcealed(target, path) && mayLead(from, target)
  return concealIn(await openTree({ ...options, mayLead: leadsElsewhere }), path)
}

type TreeOptions = Omit<LocalStorageOptions, 'concealed'>

function openTree(options: TreeOptions): Storage | Promise<Storage> {
  const { uploading = plainUploads } = options
  const settings: LocalSettings = {
    uploads: options.uploads,
    uploading,
    quotas: options.quotas,
    statx: options.statx,
    getdents: options.getdents,
  }
  const tree = openAtOnce(options)
  return tree === undefined ? openInTime(options, settings) : new LocalStorage(tree, settings)
}

/** Undefined where something has to be waited for, made, or told why it fails. */
function openAtOnce({ root, home, mayLead = () => true, symlinks, volumes }: TreeOptions): Tree | undefined {
  if (home === '/') return Tree.openAtOnce(root, symlinks, volumes, mayLead)
  const server = Tree.openAtOnce(root, symlinks, volumes)
  const tree = server?.belowAtOnce(home, `${root}${home}`, mayLead)
  void server?.close()
  return tree
}

async function openInTime(options: TreeOptions, settings: LocalSettings): Promise<Storage> {
  const { root, home, mayLead, symlinks, volumes } = options
  const { uploading } = settings
  return await translated(async () => {
    if (home === '/') return new LocalStorage(await Tree.open(root, symlinks, volumes, mayLead), settings)
    // A home may be on a volume of its own.
    const [mount = ''] = namesOf(home)
    const gate = volumes?.gates?.ofDirectory(`${root}${home}`, `${root}/${mount}`)
    const server = await Tree.open(root, symlinks, volumes, undefined, gate)
    const place = { home, where: `${root}${home}` }
    try {
      return new LocalStorage(await openHome(server, place, mayLead ?? (() => true), uploading), settings)
    } finally {
      await server.close()
    }
  })
}

const plainUploads: UploadSettings = { mode: 'direct', durability: 'none', user: '' }

async function openHome(
  server: Tree,
  { home, where }: { readonly home: string; readonly where: string },
  mayLead: MayLead,
  uploading: UploadSettings,
): Promise<Tree> {
  try {
    return await server.below(home, where, mayLead)
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error
  }
  let path = '/'
  for (const name of namesOf(home)) {
    path = joinPath(path, name)
    await server.at(path, place => makeDirectoryAt(place, 0o750, uploading.durability)).catch(unlessExists)
  }
  return await server.below(home, where, mayLead)
}

function unlessExists(error: unknown): void {
  if (errnoOf(error) !== 'EEXIST') throw error
}
