/** One worker process as the supervisor sees it: it takes sockets, follows the configuration, and may die at any time. */
import type { ChildProcess } from 'node:child_process'
import type { Socket } from 'node:net'
import { setTimeout as delay, setImmediate } from 'node:timers/promises'
import type { Arrival } from '../arrival.ts'
import type { OffenceReports } from '../bans/offence-reports.ts'
import type { ListenerConfiguration } from '../config/schema.ts'
import type { Address } from '../control/session.ts'
import type { PortShare } from '../data/port-order.ts'
import type { EventOutlet } from '../events/event-maker.ts'
import type { SessionHost } from '../session-host.ts'
import type { InForce } from '../sessions.ts'
import type { QuotaHolder } from '../storage/quota-ledger.ts'
import type { QuotaLimit, Taking, Usage } from '../storage/quotas.ts'
import { StorageError } from '../storage/storage.ts'
import { lastingMetrics, type MetricsSnapshot } from '../telemetry/aggregate.ts'
import type { SessionStatus } from '../telemetry/status.ts'
import type { BandwidthHolder } from './bandwidth-ledger.ts'
import type { Answer, Collected, FromWorker, ToWorker } from './messages.ts'
import type { ClaimHolder } from './shared-state.ts'
import { wireConfiguration, wireUsers } from './wire-configuration.ts'

export type WorkerProcessOptions = {
  /** Told in its log and in /status; no two processes of a server have the same. */
  readonly id: number
  /** Started with an IPC channel and advanced serialization. */
  readonly child: ChildProcess
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
  readonly sessionsInAll: () => number
  /** Each of them. Never rejects. */
  readonly who: () => Promise<readonly SessionStatus[]>
  /** Told once: how it ended, and how many sessions were lost with it. */
  readonly onEnd: (how: WorkerEnd) => void
  /** The last session has ended. */
  readonly onIdle: () => void
}

export type WorkerEnd = { readonly how: string; readonly lostSessions: number; readonly expected: boolean }

export class WorkerProcess implements SessionHost {
  readonly id: number
  readonly #options: WorkerProcessOptions
  readonly #child: ChildProcess
  /** What is to be done when a session ends, by the number the worker knows it by. */
  readonly #sessions = new Map<number, () => void>()
  /** Not in the worker's hands yet. */
  readonly #handing = new Set<Socket>()
  readonly #waiting = new Map<number, (collected: Collected | undefined) => void>()
  readonly #ended = Promise.withResolvers<void>()
  #lastSession = 0
  #lastRequest = 0
  #revision = 0
  #revisionInForce = 0
  #onInForce: (() => void) | undefined
  #applying: Promise<void> = Promise.resolve()
  #metrics: MetricsSnapshot = []
  readonly #eventsPut: number[] = []
  #stopping = false
  #hasEnded = false

