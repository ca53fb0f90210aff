/** The Secrets with a generated password and all that a client needs, as servicebinding.io has it. Pure. */
import { createHash } from 'node:crypto'
import type { V1Secret } from '@kubernetes/client-node'
import { type FtpUser, ftpUserKind, usernameOf } from '../api/ftp-user.ts'
import type { Built } from '../desired/manifest.ts'
import type { ObjectMeta } from '../desired/metadata.ts'
import { annotationKeys, labelKeys, managedBy } from '../desired/names.ts'
import { keyOf } from '../kubernetes/object.ts'
import {
  bindingKeys,
  bindingSecretName,
  serverSecretName,
  userApplicationName,
} from '../observation/user-references.ts'
import { madeKey, passwordAge, previousExpiresKey } from './password-age.ts'

/** Where clients find the server. */
export type Endpoint = { readonly host: string; readonly port: number; readonly tls: string }

export type Passwords = {
  readonly current: string
  /** RFC 3339. */
  readonly made: string
  readonly previous: { readonly password: string; readonly expires: string } | undefined
}

/** `server` is the one that it is for, of several; without it, it is the Secret that pods have the password from. */
export function bindingSecret(
  user: FtpUser,
  endpoint: Endpoint | undefined,
  { current, made, previous }: Passwords,
  server?: ServerName,
): Built<V1Secret> & { readonly metadata: ObjectMeta } {
  const { name, namespace, uid } = user.metadata
  const username = usernameOf(user)
  const data = {
    type: 'ftp',
    provider: 'ftp-operator',
    username,
    [bindingKeys.password]: current,
    ...(endpoint !== undefined && {
      host: endpoint.host,
      port: String(endpoint.port),
      tls: endpoint.tls,
      uri: uriOf(endpoint, username, current),
    }),
    ...(previous !== undefined && {
      [bindingKeys.previousPassword]: previous.password,
      [bindingKeys.previousExpires]: previous.expires,
    }),
  }
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: {
      name: server === undefined ? bindingSecretName(name) : serverSecretName(name, server),
      namespace,
      labels: {
        [labelKeys.name]: userApplicationName,
        [labelKeys.instance]: name,
        [labelKeys.managedBy]: managedBy,
      },
      annotations: {
        [annotationKeys.appliedHash]: contentHash(user, endpoint),
        [revisionKey]: user.spec.generatedPassword?.revision ?? '',
        [madeKey]: made,
        ...(server !== undefined && { [serverKey]: keyOf(server) }),
        ...(previous !== undefined && { [previousExpiresKey]: previous.expires }),
      },
      ownerReferences: [{ apiVersion: user.apiVersion, kind: ftpUserKind, name, uid, controller: true }],
    },
    type: 'servicebinding.io/ftp',
    data: Object.fromEntries(Object.entries(data).map(([key, text]) => [key, Buffer.from(text).toString('base64')])),
  }
}

export type SecretState =
  | { readonly kind: 'current' }
  | { readonly kind: 'stale' }
  /** Its password is that of another revision. */
  | { readonly kind: 'outdated' }

/** How the Secret that is there stands to what is wanted, by nothing but its annotations. */
export function secretState(
  user: FtpUser,
  endpoint: Endpoint | undefined,
  annotations: Readonly<Record<string, string>>,
  now: number,
): SecretState {
  if ((annotations[revisionKey] ?? '') !== (user.spec.generatedPassword?.revision ?? '')) return { kind: 'outdated' }
  const { renewAt, previousEndsAt, isAhead } = passwordAge(user, annotations, now)
  if (renewAt !== undefined && renewAt <= now) return { kind: 'outdated' }
  if (isAhead || (previousEndsAt !== undefined && previousEndsAt <= now)) return { kind: 'stale' }
  return { kind: annotations[annotationKeys.appliedHash] === contentHash(user, endpoint) ? 'current' : 'stale' }
}

/** Whether the Secret of one server has the passwords that the other one has, and all else that is wanted. */
export function isLikeMain(
  user: FtpUser,
  endpoint: Endpoint | undefined,
  annotations: Readonly<Record<string, string>>,
  main: Readonly<Record<string, string>>,
): boolean {
  const isSame = [revisionKey, madeKey, previousExpiresKey].every(key => annotations[key] === main[key])
  return isSame && annotations[annotationKeys.appliedHash] === contentHash(user, endpoint)
}

export type ServerName = { readonly name: string; readonly namespace: string }

/** Annotation: which server it is for, of several. */
export const serverKey = 'ftp-operator.io/server'
const revisionKey = 'ftp-operator.io/password-revision'

/** Of all that is in it but the passwords. */
function contentHash(user: FtpUser, endpoint: Endpoint | undefined): string {
  const content = [usernameOf(user), user.metadata.uid, endpoint ?? null]
  return createHash('sha256').update(JSON.stringify(content)).digest('hex').slice(0, 16)
}

function uriOf({ host, port, tls }: Endpoint, username: string, password: string): string {
  const name = host.includes(':') ? `[${host}]` : host
  const credentials = `${encodeURIComponent(username)}:${encodeURIComponent(password)}`
  return `${tls === 'Implicit' ? 'ftps' : 'ftp'}://${credentials}@${name}:${port}`
}
