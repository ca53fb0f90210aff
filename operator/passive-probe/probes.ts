/** The probes of one term of leadership: credentials, what was found last, and those that run. */
import { isDeepStrictEqual } from 'node:util'
import type { Logger } from 'pino'
import { type BackoffPolicy, backoffMilliseconds } from '../time/backoff.ts'
import { type Clock, pause } from '../time/clock.ts'
import { type Credential, makeCredential } from './credential.ts'
import { findingOf, type ProbeFinding } from './finding.ts'
import { probe } from './probe.ts'
import type { ProbeTarget } from './target.ts'
import { Turns } from './turns.ts'

/** What is known about a server. */
export type ProbeState = {
  readonly credential: Credential | undefined
  readonly running: boolean
  readonly last: Verification | undefined
}

export type Verification = {
  /** Digest of the target that it was found for. */
  readonly of: string
  readonly finding: ProbeFinding
  /** When that was found first, in a row, in milliseconds since the epoch. */
  readonly time: number
  /** When it is to be tried again. */
  readonly nextTime: number
}

export type ServerIdentity = { readonly uid: string; readonly key: string }

export interface PassiveProbes {
  /** By the uid of the server, since another one of its name is another one. */
  stateOf(uid: string): ProbeState
  /** In place of the one there was: pods must get it before a probe begins. */
  renewCredential(server: ServerIdentity): Promise<Credential>
  /** Begins unless one runs for this server; the key is told when it has ended. */
  start(server: ServerIdentity, target: ProbeTarget, credential: Credential): void
  forget(key: string): void
  /** Ends those that run. */
  close(): Promise<void>
}

export type PassiveProbesOptions = {
  readonly onEnd: (key: string) => void
  readonly clock: Clock
  /** In [0, 1). */
  readonly random: () => number
  readonly logger: Logger
}

/** How often what works is tried again; chance adds up to a quarter, so that not all servers are tried at once. */
export const verificationMilliseconds = 12 * 3600 * 1000
const intervalJitter = 0.25
const retries: BackoffPolicy = {
  firstMilliseconds: 15_000,
  factor: 2,
  longestMilliseconds: 15 * 60_000,
  jitter: 0.25,
}
const mostAtOnce = 4
const probeMilliseconds = 120_000
/** What fails is tried once more before it is told: nodes learn of new pods a moment late. */
const secondLookMilliseconds = 3000

type Known = {
  readonly key: string
  credential: Credential | undefined
  running: boolean
  last: Verification | undefined
  failures: number
}

export function createPassiveProbes({ onEnd, clock, random, logger }: PassiveProbesOptions): PassiveProbes {
  const servers = new Map<string, Known>()
  const running = new Set<Promise<void>>()
  const ending = new AbortController()
  const turns = new Turns(mostAtOnce)

  return {
    stateOf(uid) {
      const { credential, running: runs = false, last } = servers.get(uid) ?? {}
      return { credential, running: runs, last }
    },
    async renewCredential(server) {
      const credential = await makeCredential()
      knownOf(server).credential = credential
      return credential
    },
    start(server, target, credential) {
      const known = knownOf(server)
      if (known.running || ending.signal.aborted) return
      known.running = true
      const run = carryOut(known, target, credential).finally(() => {
        running.delete(run)
        known.running = false
        if (!ending.signal.aborted) onEnd(server.key)
      })
      running.add(run)
    },
    forget(key) {
      for (const [uid, known] of servers) if (known.key === key) servers.delete(uid)
    },
    async close() {
      ending.abort(new Error('this process does not lead any more'))
      await Promise.all(running)
    },
  }

  function knownOf({ uid, key }: ServerIdentity): Known {
    const known = servers.get(uid) ?? { key, credential: undefined, running: false, last: undefined, failures: 0 }
    servers.set(uid, known)
    return known
  }

  async function carryOut(known: Known, target: ProbeTarget, credential: Credential): Promise<void> {
    let signal = ending.signal
    try {
      await turns.take(async () => {
        signal = AbortSignal.any([ending.signal, AbortSignal.timeout(probeMilliseconds)])
        let finding = await look(target, credential, signal)
        if (finding.status !== 'True') {
          await pause(clock, secondLookMilliseconds, signal)
          finding = await look(target, credential, signal)
        }
        keep(known, target, finding)
      })
    } catch (error) {
      if (ending.signal.aborted) return
      if (!signal.aborted) logger.error({ err: error, server: known.key }, 'a probe failed')
      keep(known, target, {
        status: 'Unknown',
        reason: signal.aborted ? 'TookTooLong' : 'ProbeFailed',
        message: signal.aborted
          ? `not all passive ports could be tried within ${probeMilliseconds / 1000} s`
          : 'the operator could not try: see its log',
      })
    }
  }

  async function look(target: ProbeTarget, credential: Credential, signal: AbortSignal): Promise<ProbeFinding> {
    return findingOf(await probe(target, credential, signal), target)
  }

  function keep(known: Known, { digest }: ProbeTarget, finding: ProbeFinding): void {
    const { last } = known
    const now = clock.wallMilliseconds()
    const isOld = last !== undefined && last.of === digest && isDeepStrictEqual(last.finding, finding)
    const works = finding.status === 'True'
    known.failures = works ? 0 : isOld ? known.failures + 1 : 1
    known.last = {
      of: digest,
      finding,
      // What fails in the same way is no news, however often it is tried.
      time: isOld && !works ? last.time : now,
      nextTime: now + (works ? interval() : backoffMilliseconds(retries, known.failures, random)),
    }
    logger.info({ server: known.key, status: finding.status, reason: finding.reason }, 'passive ports tried')
  }

  function interval(): number {
    return verificationMilliseconds * (1 + intervalJitter * random())
  }
}
