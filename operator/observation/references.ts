/** Which Secrets and ConfigMaps a server refers to: these are watched, and no others. */
import type { FtpServer, FtpServerSpec } from '../api/ftp-server.ts'
import type { CertificateSource } from '../desired/blueprint.ts'
import { labelKeys, managedBy, nameOf } from '../desired/names.ts'
import { canRelay, relaySecretName } from '../desired/relay.ts'
import type { Source } from './observation.ts'

export type LabelSelector = NonNullable<FtpServerSpec['usersFrom'][number]['secretSelector']>

export type References = {
  readonly secrets: ReadonlySet<string>
  readonly configMaps: ReadonlySet<string>
  readonly secretSelectors: readonly LabelSelector[]
  readonly configMapSelectors: readonly LabelSelector[]
}

export function referencesOf(server: FtpServer): References {
  const { users, usersFrom, tls, hosts } = server.spec
  const certificate = certificateSource(server)
  const authority = tls.clientCertificates.mode === 'Disabled' ? undefined : tls.clientCertificates.secretName
  return {
    secrets: new Set([
      ...users.flatMap(({ passwordSecretRef }) => passwordSecretRef?.name ?? []),
      ...users.flatMap(({ previousPassword }) => previousPassword?.passwordSecretRef?.name ?? []),
      ...users.flatMap(({ totpSecretRef }) => totpSecretRef?.name ?? []),
      ...usersFrom.flatMap(({ secretRef }) => secretRef?.name ?? []),
      ...(certificate.kind === 'none' ? [] : [certificate.secretName]),
      ...(authority === undefined ? [] : [authority]),
      ...hosts.flatMap(({ secretName }) => secretName ?? []),
      ...(canRelay(server.spec) ? [relaySecretName(server)] : []),
    ]),
    configMaps: new Set(usersFrom.flatMap(({ configMapRef }) => configMapRef?.name ?? [])),
    secretSelectors: usersFrom.flatMap(({ secretSelector }) => secretSelector ?? []),
    configMapSelectors: usersFrom.flatMap(({ configMapSelector }) => configMapSelector ?? []),
  }
}

/** Whether an object counts for a server. */
export function refersTo(references: References, { kind, name, labels }: Omit<Source, 'data'>): boolean {
  const [names, selectors] =
    kind === 'Secret'
      ? [references.secrets, references.secretSelectors]
      : [references.configMaps, references.configMapSelectors]
  return names.has(name) || selectors.some(selector => selects(selector, labels))
}

/** What the operator makes is never selected: its own copies would grow into themselves. */
export function selects(selector: LabelSelector, labels: Readonly<Record<string, string>>): boolean {
  if (labels[labelKeys.managedBy] === managedBy) return false
  const { matchLabels = {}, matchExpressions = [] } = selector
  if (Object.keys(matchLabels).length === 0 && matchExpressions.length === 0) return false
  return (
    Object.entries(matchLabels).every(([key, value]) => labels[key] === value) &&
    matchExpressions.every(({ key, operator, values = [] }) => {
      const value = Object.hasOwn(labels, key) ? labels[key] : undefined
      switch (operator) {
        case 'In':
          return value !== undefined && values.includes(value)
        case 'NotIn':
          return value === undefined || !values.includes(value)
        case 'Exists':
          return value !== undefined
        case 'DoesNotExist':
          return value === undefined
      }
    })
  )
}

/** Where the certificate comes from; from nowhere if no listener has TLS. */
export function certificateSource({ metadata, spec }: FtpServer): CertificateSource {
  if (spec.listeners.every(({ tls }) => tls === 'Disabled')) return { kind: 'none' }
  const { secretName, issuerRef } = spec.tls
  if (secretName !== undefined) return { kind: 'given', secretName }
  const own = nameOf.certificateSecret(metadata.name)
  return { kind: issuerRef === undefined ? 'self-signed' : 'issued', secretName: own }
}

export function findSource(
  sources: readonly Source[],
  kind: Source['kind'],
  name: string | undefined,
): Source | undefined {
  return sources.find(source => source.kind === kind && source.name === name)
}
