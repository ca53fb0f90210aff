/** Makes the Secrets of a generated password as they should be: one that pods have it from, and of several servers one for each. */
import type { Logger } from 'pino'
import type { FtpServer } from '../api/ftp-server.ts'
import type { FtpUser } from '../api/ftp-user.ts'
import type { Finding } from '../conditions.ts'
import { fieldManager } from '../desired/names.ts'
import { type ApiError, isRefusal } from '../kubernetes/api-error.ts'
import type { Cluster } from '../kubernetes/cluster.ts'
import type { EventRecorder } from '../kubernetes/events.ts'
import { kinds } from '../kubernetes/kinds.ts'
import { type KubernetesObject, keyOf, type Manifest } from '../kubernetes/object.ts'
import { textAt } from '../kubernetes/read.ts'
import { isAllowed } from '../observation/allowed-users.ts'
import type { ClusterView } from '../observation/cluster-view.ts'
import { isControlledBy } from '../observation/live.ts'
import { bindingKeys, bindingSecretName, serverSecretName } from '../observation/user-references.ts'
import type { UserView } from '../observation/user-view.ts'
import { isPasswordLength } from '../users/password.ts'
import {
  bindingSecret,
  type Endpoint,
  isLikeMain,
  type Passwords,
  type ServerName,
  secretState,
  serverKey,
} from './binding-secret.ts'
import { madeKey, passwordAge } from './password-age.ts'

export type UserSecretsOptions = {
  readonly cluster: Pick<Cluster, 'apply' | 'delete' | 'get'>
  readonly view: Pick<ClusterView, 'server'> & { readonly users: UserView }
  readonly events: Pick<EventRecorder, 'record'>
  readonly logger: Logger
  /** Bytes that nobody can guess. */
  readonly randomBytes: (count: number) => Uint8Array
}

/** What there is of a user's Secrets now; milliseconds since the epoch. */
export type UserSecretsState = {
  readonly problem?: Finding
  /** What the API server said to a Secret, if that is the problem: it is to be tried again. */
  readonly error?: ApiError | undefined
  /** When the password is renewed. */
  readonly renewAt?: number | undefined
  /** When they have to be looked at again. */
  readonly dueAt?: number | undefined
  /** Names of those for one server each, by its key. */
  readonly ofServers?: ReadonlyMap<string, string>
}

export interface UserSecrets {
  ensure(user: FtpUser, servers: readonly ServerName[], look: Look, signal: AbortSignal): Promise<UserSecretsState>
}

export type Look = {
  /** Milliseconds since the epoch. */
  readonly now: number
  /** A server has found no password in the Secret: its metadata do not tell of that. */
  readonly isMissed: boolean
}

type Annotations = Readonly<Record<string, string>>
type Failure = { readonly problem: Finding; readonly error?: ApiError }
type Main = { readonly annotations: Annotations; readonly object: KubernetesObject | undefined }

