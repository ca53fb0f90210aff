/** The certificate that pods mount: whether it is there and good, and whether the operator has to make one. */
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import type { FtpServer } from '../api/ftp-server.ts'
import type { CertificateNames, CertificateSource } from '../desired/blueprint.ts'
import { conditionOf } from '../kubernetes/read.ts'
import { findLive } from '../observation/live.ts'
import type { Observation, Source } from '../observation/observation.ts'
import { certificateSource, findSource } from '../observation/references.ts'

export type CertificateState = {
  readonly ready: boolean
  readonly reason: string
  readonly message: string
  /** Nothing gets better unless a person does something. */
  readonly isBlocked: boolean
  readonly source: CertificateSource
  readonly names: CertificateNames
  /** Of what is there, if it can be read. */
  readonly notAfter: number | undefined
  readonly fingerprint: string | undefined
  /** The operator's own certificate as it is there, good or soon to be renewed. */
  readonly selfSigned: { readonly certificate: Uint8Array; readonly key: Uint8Array } | undefined
  /** Why the operator has to make one. */
  readonly needed: CertificateNeed | undefined
  /** When that will be so, in milliseconds since the epoch. */
  readonly renewAt: number | undefined
}

export type CertificateNeed = {
  readonly reason: 'Missing' | 'Unusable' | 'Expiring' | 'NamesChanged'
  readonly secretName: string
  readonly names: CertificateNames
  readonly validityDays: number
}

export function certificateState(observation: Observation, clientAddress: string | undefined): CertificateState {
  const { server, sources } = observation
  const source = certificateSource(server)
  const names = certificateNames(observation, clientAddress)
  const base = {
    source,
    names,
    notAfter: undefined,
    fingerprint: undefined,
    selfSigned: undefined,
    needed: undefined,
    renewAt: undefined,
    isBlocked: false,
  }
  if (source.kind === 'none') {
    return { ...base, ready: true, reason: 'NotNeeded', message: 'no listener has TLS' }
  }
  const secret = findSource(sources, 'Secret', source.secretName)
  const state = { ...base, ...stateOf(observation, source, secret, names) }
  const authority = state.ready ? authorityProblem(server, sources) : undefined
  return authority === undefined ? state : { ...state, ...authority, ready: false, isBlocked: true }
}

type State = Pick<CertificateState, 'ready' | 'reason' | 'message'> & Partial<CertificateState>
type Mounted = Exclude<CertificateSource, { readonly kind: 'none' }>

function stateOf(
  observation: Observation,
  source: Mounted,
  secret: Source | undefined,
  names: CertificateNames,
): State {
  const { server, now } = observation
  const found = secret && inspect(secret)
  const facts = found?.readable ? { notAfter: found.notAfter, fingerprint: found.fingerprint } : {}
  if (source.kind === 'self-signed') return selfSignedState(server, source.secretName, found, secret, names, now)
  if (source.kind === 'issued' && !observation.served.certificate) {
    return {
      ready: false,
      isBlocked: true,
      reason: 'CertManagerNotFound',
      message: 'spec.tls.issuerRef needs cert-manager, which the cluster does not have',
    }
  }
  if (found === undefined) return missingState(observation, source)
  if (!found.readable) {
    return { ready: false, isBlocked: true, reason: found.reason, message: `Secret ${source.secretName} ${found.why}` }
  }
  const until = new Date(found.notAfter).toISOString()
  if (found.notAfter <= now) {
    return {
      ...facts,
      ready: false,
      isBlocked: true,
      reason: 'Expired',
      message: `the certificate in Secret ${source.secretName} expired at ${until}`,
    }
  }
  const isSoon = found.notAfter - now < Math.min(soonMilliseconds, (found.notAfter - found.notBefore) / 6)
  return {
    ...facts,
    ready: true,
    reason: isSoon ? 'ExpiringSoon' : 'Valid',
    message: `the certificate in Secret ${source.secretName} is valid until ${until}`,
    renewAt: isSoon ? undefined : found.notAfter - soonMilliseconds,
  }
}

const soonMilliseconds = 7 * 86_400_000

function missingState({ live }: Observation, { kind, secretName }: Mounted): State {
  if (kind === 'issued') {
    const certificate = findLive(live, 'Certificate', secretName)
    const message = certificate && conditionOf(certificate, 'Ready')?.message
    return {
      ready: false,
      reason: 'Issuing',
      message: `cert-manager has not issued the certificate yet${message ? `: ${message}` : ''}`,
    }
  }
  return { ready: false, isBlocked: true, reason: 'SecretNotFound', message: `Secret ${secretName} does not exist` }
}

const defaultValidityDays = 365

