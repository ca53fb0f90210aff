/** All users of a server in one set of files, whatever Secrets and ConfigMaps they come from. */
import { createHash } from 'node:crypto'
import { stringify } from 'yaml'
import { removedHomesFile } from '../../server/config/schema/removed-homes.ts'
import { userSchema } from '../../server/config/schema/user.ts'
import type { FtpServer, InlineUser, UsersSource } from '../api/ftp-server.ts'
import { toServerStyle } from '../api/kubernetes-style.ts'
import { probeListKey, usersSecrets } from '../desired/names.ts'
import type { Source } from '../observation/observation.ts'
import { findSource, selects } from '../observation/references.ts'
import type { Problem } from '../problem.ts'
import { resourcePrefix } from './binding.ts'
import { findPassword, keyPart } from './password.ts'

export type UsersAggregate = {
  /** By shard: content by key. Of users of one name the first key, in the order of its bytes, wins. */
  readonly shards: readonly ReadonlyMap<string, Uint8Array>[]
  readonly problems: readonly Problem[]
}

// Secrets hold 1 MiB, keys not counted; requests to the API server and objects in etcd 1.5 MiB, with all in base64.
export const shardBytes = 900 * 1024

/**
 * `resources` are the files of FtpUsers. `previous` has the keys of each shard as they are now: what stays where it is
 * can't be missed for a moment.
 */
export function aggregateUsers(
  { spec }: FtpServer,
  sources: readonly Source[],
  resources: ReadonlyMap<string, Uint8Array>,
  previous: readonly ReadonlySet<string>[],
): UsersAggregate {
  const inline = inlineFiles(spec.users, sources)
  const lists = listFiles(spec.usersFrom, sources)
  const spread = spreadOverShards(new Map([...inline.files, ...resources, ...lists.files]), previous)
  return { shards: spread.shards, problems: [...inline.problems, ...lists.problems, ...spread.problems] }
}

