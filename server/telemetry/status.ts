/** What /status tells: a JSON document without anything secret in it. */
import type { Ban } from '../bans/ban.ts'
import type { Configuration, Problem } from '../config/configuration.ts'
import type { ListenerConfiguration } from '../config/schema.ts'
import { countUsers } from '../config/users/probe-user.ts'
import type { Session } from '../control/session/session.ts'
import { shownPath } from './text.ts'

export type ServerStatus = {
  readonly version: string
  /** Of the configuration in force. */
  readonly hash: string
  /** When it came into force, as RFC 3339 has it. */
  readonly loadedAt: string
  readonly users: { readonly accepted: number; readonly rejected: readonly Problem[]; readonly rejectedCount: number }
  /** All else in the files that is not in force. */
  readonly problems: readonly Problem[]
  readonly problemCount: number
  readonly listeners: readonly {
    readonly name: string
    readonly port: number
    readonly tls: ListenerConfiguration['tls']
    readonly addresses: readonly string[]
  }[]
  readonly sessions: readonly SessionStatus[]
  readonly sessionCount: number
  /** Processes that serve sessions beside this one; none with `workers: 1`. */
  readonly workers: readonly WorkerStatus[]
  /** Bans in force, the latest first. */
  readonly bans: readonly BanStatus[]
  readonly banCount: number
  /** Those that have answered nothing for too long, as far as the processes know that serve sessions. */
  readonly stalledVolumes: readonly StalledVolumeStatus[]
  /** Homes that are ordered to be removed, as long as they are. */
  readonly removedHomes: readonly RemovedHomeStatus[]
  readonly certificate: CertificateStatus | undefined
}

export type RemovedHomeStatus = {
  /** Of the order. */
  readonly id: string
  readonly user: string
  readonly home: string
  /** `refused`: somebody has it. `failed`: it is tried again. */
  readonly state: 'waiting' | 'removing' | 'removed' | 'refused' | 'failed'
  /** Files and directories that are gone. */
  readonly removed: number
  readonly message?: string
}

export type StalledVolumeStatus = {
  /** What it was first used for, as a path of the operating system. */
  readonly directory: string
  readonly since: string
  /** Which process has found it, where there are several. */
  readonly worker?: number
}

export type BanStatus = {
  /** An IPv4 address, or the /64 of an IPv6 address. */
  readonly client: string
  readonly since: string
  readonly until: string
  /** Which ban of the client it is, counted from 1. */
  readonly count: number
  /** What the client did last. */
  readonly offence: string
}

export type SessionStatus = {
  readonly id: string
  readonly user: string | undefined
  readonly peer: string
  readonly since: string
  readonly listener: string
  /** The virtual host, where one was named. */
  readonly host?: string
  /** Which process serves it, where there are several. */
  readonly worker?: number
  readonly transfer: { readonly verb: string; readonly path: string; readonly bytes: number } | undefined
}

export type WorkerStatus = {
  readonly id: number
  readonly pid: number | undefined
  /** `retiring`: it takes no new sessions and ends after its last one. */
  readonly state: 'starting' | 'ready' | 'retiring'
  readonly sessionCount: number
}

export type CertificateStatus = {
  /** As RFC 3339 has it. */
  readonly expires: string
  readonly selfSigned: boolean
  /** SHA-256, as `AB:CD:…`. */
  readonly fingerprint: string
}

/** What runs, as the server knows it. */
export type ServerFacts = {
  readonly version: string
  readonly configuration: Configuration
  /** Milliseconds since the epoch. */
  readonly loadedAt: number
  /** Of the files as they were last read. */
  readonly problems: readonly Problem[]
  readonly sessions: Iterable<{ readonly session: Session; readonly transfer?: SessionStatus['transfer'] }>
  /** Of all processes. */
  readonly sessionCount: number
  /** Processes that serve sessions beside this one, and their sessions. */
  readonly workers?: { readonly status: readonly WorkerStatus[]; readonly sessions: readonly SessionStatus[] }
  readonly stalledVolumes?: readonly StalledVolumeStatus[]
  readonly removedHomes?: readonly RemovedHomeStatus[]
  readonly bans: { readonly inForce: Iterable<Ban>; readonly count: number }
  readonly certificate: CertificateStatus | undefined
}

// A document that a thousand sessions or errors fill is read by nobody, and is made while sessions wait.
const maxListed = 1000

/** The document. Lists are cut at 1000 entries; the counts are not. */
export function describeServer(facts: ServerFacts): ServerStatus {
  const {
    version,
    configuration,
    loadedAt,
    problems,
    sessions,
    sessionCount,
    workers,
    bans,
    stalledVolumes,
    removedHomes,
    certificate,
  } = facts
  const rejected = problems.filter(problem => problem.user !== undefined)
  const others = problems.filter(problem => problem.user === undefined)
  return {
    version,
    hash: configuration.hash,
    loadedAt: new Date(loadedAt).toISOString(),
    users: {
      accepted: countUsers(configuration),
      rejected: rejected.slice(0, maxListed),
      rejectedCount: rejected.length,
    },
    problems: others.slice(0, maxListed),
    problemCount: others.length,
    listeners: configuration.server.listeners.map(({ name, port, tls, addresses }) => ({ name, port, tls, addresses })),
    sessions: [...describeSessions(sessions), ...(workers?.sessions ?? [])].slice(0, maxListed),
    sessionCount,
    workers: workers?.status ?? [],
    bans: describeBans(bans.inForce),
    banCount: bans.count,
    stalledVolumes: stalledVolumes ?? [],
    removedHomes: removedHomes ?? [],
    certificate,
  }
}

/** With the time since then, in milliseconds. */
export function describeStalled(
  volumes: readonly { readonly directory: string; readonly milliseconds: number }[],
  now: number = Date.now(),
): StalledVolumeStatus[] {
  return volumes.map(({ directory, milliseconds }) => ({
    directory,
    since: new Date(now - milliseconds).toISOString(),
  }))
}

function describeBans(bans: Iterable<Ban>): BanStatus[] {
  const latest = [...bans].toReversed().slice(0, maxListed)
  return latest.map(({ client, from, until, count, offence }) => ({
    client,
    since: new Date(from).toISOString(),
    until: new Date(until).toISOString(),
    count,
    offence,
  }))
}

/** At most 1000 of them. */
export function describeSessions(sessions: ServerFacts['sessions']): SessionStatus[] {
  const described: SessionStatus[] = []
  for (const session of sessions) {
    if (described.length === maxListed) break
    described.push(describeSession(session))
  }
  return described
}

function describeSession({
  session,
  transfer,
}: {
  session: Session
  transfer?: SessionStatus['transfer']
}): SessionStatus {
  const { id, listener, peer, started, login, host } = session
  return {
    id,
    user: login.state === 'logged-in' ? login.user.name : undefined,
    peer: peer.address,
    since: new Date(started).toISOString(),
    listener: listener.name,
    ...(host !== undefined && { host }),
    transfer: transfer && { ...transfer, path: shownPath(transfer.path) },
  }
}
