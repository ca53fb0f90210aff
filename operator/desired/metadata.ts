/** Metadata that all objects of a server have in common. */
import { apiVersion, kind } from '../api/ftp-server.ts'
import type { OwnerReference } from '../kubernetes/object.ts'
import type { Blueprint } from './blueprint.ts'
import { labelKeys, managedBy, selectorLabels } from './names.ts'

type Extra = {
  readonly labels?: Readonly<Record<string, string>> | undefined
  readonly annotations?: Readonly<Record<string, string>> | undefined
  /** Whether the object goes when the server goes. */
  readonly owned?: boolean
}

export type ObjectMeta = {
  name: string
  namespace: string
  labels: Record<string, string>
  annotations?: Record<string, string>
  ownerReferences?: OwnerReference[]
}

/** What is inherited and what is the object's own, the latter winning; the labels that select always win. */
export function metadataOf(
  { server }: Pick<Blueprint, 'server'>,
  name: string,
  { labels, annotations, owned = true }: Extra = {},
): ObjectMeta {
  const { inheritedMetadata } = server.spec
  const allAnnotations = { ...inheritedMetadata.annotations, ...annotations }
  return {
    name,
    namespace: server.metadata.namespace,
    labels: {
      ...inheritedMetadata.labels,
      ...labels,
      ...selectorLabels(server.metadata.name),
      [labelKeys.managedBy]: managedBy,
    },
    ...(Object.keys(allAnnotations).length > 0 && { annotations: allAnnotations }),
    ...(owned && { ownerReferences: [ownerReference(server.metadata)] }),
  }
}

function ownerReference({ name, uid }: { readonly name: string; readonly uid: string }): OwnerReference {
  return { apiVersion, kind, name, uid, controller: true }
}
