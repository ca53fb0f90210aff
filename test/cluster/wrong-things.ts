/** Something wrong with a server that only the cluster can judge; and what it takes to make and mend it. */
import type { ConditionType } from '../../operator/api/status.ts'
import { selfSigned } from '../support/certificates.ts'
import { applyYaml, kubectl } from '../support/cluster.ts'
import type { Place } from '../support/conditions.ts'

export type WrongThing = {
  readonly title: string
  /** Of the server, beside what all have: a user `alice`. */
  readonly spec?: (place: Place) => Record<string, unknown>
  /** Before the server is there. */
  readonly prepare?: (place: Place) => Promise<unknown>
  /** Who can log in when all is well, beside `alice`. */
  readonly users?: readonly string[]
  /** Absent: it is wrong from the beginning. */
  readonly spoil?: (place: Place) => Promise<unknown>
  readonly shows: { readonly type: ConditionType; readonly reason: RegExp; readonly message: RegExp }
  /** Reason of the event; that of the condition, with its subject before it. */
  readonly event: RegExp
  /** Of the event, where it tells more than the condition. */
  readonly note?: RegExp
  /** Who can log in while it is wrong. */
  readonly serves: readonly string[]
  readonly mend: (place: Place) => Promise<unknown>
}

export async function patch({ namespace, name }: Place, spec: Record<string, unknown>): Promise<unknown> {
  return kubectl(['-n', namespace, 'patch', `ftp/${name}`, '--type=merge', '-p', JSON.stringify({ spec })])
}

export async function remove({ namespace }: Place, kind: string, name: string): Promise<unknown> {
  return kubectl(['-n', namespace, 'delete', kind, name, '--timeout=60s'])
}

export async function secret({ namespace }: Place, name: string, stringData: Record<string, string>): Promise<unknown> {
  return applyYaml({ apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace }, stringData })
}

export async function configMap({ namespace }: Place, name: string, data: Record<string, string>): Promise<unknown> {
  return applyYaml({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace }, data })
}

export async function tlsSecret({ namespace }: Place, name: string, chain: string, key: string): Promise<unknown> {
  const stringData = { 'tls.crt': chain, 'tls.key': key }
  return applyYaml({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name, namespace },
    type: 'kubernetes.io/tls',
    stringData,
  })
}

export async function certificate(place: Place, name: string, validDays = 30): Promise<unknown> {
  const made = await selfSigned(name, validDays)
  return tlsSecret(place, name, made.certificate, made.key)
}

export async function claim({ namespace }: Place, name: string, storageClassName: string): Promise<unknown> {
  return applyYaml({
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name, namespace },
    spec: { accessModes: ['ReadWriteOnce'], storageClassName, resources: { requests: { storage: '1Gi' } } },
  })
}

/** For one claim, on the disk of the node. It is of no namespace, and goes by its label. */
export async function volume({ namespace }: Place, claimName: string, storageClassName: string): Promise<unknown> {
  return applyYaml({
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name: `${namespace}-${claimName}`, labels: { [volumesLabel]: namespace } },
    spec: {
      storageClassName,
      accessModes: ['ReadWriteOnce'],
      capacity: { storage: '1Gi' },
      persistentVolumeReclaimPolicy: 'Retain',
      claimRef: { namespace, name: claimName },
      hostPath: { path: `/tmp/test-cluster-volumes/${namespace}`, type: 'DirectoryOrCreate' },
    },
  })
}

export const volumesLabel = 'test.ftp-operator.io/namespace'
