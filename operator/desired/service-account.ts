/** ServiceAccount of the pods: one without rights, whose token they do not get. */
import type { V1ServiceAccount } from '@kubernetes/client-node'
import type { Blueprint } from './blueprint.ts'
import type { Built } from './manifest.ts'
import { metadataOf } from './metadata.ts'

export function serviceAccount(blueprint: Blueprint): Built<V1ServiceAccount> {
  return {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: metadataOf(blueprint, blueprint.server.metadata.name),
    automountServiceAccountToken: false,
  }
}
