/** Certificate of cert-manager, which has it issued into the Secret that pods mount. */
import type { Blueprint } from './blueprint.ts'
import type { Built } from './manifest.ts'
import { metadataOf } from './metadata.ts'

export type CertificateFields = {
  readonly spec: {
    readonly secretName: string
    readonly issuerRef: { readonly group: string; readonly kind: string; readonly name: string }
    readonly dnsNames?: readonly string[]
    readonly ipAddresses?: readonly string[]
    readonly usages: readonly string[]
    readonly privateKey: { readonly rotationPolicy: string }
  }
}

export function certificate(blueprint: Blueprint): Built<CertificateFields> | undefined {
  const { server, served, certificate: source, certificateNames } = blueprint
  const { issuerRef } = server.spec.tls
  if (source.kind !== 'issued' || issuerRef === undefined || !served.certificate) return undefined
  const { dnsNames, addresses } = certificateNames
  return {
    apiVersion: 'cert-manager.io/v1',
    kind: 'Certificate',
    metadata: metadataOf(blueprint, source.secretName),
    spec: {
      secretName: source.secretName,
      issuerRef: { group: issuerRef.group, kind: issuerRef.kind, name: issuerRef.name },
      ...(dnsNames.length > 0 && { dnsNames }),
      ...(addresses.length > 0 && { ipAddresses: addresses }),
      usages: ['digital signature', 'key encipherment', 'server auth'],
      privateKey: { rotationPolicy: 'Always' },
    },
  }
}
