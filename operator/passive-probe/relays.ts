/** Whether pods hand data connections on to each other: tried past the Service, at each pod with a port of the next one. */
import { setTimeout as delay } from 'node:timers/promises'
import { type Control, ProbeError } from './control.ts'
import { DialError, dial } from './dial.ts'
import type { RelayFault } from './outcome.ts'
import { countFailures } from './relay-counters.ts'
import type { ProbePort, ProbeTarget, RelayTarget } from './target.ts'
import { extendedPassive, transfer } from './walk.ts'

/** Logged in there. Rejects as `openControl` does. */
export type OpenControl = (host: string, port: number) => Promise<Control>

const mostAtOnce = 8
/** A pod says why it has not relayed once it has given up: after `relay.connectTimeoutSeconds`. */
const tellMilliseconds = 8000
const pollMilliseconds = 500

/** Those that fail, where a pod says why. Whatever the operator can't get to is left out. Rejects with the signal's reason only. */
export async function tryRelays(
  target: ProbeTarget,
  open: OpenControl,
  signal: AbortSignal,
): Promise<readonly RelayFault[]> {
  const { relay } = target
  const pods = [...new Map(target.ports.map(each => [each.replica, each])).values()].filter(
    ({ podAddress }) => podAddress !== undefined,
  )
  if (relay === undefined || pods.length < 2) return []
  const pairs = pods.map((from, index) => ({ from, to: pods[(index + 1) % pods.length] ?? from }))
  const faults: RelayFault[] = []
  const worker = async (): Promise<void> => {
    for (let pair = pairs.shift(); pair !== undefined; pair = pairs.shift()) {
      const fault = await tryRelay(pair, relay, { target, open, signal })
      if (fault !== undefined) faults.push(fault)
    }
  }
  await Promise.all(Array.from({ length: Math.min(mostAtOnce, pairs.length) }, worker))
  return faults.toSorted((one, other) => one.from - other.from)
}

type Pair = { readonly from: ProbePort; readonly to: ProbePort }
type Means = { readonly target: ProbeTarget; readonly open: OpenControl; readonly signal: AbortSignal }

async function tryRelay(pair: Pair, relay: RelayTarget, means: Means): Promise<RelayFault | undefined> {
  const { signal } = means
  const before = await countBoth(pair, relay, signal)
  if (before === undefined || (await isRelayed(pair, relay, means))) return undefined
  const deadline = performance.now() + tellMilliseconds
  for (;;) {
    const reason = newReason(before, await countBoth(pair, relay, signal))
    if (reason !== undefined) {
      return { from: pair.from.replica, to: pair.to.replica, port: relay.handoverPort, reason }
    }
    if (performance.now() > deadline) return undefined
    await delay(pollMilliseconds, undefined, { signal }).catch(() => undefined)
    signal.throwIfAborted()
  }
}

/** Also true where that can't be tried. */
async function isRelayed(
  { from, to }: Pair,
  { controlPort }: RelayTarget,
  { target, open, signal }: Means,
): Promise<boolean> {
  let control: Control | undefined
  try {
    control = await open(to.podAddress ?? '', controlPort)
    const outside = await extendedPassive(control)
    const port = target.ports.find(each => each.outside === outside)?.port
    if (port === undefined) return true
    const socket = await dial(from.podAddress ?? '', port, signal)
    try {
      return (await transfer(control, socket, signal)).kind === 'works'
    } finally {
      socket.destroy()
    }
  } catch (error) {
    if (error instanceof DialError || error instanceof ProbeError) return true
    throw error
  } finally {
    control?.close()
  }
}

type Counts = { readonly from: ReadonlyMap<string, number>; readonly to: ReadonlyMap<string, number> }

async function countBoth({ from, to }: Pair, relay: RelayTarget, signal: AbortSignal): Promise<Counts | undefined> {
  const [relaying, taking] = await Promise.all([
    countFailures('relay_failures', from.podAddress ?? '', relay.metricsPort, signal),
    countFailures('handovers', to.podAddress ?? '', relay.metricsPort, signal),
  ])
  return relaying === undefined || taking === undefined ? undefined : { from: relaying, to: taking }
}

/** What has been counted since then, and is no fault of the probe. */
function newReason(before: Counts, after: Counts | undefined): RelayFault['reason'] | undefined {
  const hasGrown = (side: keyof Counts, reason: string): boolean =>
    (after?.[side].get(reason) ?? 0) > (before[side].get(reason) ?? 0)
  return relayReasons.find(reason => hasGrown('from', reason)) ?? handoverReasons.find(reason => hasGrown('to', reason))
}

// Those that no other client causes but by the same fault.
const relayReasons = ['owner-refused', 'owner-silent', 'owner-unknown', 'no-secret'] as const
const handoverReasons = ['unsigned', 'stale'] as const
