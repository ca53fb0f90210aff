/** Which replica has which ports. */
import type { FtpServerSpec, Listener } from '../api/ftp-server.ts'
import { podPorts } from '../api/pod-ports.ts'

/**
 * The passive ports of a replica come in two halves, so that the old and the new pod of a rolling update share none:
 * kube-proxy would spread data connections over both. Without rolling updates `a` is the whole slice.
 */
export type Half = 'a' | 'b'
export const halves: readonly Half[] = ['a', 'b']

export type Rollout = 'rolling' | 'recreate'

export type PortRange = { readonly first: number; readonly last: number }

/** All passive ports of a replica: its own for good. */
export function sliceOf({ firstPort, portsPerReplica }: FtpServerSpec['passive'], replica: number): PortRange {
  const first = firstPort + replica * portsPerReplica
  return { first, last: first + portsPerReplica - 1 }
}

/** The passive ports of a replica's pod. Of a slice of one port, both halves are that port. */
export function passiveRange(
  passive: FtpServerSpec['passive'],
  { replica, half, rollout }: { readonly replica: number; readonly half: Half; readonly rollout: Rollout },
): PortRange {
  const slice = sliceOf(passive, replica)
  if (rollout === 'recreate') return slice
  const count = Math.max(1, Math.floor(passive.portsPerReplica / 2))
  return half === 'a'
    ? { first: slice.first, last: slice.first + count - 1 }
    : { first: slice.last - count + 1, last: slice.last }
}

export function portsOf({ first, last }: PortRange): number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index)
}

export type ContainerPort = { readonly listener: Listener; readonly port: number }

/**
 * The port at which pods listen for each listener. It hangs on the listener's own port alone as far as possible, not on
 * its place in the list: a pod whose template is older must still listen where the Service finds it.
 */
export function containerPorts({ listeners, hostNetwork }: FtpServerSpec): readonly ContainerPort[] {
  if (hostNetwork) return listeners.map(listener => ({ listener, port: listener.port }))
  const { firstListener, lastListener } = podPorts
  const count = lastListener - firstListener + 1
  const taken = new Set<number>()
  const ports = new Map<string, number>()
  for (const { name, port } of listeners.toSorted((one, other) => one.port - other.port)) {
    let place = (port + count - (21 % count)) % count
    while (taken.has(place) && taken.size < count) place = (place + 1) % count
    taken.add(place)
    ports.set(name, firstListener + place)
  }
  return listeners.map(listener => ({ listener, port: ports.get(listener.name) ?? firstListener }))
}

export const probesPort = podPorts.probes
export const probesPortName = 'probes'

export type RangeOwner = {
  readonly range: PortRange
  readonly owns: (pod: { readonly replica: number; readonly half: Half }) => boolean
}

/** The ports of all pods but one, whether there are such pods or not. */
export function otherRanges(
  { passive }: FtpServerSpec,
  portReplicas: number,
  self: { readonly replica: number; readonly half: Half; readonly rollout: Rollout },
): readonly RangeOwner[] {
  const { rollout } = self
  // Of a slice of one port, both halves are that port.
  const isWhole = rollout === 'recreate' || passive.portsPerReplica === 1
  const own = passiveRange(passive, self)
  return Array.from({ length: portReplicas }, (_, replica) =>
    (isWhole ? (['a'] as const) : halves).map(half => ({
      range: passiveRange(passive, { replica, half, rollout }),
      owns: (pod: { readonly replica: number; readonly half: Half }) =>
        pod.replica === replica && (isWhole || pod.half === half),
    })),
  )
    .flat()
    .filter(({ range }) => range.first !== own.first)
}
