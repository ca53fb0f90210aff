/** What /status tells: a JSON document without anything secret in it. */
import type { Configuration, Problem } from '../config/configuration.ts'
import type { ListenerConfiguration } from '../config/schema.ts'
import type { Session } from '../control/session.ts'
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
  readonly certificate: CertificateStatus | undefined
}

export type SessionStatus = {
  readonly id: string
  readonly user: string | undefined
  readonly peer: string
  readonly since: string
  readonly listener: string
  readonly transfer: { readonly verb: string; readonly path: string; readonly bytes: number } | undefined
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
  readonly sessionCount: number
  readonly certificate: CertificateStatus | undefined
}

// A document that a thousand sessions or errors fill is read by nobody, and is made while sessions wait.
const maxListed = 1000

/** The document. Lists are cut at 1000 entries; the counts are not. */
export function describeServer(facts: ServerFacts): ServerStatus {
  const { version, configuration, loadedAt, problems, sessions, sessionCount, certificate } = facts
  const rejected = problems.filter(problem => problem.user !== undefined)
  const others = problems.filter(problem => problem.user === undefined)
  return {
    version,
    hash: configuration.hash,
    loadedAt: new Date(loadedAt).toISOString(),
    users: {
      accepted: configuration.users.size,
      rejected: rejected.slice(0, maxListed),
      rejectedCount: rejected.length,
    },
    problems: others.slice(0, maxListed),
    problemCount: others.length,
    listeners: configuration.server.listeners.map(({ name, port, tls, addresses }) => ({ name, port, tls, addresses })),
    sessions: describeSessions(sessions),
    sessionCount,
    certificate,
  }
}

function describeSessions(sessions: ServerFacts['sessions']): SessionStatus[] {
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
  const { id, listener, peer, started, login } = session
  return {
    id,
    user: login.state === 'logged-in' ? login.user.name : undefined,
    peer: peer.address,
    since: new Date(started).toISOString(),
    listener: listener.name,
    transfer: transfer && { ...transfer, path: shownPath(transfer.path) },
  }
}
