/** What a new volume is filled with, and what is in the way of that. Pure. */
import type { FtpServer } from '../api/ftp-server.ts'
import { amountOf } from '../desired/subset.ts'
import { kinds } from '../kubernetes/kinds.ts'
import type { KubernetesObject, ResourceKind } from '../kubernetes/object.ts'
import { at, textAt } from '../kubernetes/read.ts'

export type DataSource =
  | { readonly state: 'not-served' | 'missing' }
  | {
      readonly state: 'ready' | 'pending'
      /** What a volume of it takes at least, such as `10Gi`. */
      readonly size: string | undefined
      /** What its driver says to a failure. */
      readonly message: string | undefined
    }

type Reference = NonNullable<NonNullable<FtpServer['spec']['storage']['claim']>['dataSource']>

/** Undefined for what only some provisioner knows. */
export function dataSourceKind({ apiGroup = '', kind }: Reference): ResourceKind | undefined {
  return [kinds.volumeSnapshot, kinds.persistentVolumeClaim].find(
    known => known.group === apiGroup && known.kind === kind,
  )
}

export function readDataSource(object: KubernetesObject | undefined): DataSource {
  if (object === undefined) return { state: 'missing' }
  const isSnapshot = object.kind === kinds.volumeSnapshot.kind
  const isReady = isSnapshot
    ? at(object, 'status', 'readyToUse') === true
    : textAt(object, 'status', 'phase') === 'Bound'
  return {
    state: isReady ? 'ready' : 'pending',
    size: isSnapshot ? textAt(object, 'status', 'restoreSize') : textAt(object, 'status', 'capacity', 'storage'),
    message: textAt(object, 'status', 'error', 'message'),
  }
}

/** Of a claim that is not bound yet. Undefined where nothing is to be said. */
export function restoreFinding(
  { kind, name }: Reference,
  source: DataSource | undefined,
  size: string,
): { readonly reason: string; readonly message: string; readonly isBlocked: boolean } | undefined {
  if (source === undefined) return undefined
  const from = `${kind} ${name}, which the volume is to be filled with,`
  switch (source.state) {
    case 'not-served':
      return {
        reason: 'SourceNotFound',
        message: `${from} is of a kind that the cluster does not have`,
        isBlocked: true,
      }
    case 'missing':
      return { reason: 'SourceNotFound', message: `${from} does not exist`, isBlocked: true }
    case 'pending': {
      const because = source.message === undefined ? '' : `: ${source.message}`
      return { reason: 'SourceNotReady', message: `${from} is not ready to use${because}`, isBlocked: false }
    }
    case 'ready': {
      const [needed, given] = [amountOf(source.size ?? ''), amountOf(size)]
      if (needed !== undefined && given !== undefined && given < needed) {
        const message = `${from} takes ${source.size}, and storage.claim.size is ${size}: make it larger`
        return { reason: 'SmallerThanSource', message, isBlocked: true }
      }
      return { reason: 'Restoring', message: `the volume is being filled with ${kind} ${name}`, isBlocked: false }
    }
  }
}
