/** The record of who leads, as a Lease holds it. */
import type { KubernetesObject, Manifest } from '../kubernetes/object.ts'

export type LeaseRecord = {
  /** Empty if nobody leads. */
  readonly holder: string
  readonly durationSeconds: number
  /** Metav1.MicroTime; of the holder's clock, hence never compared with ours. */
  readonly acquireTime: string
  readonly renewTime: string
  readonly transitions: number
}

export function parseLease(lease: KubernetesObject): LeaseRecord {
  const spec = (lease['spec'] ?? {}) as Readonly<Record<string, unknown>>
  return {
    holder: text(spec['holderIdentity']),
    durationSeconds: count(spec['leaseDurationSeconds']),
    acquireTime: text(spec['acquireTime']),
    renewTime: text(spec['renewTime']),
    transitions: count(spec['leaseTransitions']),
  }
}

/** The version makes a write fail (409) if somebody else wrote since; without it, the lease is new. */
export function leaseManifest(
  name: { readonly namespace: string; readonly name: string },
  record: LeaseRecord,
  resourceVersion?: string,
): Manifest & { readonly spec: unknown } {
  return {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { ...name, ...(resourceVersion !== undefined && { resourceVersion }) },
    spec: {
      // An empty identity is refused: nobody is written as nothing.
      ...(record.holder !== '' && { holderIdentity: record.holder }),
      leaseDurationSeconds: record.durationSeconds,
      acquireTime: record.acquireTime,
      renewTime: record.renewTime,
      leaseTransitions: record.transitions,
    },
  }
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

function count(value: unknown): number {
  return typeof value === 'number' && Number.isFinite(value) ? value : 0
}
