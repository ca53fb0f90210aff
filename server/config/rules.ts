/** Rules over several fields: data and pure functions, so that each can be held against the same rule in another language. */
import { normalize } from 'node:path/posix'
import { backwardRelayRanges, missingRelaySecret, sharedRelayRanges, takenRelayPort } from './relay-rules.ts'
import type { UserEntry } from './schema/user.ts'
import type { ServerConfiguration } from './schema.ts'
import type { Violation } from './validate.ts'

export type Rule<Value> = {
  /** What must be, in words. */
  readonly message: string
  /** Paths of what breaks the rule; none if it holds. */
  readonly brokenAt: (value: Value) => readonly string[]
}

/** What a server's configuration is checked against once the certificates are known. */
export type ServerSurroundings = { readonly server: ServerConfiguration; readonly hasAuthority: boolean }

/** What a user is checked against once the server's configuration is known. */
export type UserSurroundings = {
  readonly name: string
  readonly usesCertificate: boolean
  /** Names of virtual hosts, in lower case. */
  readonly hosts?: readonly string[] | undefined
  readonly server: ServerConfiguration
}

/** All violations of a table of rules. */
export function brokenRules<Value>(rules: readonly Rule<Value>[], value: Value): readonly Violation[] {
  return rules.flatMap(({ message, brokenAt }) => brokenAt(value).map(path => ({ path, message })))
}

export const serverRules: readonly Rule<ServerConfiguration>[] = [
  {
    message: 'must not be below `passive.ports.first`',
    brokenAt: ({ passive }) => (passive.ports.last < passive.ports.first ? ['passive.ports.last'] : []),
  },
  {
    message: 'must lie outside of the range `passive.ports`',
    brokenAt: server => [
      ...indexesOf(server.listeners, ({ port }) => isPassive(server, port)).map(index => `listeners[${index}].port`),
      ...(server.probes.enabled && isPassive(server, server.probes.port) ? ['probes.port'] : []),
    ],
  },
  {
    message: 'must be a name that no other listener has',
    brokenAt: ({ listeners }) => repeated(listeners, ({ name }) => name).map(index => `listeners[${index}].name`),
  },
  {
    message:
      'must be an address that no listener has with the same port, directly or through `::` (all addresses) or `0.0.0.0` (all of IPv4)',
    brokenAt: ({ listeners }) => {
      const bound = listeners.flatMap(({ port, addresses }, index) =>
        addresses.map((address, position) => ({ port, address, path: `listeners[${index}].addresses[${position}]` })),
      )
      return bound
        .filter(({ port, address }, index) =>
          bound.slice(0, index).some(before => before.port === port && overlap(before.address, address)),
        )
        .map(({ path }) => path)
    },
  },
  {
    message: 'must not be below `bans.durationSeconds`',
    brokenAt: ({ bans }) => (bans.maxDurationSeconds < bans.durationSeconds ? ['bans.maxDurationSeconds'] : []),
  },
  {
    message: 'must be another directory than `root`, and none above it: what is in it is hidden from users',
    brokenAt: ({ state, root }) =>
      state.directory !== undefined && isAbove(state.directory, root) ? ['state.directory'] : [],
  },
  {
    message: 'must be a directory that neither holds that of `state`, which is hidden from users, nor lies in it',
    brokenAt: ({ storage, state: { directory } }) =>
      indexesOf(
        storage.symlinks.extraRoots,
        extra => directory !== undefined && (isAbove(extra, directory) || isAbove(directory, extra)),
      ).map(index => `storage.symlinks.extraRoots[${index}]`),
  },
  {
    message: 'must be a name that no host before it has, in any case of its letters',
    brokenAt: takenNamesOfHosts,
  },
  {
    message: 'must have exactly one of `target` and `directory`',
    brokenAt: ({ folders }) =>
      indexesOf(folders, ({ target, directory }) => count(target, directory) !== 1).map(index => `folders[${index}]`),
  },
  {
    message: 'must have at most one of `role` and `permissions`',
    brokenAt: ({ folders }) =>
      indexesOf(folders, ({ role, permissions }) => count(role, permissions) > 1).map(index => `folders[${index}]`),
  },
  {
    message: 'must be a path that no other folder has, and not `/`',
    brokenAt: ({ folders }) => foldersBrokenAt(folders),
  },
  {
    message: 'must be a directory that neither holds that of `state`, which is hidden from users, nor lies in it',
    brokenAt: ({ folders, state }) =>
      indexesOf(
        folders,
        ({ directory }) =>
          directory !== undefined &&
          state.directory !== undefined &&
          (isAbove(directory, state.directory) || isAbove(state.directory, directory)),
      ).map(index => `folders[${index}].directory`),
  },
  {
    message: 'must be empty unless `state.directory` is set: events wait there for their sinks',
    brokenAt: ({ events, state }) => (events.sinks.length > 0 && state.directory === undefined ? ['events.sinks'] : []),
  },
  {
    message: 'must be a name that no other sink has',
    brokenAt: ({ events }) => repeated(events.sinks, ({ name }) => name).map(index => `events.sinks[${index}].name`),
  },
  {
    message: 'must be another port than those of the listeners',
    brokenAt: ({ probes, listeners }) =>
      probes.enabled && listeners.some(({ port }) => port === probes.port) ? ['probes.port'] : [],
  },
  {
    message: 'must have at most one of `role` and `permissions`',
    brokenAt: ({ anonymous }) =>
      anonymous.role !== undefined && anonymous.permissions !== undefined ? ['anonymous'] : [],
  },
  {
    message: 'must be a port of the range `passive.ports`',
    brokenAt: server =>
      indexesOf(server.passive.advertisedPorts, ({ port }) => !isPassive(server, port)).map(
        index => `passive.advertisedPorts[${index}].port`,
      ),
  },
  {
    message: 'must be a port that no other entry has',
    brokenAt: ({ passive: { advertisedPorts } }) => [
      ...repeated(advertisedPorts, ({ port }) => port).map(index => `passive.advertisedPorts[${index}].port`),
      ...repeated(advertisedPorts, ({ advertised }) => advertised).map(
        index => `passive.advertisedPorts[${index}].advertised`,
      ),
    ],
  },
  { message: 'must be set: other servers believe only what is signed', brokenAt: missingRelaySecret },
  { message: 'must be a port that nothing else has', brokenAt: takenRelayPort },
  { message: 'must not be below `first`', brokenAt: backwardRelayRanges },
  { message: 'must be a range without ports of this server, and of ranges before it', brokenAt: sharedRelayRanges },
]