export function createUserSecrets({ cluster, view, events, logger, randomBytes }: UserSecretsOptions): UserSecrets {
  return {
    async ensure(user, servers, look, signal) {
      const { now } = look
      const found = new Map(servers.map(server => [keyOf(server), allowing(user, server)]))
      const takers = servers.filter(server => found.get(keyOf(server)) !== undefined)
      const endpoints = new Map(takers.map(server => [keyOf(server), firstEndpoint(found.get(keyOf(server)))]))
      // Of one server, the first Secret says all there is to say.
      const ofServers = new Map<string, string>()
      if (user.spec.generatedPassword === undefined) {
        await removeOthers(user, ofServers, signal)
        return {}
      }
      const main = await ensureMain(user, [...endpoints.values()].find(Boolean), look, signal)
      if ('problem' in main) return main
      const failures: Failure[] = []
      for (const server of servers.length > 1 ? takers : []) {
        const name = serverSecretName(user.metadata.name, server)
        const failure = await ensureForServer(
          user,
          { server, name, endpoint: endpoints.get(keyOf(server)) },
          main,
          signal,
        )
        if (failure === undefined) ofServers.set(keyOf(server), name)
        else failures.push(failure)
      }
      await removeOthers(user, ofServers, signal)
      const { renewAt, previousEndsAt } = passwordAge(user, main.annotations, now)
      const due = [renewAt, previousEndsAt].filter(each => each !== undefined)
      const [failure] = failures
      return {
        ...failure,
        renewAt,
        dueAt: due.length === 0 ? undefined : Math.min(...due),
        ofServers,
      }
    },
  }

  /** Reads it only if its metadata, or a server, say that it is not as it should be. */
  async function ensureMain(
    user: FtpUser,
    endpoint: Endpoint | undefined,
    { now, isMissed }: Look,
    signal: AbortSignal,
  ): Promise<Main | Failure> {
    const { namespace, uid } = user.metadata
    const name = bindingSecretName(user.metadata.name)
    const known = view.users.secret(namespace, name)
    if (!isMissed && known !== undefined && isControlledBy(known, uid)) {
      const annotations = annotationsOf(known)
      if (secretState(user, endpoint, annotations, now).kind === 'current') return { annotations, object: undefined }
    }
    // The copy may be behind: what was made or renewed a moment ago is not made again.
    const live = await cluster.get(kinds.secret, { name, namespace }, { signal })
    if (live !== undefined && !isControlledBy(live, uid)) return nameTaken(name)
    const state = live && secretState(user, endpoint, annotationsOf(live), now).kind
    if (live !== undefined && state === 'current' && passwordsOf(live) !== undefined) {
      return { annotations: annotationsOf(live), object: live }
    }
    const isRenewed = state === 'outdated'
    const manifest = bindingSecret(user, endpoint, nextPasswords(user, live, isRenewed, now))
    const resourceVersion = live?.metadata.resourceVersion
    // Somebody who has renewed it meanwhile has won: 409, and another look.
    const guarded = { ...manifest.metadata, ...(resourceVersion !== undefined && { resourceVersion }) }
    const applied = await apply({ ...manifest, metadata: guarded }, signal)
    if ('problem' in applied) return applied
    logger.info({ user: keyOf(user.metadata), object: `Secret ${name}` }, isRenewed ? 'password renewed' : 'applied')
    if (isRenewed) {
      const note = `there is a new password in Secret ${name}`
      events.record(user, { type: 'Normal', reason: 'PasswordRenewed', action: 'Reconcile', note })
    }
    return { annotations: manifest.metadata.annotations ?? {}, object: applied.object }
  }

  async function ensureForServer(
    user: FtpUser,
    wanted: { readonly server: ServerName; readonly name: string; readonly endpoint: Endpoint | undefined },
    main: Main,
    signal: AbortSignal,
  ): Promise<Failure | undefined> {
    const { namespace, uid } = user.metadata
    const { server, name, endpoint } = wanted
    const isGood = (object: KubernetesObject | undefined): boolean =>
      object !== undefined &&
      isControlledBy(object, uid) &&
      isLikeMain(user, endpoint, annotationsOf(object), main.annotations)
    if (isGood(view.users.secret(namespace, name))) return undefined
    const live = await cluster.get(kinds.secret, { name, namespace }, { signal })
    if (live !== undefined && !isControlledBy(live, uid)) return nameTaken(name)
    if (isGood(live)) return undefined
    const mainName = bindingSecretName(user.metadata.name)
    const source = main.object ?? (await cluster.get(kinds.secret, { name: mainName, namespace }, { signal }))
    const passwords = source && passwordsOf(source)
    // It has gone this moment: what follows makes both.
    if (passwords === undefined) return undefined
    const applied = await apply(bindingSecret(user, endpoint, passwords, server), signal)
    if ('problem' in applied) return applied
    logger.info({ user: keyOf(user.metadata), object: `Secret ${name}` }, 'applied')
    return undefined
  }

  async function apply(
    manifest: Manifest,
    signal: AbortSignal,
  ): Promise<{ readonly object: KubernetesObject } | Failure> {
    try {
      return { object: await cluster.apply(manifest, { fieldManager, force: true, signal }) }
    } catch (error) {
      if (!isRefusal(error)) throw error
      const message = `Secret ${manifest.metadata.name} ${error.message}`
      return { problem: { status: 'False', reason: 'ApplyFailed', message }, error }
    }
  }

  /** Those for servers that the user has no more, or that take it no more. */
  async function removeOthers(user: FtpUser, wanted: ReadonlyMap<string, string>, signal: AbortSignal): Promise<void> {
    const { namespace, name: userName, uid } = user.metadata
    const names = new Set(wanted.values())
    for (const secret of view.users.secretsOf(namespace, userName)) {
      const { name, uid: secretUid } = secret.metadata
      const isOfServer = annotationsOf(secret)[serverKey] !== undefined && isControlledBy(secret, uid)
      if (!isOfServer || names.has(name)) continue
      await cluster.delete(
        kinds.secret,
        { name, namespace },
        { signal, ...(secretUid !== undefined && { uid: secretUid }) },
      )
      logger.info({ user: keyOf(user.metadata), object: `Secret ${name}` }, 'removed')
    }
  }

  function nextPasswords(
    user: FtpUser,
    live: KubernetesObject | undefined,
    isOutdated: boolean,
    now: number,
  ): Passwords {
    const { length = 32, overlapSeconds = 0 } = user.spec.generatedPassword ?? {}
    const last = live && passwordsOf(live)
    const made = new Date(now).toISOString()
    if (live === undefined || last === undefined) return { current: newPassword(length), made, previous: undefined }
    if (isOutdated) {
      const expires = new Date(now + overlapSeconds * 1000).toISOString()
      const previous = overlapSeconds === 0 ? undefined : { password: last.current, expires }
      return { current: newPassword(length), made, previous }
    }
    const { madeAt, previousEndsAt = 0 } = passwordAge(user, annotationsOf(live), now)
    const expires = new Date(previousEndsAt).toISOString()
    const counts = last.previous !== undefined && previousEndsAt > now
    return {
      current: last.current,
      made: new Date(madeAt).toISOString(),
      previous: counts ? { password: last.previous.password, expires } : undefined,
    }
  }

  /** Letters, digits, `-` and `_`: six bits each, and nothing that a URI or a shell would change. */
  function newPassword(length: number): string {
    return Buffer.from(randomBytes(length)).toString('base64url').slice(0, length)
  }

  /** The server, if it is there and lets the user in. */
  function allowing(user: FtpUser, server: ServerName): FtpServer | undefined {
    const read = view.server(keyOf(server))
    if (read === undefined || !('server' in read)) return undefined
    const labels = view.users.namespaceLabels(user.metadata.namespace)
    return isAllowed(read.server, user, labels) ? read.server : undefined
  }
}

