/** What the supervisor and its worker processes say to each other. Messages of one direction arrive in their order. */

import type { Offence } from '../bans/offence.ts'
import type { CertificateFiles } from '../config/configuration.ts'
import type { EventKind } from '../config/schema/events.ts'
import type { ListenerConfiguration } from '../config/schema.ts'
import type { Address } from '../data/address.ts'
import type { PortShare } from '../data/passive/port-order.ts'
import type { CloudEvent } from '../events/event.ts'
import type { Change, QuotaLimit, Taking, Usage } from '../storage/quota/quotas.ts'
import type { StorageErrorKind } from '../storage/storage.ts'
import type { MetricsSnapshot } from '../telemetry/aggregate.ts'
import type { SessionStatus, StalledVolumeStatus } from '../telemetry/status.ts'
import type { ClaimKind } from './shared-state.ts'
import type { WireConfiguration, WireUser } from './wire-configuration.ts'

export type ToWorker =
  /** Users of the configuration that follows: in pieces, so that no session waits for all of them. */
  | { readonly kind: 'users'; readonly users: readonly WireUser[] }
  | {
      readonly kind: 'configuration'
      readonly revision: number
      readonly worker: number
      readonly portShare: PortShare
      readonly configuration: WireConfiguration
      readonly fallbackCertificate: CertificateFiles | undefined
    }
  /** Which part of a rate is this process's. */
  | { readonly kind: 'bandwidth-share'; readonly key: string; readonly share: number }
  /** Other processes have come or gone. */
  | { readonly kind: 'port-share'; readonly portShare: PortShare }
  /** Comes with the socket. */
  | {
      readonly kind: 'session'
      readonly session: number
      readonly listener: ListenerConfiguration
      readonly sessionsInAll: number
      /** Its end is told at once. */
      readonly isScarce: boolean
      readonly proxied: ProxiedSession | undefined
    }
  /** Follows each session that comes by the channel: Node gives up a message whose socket a process has no room for. */
  | { readonly kind: 'session-sent'; readonly session: number }
  /** A data connection that another server has relayed, from this client; its socket comes with it. */
  | { readonly kind: 'relayed'; readonly port: number; readonly address: string; readonly early: Uint8Array }
  /** Whether a session waits there. */
  | { readonly kind: 'is-awaited'; readonly request: number; readonly port: number }
  /** To be answered behind all that has not been said yet. */
  | { readonly kind: 'speak'; readonly request: number }
  /** A client was banned: whoever has not logged in from there is to go. */
  | { readonly kind: 'banned'; readonly client: string }
  | { readonly kind: 'answers'; readonly answers: readonly Answer[] }
  | TakingAnswer
  | UsageAnswer
  | SessionsAnswer
  /** Events that are stored, or never will be. */
  | { readonly kind: 'events-put'; readonly requests: readonly number[] }
  | { readonly kind: 'collect'; readonly request: number; readonly what: Description['what'] }
  | { readonly kind: 'stop'; readonly graceMilliseconds: number }

/** What a proxy has said of a client, and what was read behind that. */
export type ProxiedSession = { readonly peer: Address; readonly local: Address; readonly early: Uint8Array }

/** To a claim: whether it was granted; to a question: whether it is so. */
export type Answer = { readonly request: number; readonly yes: boolean }

/** To a taking: bytes, or why there are none. */
export type TakingAnswer = {
  readonly kind: 'taken'
  readonly request: number
  readonly answer: number | StorageErrorKind
}

/** To a question for what is stored. */
export type UsageAnswer = {
  readonly kind: 'usage'
  readonly request: number
  readonly answer: readonly Usage[] | StorageErrorKind
}

/** To a question for the sessions of all processes. */
export type SessionsAnswer = {
  readonly kind: 'who'
  readonly request: number
  readonly sessions: readonly SessionStatus[]
}

/** They come as lists: what one turn of the event loop has to say is one message. */
export type FromWorker =
  | { readonly kind: 'in-force'; readonly revision: number }
  | { readonly kind: 'ended'; readonly sessions: readonly number[] }
  /** It goes on, and its place is free. */
  | { readonly kind: 'place-given-up'; readonly session: number }
  | Claim
  | { readonly kind: 'is-claimed'; readonly request: number; readonly claim: ClaimKind; readonly key: string }
  | { readonly kind: 'release'; readonly claim: ClaimKind; readonly key: string }
  | { readonly kind: 'take'; readonly request: number; readonly taking: Taking }
  | { readonly kind: 'change'; readonly change: Change }
  | { readonly kind: 'bandwidth-use'; readonly key: string; readonly transfers: number }
  | { readonly kind: 'who'; readonly request: number }
  | { readonly kind: 'usage'; readonly request: number; readonly limits: readonly QuotaLimit[] }
  | { readonly kind: 'event'; readonly request: number; readonly event: CloudEvent; readonly eventKind: EventKind }
  | { readonly kind: 'collected'; readonly request: number; readonly collected: Collected }
  | {
      readonly kind: 'offended'
      readonly address: string
      readonly offence: Offence
      readonly user: string | undefined
    }
  | { readonly kind: 'logged-in'; readonly address: string; readonly user: string }

/** Without a limit there is nothing to answer. */
export type Claim = {
  readonly kind: 'claim'
  readonly request: number
  readonly claim: ClaimKind
  readonly key: string
  readonly limit: number | undefined
}

export type Collected =
  | Description
  | { readonly what: 'awaited'; readonly awaited: boolean }
  | { readonly what: 'spoken' }

/** What a worker tells of itself. */
export type Description =
  | { readonly what: 'metrics'; readonly metrics: MetricsSnapshot }
  | {
      readonly what: 'sessions'
      readonly sessions: readonly SessionStatus[]
      readonly stalledVolumes: readonly StalledVolumeStatus[]
    }
