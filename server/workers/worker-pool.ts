/** The worker processes of a server: as many as the configuration says, replaced when they die. */
import type { ChildProcess } from 'node:child_process'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { OffenceReports } from '../bans/offence-reports.ts'
import { noShare, type PortShare, wholeRange } from '../data/passive/port-order.ts'
import type { EventOutlet } from '../events/event-maker.ts'
import type { FirstBytes } from '../proxy-protocol/first-bytes.ts'
import type { SessionHost } from '../sessions/session-host.ts'
import type { InForce } from '../sessions/sessions.ts'
import type { QuotaLedger } from '../storage/quota/quota-ledger.ts'
import { type MetricsSnapshot, sumMetrics } from '../telemetry/aggregate.ts'
import type { SessionStatus, StalledVolumeStatus, WorkerStatus } from '../telemetry/status.ts'
import type { Telemetry, WorkerEnd } from '../telemetry/telemetry.ts'
import { countDeath, replacementDelay } from './backoff.ts'
import type { BandwidthLedger } from './bandwidth-ledger.ts'
import { workerCount } from './count.ts'
import { tryDescriptorChannel } from './descriptor-channel.ts'
import type { SharedLedger } from './shared-state.ts'
import { WorkerProcess, type WorkerProcessOptions } from './worker-process.ts'

export type WorkerPoolOptions = {
  /** Starts the program as a worker, with an IPC channel and advanced serialization, and with what sockets come by. */
  readonly startWorker: (sockets: number | undefined) => ChildProcess
  /** Cores the server may use. */
  readonly cores: number
  readonly ledger: SharedLedger
  readonly quotas: QuotaLedger
  readonly bandwidth: BandwidthLedger
  readonly offences: OffenceReports
  readonly events: EventOutlet
  readonly sessionsInAll: () => number
  readonly isRoomy: (address: string) => boolean
  /** Each of them, those of this process too. Never rejects. */
  readonly who: () => Promise<readonly SessionStatus[]>
  /** Sessions that this process serves itself. */
  readonly sessionsHere: () => number
  /** Called when the share of this process in the passive ports may be another one. */
  readonly onShare: () => void
  readonly telemetry: Pick<Telemetry, 'workerStarted' | 'workerEnded' | 'workerSilent' | 'fault'>
}

/** A place for one worker at a time. */
type Slot = {
  readonly index: number
  worker: WorkerProcess | undefined
  quickDeaths: number
  replacing: NodeJS.Timeout | undefined
}

const answerMilliseconds = 2000
/** A client waits for it, who would lose a transfer where a process is only busy, as with many logins at once. */
const awaitedAnswerMilliseconds = 10_000
/** A client waits for it, who is refused then. */
const speakMilliseconds = 500
const heartbeatMilliseconds = 10_000
const longestSilenceMilliseconds = 25_000
/** It loads the program before it answers anything; where processors are scarce, that takes long, and longer if it is begun again and again. */
const longestStartMilliseconds = 180_000

export class WorkerPool {
  readonly #options: WorkerPoolOptions
  readonly #slots: Slot[] = []
  /** Not wanted any more, but their sessions go on. */
  readonly #retiring = new Set<WorkerProcess>()
  /** Counted by workers that are gone. */
  #past: Promise<MetricsSnapshot> = Promise.resolve([])
  #inForce: InForce | undefined
  #lastId = 0
  #turn = 0
  /** Whether any worker has ever been ready since there are to be some. */
  #begun = false
  #heart: NodeJS.Timeout | undefined
  #closed = false
  #upToDate: Promise<void> | undefined

  constructor(options: WorkerPoolOptions) {
    this.#options = options
  }

