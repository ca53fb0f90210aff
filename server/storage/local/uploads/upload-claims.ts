/** What uploads write to now, by identity: a file is written by one upload at a time, whatever process that is in. */
import type { Stats } from 'node:fs'
import { StorageError } from '../../storage.ts'
import { identityOf } from '../entry.ts'
import type { Pinned } from '../tree/pin.ts'
import { targetHash, targetOfPartial } from './partials.ts'

export interface UploadClaims {
  /** Takes the file; false if another upload has it. */
  claim(identity: string): boolean | Promise<boolean>
  has(identity: string): boolean | Promise<boolean>
  /** Gives back what `claim` took. */
  release(identity: string): void
}

/** For storages of one process. */
export function createUploadClaims(): UploadClaims {
  const taken = new Set<string>()
  return {
    claim(identity) {
      if (taken.has(identity)) return false
      taken.add(identity)
      return true
    },
    has: identity => taken.has(identity),
    release(identity) {
      taken.delete(identity)
    },
  }
}

/** What is claimed for an upload to a name in a directory: all uploads to it meet here, and who removes what is left of them. */
export function nameClaim({ stats }: Pick<Pinned, 'stats'>, hashOfTarget: string): string {
  return `${identityOf(stats)}/${hashOfTarget}`
}

/** Rejects with `busy` while an upload writes to what has the name, or, by way of another name, is to get it. */
export async function refuseRunning(
  { claims, isAtomic }: { readonly claims: Pick<UploadClaims, 'has'>; readonly isAtomic: boolean },
  directory: Pick<Pinned, 'stats'>,
  name: string,
  stats: Stats | undefined,
): Promise<void> {
  const target = targetOfPartial(name) ?? targetHash(name)
  const running = await Promise.all([
    stats !== undefined && claims.has(identityOf(stats)),
    isAtomic && claims.has(nameClaim(directory, target)),
  ])
  if (running.includes(true)) throw new StorageError('busy')
}
