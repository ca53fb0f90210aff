/** What is told to sinks: events in the form of CloudEvents 1.0. Pure. */
import type { Ban } from '../bans/ban.ts'
import type { EventKind } from '../config/schema/events.ts'
import type { Session } from '../control/session/session.ts'
import type { FileChange } from '../storage/guarded.ts'
import type { LoginFailureReason, TransferRecord } from '../telemetry/telemetry.ts'
import { shownName, shownPath } from '../telemetry/text.ts'

/** What an event is of, before it has an id, a time and a source. */
export type Happening = { readonly kind: EventKind; readonly subject: string; readonly data: object }

export type CloudEvent = {
  readonly specversion: '1.0'
  readonly id: string
  readonly source: string
  readonly type: string
  readonly subject: string
  /** RFC 3339, in UTC. */
  readonly time: string
  readonly datacontenttype: 'application/json'
  readonly data: object
}

const typePrefix = 'io.ftp-operator.'

export function eventType(kind: EventKind): string {
  return `${typePrefix}${kind}`
}

/** Undefined for what is no event of ours, or of a kind that is not sent. */
export function transferHappening(session: Session, record: TransferRecord): Happening | undefined {
  if (record.outcome !== 'complete' || record.direction === 'listing') return undefined
  const { verb, bytes, fileBytes = bytes, durationSeconds, protection, mode, closeNotify } = record
  const path = shownPath(record.path)
  return {
    kind: record.direction,
    subject: path,
    data: {
      ...clientOf(session, record.user),
      path,
      bytes: fileBytes,
      ...(record.fileBytes !== undefined && { wireBytes: bytes }),
      verb,
      durationSeconds,
      dataProtection: protection,
      dataConnection: mode,
      ...(closeNotify !== undefined && { closeNotify }),
    },
  }
}

export const kindOfChange = {
  removed: 'delete',
  renamed: 'rename',
  copied: 'copy',
} as const satisfies Record<FileChange['kind'], EventKind>

export function changeHappening(session: Session, user: string, change: FileChange): Happening {
  const client = clientOf(session, user)
  const kind = kindOfChange[change.kind]
  if (change.kind === 'removed') {
    const path = shownPath(change.path)
    return { kind, subject: path, data: { ...client, path, entry: change.entry } }
  }
  const path = shownPath(change.to)
  const source =
    typeof change.from === 'string' ? { from: shownPath(change.from) } : { parts: change.from.map(shownPath) }
  return { kind, subject: path, data: { ...client, ...source, path } }
}

export function loginFailureHappening(session: Session, user: string, reason: LoginFailureReason): Happening {
  return { kind: 'login-failed', subject: shownName(user), data: { ...clientOf(session, user), reason } }
}

export function banHappening({ client, from, until, count, offence }: Ban): Happening {
  const data = {
    address: client,
    offence,
    count,
    from: new Date(from).toISOString(),
    until: new Date(until).toISOString(),
  }
  return { kind: 'ban', subject: client, data }
}

function clientOf({ id, listener, peer, host, protection }: Session, user: string) {
  return {
    user: shownName(user),
    address: peer.address,
    port: peer.port,
    session: id,
    listener: listener.name,
    ...(host !== undefined && { host }),
    protocol: protection === 'clear' ? 'ftp' : 'ftps',
  }
}
