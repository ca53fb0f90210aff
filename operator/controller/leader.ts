/** Leader election by a Lease, as client-go does it: of all processes that ask, one at a time leads. */
import type { Logger } from 'pino'
import { hasReason } from '../kubernetes/api-error.ts'
import type { Cluster } from '../kubernetes/cluster.ts'
import { kinds } from '../kubernetes/kinds.ts'
import type { KubernetesObject } from '../kubernetes/object.ts'
import { microTime } from '../kubernetes/time.ts'
import type { CallOptions } from '../kubernetes/transport.ts'
import { type Clock, pause } from '../time/clock.ts'
import { type LeaseRecord, leaseManifest, parseLease } from './lease.ts'

export type LeaderElectorOptions = {
  /** Must not be one that only the leader may write through. */
  readonly cluster: Pick<Cluster, 'get' | 'create' | 'replace'>
  readonly lease: { readonly namespace: string; readonly name: string }
  /** Unique among all processes that ever were: the pod's name and something random. */
  readonly identity: string
  /** What the leader does. Must end soon when the signal is aborted; while it runs, this process asks for nothing. */
  readonly lead: (signal: AbortSignal) => Promise<void>
  readonly onChange?: (leads: boolean) => void
  readonly timing?: LeaseTiming
  readonly clock: Clock
  /** In [0, 1). */
  readonly random: () => number
  readonly logger: Logger
}

export type LeaseTiming = {
  /** How long others wait after the last change that they saw. */
  readonly durationSeconds: number
  /** After so long without renewal the leader gives up: before others take over. */
  readonly renewDeadlineSeconds: number
  readonly retrySeconds: number
}

export interface LeaderElector {
  /** Asks for leadership, and after each loss again, until stopped. Once: later calls do nothing. */
  start(): void
  /** Ends leading, waits for `lead`, and gives the lease back so that the next need not wait. */
  stop(): Promise<void>
  /** True only while no other process can lead: to be asked before each write. */
  isLeader(): boolean
  /** Who leads, as last seen; empty if nobody. */
  holder(): string
}