  /** Who takes the next session: the worker that has the fewest; `here` while there are to be none or none has started yet; undefined if all have died. */
  choose(): SessionHost | 'here' | undefined {
    let chosen: WorkerProcess | undefined
    // Those that have as few take turns.
    this.#turn += 1
    for (const offset of this.#slots.keys()) {
      const worker = this.#slots[(this.#turn + offset) % this.#slots.length]?.worker
      if (worker?.ready === true && (chosen === undefined || worker.sessionCount < chosen.sessionCount)) chosen = worker
    }
    return chosen ?? (this.#begun ? undefined : 'here')
  }

  /** Whether anybody could take a session. */
  get isServing(): boolean {
    return !this.#begun || this.#slots.some(({ worker }) => worker?.ready === true)
  }

  /** Puts a configuration in force in all workers, and starts or retires some. Resolves when all have it, those that have just been started too. */
  async apply(inForce: InForce): Promise<void> {
    this.#inForce = inForce
    const count = Math.min(workerCount(inForce.configuration.server.workers, this.#options.cores), mostWorkers(inForce))
    // One process needs no supervisor beside it. Those that drain follow the configuration, but are not replaced.
    if (!this.#closed) this.#resize(count === 1 ? 0 : count)
    await Promise.all([
      ...this.#slots.map(({ worker, index }) => worker?.apply(inForce, this.#share(index))),
      ...[...this.#retiring].map((worker, at) => worker.apply(inForce, this.#share(this.#slots.length + at))),
    ])
    this.#begun ||= this.#slots.some(({ worker }) => worker?.ready === true)
  }

  /** The passive ports of this process. */
  get shareHere(): PortShare {
    const others = this.#slots.length + this.#retiring.size
    if (others === 0) return wholeRange
    return this.#options.sessionsHere() === 0 ? noShare : this.#share(others)
  }

  /** This process serves no session any more. */
  noteIdleHere(): void {
    if (this.#slots.length + this.#retiring.size > 0) this.#shareOut()
  }

  /** Tells all processes which passive ports are theirs: some of them may serve nobody any more. */
  #shareOut(): void {
    for (const { worker, index } of this.#slots) worker?.share(this.#share(index))
    for (const [at, worker] of [...this.#retiring].entries()) worker.share(this.#share(this.#slots.length + at))
    this.#options.onShare()
  }

  /** Gives a connection that another server has relayed to the worker with a session that waits for it, if there is one. */
  async takeRelayed(port: number, first: FirstBytes, address: string): Promise<'taken' | 'not-awaited'> {
    const answers = this.#workers().map(async worker => {
      if ((await worker.isAwaited(port, awaitedAnswerMilliseconds)) !== true) throw new Error('not here')
      return worker
    })
    const worker = await Promise.any(answers).catch(() => undefined)
    worker?.takeRelayed(port, first, address)
    return worker === undefined ? 'not-awaited' : 'taken'
  }

  /** Workers tell late of places that nobody seems to wait for: resolves once all have, or the deadline has passed. */
  async bringUpToDate(): Promise<void> {
    this.#upToDate ??= this.#askToSpeak()
    await this.#upToDate
  }

  /** Ends the sessions of a client that nobody is logged in to. */
  endStrangers(client: string): void {
    for (const worker of this.#workers()) worker.endStrangers(client)
  }

  /** Lets transfers finish until the deadline, then ends all processes. */
  async close(graceMilliseconds: number): Promise<void> {
    this.#closed = true
    clearInterval(this.#heart)
    for (const { replacing } of this.#slots) clearTimeout(replacing)
    await Promise.all(this.#workers().map(worker => worker.stop(graceMilliseconds)))
  }

  /** Whether there have never been any. */
  get isEmpty(): boolean {
    return this.#lastId === 0
  }

  /** Metrics of all workers, those that are gone among them. Of one that does not answer in time, what it said last. */
  async metrics(): Promise<readonly MetricsSnapshot[]> {
    await Promise.all(this.#workers().map(worker => this.#collect(worker, 'metrics')))
    // At one moment: who dies meanwhile is in the past or among the living.
    const living = this.#workers().map(worker => worker.lastMetrics)
    return [await this.#past, ...living]
  }

  /** What all workers tell of themselves; without one that does not answer in time. */
  async described(): Promise<{
    readonly sessions: readonly SessionStatus[]
    readonly stalledVolumes: readonly StalledVolumeStatus[]
  }> {
    const collected = await Promise.all(this.#workers().map(worker => this.#collect(worker, 'sessions')))
    const described = collected.flatMap(each => (each?.what === 'sessions' ? each : []))
    return {
      sessions: described.flatMap(({ sessions }) => sessions),
      stalledVolumes: described.flatMap(({ stalledVolumes }) => stalledVolumes),
    }
  }

  get status(): readonly WorkerStatus[] {
    return this.#workers().map(worker => ({
      id: worker.id,
      pid: worker.pid,
      state: this.#retiring.has(worker) ? 'retiring' : worker.ready ? 'ready' : 'starting',
      sessionCount: worker.sessionCount,
    }))
  }

  #workers(): readonly WorkerProcess[] {
    return [...this.#slots.flatMap(({ worker }) => worker ?? []), ...this.#retiring]
  }

  #share(index: number): PortShare {
    const here = this.#options.sessionsHere() === 0 ? 0 : 1
    return { index, of: this.#slots.length + this.#retiring.size + here }
  }

  #resize(count: number): void {
    for (const { worker, replacing } of this.#slots.splice(count)) {
      clearTimeout(replacing)
      if (worker !== undefined) this.#retire(worker)
    }
    while (this.#slots.length < count) {
      const slot: Slot = { index: this.#slots.length, worker: undefined, quickDeaths: 0, replacing: undefined }
      this.#slots.push(slot)
      this.#fill(slot)
    }
    this.#shareOut()
    if (count === 0) this.#begun = false
    else this.#heart ??= setInterval(() => this.#beat(), heartbeatMilliseconds)
  }

  /** Sessions are not sent away for being in a process too many. */
  #retire(worker: WorkerProcess): void {
    this.#retiring.add(worker)
    if (worker.sessionCount === 0) this.#dismiss(worker)
  }

  #dismiss(worker: WorkerProcess): void {
    // Its last figures first: they stay.
    worker
      .collect('metrics', answerMilliseconds)
      .then(() => worker.stop(0))
      .catch(error => this.#options.telemetry.fault(error))
  }

  #start(slot: Slot): WorkerProcess {
    const { ledger, quotas, bandwidth, offences, events, sessionsInAll, isRoomy, who, telemetry } = this.#options
    const started = performance.now()
    this.#lastId += 1
    const worker: WorkerProcess = new WorkerProcess({
      id: this.#lastId,
      ...this.#startProcess(),
      holdings: {
        claims: ledger.holder(),
        quotas: quotas.holder(),
        bandwidth: bandwidth.holder(),
        offences,
        events,
        who,
        bringUpToDate: () => this.bringUpToDate(),
      },
      sessionsInAll,
      isRoomy,
      onEnd: how => this.#ended(slot, worker, how, performance.now() - started),
      onIdle: () => {
        if (this.#retiring.has(worker) && !this.#closed) this.#dismiss(worker)
      },
    })
    telemetry.workerStarted(worker.id, worker.pid)
    return worker
  }

  #startProcess(): Pick<WorkerProcessOptions, 'child' | 'descriptors'> {
    const channel = tryDescriptorChannel()
    try {
      return { child: this.#options.startWorker(channel?.far.descriptor), descriptors: channel?.near }
    } catch (error) {
      channel?.near.close()
      throw error
    } finally {
      channel?.far.close()
    }
  }

  #ended(slot: Slot, worker: WorkerProcess, end: WorkerEnd, livedMilliseconds: number): void {
    this.#past = this.#past.then(past => sumMetrics([past, worker.lastMetrics]).getMetricsAsJSON())
    if (this.#retiring.delete(worker)) this.#shareOut()
    const isWanted = slot.worker === worker && this.#slots.includes(slot) && !this.#closed
    if (slot.worker === worker) slot.worker = undefined
    if (!isWanted) return this.#options.telemetry.workerEnded(worker.id, end, undefined)
    this.#options.telemetry.workerEnded(worker.id, end, this.#replaceLater(slot, livedMilliseconds))
  }

  async #replace(slot: Slot): Promise<void> {
    if (this.#inForce === undefined) return
    const worker = this.#fill(slot)
    await worker?.apply(this.#inForce, this.#share(slot.index))
    this.#begun ||= worker?.ready === true
  }

  /** The system may have no process left to give: then it is tried again. */
  #fill(slot: Slot): WorkerProcess | undefined {
    try {
      slot.worker = this.#start(slot)
    } catch (error) {
      this.#options.telemetry.fault(error)
      this.#replaceLater(slot, 0)
    }
    return slot.worker
  }

  /** Seconds until then. */
  #replaceLater(slot: Slot, livedMilliseconds: number): number {
    slot.quickDeaths = countDeath(slot.quickDeaths, livedMilliseconds)
    const milliseconds = replacementDelay(slot.quickDeaths)
    slot.replacing = setTimeout(() => {
      this.#replace(slot).catch(error => this.#options.telemetry.fault(error))
    }, milliseconds)
    return milliseconds / 1000
  }

  async #askToSpeak(): Promise<void> {
    // One question for all who come in this turn; whoever comes later may wait for what has happened since.
    await nextTurn()
    this.#upToDate = undefined
    await Promise.all(this.#workers().map(worker => worker.speak(speakMilliseconds)))
  }

  async #collect(worker: WorkerProcess, what: 'metrics' | 'sessions') {
    const collected = await worker.collect(what, answerMilliseconds)
    if (collected === undefined) this.#options.telemetry.workerSilent(worker.id, 'left-out')
    return collected
  }

  #beat(): void {
    for (const worker of this.#workers()) {
      this.#killIfSilent(worker).catch(error => this.#options.telemetry.fault(error))
    }
  }

  /** A process that turns in circles serves nobody, and would for ever. */
  async #killIfSilent(worker: WorkerProcess): Promise<void> {
    if ((await worker.collect('metrics', longestSilenceMilliseconds)) !== undefined) return
    // Asked once more: the answer waits to be read where it is this process that stood still.
    if ((await worker.collect('metrics', answerMilliseconds)) !== undefined) return
    if (this.#closed || !this.#workers().includes(worker)) return
    if (!worker.ready && worker.ageMilliseconds < longestStartMilliseconds) return
    this.#options.telemetry.workerSilent(worker.id, 'killed')
    worker.kill()
  }
}

/** Each needs a passive port of its own, on which it listens all the time. */
function mostWorkers({ configuration: { server } }: InForce): number {
  const { sharing, ports } = server.passive
  return sharing === 'off' ? Number.POSITIVE_INFINITY : ports.last - ports.first + 1
}
