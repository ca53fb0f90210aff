/** FtpUsers and what they refer to, as the caches have them: who names whom. */
import { isDeepStrictEqual } from 'node:util'
import type { FtpUser } from '../api/ftp-user.ts'
import { createUserReader } from '../api/read.ts'
import { type Change, findIn, type Informer } from '../controller/informer.ts'
import { labelKeys, managedBy } from '../desired/names.ts'
import { type KubernetesObject, keyOf } from '../kubernetes/object.ts'
import { removedAt, secretNamesOf, serverKeysOf, userApplicationName } from './user-references.ts'

export type ReadUser =
  | { readonly user: FtpUser }
  | { readonly errors: readonly string[]; readonly object: KubernetesObject }

/** Other ways to look FtpUsers up. */
export const userIndexers = {
  server: (user: KubernetesObject) => serverKeysOf(user),
  secret: ({ metadata, ...rest }: KubernetesObject) =>
    secretNamesOf({ metadata, ...rest }).map(name => keyOf({ name, namespace: metadata.namespace })),
}

export type UserInformers = {
  /** With `userIndexers`. */
  readonly users: readonly Informer[]
  /** Of metadata, with an index `instance`: by the label of what they were made for. */
  readonly secrets: readonly Informer[]
  /** Of metadata; undefined where the operator looks after some namespaces only, and may not read any. */
  readonly namespaces: readonly Informer[] | undefined
}

export class UserView {
  readonly #informers: UserInformers
  readonly #read = createUserReader()
  /** By the object that the informer holds. */
  readonly #parsed = new WeakMap<KubernetesObject, ReadUser>()

  constructor(informers: UserInformers) {
    this.#informers = informers
  }

  /** Undefined if there is no such resource. */
  user(key: string): ReadUser | undefined {
    const object = findIn(this.#informers.users, key)
    return object && this.#parse(object)
  }

  /** Those that can be read. */
  usersNaming(server: string): readonly FtpUser[] {
    return this.#informers.users
      .flatMap(informer => informer.byIndex('server', server))
      .map(object => this.#parse(object))
      .flatMap(read => ('user' in read ? [read.user] : []))
  }

  keysNaming(server: string): readonly string[] {
    return this.#informers.users
      .flatMap(informer => informer.byIndex('server', server))
      .map(({ metadata }) => keyOf(metadata))
  }

  /** Servers that are concerned by a change of a Secret. */
  serversNeeding(secret: string): readonly string[] {
    return this.#informers.users.flatMap(informer => informer.byIndex('secret', secret)).flatMap(serverKeysOf)
  }

  /** Servers that are named in namespaces whose labels have changed. */
  serversNamedIn(namespace: string): readonly string[] {
    return this.#informers.users.flatMap(informer => informer.list(namespace)).flatMap(serverKeysOf)
  }

  /** Metadata only. */
  secret(namespace: string, name: string): KubernetesObject | undefined {
    return findIn(this.#informers.secrets, keyOf({ name, namespace }))
  }

  /** Those that were made for the FtpUser, by their labels; metadata only. */
  secretsOf(namespace: string, user: string): readonly KubernetesObject[] {
    return this.#informers.secrets
      .flatMap(informer => informer.byIndex('instance', keyOf({ name: user, namespace })))
      .filter(({ metadata: { labels = {} } }) => labels[labelKeys.name] === userApplicationName)
  }

  /** Every Namespace has the label with its name, which the API server sees to. */
  namespaceLabels(namespace: string): Readonly<Record<string, string>> {
    const { namespaces } = this.#informers
    const known = namespaces && findIn(namespaces, namespace)
    return { ...known?.metadata.labels, 'kubernetes.io/metadata.name': namespace }
  }

  #parse(object: KubernetesObject): ReadUser {
    const known = this.#parsed.get(object)
    if (known !== undefined) return known
    const read = this.#read(object)
    const parsed = read.valid ? { user: read.value } : { errors: read.errors, object }
    this.#parsed.set(object, parsed)
    return parsed
  }
}

/** Servers that a change of an FtpUser concerns: those that it names, and those that it named. Of its status only where a home is gone concerns them. */
export function namedServers({ before, after }: Change): readonly string[] {
  if (before !== undefined && after !== undefined && isSameToServers(before, after)) return []
  return [...new Set([before, after].flatMap(object => (object === undefined ? [] : serverKeysOf(object))))]
}

function isSameToServers(before: KubernetesObject, after: KubernetesObject): boolean {
  const { metadata: one } = before
  const { metadata: other } = after
  return (
    isDeepStrictEqual(removedAt(before), removedAt(after)) &&
    one.uid === other.uid &&
    one.generation === other.generation &&
    one.deletionTimestamp === other.deletionTimestamp &&
    isDeepStrictEqual(one.labels, other.labels)
  )
}

/** The FtpUser whose generated password a Secret has, by its labels. */
export function userOfSecret({ before, after }: Change): readonly string[] {
  const keys = [before, after].flatMap(object => {
    const { labels = {}, namespace } = object?.metadata ?? {}
    const name = labels[labelKeys.instance]
    const isOurs = labels[labelKeys.name] === userApplicationName && labels[labelKeys.managedBy] === managedBy
    return isOurs && name !== undefined ? [keyOf({ name, namespace })] : []
  })
  return [...new Set(keys)]
}