/** Places of names that an earlier host has. */
function takenNamesOfHosts({ hosts }: ServerConfiguration): readonly string[] {
  const owners = new Map<string, number>()
  return hosts.flatMap(({ name, aliases }, index) => {
    const names = [
      { name, path: `hosts[${index}].name` },
      ...aliases.map((alias, position) => ({ name: alias, path: `hosts[${index}].aliases[${position}]` })),
    ]
    const taken = names.filter(each => (owners.get(each.name.toLowerCase()) ?? index) !== index)
    for (const each of names) if (!owners.has(each.name.toLowerCase())) owners.set(each.name.toLowerCase(), index)
    return taken.map(({ path }) => path)
  })
}

export const serverSurroundingsRules: readonly Rule<ServerSurroundings>[] = [
  {
    message: 'must be `off`, or `tls/ca.crt` must be there with the authority that signs the certificates of clients',
    brokenAt: ({ server, hasAuthority }) =>
      server.tls.clientCertificates !== 'off' && !hasAuthority ? ['tls.clientCertificates'] : [],
  },
]

export const userRules: readonly Rule<UserEntry>[] = [
  {
    message: 'must have one of `passwordHash` and `passwordFile`, or `clientCertificate`, or both',
    brokenAt: ({ passwordHash, passwordFile, clientCertificate }) =>
      count(passwordHash, passwordFile) <= 1 && count(passwordHash, passwordFile, clientCertificate) >= 1 ? [] : [''],
  },
  {
    message: 'must have exactly one of `passwordHash` and `passwordFile`',
    brokenAt: ({ previousPassword: previous }) =>
      previous === undefined || count(previous.passwordHash, previous.passwordFile) === 1 ? [] : ['previousPassword'],
  },
  {
    message: 'must not be given unless `passwordHash` or `passwordFile` is',
    brokenAt: ({ previousPassword, passwordHash, passwordFile }) =>
      previousPassword !== undefined && count(passwordHash, passwordFile) === 0 ? ['previousPassword'] : [],
  },
  {
    message: 'must have exactly one of `secret` and `secretFile`',
    brokenAt: ({ totp }) => (totp === undefined || count(totp.secret, totp.secretFile) === 1 ? [] : ['totp']),
  },
  {
    message: 'must have at most one of `role` and `permissions`',
    brokenAt: ({ role, permissions }) => (count(role, permissions) <= 1 ? [] : ['']),
  },
  {
    message: 'must have exactly one of `role` and `permissions`',
    brokenAt: ({ paths = [] }) =>
      indexesOf(paths, ({ role, permissions }) => count(role, permissions) !== 1).map(index => `paths[${index}]`),
  },
  {
    message: 'must be a path that no other entry has',
    brokenAt: ({ paths = [] }) => repeated(paths, ({ path }) => path).map(index => `paths[${index}].path`),
  },
  {
    message: 'must have at most one of `role` and `permissions`',
    brokenAt: ({ folders = [] }) =>
      indexesOf(folders, ({ role, permissions }) => count(role, permissions) > 1).map(index => `folders[${index}]`),
  },
  {
    message: 'must be a path that no other folder has, and not `/`',
    brokenAt: ({ folders = [] }) => foldersBrokenAt(folders),
  },
  {
    message: 'must have exactly one of `commonName` and `fingerprint`',
    brokenAt: ({ clientCertificate: certificate }) =>
      certificate === undefined || count(certificate.commonName, certificate.fingerprint) === 1
        ? []
        : ['clientCertificate'],
  },
]

