/** What a new volume is filled with, as the decisions need it. Pure. */
import type { FtpServer } from '../api/ftp-server.ts'
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

export type DataSourceReference = NonNullable<NonNullable<FtpServer['spec']['storage']['claim']>['dataSource']>

/** Undefined for what only some provisioner knows. */
export function dataSourceKind({ apiGroup = '', kind }: DataSourceReference): ResourceKind | undefined {
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