/** Where a file of the server's `users/` comes from, in words. */
export function originOf(path: string): string {
  const key = path.replace(/^users\//, '')
  if (key === probeListKey) return 'the user of the operator'
  if (key.startsWith(inlinePrefix)) return 'spec.users'
  if (key.startsWith(resourcePrefix) || path === removedHomesFile) return 'FtpUsers'
  const match = /^\d{2}-(secret|configmap)_([^_]+)_(.+)$/.exec(key)
  if (match === null) return path
  return `${match[1] === 'secret' ? 'Secret' : 'ConfigMap'} ${match[2]}, key ${match[3]}`
}

type Files = { readonly files: ReadonlyMap<string, Uint8Array>; readonly problems: readonly Problem[] }

// Before all others in the order of bytes: these users win.
const inlinePrefix = '00-inline'

function inlineFiles(users: readonly InlineUser[], sources: readonly Source[]): Files {
  const problems: Problem[] = []
  const passwords = new Map<string, Uint8Array>()
  const contentOf = (reference: PasswordReference | undefined) =>
    reference && findPassword(reference, findSource(sources, 'Secret', reference.name)?.data)
  const entries = users.flatMap(({ passwordSecretRef, totpSecretRef, ...user }) => {
    const entry = toServerStyle(user, userSchema)
    const password = contentOf(passwordSecretRef)
    const previous = contentOf(user.previousPassword?.passwordSecretRef)
    const totp = contentOf(totpSecretRef)
    const problem = [password, previous, totp].find(each => each !== undefined && 'reason' in each)
    if (problem !== undefined && 'reason' in problem) {
      problems.push({ source: `spec.users[${user.name}]`, ...problem })
      return []
    }
    // Neither hashed here nor looked into: the server takes a password as well as a hash.
    const put = (made: typeof password, ending: string) => {
      if (made === undefined || !('content' in made)) return {}
      const key = `${inlinePrefix}.${keyPart(user.name)}.${ending}`
      passwords.set(key, made.content)
      return { passwordFile: key }
    }
    const { passwordFile: secretFile } = put(totp, 'totp')
    const { previousPassword } = entry
    return [
      {
        ...entry,
        ...put(password, 'password'),
        ...(secretFile !== undefined && { totp: { secretFile } }),
        ...(previousPassword !== undefined && {
          previousPassword: { ...previousPassword, ...put(previous, 'previous') },
        }),
      },
    ]
  })
  const list: [string, Uint8Array][] =
    entries.length === 0 ? [] : [[`${inlinePrefix}.yaml`, Buffer.from(stringify({ users: entries }))]]
  return { files: new Map([...list, ...passwords]), problems }
}

type PasswordReference = NonNullable<InlineUser['passwordSecretRef']>

const listEnding = /\.(yaml|yml|json|htpasswd)$/

function listFiles(usersFrom: readonly UsersSource[], sources: readonly Source[]): Files {
  const problems: Problem[] = []
  const files = new Map<string, Uint8Array>()
  const seen = new Set<string>()
  for (const [index, entry] of usersFrom.entries()) {
    const { found, problem } = objectsOf(entry, sources)
    if (problem !== undefined) problems.push(problem)
    for (const { source, keys } of found) {
      for (const key of keys) {
        const content = source.data.get(key)
        const origin = `${source.kind} ${source.name} ${key}`
        if (content === undefined || seen.has(origin)) continue
        seen.add(origin)
        files.set(listKey(index + 1, source, key), content)
      }
    }
  }
  return { files, problems }
}

type Chosen = {
  readonly found: readonly { readonly source: Source; readonly keys: readonly string[] }[]
  readonly problem: Problem | undefined
}

function objectsOf(entry: UsersSource, sources: readonly Source[]): Chosen {
  const { secretRef, configMapRef, secretSelector, configMapSelector } = entry
  const kind = secretRef !== undefined || secretSelector !== undefined ? 'Secret' : 'ConfigMap'
  const reference = secretRef ?? configMapRef
  if (reference !== undefined) return referenced(kind, reference, sources)
  const selector = secretSelector ?? configMapSelector ?? {}
  const selected = sources
    .filter(source => source.kind === kind && selects(selector, source.labels))
    .toSorted((one, other) => (one.name < other.name ? -1 : 1))
  return { found: selected.map(source => ({ source, keys: listKeys(source) })), problem: undefined }
}

function referenced(
  kind: Source['kind'],
  { name, key }: { readonly name: string; readonly key?: string },
  sources: readonly Source[],
): Chosen {
  const refuse = (reason: string, message: string): Chosen => ({
    found: [],
    problem: { source: `${kind} ${name}`, reason, message },
  })
  const source = findSource(sources, kind, name)
  if (source === undefined) return refuse(`${kind}NotFound`, 'of spec.usersFrom does not exist')
  if (key === undefined) {
    const keys = listKeys(source)
    if (keys.length > 0) return { found: [{ source, keys }], problem: undefined }
    return refuse('KeyNotFound', 'of spec.usersFrom has no key that ends in .yaml, .yml, .json or .htpasswd')
  }
  if (!source.data.has(key)) return refuse('KeyNotFound', `of spec.usersFrom has no key ${key}`)
  if (!listEnding.test(key)) {
    return refuse('KeyUnusable', `has a key ${key} that must end in .yaml, .yml, .json or .htpasswd`)
  }
  return { found: [{ source, keys: [key] }], problem: undefined }
}

function listKeys({ data }: Source): readonly string[] {
  return [...data.keys()].filter(key => listEnding.test(key)).toSorted()
}

/** No object's name has `_`, so no two pairs of name and key make the same. */
function listKey(place: number, { kind, name }: Source, key: string): string {
  const prefix = `${String(place).padStart(2, '0')}-${kind.toLowerCase()}`
  const whole = `${prefix}_${name}_${key}`
  if (whole.length <= longestKey) return whole
  const ending = listEnding.exec(key)?.[0] ?? ''
  return `${prefix}_${createHash('sha256').update(`${name}_${key}`).digest('hex')}_list${ending}`
}

// Of keys of Secrets.
const longestKey = 253

function spreadOverShards(
  files: ReadonlyMap<string, Uint8Array>,
  previous: readonly ReadonlySet<string>[],
): { readonly shards: readonly ReadonlyMap<string, Uint8Array>[]; readonly problems: readonly Problem[] } {
  const shards = Array.from({ length: usersSecrets }, () => new Map<string, Uint8Array>())
  const sizes = shards.map(() => 0)
  const problems: Problem[] = []
  const placeOf = new Map(previous.flatMap((keys, shard) => [...keys].map((key): [string, number] => [key, shard])))
  const put = (key: string, content: Uint8Array, shard: number) => {
    const size = (sizes[shard] ?? 0) + weightOf(key, content)
    if (shards[shard] === undefined || size > shardBytes) return false
    shards[shard].set(key, content)
    sizes[shard] = size
    return true
  }
  const others = [...files].filter(([key, content]) => {
    const shard = placeOf.get(key)
    return shard === undefined || !put(key, content, shard)
  })
  for (const [key, content] of others) {
    if (shards.some((_, shard) => put(key, content, shard))) continue
    const alone = weightOf(key, content) > shardBytes
    problems.push({
      source: originOf(key),
      reason: 'TooLarge',
      message: alone
        ? `has ${content.length} bytes; a list may have ${shardBytes}`
        : `has no room: all lists together may have ${usersSecrets} times ${shardBytes} bytes`,
    })
  }
  return { shards: shards.map(sorted), problems }
}

/** A key is there twice, the second time among the managed fields: that counts where there is a password a key. */
function weightOf(key: string, content: Uint8Array): number {
  return content.length + 2 * key.length + 16
}

function sorted(files: ReadonlyMap<string, Uint8Array>): ReadonlyMap<string, Uint8Array> {
  return new Map([...files].toSorted(([one], [other]) => (one < other ? -1 : 1)))
}
