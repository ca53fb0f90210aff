/** What a process needs to serve sessions: users who log in, files, and the sessions themselves. */
import { resolve } from 'node:path'
import type { Logger } from 'pino'
import { after } from '../at-once.ts'
import { createAuthenticator } from '../auth/authenticator.ts'
import { createPasswordVerifier } from '../auth/password.ts'
import type { Configuration, User } from '../config/configuration.ts'
import { isProbeUser } from '../config/users/probe-user.ts'
import { loadSendfile } from '../data/kernel/sendfile.ts'
import { withFolders } from '../storage/folders.ts'
import { mayLead } from '../storage/guarded.ts'
import { type LocalStorageOptions, openLocalStorage } from '../storage/local/home.ts'
import { loadCopyRange } from '../storage/local/kernel/copy-range.ts'
import { loadGetdents } from '../storage/local/kernel/getdents.ts'
import { loadStatx } from '../storage/local/kernel/statx.ts'
import { RunningUploads } from '../storage/local/uploads/running-uploads.ts'
import type { UploadClaims } from '../storage/local/uploads/upload-claims.ts'
import { Volumes } from '../storage/local/volumes/volume.ts'
import { VolumeGates } from '../storage/local/volumes/volume-gates.ts'
import { filterNames, type NameFilter, nameFilter } from '../storage/name-filter.ts'
import { joinPath } from '../storage/path.ts'
import { openProbeStorage } from '../storage/probe.ts'
import type { QuotaLimit, Quotas } from '../storage/quota/quotas.ts'
import type { Storage } from '../storage/storage.ts'
import { DescriptorWatch } from '../upkeep/descriptor-watch.ts'
import type { SharedState } from '../workers/shared-state.ts'
import { Sessions, type SessionsOptions } from './sessions.ts'

export type ServingOptions = Omit<SessionsOptions, 'authenticator' | 'openStorage' | 'sendfile'> & {
  readonly logger: Pick<Logger, 'info'>
  /** What is stored by the sessions of all processes. */
  readonly quotas: Quotas
  /** Whether the kernel sends files by itself where it can, which is the default. */
  readonly sendfile: 'off' | undefined
  /** Of the runtime's pool, in which files are opened, read and written. */
  readonly threads: number
}

export type Serving = {
  readonly sessions: Sessions
  readonly volumes: Volumes
  readonly gates: VolumeGates
  /** Ends what checks passwords and descriptors; the sessions are closed before. */
  close(): Promise<void>
}

export function createServing(options: ServingOptions): Serving {
  const verifier = createPasswordVerifier({ onFault: error => options.telemetry.fault(error) })
  const kernel = options.sendfile === 'off' ? { reason: 'off' } : loadSendfile()
  if ('reason' in kernel)
    options.logger.info(kernel, 'files are sent without sendfile, which takes more processor time')
  const copyRange = options.sendfile === 'off' ? undefined : loadCopyRange()
  const uploads = new RunningUploads(uploadClaims(options.shared), copyRange)
  const statx = loadStatx()
  const getdents = loadGetdents()
  const gates = new VolumeGates({
    threads: options.threads,
    onStalled: directory => options.telemetry.volumeStalled(directory),
    onAnswering: directory => options.telemetry.volumeAnswering(directory),
  })
  const volumes = new Volumes(gates)
  const descriptorWatch = new DescriptorWatch(() => options.telemetry.descriptorsExhausted())
  const placesOf = placesOnce()
  const sessions = new Sessions({
    ...options,
    sendfile: 'reason' in kernel ? undefined : kernel,
    authenticator: createAuthenticator(verifier),
    openStorage: (user, configuration) => {
      if (isProbeUser(configuration, user.name)) return openProbeStorage()
      gates.patienceSeconds = configuration.server.limits.transferStallTimeoutSeconds
      return openStorage(user, configuration, {
        uploads,
        statx,
        getdents,
        volumes,
        quotas: options.quotas,
        places: placesOf(configuration),
      })
    },
  })
  return {
    sessions,
    volumes,
    gates,
    close() {
      descriptorWatch.close()
      return verifier.close()
    },
  }
}

