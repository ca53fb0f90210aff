/** What is worth telling the outside: the seam between what happens and logs and metrics. Never takes a password. */
import type { LoginResult } from '../auth/authenticator.ts'
import type { BanTelemetry } from '../bans/bans.ts'
import type { Problem } from '../config/configuration.ts'
import type { Session } from '../control/session/session.ts'
import type { TransferResult } from '../data/moving/transfer.ts'
import type { EventsTelemetry } from '../events/telemetry.ts'
import type { RelayTelemetry } from '../relay/telemetry.ts'
import type { FileChange } from '../storage/guarded.ts'

export type TransferRecord = TransferResult & {
  readonly verb: string
  readonly direction: 'upload' | 'download' | 'listing'
  readonly path: string
  readonly user: string
  readonly protection: 'clear' | 'private'
  readonly mode: 'passive' | 'active'
  /** Code of the reply that ended it. */
  readonly code: number
}

export type RefusalReason =
  /** All processes that serve sessions have died and are being replaced. */
  | 'no-worker'
  | 'too-many-sessions'
  | 'too-many-sessions-of-address'
  | 'draining'
  | 'banned'
  /** The address is that of a proxy, which has sent something else first, or nothing in time. */
  | 'no-proxy-header'
  | 'bad-proxy-header'

/** A label of metrics: a closed set. */
export type LoginFailureReason =
  | Extract<LoginResult, { accepted: false }>['reason']
  | 'too-many-sessions'
  | 'home-unavailable'

/** How a process ended that served sessions, and how many were lost with it. */
export type WorkerEnd = { readonly how: string; readonly lostSessions: number; readonly expected: boolean }

export interface Telemetry extends BanTelemetry, EventsTelemetry, RelayTelemetry {
  /** The detail is for the log. */
  connectionRefused(listener: string, address: string, reason: RefusalReason, detail?: string): void
  sessionOpened(session: Session): void
  /** The reason is a short phrase such as `idle timeout`, `client quit`, `user removed`. */
  sessionClosed(session: Session, reason: string): void
  loggedIn(session: Session, user: string, method: 'password' | 'certificate' | 'anonymous'): void
  /** The session is that of the probe user: none of people's, until it is logged out. */
  probeLoggedIn(session: Session): void
  probeLoggedOut(session: Session): void
  loginFailed(session: Session, user: string, reason: LoginFailureReason): void
  /** The verb is one of the table, or `unknown`. */
  command(session: Session, verb: string, code: number, durationSeconds: number): void
  /** Followed by exactly one transferEnded. */
  transferStarted(session: Session): void
  /** While it runs; all of its bytes have been told when it ends. */
  transferMoved(session: Session, direction: TransferRecord['direction'], bytes: number): void
  /** Resolves when the client may be told, at once if undefined. Never rejects. */
  transferEnded(session: Session, record: TransferRecord): Promise<void> | undefined
  /** The same. The session may not know yet that the user is logged in. */
  fileChanged(session: Session, user: string, change: FileChange): Promise<void> | undefined
  /** What uploads that broke off have left, and nobody went on with. */
  stalePartialsRemoved(count: number): void
  /** A home that was ordered to be removed is gone; so many files and directories went with it. */
  homeRemoved(user: string, home: string, removed: number): void
  /** It can't be removed now. It is tried again; another reason is told again. */
  homeNotRemoved(user: string, home: string, reason: string): void
  /** A volume has answered nothing for too long; it was first used for this directory of the operating system. */
  volumeStalled(directory: string): void
  volumeAnswering(directory: string): void
  /** A connection to a passive port from somebody else than the client. */
  strayDataConnection(session: Session, address: string, port: number): void
  /** A handshake that failed, on the control or a data connection. */
  tlsFailed(session: Session, channel: 'control' | 'data', message: string): void
  passivePortsInUse(count: number): void
  /** PASV or EPSV has found no port. The reason is what the system has said, where it gave none. */
  passivePortsExhausted(reason: string | undefined): void
  /** The process has no descriptor left. Told once a second while it is so. */
  descriptorsExhausted(): void
  reloaded(hash: string, users: number, problems: readonly Problem[]): void
  /** Files changed, but nothing of the change is in force. */
  reloadFailed(problems: readonly Problem[]): void
  /** Without a reload: a port can be listened on at last, or can't any more. The problems are all there are now. */
  listeningChanged(problems: readonly Problem[]): void
  workerStarted(worker: number, pid: number | undefined): void
  /** `lostSessions` went with it. It is replaced after so many seconds, or never if it was to end. */
  workerEnded(worker: number, end: WorkerEnd, replacedInSeconds: number | undefined): void
  /** It did not say in time what it was asked for: the answer is given without it, or it is killed. */
  workerSilent(worker: number, consequence: 'left-out' | 'killed'): void
  /** Milliseconds since the epoch. */
  certificateExpires(time: number): void
  /** Something that must not happen did: a defect of ours. */
  fault(error: unknown, session?: Session): void
}
