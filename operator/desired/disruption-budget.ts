/** PodDisruptionBudget: how many replicas may be taken down at once. */
import type { V1PodDisruptionBudget } from '@kubernetes/client-node'
import type { Blueprint } from './blueprint.ts'
import type { Built } from './manifest.ts'
import { metadataOf } from './metadata.ts'
import { selectorLabels } from './names.ts'

export function disruptionBudget(blueprint: Blueprint): Built<V1PodDisruptionBudget> | undefined {
  const { metadata, spec } = blueprint.server
  const { mode, maxUnavailable } = spec.podDisruptionBudget
  // For a single replica it would only stand in the way of whoever drains the node.
  if (mode === 'Disabled' || (mode === 'Auto' && spec.replicas < 2)) return undefined
  return {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: metadataOf(blueprint, metadata.name),
    spec: {
      maxUnavailable,
      selector: { matchLabels: selectorLabels(metadata.name) },
      // A pod that is not ready serves nobody: nodes need not wait for it.
      unhealthyPodEvictionPolicy: 'AlwaysAllow',
    },
  }
}
