/** Secret with the self-signed certificate that the operator made. */
import type { V1Secret } from '@kubernetes/client-node'
import type { Blueprint } from './blueprint.ts'
import type { Built } from './manifest.ts'
import { metadataOf } from './metadata.ts'
import { base64 } from './users-secrets.ts'

export function certificateSecret(blueprint: Blueprint): Built<V1Secret> | undefined {
  const { certificate: source, selfSigned } = blueprint
  if (source.kind !== 'self-signed' || selfSigned === undefined) return undefined
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: metadataOf(blueprint, source.secretName),
    type: 'kubernetes.io/tls',
    data: { 'tls.crt': base64(selfSigned.certificate), 'tls.key': base64(selfSigned.key) },
  }
}
