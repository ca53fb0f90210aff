/** How the files of one user are stored, and what follows from it at a place. */
import { Counting, type QuotaSettings } from './counting.ts'
import type { Getdents } from './kernel/getdents.ts'
import type { Statx } from './kernel/statx.ts'
import type { SystemPath } from './tree/pin.ts'
import type { Place } from './tree/place.ts'
import type { Tree } from './tree/tree.ts'
import { partialName } from './uploads/partials.ts'
import type { RunningUploads } from './uploads/running-uploads.ts'
import type { UploadSettings } from './uploads/upload.ts'

export type LocalSettings = {
  readonly uploads: RunningUploads
  readonly uploading: UploadSettings
  readonly quotas: QuotaSettings | undefined
  readonly statx: Statx | undefined
  readonly getdents: Getdents | undefined
}

export function isAtomic({ uploading }: Pick<LocalSettings, 'uploading'>): boolean {
  return uploading.mode === 'atomic'
}

/** Where an upload of the user to the place is until it is whole. */
export function partialOf({ directory, name }: Place, { uploading }: Pick<LocalSettings, 'uploading'>): SystemPath {
  return directory.address(partialName(name, uploading.user))
}

/** Undefined where nothing counts: without quotas, and outside of the root. */
export function countingAt(
  place: Place,
  tree: Pick<Tree, 'outOfTurn'>,
  { quotas }: Pick<LocalSettings, 'quotas'>,
): Counting | undefined {
  if (quotas === undefined || !place.own) return undefined
  return new Counting(quotas, place, wait => tree.outOfTurn(wait))
}
