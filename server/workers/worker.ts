/** A worker process: serves the sockets that the supervisor hands over, by the configuration that it sends, and ends with it. */
import type { User } from '../config/configuration.ts'
import type { PortShare } from '../data/passive/port-order.ts'
import type { BandwidthShares } from '../data/rate/bandwidth.ts'
import { Reports } from '../reports.ts'
import { createServing, type Serving } from '../sessions/serving.ts'
import { UploadLocks } from '../storage/local/uploads/upload-locks.ts'
import type { LogDestination } from '../telemetry/logger.ts'
import { describeSessions, describeStalled } from '../telemetry/status.ts'
import { HandedConnections } from './handed-connections.ts'
import { LockedUploads } from './locked-uploads.ts'
import type { Description, FromWorker, ToWorker } from './messages.ts'
import { Outbox } from './outbox.ts'
import { RemoteEvents } from './remote-events.ts'
import { RemoteQuotas } from './remote-quotas.ts'
import { RemoteSessions } from './remote-sessions.ts'
import { RemoteState } from './remote-state.ts'
import { SharedLedger, type SharedState } from './shared-state.ts'
import { userOf } from './wire-configuration.ts'
import type { WorkerDescriptors } from './worker-descriptors.ts'

/** The way to the supervisor. */
export type WorkerChannel = {
  readonly send: (messages: readonly FromWorker[]) => void
  /** With the message of a session comes its socket. */
  readonly onMessage: (listener: (message: ToWorker, socket: unknown) => void) => void
  readonly onLost: (listener: () => void) => void
}

export type WorkerOptions = {
  readonly channel: WorkerChannel
  readonly output: LogDestination
  readonly version: string
  /** Version of Node. */
  readonly runtime: string
  /** As that of the application. */
  readonly sendfile?: 'off' | undefined
  /** Of the runtime's pool. */
  readonly threads: number
  readonly descriptors: WorkerDescriptors
}

/** Resolves when the process has nothing more to do: it was told to stop, or the supervisor is gone. */
export function runWorker(options: WorkerOptions): Promise<void> {
  const worker = new Worker(options)
  return worker.done
}

type Begun = { readonly reports: Reports; readonly serving: Serving }

