/** Removes what uploads have left, wherever the configuration in force has atomic uploads put it. */
import { resolve } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import type { Configuration } from '../config/configuration.ts'
import { StalePartials, type StalePartialsOptions } from '../storage/local/uploads/stale-partials.ts'
import type { Telemetry } from '../telemetry/telemetry.ts'

export type PartialRemovalsOptions = Pick<StalePartialsOptions, 'claims' | 'volumes'> & {
  readonly telemetry: Pick<Telemetry, 'stalePartialsRemoved' | 'fault'>
  /** Told of each that is gone: below which directory of the operating system, at which virtual path, and how large it was. */
  readonly onEach: (root: string, path: string, bytes: number) => void
}

export class PartialRemovals {
  readonly #options: PartialRemovalsOptions
  #wanted: Wanted | undefined
  #running: StalePartials | undefined

  constructor(options: PartialRemovalsOptions) {
    this.#options = options
  }

  /** Begins, goes on or ends, as the configuration has it. */
  async follow(configuration: Configuration): Promise<void> {
    const wanted = wantedBy(configuration)
    if (isDeepStrictEqual(wanted, this.#wanted)) return
    this.#wanted = wanted
    await this.#running?.close()
    this.#running = wanted.mode === 'direct' ? undefined : this.#begin(wanted)
  }

  async close(): Promise<void> {
    await this.#running?.close()
  }

  #begin({ roots, expireSeconds }: Wanted): StalePartials {
    const { claims, volumes, telemetry, onEach } = this.#options
    return new StalePartials({
      roots,
      expireSeconds,
      pauseSeconds: pauseOf(expireSeconds),
      claims,
      volumes,
      onEach,
      onRemoved: count => telemetry.stalePartialsRemoved(count),
      onFault: error => telemetry.fault(error),
    })
  }
}

type Wanted = ReturnType<typeof wantedBy>

function wantedBy({ server: { root, storage, uploads, folders } }: Configuration) {
  const { mode, partialsExpireSeconds: expireSeconds } = uploads
  const elsewhere = [...storage.symlinks.extraRoots, ...folders.flatMap(each => each.directory ?? [])]
  return { mode, expireSeconds, roots: [resolve(root), ...new Set(elsewhere)] }
}

/** A walk through all files is not to be repeated too often, nor is what was stale to stay long. */
function pauseOf(expireSeconds: number): number {
  return Math.min(3600, Math.max(60, expireSeconds / 4))
}
