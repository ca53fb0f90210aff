/** What is decided about relaying: who owns which ports, whether all pods are ready for it, and when secrets change. Pure. */
import type { Half, RangeOwner } from '../desired/ports.ts'
import { canRelay, isRelaying, relaySecretKey, relaySecretName } from '../desired/relay.ts'
import { listAt, textAt } from '../kubernetes/read.ts'
import { findLive } from '../observation/live.ts'
import type { Observation, ObservedPod } from '../observation/observation.ts'
import { findSource } from '../observation/references.ts'

/** When the secrets were made: an RFC 3339 time. */
const madeKey = 'made'
const rotationMilliseconds = 30 * 24 * 3600_000
const decoder = new TextDecoder()

export type RelaySecretNeed = {
  readonly secretName: string
  /** The one that signs, and the one that is to sign after it. */
  readonly before: readonly string[]
}

export type RelaySecretState = {
  readonly secrets: ReadonlyMap<string, Uint8Array> | undefined
  readonly needed: RelaySecretNeed | undefined
  /** Milliseconds since the epoch. */
  readonly renewAt: number | undefined
}

/**
 * Three secrets, of which each pod believes all: the one that signs, the next and the one before. So a pod that has the new
 * ones and one that has not understand each other, in whatever order they get them.
 */
export function relaySecretState({ server, sources, now }: Observation): RelaySecretState {
  if (!canRelay(server.spec)) return { secrets: undefined, needed: undefined, renewAt: undefined }
  const secretName = relaySecretName(server)
  const data = findSource(sources, 'Secret', secretName)?.data
  const lines = data === undefined ? [] : decoder.decode(data.get(relaySecretKey)).split('\n').filter(Boolean)
  const made = data === undefined ? Number.NaN : Date.parse(decoder.decode(data.get(madeKey)))
  const [current, next] = lines
  if (data === undefined || current === undefined || next === undefined || Number.isNaN(made))
    return { secrets: undefined, needed: { secretName, before: [] }, renewAt: undefined }
  const renewAt = made + rotationMilliseconds
  const needed = renewAt <= now ? { secretName, before: [current, next] } : undefined
  const kept = [relaySecretKey, madeKey].map(key => [key, data.get(key) ?? new Uint8Array()] as const)
  return { secrets: new Map(kept), needed, renewAt }
}

/** Content of the Secret. `fresh` are two secrets that nobody has seen. */
export function newRelaySecrets(
  { before: [current, next] }: RelaySecretNeed,
  fresh: readonly [string, string],
  now: number,
): ReadonlyMap<string, Uint8Array> {
  const lines = next === undefined ? fresh : [next, fresh[0], ...(current === undefined ? [] : [current])]
  return new Map([
    [relaySecretKey, Buffer.from(`${lines.join('\n')}\n`)],
    [madeKey, Buffer.from(new Date(now).toISOString())],
  ])
}

/** The address of the pod that serves on these ports: of several, the one that stays. */
export function peerOf(pods: readonly ObservedPod[], owns: RangeOwner['owns']): string | undefined {
  const mine = pods.filter(pod => owns(pod) && !pod.ended && pod.address !== undefined)
  const ready = mine.filter(pod => pod.ready)
  return (ready.find(({ terminating }) => !terminating) ?? ready[0] ?? mine[0])?.address
}

/** Whether the Service takes connections to any pod: once all pods know whose they are, and from then on. */
export function relayOf(
  { server, live, pods }: Observation,
  portReplicas: number,
  hashOf: (replica: number, half: Half) => string,
): 'on' | 'off' {
  if (!isRelaying(server.spec, portReplicas)) return 'off'
  const service = findLive(live, 'Service', server.metadata.name)
  const isByName = listAt(service, 'spec', 'ports').some(
    each => textAt(each, 'name')?.startsWith('pasv-') === true && textAt(each, 'targetPort') !== undefined,
  )
  if (!isByName) return 'on'
  // Those too that drain: they have sessions still, whose connections would come to others.
  const isBehind = pods.some(
    ({ ready, ended, report, replica, half }) => ready && !ended && report?.hash !== hashOf(replica, half),
  )
  return isBehind ? 'off' : 'on'
}
