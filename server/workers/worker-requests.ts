/** What a worker asks of the supervisor and tells it about: places and rates that all processes share, quotas, events, offences. */
import type { OffenceReports } from '../bans/offence-reports.ts'
import type { EventOutlet } from '../events/event-maker.ts'
import type { QuotaHolder } from '../storage/quota/quota-ledger.ts'
import type { QuotaLimit, Taking, Usage } from '../storage/quota/quotas.ts'
import { StorageError } from '../storage/storage.ts'
import type { SessionStatus } from '../telemetry/status.ts'
import type { BandwidthHolder } from './bandwidth-ledger.ts'
import type { Claim, FromWorker, ToWorker } from './messages.ts'
import type { ClaimHolder } from './shared-state.ts'

/** What one worker has of what is shared. */
export type WorkerHoldings = {
  /** What its sessions have taken; given back when it ends. */
  readonly claims: ClaimHolder
  /** What its uploads have taken. */
  readonly quotas: QuotaHolder
  /** What its transfers have of rates that all processes share. */
  readonly bandwidth: BandwidthHolder
  /** Told of what its clients do. */
  readonly offences: OffenceReports
  /** Gets the events of its sessions. */
  readonly events: EventOutlet
  /** Each of them. Never rejects. */
  readonly who: () => Promise<readonly SessionStatus[]>
  /** Has all workers tell which places are free. Never rejects. */
  readonly bringUpToDate: () => Promise<void>
}

/** What the process itself answers for: its sessions, and what it has in force. */
export type WorkerReport = Extract<FromWorker, { readonly kind: 'ended' | 'place-given-up' | 'in-force' | 'collected' }>

export class WorkerRequests {
  readonly #holdings: WorkerHoldings
  readonly #send: (message: ToWorker) => void
  readonly #eventsPut: number[] = []
  #isGone = false

  constructor(holdings: WorkerHoldings, send: (message: ToWorker) => void) {
    this.#holdings = holdings
    this.#send = send
    holdings.bandwidth.onShare = (key, share) => send({ kind: 'bandwidth-share', key, share })
  }

  /** What is to be answered at once, if anything. */
  take(message: Exclude<FromWorker, WorkerReport>): boolean | undefined {
    const { claims, quotas, bandwidth, offences } = this.#holdings
    switch (message.kind) {
      case 'claim': {
        const granted = claims.claim(message.claim, message.key, message.limit)
        if (message.limit === undefined) return undefined
        if (granted || message.claim !== 'session-of-user') return granted
        void this.#claimAgain(message)
        return undefined
      }
      case 'is-claimed':
        return claims.isClaimed(message.claim, message.key)
      case 'release':
        claims.release(message.claim, message.key)
        return undefined
      case 'take':
        void this.#takeOfQuotas(message.request, message.taking)
        return undefined
      case 'who':
        void this.#tellSessions(message.request)
        return undefined
      case 'usage':
        void this.#tellUsage(message.request, message.limits)
        return undefined
      case 'bandwidth-use':
        bandwidth.use(message.key, message.transfers)
        return undefined
      case 'change':
        quotas.change(message.change)
        return undefined
      case 'event':
        void this.#putEvent(message)
        return undefined
      case 'offended':
        offences.offended(message.address, message.offence, message.user)
        return undefined
      case 'logged-in':
        offences.loggedIn(message.address, message.user)
        return undefined
    }
  }

  /** Gives back what the worker had, once it is gone. */
  releaseAll(): void {
    const { claims, quotas, bandwidth } = this.#holdings
    this.#isGone = true
    claims.releaseAll()
    quotas.releaseAll()
    bandwidth.releaseAll()
  }

  /** Another worker may have it, and not have told yet that it is free. */
  async #claimAgain({ request, claim, key, limit }: Claim): Promise<void> {
    await this.#holdings.bringUpToDate()
    // Nobody would give it back any more.
    if (this.#isGone) return
    this.#send({ kind: 'answers', answers: [{ request, yes: this.#holdings.claims.claim(claim, key, limit) }] })
  }

  async #takeOfQuotas(request: number, taking: Taking): Promise<void> {
    let answer: number | StorageError['kind']
    try {
      answer = await this.#holdings.quotas.take(taking)
    } catch (error) {
      answer = error instanceof StorageError ? error.kind : 'failed'
    }
    this.#send({ kind: 'taken', request, answer })
  }

  async #tellUsage(request: number, limits: readonly QuotaLimit[]): Promise<void> {
    let answer: readonly Usage[] | StorageError['kind']
    try {
      answer = await this.#holdings.quotas.usage(limits)
    } catch (error) {
      answer = error instanceof StorageError ? error.kind : 'failed'
    }
    this.#send({ kind: 'usage', request, answer })
  }

  /** What one turn of the event loop has stored is one answer. */
  async #putEvent({ request, event, eventKind }: Extract<FromWorker, { kind: 'event' }>): Promise<void> {
    await this.#holdings.events.put(event, eventKind)
    if (this.#eventsPut.length === 0) {
      setTimeout(() => this.#send({ kind: 'events-put', requests: this.#eventsPut.splice(0) }), 0)
    }
    this.#eventsPut.push(request)
  }

  async #tellSessions(request: number): Promise<void> {
    this.#send({ kind: 'who', request, sessions: await this.#holdings.who() })
  }
}
