/** What live objects tell: Services, pods, claims, Secrets, as the decisions need them. */
import { annotationKeys, labelKeys } from '../desired/names.ts'
import type { KubernetesObject } from '../kubernetes/object.ts'
import { conditionOf, listAt, numberAt, recordAt, textAt, textsAt } from '../kubernetes/read.ts'
import type { NodeAddress, ObservedPod, ReportedProblem, ServerReport, Source } from './observation.ts'

export function findLive(live: readonly KubernetesObject[], kind: string, name: string): KubernetesObject | undefined {
  return live.find(object => object.kind === kind && object.metadata.name === name)
}

export type ServiceState = {
  /** The IPv4 address within the cluster, or any if there is none of IPv4. Undefined for a Service without. */
  readonly clusterAddress: string | undefined
  readonly ingress: readonly { readonly ip: string | undefined; readonly hostname: string | undefined }[]
  readonly ports: readonly number[]
  /** By port of the Service. */
  readonly nodePorts: ReadonlyMap<number, number>
  /** Undefined for a Service that is not for clients from outside. */
  readonly externalTrafficPolicy: string | undefined
}

export function readService(object: KubernetesObject): ServiceState {
  const single = textAt(object, 'spec', 'clusterIP')
  const all = textsAt(object, 'spec', 'clusterIPs')
  const addresses = (all.length > 0 ? all : single === undefined ? [] : [single]).filter(each => each !== 'None')
  const pairs = listAt(object, 'spec', 'ports').flatMap((each): [number, number][] => {
    const [port, nodePort] = [numberAt(each, 'port'), numberAt(each, 'nodePort')]
    return port === undefined || nodePort === undefined ? [] : [[port, nodePort]]
  })
  return {
    clusterAddress: addresses.find(isIPv4) ?? addresses[0],
    ingress: listAt(object, 'status', 'loadBalancer', 'ingress').map(each => ({
      ip: textAt(each, 'ip'),
      hostname: textAt(each, 'hostname'),
    })),
    ports: listAt(object, 'spec', 'ports').flatMap(each => numberAt(each, 'port') ?? []),
    nodePorts: new Map(pairs),
    externalTrafficPolicy: textAt(object, 'spec', 'externalTrafficPolicy'),
  }
}

/** Undefined if it is no pod of a replica. */
export function readPod(object: KubernetesObject, report: ServerReport | undefined): ObservedPod | undefined {
  const { name, uid = '', labels = {}, annotations = {}, creationTimestamp, deletionTimestamp } = object.metadata
  const replica = Number(labels[labelKeys.replica] ?? Number.NaN)
  if (!Number.isInteger(replica) || replica < 0) return undefined
  const phase = textAt(object, 'status', 'phase')
  return {
    name,
    uid,
    replica,
    half: labels[labelKeys.half] === 'b' ? 'b' : 'a',
    node: textAt(object, 'spec', 'nodeName'),
    address: textAt(object, 'status', 'podIP'),
    created: Date.parse(creationTimestamp ?? '') || 0,
    ready: conditionOf(object, 'Ready')?.status === 'True',
    readySince: readySince(object),
    terminating: deletionTimestamp !== undefined,
    ended: phase === 'Succeeded' || phase === 'Failed',
    trouble: podTrouble(object),
    stamp: annotations[annotationKeys.files],
    report,
  }
}

function readySince(object: KubernetesObject): number | undefined {
  const ready = listAt(object, 'status', 'conditions').find(each => textAt(each, 'type') === 'Ready')
  if (textAt(ready, 'status') !== 'True') return undefined
  return Date.parse(textAt(ready, 'lastTransitionTime') ?? '') || undefined
}

function podTrouble(object: KubernetesObject): ObservedPod['trouble'] {
  for (const container of listAt(object, 'status', 'containerStatuses')) {
    const reason = textAt(container, 'state', 'waiting', 'reason')
    if (reason === undefined || reason === 'ContainerCreating' || reason === 'PodInitializing') continue
    return settled(reason, textAt(container, 'state', 'waiting', 'message') ?? '')
  }
  const scheduled = conditionOf(object, 'PodScheduled')
  if (scheduled?.status === 'False') return { reason: scheduled.reason || 'Unschedulable', message: scheduled.message }
  return undefined
}

