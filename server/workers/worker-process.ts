/** One worker process as the supervisor sees it: it takes sockets, follows the configuration, and may die at any time. */

import type { ChildProcess } from 'node:child_process'
import { setTimeout as delay, setImmediate } from 'node:timers/promises'
import type { Arrival, BareArrival } from '../arrival.ts'
import type { ListenerConfiguration } from '../config/schema.ts'
import type { Address } from '../data/address.ts'
import type { PortShare } from '../data/passive/port-order.ts'
import type { FirstBytes } from '../proxy-protocol/first-bytes.ts'
import type { Place, SessionHost } from '../sessions/session-host.ts'
import type { InForce } from '../sessions/sessions.ts'
import { lastingMetrics, type MetricsSnapshot } from '../telemetry/aggregate.ts'
import type { WorkerEnd } from '../telemetry/telemetry.ts'
import type { DescriptorSender } from './descriptor-channel.ts'
import { HandingOver } from './handing-over.ts'
import type { Answer, Collected, Description, FromWorker, ProxiedSession, ToWorker } from './messages.ts'
import { wireConfiguration, wireUsers } from './wire-configuration.ts'
import { type WorkerHoldings, WorkerRequests } from './worker-requests.ts'

export type WorkerProcessOptions = {
  /** Told in its log and in /status; no two processes of a server have the same. */
  readonly id: number
  /** Started with an IPC channel and advanced serialization. */
  readonly child: ChildProcess
  readonly holdings: WorkerHoldings
  readonly sessionsInAll: () => number
  /** Whether so many places are left, of all and of the client's, that nobody waits for the end of a session. */
  readonly isRoomy: (address: string) => boolean
  /** A quicker way for sockets than the channel; without it they go by that. */
  readonly descriptors: DescriptorSender | undefined
  /** Told once: how it ended, and how many sessions were lost with it. */
  readonly onEnd: (how: WorkerEnd) => void
  /** The last session has ended. */
  readonly onIdle: () => void
}

export class WorkerProcess implements SessionHost {
  readonly id: number
  readonly #options: WorkerProcessOptions
  readonly #child: ChildProcess
  readonly #requests: WorkerRequests
  /** By the number the worker knows a session by. */
  readonly #sessions = new Map<number, Place>()
  readonly #handingOver: HandingOver
  readonly #waiting = new Map<number, (collected: Collected | undefined) => void>()
  readonly #ended = Promise.withResolvers<void>()
  #lastSession = 0
  #lastRequest = 0
  #revision = 0
  #revisionInForce = 0
  #onInForce: (() => void) | undefined
  #applying: Promise<void> = Promise.resolve()
  #metrics: MetricsSnapshot = []
  #stopping = false
  #hasEnded = false
  readonly #started = performance.now()

  constructor(options: WorkerProcessOptions) {
    this.id = options.id
    this.#options = options
    this.#child = options.child
    this.#handingOver = new HandingOver({
      child: options.child,
      descriptors: options.descriptors,
      onFailed: session => this.#sessionEnded(session),
    })
    this.#requests = new WorkerRequests(options.holdings, message => this.#send(message))
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

  serve(arrival: Arrival | BareArrival, listener: ListenerConfiguration, place: Place): void {
    this.#lastSession += 1
    const session = this.#lastSession
    this.#sessions.set(session, place)
    this.#handingOver.give(arrival, {
      kind: 'session',
      session,
      listener,
      sessionsInAll: this.#options.sessionsInAll(),
      isScarce: !this.#options.isRoomy(arrival.peer.address),
      proxied: 'bare' in arrival ? undefined : proxiedSession(arrival),
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

  /** Since it was started. */
  get ageMilliseconds(): number {
    return performance.now() - this.#started
  }

  /** Undefined if there is no answer in time. */
  async collect(what: Description['what'], deadlineMilliseconds: number): Promise<Description | undefined> {
    const collected = await this.#ask(request => ({ kind: 'collect', request, what }), deadlineMilliseconds)
    return collected?.what === 'awaited' || collected?.what === 'spoken' ? undefined : collected
  }

  /** Whether one of its sessions waits on the passive port; undefined if there is no answer in time. */
  async isAwaited(port: number, deadlineMilliseconds: number): Promise<boolean | undefined> {
    const collected = await this.#ask(request => ({ kind: 'is-awaited', request, port }), deadlineMilliseconds)
    return collected?.what === 'awaited' ? collected.awaited : undefined
  }

  /** Resolves once it has told which sessions have ended and which places are free, or the deadline has passed. */
  async speak(deadlineMilliseconds: number): Promise<void> {
    // What goes with the answer is taken before whoever waits for it goes on.
    await this.#ask(request => ({ kind: 'speak', request }), deadlineMilliseconds)
  }

  /** Hands over a data connection that another server has relayed. */
  takeRelayed(port: number, first: FirstBytes, address: string): void {
    this.#handingOver.giveRelayed(port, first, address)
  }

  async #ask(message: (request: number) => ToWorker, deadlineMilliseconds: number): Promise<Collected | undefined> {
    if (this.#hasEnded) return undefined
    this.#lastRequest += 1
    const request = this.#lastRequest
    const { promise, resolve } = Promise.withResolvers<Collected | undefined>()
    this.#waiting.set(request, resolve)
    const timer = setTimeout(() => resolve(undefined), deadlineMilliseconds)
    this.#send(message(request))
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
    switch (message.kind) {
      case 'ended':
        for (const session of message.sessions) this.#sessionEnded(session)
        return undefined
      case 'place-given-up':
        this.#sessions.get(message.session)?.giveUp()
        return undefined
      case 'in-force':
        this.#revisionInForce = message.revision
        if (message.revision === this.#revision) this.#onInForce?.()
        return undefined
      case 'collected':
        if (message.collected.what === 'metrics') this.#metrics = message.collected.metrics
        this.#waiting.get(message.request)?.(message.collected)
        return undefined
      default:
        return this.#requests.take(message)
    }
  }

  #sessionEnded(session: number): void {
    const place = this.#sessions.get(session)
    this.#sessions.delete(session)
    this.#handingOver.forget(session)
    place?.end()
    if (this.#sessions.size === 0) this.#options.onIdle()
  }

  #end(how: string): void {
    if (this.#hasEnded) return
    this.#hasEnded = true
    this.#handingOver.close()
    const lostSessions = this.#sessions.size
    for (const place of this.#sessions.values()) place.end()
    this.#sessions.clear()
    this.#requests.releaseAll()
    for (const resolve of this.#waiting.values()) resolve(undefined)
    this.#onInForce?.()
    this.#ended.resolve()
    this.#options.onEnd({ how, lostSessions, expected: this.#stopping })
  }
}

function proxiedSession({ peer, local, first }: Arrival): ProxiedSession | undefined {
  // Plain data: what looks itself up in the socket would arrive empty.
  const plain = (end: Address): Address => ({ address: end.address, port: end.port })
  return first && { peer: plain(peer), local: plain(local), early: first.bytes }
}

/** Longer than a worker takes for last words. */
const endMilliseconds = 5000
