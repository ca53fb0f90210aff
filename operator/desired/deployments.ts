/** One Deployment of one pod for each replica: only so can each have passive ports of its own. */
import type { V1Deployment } from '@kubernetes/client-node'
import type { Blueprint } from './blueprint.ts'
import type { Built } from './manifest.ts'
import { metadataOf } from './metadata.ts'
import { annotationKeys, nameOf, replicaLabels } from './names.ts'
import { podTemplate } from './pod-template.ts'

export function deployments(blueprint: Blueprint): readonly Built<V1Deployment>[] {
  const { server, rollout, replicas } = blueprint
  const { name } = server.metadata
  return replicas.map(({ index, half, templateHash, isVacant }) => ({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: metadataOf(blueprint, nameOf.deployment(name, index), {
      labels: replicaLabels(name, index),
      annotations: { [annotationKeys.half]: half, [annotationKeys.templateHash]: templateHash },
    }),
    spec: {
      replicas: server.spec.suspend ? 0 : 1,
      revisionHistoryLimit: 2,
      selector: { matchLabels: replicaLabels(name, index) },
      strategy:
        rollout === 'recreate'
          ? { type: 'Recreate' }
          : // The pod that Kubernetes made in its place has its ports: it must go before it serves.
            { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: isVacant ? 1 : 0 } },
      template: podTemplate(blueprint, index, half),
    },
  }))
}