// The kubelet goes back and forth between the two as it tries again, and both tell of one thing.
function settled(reason: string, message: string): NonNullable<ObservedPod['trouble']> {
  if (reason !== 'ErrImagePull' && reason !== 'ImagePullBackOff') return { reason, message }
  return { reason: 'ImagePullBackOff', message: message.replace(/^Back-off pulling image "[^"]*": ErrImagePull: /, '') }
}

/** Content of a Secret or ConfigMap. Undefined for objects of other kinds. */
export function readSource(object: KubernetesObject): Source | undefined {
  const { kind } = object
  if (kind !== 'Secret' && kind !== 'ConfigMap') return undefined
  const decode = (text: string) => Buffer.from(text, 'base64')
  const plain = Object.entries(recordAt(object, 'data')).map(([key, text]): [string, Uint8Array] => [
    key,
    kind === 'Secret' ? decode(text) : Buffer.from(text),
  ])
  const binary = Object.entries(recordAt(object, 'binaryData')).map(([key, text]): [string, Uint8Array] => [
    key,
    decode(text),
  ])
  const { name, labels = {} } = object.metadata
  return { kind, name, labels, data: new Map([...plain, ...binary]) }
}

export type ClaimState = {
  readonly name: string
  readonly phase: string
  readonly capacity: string | undefined
  readonly requested: string | undefined
  readonly storageClass: string | undefined
  readonly accessModes: readonly string[]
  readonly deleting: boolean
  readonly resize: { readonly failed: boolean; readonly message: string } | undefined
}

export function readClaim(object: KubernetesObject): ClaimState {
  const resizing = ['Resizing', 'FileSystemResizePending'].map(type => conditionOf(object, type))
  const failed = ['ControllerResizeError', 'NodeResizeError'].map(type => conditionOf(object, type))
  const bad = failed.find(condition => condition?.status === 'True')
  const going = resizing.find(condition => condition?.status === 'True')
  return {
    name: object.metadata.name,
    phase: textAt(object, 'status', 'phase') ?? 'Pending',
    capacity: textAt(object, 'status', 'capacity', 'storage'),
    requested: textAt(object, 'spec', 'resources', 'requests', 'storage'),
    storageClass: textAt(object, 'spec', 'storageClassName'),
    accessModes: textsAt(object, 'spec', 'accessModes'),
    deleting: object.metadata.deletionTimestamp !== undefined,
    resize:
      bad === undefined && going === undefined
        ? undefined
        : { failed: bad !== undefined, message: (bad ?? going)?.message ?? '' },
  }
}

export function readNodeAddresses(object: KubernetesObject): readonly NodeAddress[] {
  return listAt(object, 'status', 'addresses').flatMap(each => {
    const [type, address] = [textAt(each, 'type'), textAt(each, 'address')]
    return type === undefined || address === undefined ? [] : [{ type, address }]
  })
}

/** The answer of `/status`. Undefined if it is not one. */
export function readReport(answer: unknown): ServerReport | undefined {
  const hash = textAt(answer, 'hash')
  if (hash === undefined) return undefined
  const expires = textAt(answer, 'certificate', 'expires')
  return {
    hash,
    accepted: numberAt(answer, 'users', 'accepted') ?? 0,
    rejectedCount: numberAt(answer, 'users', 'rejectedCount') ?? 0,
    rejected: listAt(answer, 'users', 'rejected').map(readProblem),
    problemCount: numberAt(answer, 'problemCount') ?? 0,
    problems: listAt(answer, 'problems').map(readProblem),
    certificate:
      expires === undefined ? undefined : { expires, fingerprint: textAt(answer, 'certificate', 'fingerprint') ?? '' },
    removedHomes: listAt(answer, 'removedHomes').map(each => ({
      id: textAt(each, 'id') ?? '',
      state: textAt(each, 'state') ?? '',
      message: textAt(each, 'message') ?? '',
    })),
  }
}

function readProblem(value: unknown): ReportedProblem {
  return {
    file: textAt(value, 'file') ?? '',
    path: textAt(value, 'path') ?? '',
    message: textAt(value, 'message') ?? '',
    user: textAt(value, 'user'),
  }
}

export function isIPv4(text: string): boolean {
  return /^\d{1,3}(\.\d{1,3}){3}$/.test(text)
}

/** Whether the object's controller is this very resource. */
export function isControlledBy(object: KubernetesObject, uid: string): boolean {
  return object.metadata.ownerReferences?.some(owner => owner.controller === true && owner.uid === uid) === true
}

/** The generation that its controller has seen is not the newest, or its newest pods are not there yet. */
export function isRollingOut(deployment: KubernetesObject): boolean {
  const observed = numberAt(deployment, 'status', 'observedGeneration') ?? 0
  if (observed < (deployment.metadata.generation ?? 0)) return true
  const wanted = numberAt(deployment, 'spec', 'replicas') ?? 1
  const count = (field: string) => numberAt(deployment, 'status', field) ?? 0
  return count('updatedReplicas') < wanted || count('replicas') > count('updatedReplicas')
}

/** Why its pods can't even be made: a quota, or a security standard. */
export function creationFailure(deployment: KubernetesObject): string | undefined {
  const failure = conditionOf(deployment, 'ReplicaFailure')
  return failure?.status === 'True' ? failure.message : undefined
}
