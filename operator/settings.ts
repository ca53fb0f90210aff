/** What the operator is told by flags, and by environment variables where a flag is absent. */
import { isIP } from 'node:net'
import { parseArgs } from 'node:util'
import { isLabel } from './kubernetes/object.ts'
import type { LogLevel } from './telemetry/logger.ts'

export type Settings = {
  /** Undefined: all of the cluster. */
  readonly namespaces: readonly string[] | undefined
  /** Image of server pods where a resource names none. */
  readonly serverImage: string
  readonly leaderElection: boolean
  readonly leaderElectionNamespace: string
  /** Name of the Lease: operators with the same one take turns. */
  readonly leaderElectionId: string
  readonly probesPort: number
  readonly logLevel: LogLevel
  /** How many resources are reconciled at once. */
  readonly workers: number
  /** Networks of the cluster's pods, whose clients are told the cluster's own address. */
  readonly clusterNetworks: readonly string[]
}

type Flag = { readonly variable: string; readonly default: string; readonly description: string }

/** By flag. */
export const flags = {
  namespaces: {
    variable: 'FTP_OPERATOR_NAMESPACES',
    default: '',
    description: 'namespaces to look after, separated by commas; all if absent',
  },
  'server-image': {
    variable: 'FTP_OPERATOR_SERVER_IMAGE',
    default: 'ftp-operator:latest',
    description: 'image of server pods where a resource names none',
  },
  'leader-election': {
    variable: 'FTP_OPERATOR_LEADER_ELECTION',
    default: 'true',
    description: 'whether one of several operators leads: true or false',
  },
  'leader-election-namespace': {
    variable: 'FTP_OPERATOR_LEADER_ELECTION_NAMESPACE',
    default: '',
    description: 'namespace of the Lease; that of the pod (POD_NAMESPACE) if absent',
  },
  'leader-election-id': {
    variable: 'FTP_OPERATOR_LEADER_ELECTION_ID',
    default: 'ftp-operator',
    description: 'name of the Lease; of operators with the same one, one leads',
  },
  'probes-port': {
    variable: 'FTP_OPERATOR_PROBES_PORT',
    default: '8081',
    description: 'port of /livez, /readyz and /metrics',
  },
  'log-level': { variable: 'FTP_OPERATOR_LOG_LEVEL', default: 'info', description: 'debug, info, warn or error' },
  workers: { variable: 'FTP_OPERATOR_WORKERS', default: '4', description: 'resources reconciled at once, 1 to 64' },
  'cluster-networks': {
    variable: 'FTP_OPERATOR_CLUSTER_NETWORKS',
    default: '',
    description: 'networks of the cluster’s pods in CIDR notation, separated by commas',
  },
} as const satisfies Record<string, Flag>

type FlagName = keyof typeof flags

/** Throws an Error that names the flag, its variable and what it must be. */
export function parseSettings(
  argv: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): Settings {
  const options = Object.fromEntries(Object.keys(flags).map(name => [name, { type: 'string' as const }]))
  const { values } = parseArgs({ args: [...argv], options })

  const text = (name: FlagName): string => {
    const given = values[name] ?? environment[flags[name].variable]
    return typeof given === 'string' && given !== '' ? given : flags[name].default
  }
  const wrong = (name: FlagName, must: string): Error =>
    new Error(`--${name} (${flags[name].variable}) must be ${must}`)
  const listOf = (name: FlagName): string[] =>
    text(name)
      .split(',')
      .map(part => part.trim())
      .filter(part => part !== '')
  const whole = (name: FlagName, first: number, last: number): number => {
    const value = /^\d{1,5}$/.test(text(name)) ? Number(text(name)) : Number.NaN
    if (!(value >= first && value <= last)) throw wrong(name, `a number from ${first} to ${last}`)
    return value
  }
  const oneOf = <const Value extends string>(name: FlagName, allowed: readonly Value[]): Value => {
    const value = allowed.find(candidate => candidate === text(name))
    if (value === undefined) throw wrong(name, `one of ${allowed.join(', ')}`)
    return value
  }

  // A DNS subdomain, as the names of most objects are.
  const objectName = (name: FlagName): string => {
    const isOne = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/.test(text(name))
    if (!isOne || text(name).length > 253)
      throw wrong(name, 'a name of at most 253 lower-case letters, digits, - and .')
    return text(name)
  }

  const namespaces = listOf('namespaces')
  if (!namespaces.every(isLabel)) throw wrong('namespaces', 'names of namespaces, separated by commas')
  const clusterNetworks = listOf('cluster-networks')
  if (!clusterNetworks.every(isNetwork))
    throw wrong('cluster-networks', 'networks such as 10.244.0.0/16, separated by commas')
  return {
    namespaces: namespaces.length === 0 ? undefined : namespaces,
    serverImage: text('server-image'),
    leaderElection: oneOf('leader-election', ['true', 'false']) === 'true',
    leaderElectionNamespace: text('leader-election-namespace') || environment.POD_NAMESPACE || 'default',
    leaderElectionId: objectName('leader-election-id'),
    probesPort: whole('probes-port', 1, 65_535),
    logLevel: oneOf('log-level', ['debug', 'info', 'warn', 'error']),
    workers: whole('workers', 1, 64),
    clusterNetworks,
  }
}

function isNetwork(text: string): boolean {
  const [address = '', prefix = '', ...rest] = text.split('/')
  const longest = { 4: 32, 6: 128 }[isIP(address)]
  if (longest === undefined || address.includes('%') || rest.length > 0) return false
  return /^\d{1,3}$/.test(prefix) && Number(prefix) <= longest
}
