/** ConfigMap with `server.yaml` of every pod there can be: the halves differ in their ports, the replicas in all of them. */
import type { V1ConfigMap } from '@kubernetes/client-node'
import type { Blueprint } from './blueprint.ts'
import type { Built } from './manifest.ts'
import { metadataOf } from './metadata.ts'
import { nameOf } from './names.ts'
import { type Half, halves, type Rollout } from './ports.ts'
import { serverYaml, serverYamlKey } from './server-configuration.ts'

export function configMap(blueprint: Blueprint): Built<V1ConfigMap> {
  const files = Array.from({ length: blueprint.portReplicas }, (_, replica) =>
    halvesOf(blueprint.rollout).map(half => [serverYamlKey(replica, half), serverYaml(blueprint, replica, half)]),
  )
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: metadataOf(blueprint, nameOf.configMap(blueprint.server.metadata.name)),
    data: Object.fromEntries(files.flat()),
  }
}

/** The halves that pods can have. */
function halvesOf(rollout: Rollout): readonly Half[] {
  return rollout === 'recreate' ? ['a'] : halves
}
