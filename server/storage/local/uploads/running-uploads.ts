/** What the open files of a process have in common. */
import type { CopyRange } from '../kernel/copy-range.ts'
import { Pace } from '../volumes/pace.ts'
import { createUploadClaims, type UploadClaims } from './upload-claims.ts'

/** Files that uploads write to now, and how quickly files are read and written: one of these for all storages of a process. */
export class RunningUploads {
  readonly pace = { reading: new Pace(), writing: new Pace() }
  readonly claims: UploadClaims
  /** A quicker way to copy; without it, copies are read and written. */
  readonly copyRange: CopyRange | undefined

  /** Without claims of others, those of this process alone. */
  constructor(claims: UploadClaims = createUploadClaims(), copyRange?: CopyRange) {
    this.claims = claims
    this.copyRange = copyRange
  }
}