export function createLeaderElector(options: LeaderElectorOptions): LeaderElector {
  const { cluster, lease, identity, lead, onChange, timing = usualTiming, clock, random } = options
  const logger = options.logger.child({ lease: `${lease.namespace}/${lease.name}`, identity })
  const stopping = new AbortController()
  let running: Promise<void> | undefined
  /** What the lease said when we last looked, and when we first saw it say so: the only time that counts. */
  let observed: { object: KubernetesObject; record: LeaseRecord; sinceMilliseconds: number } | undefined
  /** When the request of the last renewal was begun; undefined if we don't lead. */
  let renewedMilliseconds: number | undefined

  function observe(object: KubernetesObject): LeaseRecord {
    const record = parseLease(object)
    const isUnchanged = observed !== undefined && JSON.stringify(observed.record) === JSON.stringify(record)
    if (observed?.record.holder !== record.holder) logger.info({ holder: record.holder }, 'leader seen')
    observed = {
      object,
      record,
      sinceMilliseconds: isUnchanged && observed !== undefined ? observed.sinceMilliseconds : clock.milliseconds(),
    }
    return record
  }

  /** Time until the lease of another is over; 0 if it is, or if it is nobody's or ours. */
  function foreignMilliseconds(): number {
    if (observed === undefined) return 0
    const { record, sinceMilliseconds } = observed
    if (record.holder === '' || record.holder === identity) return 0
    const seconds = record.durationSeconds > 0 ? record.durationSeconds : timing.durationSeconds
    return Math.max(0, sinceMilliseconds + seconds * 1000 - clock.milliseconds())
  }

  /** One attempt to take or renew the lease. False if another has it; throws if that can't be known. */
  async function attempt(call: CallOptions): Promise<boolean> {
    const isOurs = renewedMilliseconds !== undefined && observed?.record.holder === identity
    if (!isOurs) {
      const found = await cluster.get(kinds.lease, lease, call)
      if (found === undefined) {
        observe(await cluster.create(leaseManifest(lease, nextRecord(undefined)), call))
        return true
      }
      observe(found)
    }
    if (observed === undefined || foreignMilliseconds() > 0) return false
    const { object, record } = observed
    try {
      observe(await cluster.replace(leaseManifest(lease, nextRecord(record), object.metadata.resourceVersion), call))
      return true
    } catch (error) {
      if (!hasReason(error, 'Conflict', 'NotFound')) throw error
      // Somebody wrote, or we did and never heard of it.
      const found = await cluster.get(kinds.lease, lease, call)
      if (found === undefined) throw error
      if (observe(found).holder === identity) throw error
      return false
    }
  }

  function nextRecord(last: LeaseRecord | undefined): LeaseRecord {
    const now = microTime(clock.wallMilliseconds())
    const isOurs = last?.holder === identity
    return {
      holder: identity,
      durationSeconds: timing.durationSeconds,
      acquireTime: isOurs ? last.acquireTime : now,
      renewTime: now,
      transitions: last === undefined ? 0 : last.transitions + (isOurs ? 0 : 1),
    }
  }

  /** Tries until the lease is ours. Rejects only when stopped. */
  async function acquire(): Promise<void> {
    for (;;) {
      const started = clock.milliseconds()
      try {
        if (await attempt({ ...oneTry, deadlineSeconds: timing.renewDeadlineSeconds / 2, signal: stopping.signal })) {
          renewedMilliseconds = started
          return
        }
      } catch (error) {
        stopping.signal.throwIfAborted()
        const isRace = hasReason(error, 'Conflict', 'AlreadyExists')
        logger[isRace ? 'info' : 'warn']({ err: error }, 'could not ask for leadership')
      }
      const retry = timing.retrySeconds * 1000 * (1 + retryJitter * random())
      const foreign = foreignMilliseconds()
      await pause(clock, foreign > 0 ? Math.min(retry, foreign + 1) : retry, stopping.signal)
    }
  }

  /** Renews until that fails for too long or another leads, and says why; rejects when `ended` is aborted. */
  async function keep(ended: AbortSignal): Promise<string> {
    for (;;) {
      const deadline = (renewedMilliseconds ?? 0) + timing.renewDeadlineSeconds * 1000
      await pause(clock, Math.min(timing.retrySeconds * 1000, deadline - clock.milliseconds()), ended)
      const started = clock.milliseconds()
      if (started >= deadline) return 'the lease could not be renewed in time'
      // Half of the time, so that a dead connection leaves time for one more attempt.
      const seconds = Math.min(timing.renewDeadlineSeconds / 2, (deadline - started) / 1000)
      try {
        if (!(await attempt({ ...oneTry, deadlineSeconds: seconds, signal: ended }))) return 'another leads'
        renewedMilliseconds = started
      } catch (error) {
        ended.throwIfAborted()
        logger.warn({ err: error }, 'could not renew the lease')
      }
    }
  }

  /** From having taken the lease to having given it up or lost it. Renews until `lead` has ended, whoever ends it. */
  async function term(): Promise<void> {
    logger.info('leading')
    onChange?.(true)
    const working = new AbortController()
    const renewing = new AbortController()
    const stop = () => working.abort(stopping.signal.reason)
    if (stopping.signal.aborted) stop()
    stopping.signal.addEventListener('abort', stop, { once: true })
    const work = leadOn(working.signal)
    const keeping = keep(renewing.signal).catch((error: unknown) => {
      return renewing.signal.aborted ? undefined : `renewing failed: ${String(error)}`
    })
    const lost = await Promise.race([keeping, work])
    if (lost !== undefined) {
      // From here on nothing may be written, although `lead` still has to end.
      renewedMilliseconds = undefined
      onChange?.(false)
      logger.warn({ reason: lost }, 'leadership lost')
      working.abort(new Error(`leadership lost: ${lost}`))
    }
    await work
    stopping.signal.removeEventListener('abort', stop)
    renewing.abort()
    await keeping
    if (lost !== undefined) return
    await release()
    renewedMilliseconds = undefined
    onChange?.(false)
    logger.info('leading no more')
  }

  async function leadOn(signal: AbortSignal): Promise<undefined> {
    try {
      await lead(signal)
    } catch (error) {
      if (!signal.aborted) logger.error({ err: error }, 'leading failed')
    }
    return undefined
  }

  async function release(): Promise<void> {
    if (observed === undefined || observed.record.holder !== identity) return
    const { object, record } = observed
    const now = microTime(clock.wallMilliseconds())
    const empty = { ...record, holder: '', durationSeconds: 1, acquireTime: now, renewTime: now }
    try {
      const version = object.metadata.resourceVersion
      observe(await cluster.replace(leaseManifest(lease, empty, version), { ...oneTry, deadlineSeconds: 5 }))
    } catch (error) {
      logger.warn({ err: error }, 'could not give the lease back; the next leader has to wait')
    }
  }

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      try {
        await acquire()
        await term()
        await pause(clock, timing.retrySeconds * 1000, stopping.signal)
      } catch (error) {
        if (!stopping.signal.aborted) logger.error({ err: error }, 'the election itself failed')
      }
    }
  }

  return {
    start() {
      running ??= run()
    },
    async stop() {
      stopping.abort(new Error('the election was stopped'))
      await running
    },
    isLeader: () =>
      renewedMilliseconds !== undefined &&
      clock.milliseconds() < renewedMilliseconds + timing.renewDeadlineSeconds * 1000,
    holder: () => observed?.record.holder ?? '',
  }
}

// What client-go and controller-runtime use.
const usualTiming: LeaseTiming = { durationSeconds: 15, renewDeadlineSeconds: 10, retrySeconds: 2 }
// client-go adds up to 120 %; with less, a successor sees changes sooner and takes over within 20 s of a kill.
const retryJitter = 0.2
const oneTry = { retry: false }