type Means = Pick<LocalStorageOptions, 'uploads' | 'statx' | 'getdents' | 'volumes'> & {
  readonly quotas: Quotas
  readonly places: Places
}

/** The home of a user, and the folders in it. What stays in memory with a session is made for those who have folders or filters only. */
function openStorage(user: User, configuration: Configuration, means: Means): Storage | Promise<Storage> {
  const { root } = means.places
  const filter = nameFilter([configuration.server.names, user.names])
  const home = openAt('/', { root, home: user.home }, user, configuration, filter, means)
  if (user.folders === undefined)
    return filter === undefined ? home : after(home, storage => filterNames(storage, filter))
  const folders = user.folders.map(({ path, source }) => ({
    path,
    open: async () => {
      const place = source.kind === 'target' ? { root, home: source.path } : { root: source.path, home: '/' }
      return openAt(path, place, user, configuration, filter, means)
    },
  }))
  return after(home, storage => {
    const withAll = withFolders(storage, folders)
    return filter === undefined ? withAll : filterNames(withAll, filter)
  })
}

/** At a path of the user's tree; quotas hold below the server's root. */
function openAt(
  at: string,
  place: { readonly root: string; readonly home: string },
  user: User,
  configuration: Configuration,
  filter: NameFilter | undefined,
  { quotas, places, uploads, statx, getdents, volumes }: Means,
): Storage | Promise<Storage> {
  const { home, root } = place
  const isCounted = places.haveQuotas && root === places.root
  // Name by name, as it is done at each login: to spread objects into others costs far more.
  return openLocalStorage({
    root,
    home,
    uploads,
    statx,
    getdents,
    volumes,
    quotas: isCounted ? { quotas, home, limits: quotaLimitsOf(user, configuration) } : undefined,
    uploading: { ...configuration.server.uploads, user: user.name },
    mayLead: (path, target) =>
      mayLead(user, pathAt(at, path), pathAt(at, target)) && filter?.denies(pathAt(at, target)) !== true,
    symlinks: configuration.server.storage.symlinks,
    concealed: places.state,
  })
}

function pathAt(folder: string, path: string): string {
  return folder === '/' ? path : joinPath(folder, path.slice(1)).replace(/\/$/, '')
}

function quotaLimitsOf({ home, quota }: User, { server }: Configuration): readonly QuotaLimit[] {
  const ofServer = server.quotas.map(({ path, ...limits }) => ({ directory: path, ...limits }))
  return quota === undefined ? ofServer : [...ofServer, { directory: home, ...quota }]
}

type Places = {
  readonly root: string
  /** The server's own directory. */
  readonly state: string | undefined
  readonly haveQuotas: boolean
}

/** Asked at each login, and answered once for a configuration. */
function placesOnce(): (configuration: Configuration) => Places {
  let last: { readonly configuration: Configuration; readonly places: Places } | undefined
  return configuration => {
    if (last?.configuration !== configuration) last = { configuration, places: placesIn(configuration) }
    return last.places
  }
}

function placesIn({ server, users }: Configuration): Places {
  const { directory } = server.state
  let haveQuotas = server.quotas.length > 0
  for (const { quota } of users.values()) haveQuotas ||= quota !== undefined
  return {
    root: resolve(server.root),
    state: directory === undefined ? undefined : resolve(directory),
    haveQuotas,
  }
}

/** Files that are written to, in all processes. */
export function uploadClaims(shared: SharedState): UploadClaims {
  return {
    claim: identity => shared.claim('upload', identity, 1),
    has: identity => shared.isClaimed('upload', identity),
    release: identity => shared.release('upload', identity),
  }
}