export const userSurroundingsRules: readonly Rule<UserSurroundings>[] = [
  {
    message: 'must be another name: `anonymous` and `ftp` are those of anonymous access, which is enabled',
    brokenAt: ({ name, server }) =>
      server.anonymous.enabled && (name === 'anonymous' || name === 'ftp') ? ['name'] : [],
  },
  {
    message: 'must not be used unless `tls.clientCertificates` in `server.yaml` is `optional` or `required`',
    brokenAt: ({ usesCertificate, server }) =>
      usesCertificate && server.tls.clientCertificates === 'off' ? ['clientCertificate'] : [],
  },
  {
    message: 'must be the `name` of one of the `hosts` in `server.yaml`',
    brokenAt: ({ hosts = [], server }) => {
      const known = new Set(server.hosts.map(({ name }) => name.toLowerCase()))
      return indexesOf(hosts, name => !known.has(name.toLowerCase())).map(index => `hosts[${index}]`)
    },
  },
]

function foldersBrokenAt(folders: readonly { readonly path: string }[]): readonly string[] {
  const wrong = new Set([...repeated(folders, ({ path }) => path), ...indexesOf(folders, ({ path }) => path === '/')])
  return [...wrong].toSorted((one, other) => one - other).map(index => `folders[${index}].path`)
}

/** Violations of an entry as seen from its list. */
export function within(path: string, violations: readonly Violation[]): readonly Violation[] {
  return violations.map(each => ({
    path: each.path === '' || each.path.startsWith('[') ? `${path}${each.path}` : `${path}.${each.path}`,
    message: each.message,
  }))
}

/** Whether the first directory is the second or above it, as far as their paths tell. */
function isAbove(first: string, second: string): boolean {
  const [one, other] = [first, second].map(path => `${normalize(path)}/`.replace(/\/+$/, '/'))
  return other?.startsWith(one ?? '') === true
}

function isPassive({ passive: { ports } }: ServerConfiguration, port: number): boolean {
  return port >= ports.first && port <= ports.last
}

/** On Linux `::` takes IPv4 too, and a wildcard leaves no room for a single address with the same port. */
function overlap(one: string, other: string): boolean {
  if (one === other || one === '::' || other === '::') return true
  return (one === '0.0.0.0' && !other.includes(':')) || (other === '0.0.0.0' && !one.includes(':'))
}

function count(...values: readonly unknown[]): number {
  return values.filter(value => value !== undefined).length
}

function indexesOf<Item>(items: readonly Item[], test: (item: Item) => boolean): readonly number[] {
  return items.flatMap((item, index) => (test(item) ? [index] : []))
}

/** Indexes of items whose key an item before them has. */
function repeated<Item>(items: readonly Item[], keyOf: (item: Item) => unknown): readonly number[] {
  const seen = new Set<unknown>()
  return items.flatMap((item, index) => {
    const key = keyOf(item)
    if (seen.has(key)) return [index]
    seen.add(key)
    return []
  })
}
