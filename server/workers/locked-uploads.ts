/** The shared state of a process in which uploads lock what they write to: nobody is asked for that. */
import type { UploadLocks } from '../storage/local/uploads/upload-locks.ts'
import type { ClaimKind, SharedState } from './shared-state.ts'

export type LockedUploadsOptions = {
  /** For all but uploads. */
  readonly rest: SharedState
  /** For uploads, as far as this process knows. */
  readonly own: SharedState
  /** Undefined while there are no other processes. */
  readonly locks: () => UploadLocks | undefined
}

export class LockedUploads implements SharedState {
  readonly #options: LockedUploadsOptions

  constructor(options: LockedUploadsOptions) {
    this.#options = options
  }

  claim(kind: ClaimKind, key: string, limit: number | undefined): boolean | Promise<boolean> {
    const { rest, own, locks } = this.#options
    if (kind !== 'upload') return rest.claim(kind, key, limit)
    const claimed = own.claim(kind, key, limit)
    // What another session of this process has is locked for both.
    if (claimed !== true || locks()?.lock(key) !== false) return claimed
    own.release(kind, key)
    return false
  }

  isClaimed(kind: ClaimKind, key: string): boolean | Promise<boolean> {
    const { rest, own, locks } = this.#options
    if (kind !== 'upload') return rest.isClaimed(kind, key)
    return locks()?.isLocked(key) === true || own.isClaimed(kind, key)
  }

  release(kind: ClaimKind, key: string): void {
    const { rest, own, locks } = this.#options
    if (kind !== 'upload') return rest.release(kind, key)
    locks()?.unlock(key)
    own.release(kind, key)
  }
}