function nameTaken(name: string): Failure {
  const message = `Secret ${name} exists already and does not belong to this user; it is left as it is`
  return { problem: { status: 'False', reason: 'NameTaken', message } }
}

/** The URL of the first listener as the server's status has it. */
function firstEndpoint(server: FtpServer | undefined): Endpoint | undefined {
  const [first] = server?.status?.endpoints ?? []
  const url = first === undefined ? null : URL.parse(first.url)
  if (first === undefined || url === null) return undefined
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1')
  return { host, port: Number(url.port || defaultPorts[url.protocol]), tls: first.tls }
}

// WHATWG URL leaves out the port that a scheme has by itself.
const defaultPorts: Readonly<Record<string, number>> = { 'ftp:': 21, 'ftps:': 990 }

function passwordsOf(secret: KubernetesObject): Passwords | undefined {
  const current = dataOf(secret, bindingKeys.password)
  if (current === undefined || !isPasswordLength(Buffer.byteLength(current))) return undefined
  const password = dataOf(secret, bindingKeys.previousPassword)
  const expires = dataOf(secret, bindingKeys.previousExpires)
  return {
    current,
    made: annotationsOf(secret)[madeKey] ?? '',
    previous: password === undefined || expires === undefined ? undefined : { password, expires },
  }
}

function annotationsOf({ metadata }: KubernetesObject): Annotations {
  return metadata.annotations ?? {}
}

function dataOf(secret: KubernetesObject, key: string): string | undefined {
  const text = textAt(secret, 'data', key)
  return text === undefined ? undefined : Buffer.from(text, 'base64').toString()
}