class Worker {
  readonly #options: WorkerOptions
  readonly #outbox: Outbox
  readonly #handed: HandedConnections
  readonly #state: RemoteState
  readonly #shared: SharedState
  readonly #quotas: RemoteQuotas
  readonly #bandwidth: BandwidthShares = {
    use: (key, transfers) => this.#outbox.say({ kind: 'bandwidth-use', key, transfers }),
    onShare: () => {},
  }
  readonly #sessions: RemoteSessions
  readonly #events: RemoteEvents
  readonly #done = Promise.withResolvers<void>()
  #users = new Map<string, User>()
  #begun: Begun | undefined
  #id = 0
  #portShare: PortShare = { index: 0, of: 1 }
  #stopping = false

  constructor(options: WorkerOptions) {
    this.#options = options
    this.#outbox = new Outbox(options.channel.send)
    this.#handed = new HandedConnections({ outbox: this.#outbox, sessions: () => this.#begun?.serving.sessions })
    this.#state = new RemoteState({ send: message => this.#outbox.say(message) })
    this.#shared = withLocks(this.#state, options.descriptors.lockFiles)
    this.#quotas = new RemoteQuotas({ send: message => this.#outbox.say(message) })
    this.#sessions = new RemoteSessions({ send: message => this.#outbox.say(message) })
    this.#events = new RemoteEvents({
      send: message => this.#outbox.say(message),
      onDropped: reason => this.#begun?.reports.metrics.eventsDropped.inc({ reason, sink: '' }),
    })
    const { sockets: descriptor } = options.descriptors
    const sockets = descriptor === undefined ? undefined : this.#handed.receive(descriptor)
    options.channel.onMessage((message, socket) => {
      // What was sent before it is taken before it.
      sockets?.take()
      this.#take(message, socket)
    })
    options.channel.onLost(() => {
      // Nobody holds the limits together any more, and nobody would end this process later.
      this.#state.lose()
      this.#quotas.lose()
      this.#events.lose()
      this.#stop(0)
    })
  }

  get done(): Promise<void> {
    return this.#done.promise
  }

  #take(message: ToWorker, socket: unknown): void {
    switch (message.kind) {
      case 'users':
        for (const user of message.users) this.#users.set(user.name, userOf(user))
        return
      case 'configuration':
        return this.#configure(message)
      case 'bandwidth-share':
        return this.#bandwidth.onShare(message.key, message.share)
      case 'port-share':
        this.#portShare = message.portShare
        return this.#begun?.serving.sessions.followPorts()
      case 'session':
        return this.#handed.takeByChannel(message, socket)
      case 'session-sent':
        return this.#handed.noteSent(message.session)
      case 'relayed':
        return this.#handed.takeRelayed(message, socket)
      case 'is-awaited': {
        const awaited = this.#begun?.serving.sessions.isAwaited(message.port) === true
        return this.#outbox.say({
          kind: 'collected',
          request: message.request,
          collected: { what: 'awaited', awaited },
        })
      }
      case 'speak':
        return this.#outbox.say({ kind: 'collected', request: message.request, collected: { what: 'spoken' } })
      case 'banned':
        return this.#begun?.serving.sessions.endStrangers(message.client)
      case 'answers':
        for (const answer of message.answers) this.#state.answered(answer)
        return
      case 'taken':
      case 'usage':
        return this.#quotas.answered(message)
      case 'events-put':
        return this.#events.answered(message.requests)
      case 'who':
        return this.#sessions.answered(message)
      case 'collect':
        return void this.#collect(message)
      case 'stop':
        return this.#stop(message.graceMilliseconds)
    }
  }

  #configure(message: Extract<ToWorker, { kind: 'configuration' }>): void {
    const { configuration: received, fallbackCertificate, portShare, worker, revision } = message
    const inForce = { configuration: { ...received, users: this.#users }, fallbackCertificate }
    this.#users = new Map()
    this.#portShare = portShare
    this.#id = worker
    if (this.#begun === undefined) {
      const { output, version, runtime, sendfile, threads } = this.#options
      const reports = new Reports({ configuration: received.server, output, version, runtime, worker })
      const serving = createServing({
        inForce,
        telemetry: reports.withEventsTo(this.#events),
        logger: reports.logger,
        sendfile,
        threads,
        shared: this.#shared,
        quotas: this.#quotas,
        bandwidthShares: this.#bandwidth,
        offences: {
          offended: (address, offence, user) => this.#outbox.say({ kind: 'offended', address, offence, user }),
          loggedIn: (address, user) => this.#outbox.say({ kind: 'logged-in', address, user }),
        },
        sessionsInAll: () => this.#handed.sessionsInAll,
        who: () => this.#sessions.list(),
        portShare: () => this.#portShare,
      })
      this.#begun = { reports, serving }
    } else {
      this.#begun.reports.follow(received.server)
      this.#begun.serving.sessions.apply(inForce)
    }
    this.#outbox.say({ kind: 'in-force', revision })
  }

  async #collect({ request, what }: Extract<ToWorker, { kind: 'collect' }>): Promise<void> {
    this.#outbox.say({ kind: 'collected', request, collected: await this.#describe(what) })
  }

  async #describe(what: Description['what']): Promise<Description> {
    if (what === 'metrics')
      return { what, metrics: (await this.#begun?.reports.metrics.registry.getMetricsAsJSON()) ?? [] }
    const sessions = describeSessions(this.#begun?.serving.sessions.described() ?? [])
    const stalled = describeStalled(this.#begun?.serving.gates.stalled ?? [])
    const worker = this.#id
    return {
      what,
      sessions: sessions.map(session => ({ ...session, worker })),
      stalledVolumes: stalled.map(volume => ({ ...volume, worker })),
    }
  }

  #stop(graceMilliseconds: number): void {
    if (this.#stopping) return
    this.#stopping = true
    this.#close(graceMilliseconds).then(this.#done.resolve, this.#done.reject)
  }

  async #close(graceMilliseconds: number): Promise<void> {
    await this.#begun?.serving.sessions.close(graceMilliseconds)
    await this.#begun?.serving.close()
    await this.#events.settled(lastWordsMilliseconds)
  }
}

/** A message for each upload costs more than a small file: where files can be locked, the kernel is asked instead. */
function withLocks(state: RemoteState, lockFiles: readonly number[]): SharedState {
  if (lockFiles.length === 0) return state
  const locks = new UploadLocks(lockFiles)
  return new LockedUploads({ rest: state, own: new SharedLedger().holder(), locks: () => locks })
}

/** For events of sessions that have just ended; the supervisor waits longer. */
const lastWordsMilliseconds = 2000
