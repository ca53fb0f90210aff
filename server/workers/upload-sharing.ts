/** Files that uploads write to, in the first process: told by the ledger to those who ask, and locked for processes that look by themselves. */
import { closeLockFiles, createLockFiles, UploadLocks } from '../storage/local/uploads/upload-locks.ts'
import { LockedUploads } from './locked-uploads.ts'
import type { SharedLedger, SharedState } from './shared-state.ts'

export class UploadSharing {
  readonly #ledger: SharedLedger
  #lockFiles: readonly number[] | undefined
  #locks: UploadLocks | undefined

  constructor(ledger: SharedLedger) {
    this.#ledger = ledger
  }

  /** For one part of this process. */
  holder(): SharedState {
    const holder = this.#ledger.holder()
    return new LockedUploads({ rest: holder, own: holder, locks: () => this.#locks })
  }

  /** Descriptors for another process, which locks what it writes to; none where it has to ask instead. As long as nobody wants them, nothing is locked. */
  get lockFiles(): readonly number[] {
    this.#lockFiles ??= this.#begin()
    return this.#lockFiles
  }

  /** Once no other process is left. */
  close(): void {
    this.#locks?.close()
    this.#locks = undefined
    closeLockFiles(this.#lockFiles ?? [])
    this.#lockFiles = []
  }

  #begin(): readonly number[] {
    let lockFiles: readonly number[] = []
    try {
      lockFiles = createLockFiles()
      const locks = new UploadLocks(lockFiles)
      for (const identity of this.#ledger.taken('upload')) locks.lock(identity)
      this.#locks = locks
      return lockFiles
    } catch {
      closeLockFiles(lockFiles)
      return []
    }
  }
}
