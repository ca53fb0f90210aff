/** Relaying between the pods of a server: whether there is any, the ports for it, and the Secret by which they know each other. */
import type { V1Secret } from '@kubernetes/client-node'
import type { FtpServer, FtpServerSpec } from '../api/ftp-server.ts'
import { podPorts } from '../api/pod-ports.ts'
import type { Blueprint } from './blueprint.ts'
import type { Built } from './manifest.ts'
import { metadataOf } from './metadata.ts'
import { nameOf } from './names.ts'
import { base64 } from './users-secrets.ts'

/** Where the secrets are, below the directory of the configuration, and in their Secret. */
export const relayDirectory = 'relay'
export const relaySecretKey = 'secrets'

/** Whether pods are made for it. That hangs on the resource alone, but not on `replicas`: another replica must restart none. */
export function canRelay({ hostNetwork, service }: FtpServerSpec): boolean {
  if (hostNetwork || service.type === 'None' || service.relay === 'Disabled') return false
  return service.relay === 'Enabled' || service.externalTrafficPolicy === 'Local'
}

/** Whether each pod is to take the connections for all passive ports. `Local` with one replica needs none: its pod is where the load balancer finds it. */
export function isRelaying(spec: FtpServerSpec, portReplicas: number): boolean {
  return canRelay(spec) && (spec.service.relay === 'Enabled' || portReplicas > 1)
}

/** At which pods hand connections over to each other: beside the ports of listeners, which are no passive ports. */
export function relayPort({ passive }: FtpServerSpec): number {
  return passive.firstPort === podPorts.lastListener + 1 ? podPorts.firstListener - 1 : podPorts.lastListener + 1
}

/** Undefined too until the secrets are made. */
export function relaySecret(blueprint: Blueprint): Built<V1Secret> | undefined {
  const { server, relaySecrets } = blueprint
  if (!canRelay(server.spec) || relaySecrets === undefined) return undefined
  const data = Object.fromEntries([...relaySecrets].map(([key, content]) => [key, base64(content)]))
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: metadataOf(blueprint, relaySecretName(server)),
    type: 'Opaque',
    data,
  }
}

export function relaySecretName({ metadata }: FtpServer): string {
  return nameOf.relaySecret(metadata.name)
}
