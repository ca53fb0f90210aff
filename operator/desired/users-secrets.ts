/** Secrets with all users of a server, from wherever they come, in as many as the size takes. */
import type { V1Secret } from '@kubernetes/client-node'
import type { Blueprint } from './blueprint.ts'
import type { Built } from './manifest.ts'
import { metadataOf } from './metadata.ts'
import { nameOf } from './names.ts'

export function usersSecrets(blueprint: Blueprint): readonly Built<V1Secret>[] {
  return blueprint.users.flatMap((files, shard) => {
    if (files.size === 0) return []
    return {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: metadataOf(blueprint, nameOf.usersSecret(blueprint.server.metadata.name, shard)),
      type: 'Opaque',
      data: Object.fromEntries([...files].map(([key, content]) => [key, base64(content)])),
    }
  })
}

export function base64(content: Uint8Array): string {
  return Buffer.from(content).toString('base64')
}
