/** The claim for the volume with the files. */
import type { V1PersistentVolumeClaim } from '@kubernetes/client-node'
import type { Blueprint } from './blueprint.ts'
import type { Built } from './manifest.ts'
import { metadataOf } from './metadata.ts'
import { nameOf } from './names.ts'

export function claim(blueprint: Blueprint): Built<V1PersistentVolumeClaim> | undefined {
  const { metadata, spec } = blueprint.server
  const { claim: wanted, retentionPolicy } = spec.storage
  if (wanted === undefined) return undefined
  const { storageClassName, accessModes, volumeName, dataSource, annotations, labels } = wanted
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: metadataOf(blueprint, nameOf.claim(metadata.name), {
      labels,
      annotations,
      // Without an owner it stays, with all files, when the server is deleted.
      owned: retentionPolicy === 'Delete',
    }),
    spec: {
      accessModes: [...accessModes],
      resources: { requests: { storage: blueprint.claimSize ?? wanted.size } },
      ...(storageClassName !== undefined && { storageClassName }),
      ...(volumeName !== undefined && { volumeName }),
      // As `dataSource` the API server would leave out what it does not know, and the volume would be empty.
      ...(dataSource !== undefined && { dataSourceRef: { ...dataSource } }),
    },
  }
}

/** Name of the claim that pods mount. */
export function claimName({ metadata, spec }: Blueprint['server']): string | undefined {
  if (spec.storage.claim !== undefined) return nameOf.claim(metadata.name)
  return spec.storage.existingClaimName
}
