/** What is done by and by in the files of a server: homes that are ordered to go are removed, and what uploads have left. */
import { resolve } from 'node:path'
import type { Configuration } from '../config/configuration.ts'
import { removeHome } from '../storage/local/directories/remove-home.ts'
import type { UploadClaims } from '../storage/local/uploads/upload-claims.ts'
import type { Volumes } from '../storage/local/volumes/volume.ts'
import type { Quotas } from '../storage/quota/quotas.ts'
import { HomeRemovals, type HomeRemovalsOptions } from './home-removals.ts'
import { PartialRemovals, type PartialRemovalsOptions } from './partial-removals.ts'

export type UpkeepOptions = Pick<HomeRemovalsOptions, 'isLoggedIn'> & {
  readonly telemetry: HomeRemovalsOptions['telemetry'] & PartialRemovalsOptions['telemetry']
  readonly volumes: Volumes
  readonly quotas: Pick<Quotas, 'change'>
  /** Gives claims of its own to each part. */
  readonly uploadClaims: () => UploadClaims
  /** The directory of the files, below which quotas hold. */
  readonly root: () => string
}

/** It begins with the first follow(). Close it. */
export class Upkeep {
  readonly homeRemovals: HomeRemovals
  readonly #partialRemovals: PartialRemovals

  constructor({ telemetry, volumes, quotas, uploadClaims, root, isLoggedIn }: UpkeepOptions) {
    const forget = (path: string, bytes: number): void => quotas.change({ path, bytes: -bytes, files: -1 })
    const claims = uploadClaims()
    this.homeRemovals = new HomeRemovals({
      telemetry,
      isLoggedIn,
      remove: (directory, watch, { server }) =>
        removeHome({
          ...watch,
          root: resolve(server.root),
          directory,
          isAtomic: server.uploads.mode === 'atomic',
          claims,
          volumes,
          filesPerSecond: homeFilesPerSecond,
          onRemoved: forget,
        }),
    })
    this.#partialRemovals = new PartialRemovals({
      claims: uploadClaims(),
      volumes,
      telemetry,
      onEach: (where, path, bytes) => {
        if (where === root()) forget(path, bytes)
      },
    })
  }

  async follow(configuration: Configuration): Promise<void> {
    this.homeRemovals.follow(configuration)
    await this.#partialRemovals.follow(configuration)
  }

  async close(): Promise<void> {
    await this.#partialRemovals.close()
    await this.homeRemovals.close()
  }
}

/** Users of the same volume must not notice. */
const homeFilesPerSecond = 2000
