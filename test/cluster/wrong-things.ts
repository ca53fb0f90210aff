/** Something wrong with a server that only the cluster can judge; and what it takes to make and mend it. */
import type { ConditionType } from '../../operator/api/status.ts'
import { selfSigned } from '../support/certificates.ts'
import { applyYaml, ftpServer, kubectl, waitForCondition } from '../support/cluster/cluster.ts'
import type { Place } from '../support/cluster/conditions.ts'

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

/** Of the cluster's default storage class. */
export async function claim({ namespace }: Place, name: string): Promise<unknown> {
  return applyYaml({
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name, namespace },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
  })
}

/** Hands a volume to a claim whose storage class makes none: one that the default class has made for another server. */
export async function giveVolume({ namespace, name }: Place, claimName: string, storageClassName: string) {
  const donor = `${name}-donor`
  const its = (...args: readonly string[]) => kubectl(['-n', namespace, ...args])
  await applyYaml(
    ftpServer(namespace, donor, {
      listeners: [{ name: 'ftp', port: 3400 }],
      service: { type: 'ClusterIP' },
      storage: { claim: { size: '1Gi' } },
      drainSeconds: 1,
    }),
  )
  await waitForCondition(namespace, donor)
  const volume = await its('get', 'persistentvolumeclaim', `${donor}-data`, '-o=jsonpath={.spec.volumeName}')
  const change = (labels: object, spec: object) =>
    kubectl(['patch', 'persistentvolume', volume, '--type=merge', '-p', JSON.stringify({ metadata: { labels }, spec })])
  await change({ [volumesLabel]: namespace }, { persistentVolumeReclaimPolicy: 'Retain' })
  await its('delete', 'ftp', donor, '--timeout=60s')
  await its('delete', 'persistentvolumeclaim', `${donor}-data`, '--timeout=60s')
  // From here on it goes with its claim.
  await change(
    { [volumesLabel]: null },
    {
      storageClassName,
      claimRef: { namespace, name: claimName, uid: null, resourceVersion: null },
      persistentVolumeReclaimPolicy: 'Delete',
    },
  )
}

/** Of volumes that nobody deletes should the test end too early: they are of no namespace. */
export const volumesLabel = 'test.ftp-operator.io/namespace'