function selfSignedState(
  { spec }: FtpServer,
  secretName: string,
  found: Inspection | undefined,
  secret: Source | undefined,
  names: CertificateNames,
  now: number,
): State {
  const validityDays = spec.tls.selfSigned?.validityDays ?? defaultValidityDays
  const need = (reason: CertificateNeed['reason']) => ({ reason, secretName, names, validityDays })
  if (found === undefined || secret === undefined || !found.readable) {
    const needed = need(found === undefined ? 'Missing' : 'Unusable')
    return { ready: false, reason: 'Pending', message: 'a self-signed certificate is about to be made', needed }
  }
  const renewAt = found.notAfter - (found.notAfter - found.notBefore) / 3
  const needed = now >= renewAt ? need('Expiring') : found.covers(names) ? undefined : need('NamesChanged')
  return {
    ready: found.notAfter > now,
    reason: found.notAfter > now ? 'SelfSigned' : 'Expired',
    message: `the self-signed certificate is valid until ${new Date(found.notAfter).toISOString()}`,
    notAfter: found.notAfter,
    fingerprint: found.fingerprint,
    selfSigned: {
      certificate: secret.data.get('tls.crt') ?? new Uint8Array(),
      key: secret.data.get('tls.key') ?? new Uint8Array(),
    },
    needed,
    renewAt,
  }
}

function authorityProblem({ spec }: FtpServer, sources: readonly Source[]): State | undefined {
  const { mode, secretName } = spec.tls.clientCertificates
  if (mode === 'Disabled' || secretName === undefined) return undefined
  const secret = findSource(sources, 'Secret', secretName)
  const authority = secret?.data.get('ca.crt')
  if (secret === undefined) {
    return { ready: false, reason: 'AuthorityNotFound', message: `Secret ${secretName} does not exist` }
  }
  if (authority === undefined || parseCertificate(authority) === undefined) {
    return {
      ready: false,
      reason: 'AuthorityInvalid',
      message: `Secret ${secretName} must have the certificates of the authority, as PEM, under ca.crt`,
    }
  }
  return undefined
}

/** The names that are asked for, or those of the Service and what clients are told. */
function certificateNames({ server, operator }: Observation, clientAddress: string | undefined): CertificateNames {
  const { metadata, spec } = server
  const { dnsNames: given } = spec.tls
  if (given !== undefined && given.length > 0) return { dnsNames: given, addresses: [] }
  const { name, namespace } = metadata
  const service = `${name}.${namespace}.svc`
  // A pod that moves to another node must not get another certificate.
  const isNodeAddress =
    spec.passive.advertisedAddress === 'Auto' && (spec.hostNetwork || spec.service.type === 'NodePort')
  const names = [
    ...(spec.service.type === 'None'
      ? []
      : [name, `${name}.${namespace}`, service, `${service}.${operator.clusterDomain}`]),
    ...(clientAddress === undefined || isNodeAddress ? [] : [clientAddress]),
  ]
  // A certificate must name something.
  if (names.length === 0) names.push(name)
  return {
    dnsNames: names.filter(each => isIP(each) === 0),
    addresses: names.filter(each => isIP(each) !== 0),
  }
}

type Inspection =
  | { readonly readable: false; readonly reason: string; readonly why: string }
  | {
      readonly readable: true
      readonly notBefore: number
      readonly notAfter: number
      readonly fingerprint: string
      readonly covers: (names: CertificateNames) => boolean
    }

function inspect({ data }: Source): Inspection {
  const [chain, key] = [data.get('tls.crt'), data.get('tls.key')]
  if (chain === undefined || key === undefined) {
    return { readable: false, reason: 'KeyNotFound', why: 'must have the keys tls.crt and tls.key' }
  }
  const certificate = parseCertificate(chain)
  const privateKey = parseKey(key)
  if (certificate === undefined || privateKey === undefined) {
    const which = certificate === undefined ? 'tls.crt' : 'tls.key'
    const what = certificate === undefined ? 'a certificate' : 'a private key without passphrase'
    return { readable: false, reason: 'Invalid', why: `must have ${what}, as PEM, under ${which}` }
  }
  if (!certificate.checkPrivateKey(privateKey)) {
    return { readable: false, reason: 'KeyMismatch', why: 'must have the private key of its certificate under tls.key' }
  }
  return {
    readable: true,
    notBefore: certificate.validFromDate.getTime(),
    notAfter: certificate.validToDate.getTime(),
    fingerprint: certificate.fingerprint256,
    covers: ({ dnsNames, addresses }) =>
      dnsNames.every(
        name => certificate.checkHost(name, { subject: 'never' }) !== undefined || hasName(certificate, name),
      ) && addresses.every(address => certificate.checkIP(address) !== undefined),
  }
}

/** Wildcards are names here, not host names to be matched. */
function hasName({ subjectAltName = '' }: X509Certificate, name: string): boolean {
  return subjectAltName.split(', ').includes(`DNS:${name}`)
}

function parseCertificate(pem: Uint8Array): X509Certificate | undefined {
  try {
    return new X509Certificate(pem)
  } catch {
    return undefined
  }
}

function parseKey(pem: Uint8Array) {
  try {
    return createPrivateKey(Buffer.from(pem))
  } catch {
    return undefined
  }
}