  constructor(options: WorkerProcessOptions) {
    this.id = options.id
    this.#options = options
    this.#child = options.child
    options.bandwidth.onShare = (key, share) => this.#send({ kind: 'bandwidth-share', key, share })
    this.#child.on('message', messages => this.#receive(messages as readonly FromWorker[]))
    this.#child.on('error', error => {
      // One that never started has no exit either.
      if (this.#child.pid === undefined) this.#end(error.message)
      else this.kill()
    })
    this.#child.once('exit', (code, signal) => this.#end(signal ?? `code ${code}`))
  }

  get pid(): number | undefined {
    return this.#child.pid
  }

  get sessionCount(): number {
    return this.#sessions.size
  }

  /** Whether it can take sessions. */
  get ready(): boolean {
    return this.#revisionInForce > 0 && this.#child.connected && !this.#stopping && !this.#hasEnded
  }

  /** Resolves when the process is gone. */
  get ended(): Promise<void> {
    return this.#ended.promise
  }

  /** What it has counted, as far as it has said. */
  get lastMetrics(): MetricsSnapshot {
    return this.#hasEnded ? lastingMetrics(this.#metrics) : this.#metrics
  }

  serve({ socket, peer, local, first }: Arrival, listener: ListenerConfiguration, onEnd: () => void): void {
    this.#lastSession += 1
    const session = this.#lastSession
    this.#sessions.set(session, onEnd)
    // Plain data: what looks itself up in the socket would arrive empty.
    const plain = (end: Address): Address => ({ address: end.address, port: end.port })
    const proxied = first && { peer: plain(peer), local: plain(local), early: first.bytes }
    const sessionsInAll = this.#options.sessionsInAll()
    const message: ToWorker = { kind: 'session', session, listener, sessionsInAll, proxied }
    this.#handing.add(socket)
    this.#child.send(message, socket, error => {
      this.#handing.delete(socket)
      if (error === null) return
      socket.destroy()
      this.#sessionEnded(session)
    })
  }

  /** Resolves when the worker has it in force, or has ended. */
  apply(inForce: InForce, portShare: PortShare): Promise<void> {
    // One after the other: the users of two configurations must not mix.
    this.#applying = this.#applying.catch(() => undefined).then(() => this.#apply(inForce, portShare))
    return this.#applying
  }

  /** Which passive ports are its own; before it has a configuration, that says it. */
  share(portShare: PortShare): void {
    if (this.#revision > 0) this.#send({ kind: 'port-share', portShare })
  }

  /** Ends the sessions of a client that nobody is logged in to. */
  endStrangers(client: string): void {
    this.#send({ kind: 'banned', client })
  }

  /** Undefined if there is no answer in time. */
  async collect(what: Collected['what'], deadlineMilliseconds: number): Promise<Collected | undefined> {
    if (this.#hasEnded) return undefined
    this.#lastRequest += 1
    const request = this.#lastRequest
    const { promise, resolve } = Promise.withResolvers<Collected | undefined>()
    this.#waiting.set(request, resolve)
    const timer = setTimeout(() => resolve(undefined), deadlineMilliseconds)
    this.#send({ kind: 'collect', request, what })
    const collected = await promise
    clearTimeout(timer)
    this.#waiting.delete(request)
    return collected
  }

  /** Lets transfers finish until the deadline, then ends the process; resolves when it is gone. */
  async stop(graceMilliseconds: number): Promise<void> {
    this.#stopping = true
    this.#send({ kind: 'stop', graceMilliseconds })
    const timer = new AbortController()
    const late = delay(graceMilliseconds + endMilliseconds, undefined, { signal: timer.signal }).then(
      () => this.kill(),
      () => undefined,
    )
    await this.ended
    timer.abort()
    await late
  }

  kill(): void {
    this.#child.kill('SIGKILL')
  }

  async #apply(inForce: InForce, portShare: PortShare): Promise<void> {
    const { configuration, fallbackCertificate } = inForce
    for (const users of wireUsers(configuration)) {
      this.#send({ kind: 'users', users })
      await setImmediate()
    }
    if (this.#hasEnded) return
    this.#revision += 1
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#onInForce = resolve
    this.#send({
      kind: 'configuration',
      revision: this.#revision,
      worker: this.id,
      portShare,
      configuration: wireConfiguration(configuration),
      fallbackCertificate,
    })
    await promise
  }

  #send(message: ToWorker): void {
    // A worker that is gone says so by its end.
    if (this.#child.connected) this.#child.send(message, () => undefined)
  }

  #receive(messages: readonly FromWorker[]): void {
    const answers: Answer[] = []
    for (const message of messages) {
      const yes = this.#take(message)
      if (yes !== undefined && 'request' in message) answers.push({ request: message.request, yes })
    }
    if (answers.length > 0) this.#send({ kind: 'answers', answers })
  }

  /** What is to be answered, if anything. */
  #take(message: FromWorker): boolean | undefined {
    const { claims, quotas, offences } = this.#options
    switch (message.kind) {
      case 'claim': {
        const granted = claims.claim(message.claim, message.key, message.limit)
        return message.limit === undefined ? undefined : granted
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
        this.#options.bandwidth.use(message.key, message.transfers)
        return undefined
      case 'change':
        quotas.change(message.change)
        return undefined
      case 'event':
        void this.#putEvent(message)
        return undefined
      case 'ended':
        this.#sessionEnded(message.session)
        return undefined
      case 'offended':
        offences.offended(message.address, message.offence, message.user)
        return undefined
      case 'logged-in':
        offences.loggedIn(message.address, message.user)
        return undefined
      case 'in-force':
        this.#revisionInForce = message.revision
        if (message.revision === this.#revision) this.#onInForce?.()
        return undefined
      case 'collected':
        if (message.collected.what === 'metrics') this.#metrics = message.collected.metrics
        this.#waiting.get(message.request)?.(message.collected)
        return undefined
    }
  }

  async #takeOfQuotas(request: number, taking: Taking): Promise<void> {
    let answer: number | StorageError['kind']
    try {
      answer = await this.#options.quotas.take(taking)
    } catch (error) {
      answer = error instanceof StorageError ? error.kind : 'failed'
    }
    this.#send({ kind: 'taken', request, answer })
  }

  async #tellUsage(request: number, limits: readonly QuotaLimit[]): Promise<void> {
    let answer: readonly Usage[] | StorageError['kind']
    try {
      answer = await this.#options.quotas.usage(limits)
    } catch (error) {
      answer = error instanceof StorageError ? error.kind : 'failed'
    }
    this.#send({ kind: 'usage', request, answer })
  }

  /** What one turn of the event loop has stored is one answer. */
  async #putEvent({ request, event, eventKind }: Extract<FromWorker, { kind: 'event' }>): Promise<void> {
    await this.#options.events.put(event, eventKind)
    if (this.#eventsPut.length === 0) {
      setTimeout(() => this.#send({ kind: 'events-put', requests: this.#eventsPut.splice(0) }), 0)
    }
    this.#eventsPut.push(request)
  }

  async #tellSessions(request: number): Promise<void> {
    this.#send({ kind: 'who', request, sessions: await this.#options.who() })
  }

  #sessionEnded(session: number): void {
    const onEnd = this.#sessions.get(session)
    this.#sessions.delete(session)
    onEnd?.()
    if (this.#sessions.size === 0) this.#options.onIdle()
  }

  #end(how: string): void {
    if (this.#hasEnded) return
    this.#hasEnded = true
    for (const socket of this.#handing) socket.destroy()
    const lostSessions = this.#sessions.size
    for (const onEnd of this.#sessions.values()) onEnd()
    this.#sessions.clear()
    this.#options.claims.releaseAll()
    this.#options.quotas.releaseAll()
    this.#options.bandwidth.releaseAll()
    for (const resolve of this.#waiting.values()) resolve(undefined)
    this.#onInForce?.()
    this.#ended.resolve()
    this.#options.onEnd({ how, lostSessions, expected: this.#stopping })
  }
}

/** Longer than a worker takes for last words. */
const endMilliseconds = 5000
