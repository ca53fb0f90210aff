/** The decision: what is to be applied, removed and told to pods, from what was observed. Pure. */
import { createHash } from 'node:crypto'
import { configurationHash, type DigestedFile, fileDigest } from '../../server/config/hash.ts'
import type { Blueprint, Replica } from '../desired/blueprint.ts'
import { configMap } from '../desired/config-map.ts'
import { desiredObjects } from '../desired/index.ts'
import { annotationKeys, nameOf, probeListKey, usersSecrets } from '../desired/names.ts'
import { podTemplate } from '../desired/pod-template.ts'
import { type Half, halves, type Rollout } from '../desired/ports.ts'
import { relayDirectory, relaySecretKey } from '../desired/relay.ts'
import { serverYamlKey } from '../desired/server-configuration.ts'
import { amountOf } from '../desired/subset.ts'
import type { KubernetesObject, Manifest } from '../kubernetes/object.ts'
import { at, textAt } from '../kubernetes/read.ts'
import { findLive, isControlledBy, readClaim } from '../observation/live.ts'
import type { Observation } from '../observation/observation.ts'
import { findSource } from '../observation/references.ts'
import type { Problem } from '../problem.ts'
import { decideSnapshots, type SnapshotDecision } from '../snapshots/decision.ts'
import { type Binding, bindUsers, resourceFiles, withPlaces } from '../users/binding.ts'
import { aggregateUsers } from '../users/user-files.ts'
import { type CertificateNeed, type CertificateState, certificateState } from './certificate-state.ts'
import { chooseHalf } from './choose-half.ts'
import { decideExposure, type Exposure, isHeldBack, isHiding } from './exposure.ts'
import { ownershipOf } from './ownership.ts'
import { peerOf, type RelaySecretNeed, relayOf, relaySecretState } from './relay-state.ts'
import { settlesInMilliseconds } from './settling.ts'
import { isStampDue, nextStampMilliseconds, stampValue } from './stamp.ts'
import { patienceLeftMilliseconds } from './trouble.ts'
import { decideVerification, type VerificationDecision } from './verification.ts'

export type Plan = {
  /** In this order: what others need comes first. */
  readonly apply: readonly Manifest[]
  /** Owned, and not wanted any more. */
  readonly remove: readonly KubernetesObject[]
  /** Pods to annotate once everything is applied, so that the kubelet looks for new files at once. */
  readonly stamp: readonly PodStamp[]
  /** A certificate to make: then it is one of the observed sources, and the plan is made again. */
  readonly certificateNeeded: CertificateNeed | undefined
  /** The operator has to log in and has no password: then it is in the observation, and the plan is made again. */
  readonly credentialNeeded: boolean
  /** Secrets for relaying to make: then they are among the observed sources, and the plan is made again. */
  readonly relaySecretNeeded: RelaySecretNeed | undefined
  readonly requeueAfterSeconds: number
  readonly problems: readonly Problem[]
  readonly decisions: Decisions
}

export type PodStamp = {
  readonly pod: string
  readonly uid: string
  readonly annotation: string
  readonly value: string
}

/** What status tells about, beside the observation. */
export type Decisions = {
  readonly blueprint: Blueprint
  readonly exposure: Exposure
  readonly certificate: CertificateState
  readonly userProblems: readonly Problem[]
  readonly verification: VerificationDecision
  readonly snapshots: SnapshotDecision
  /** Ports that the Service has. */
  readonly portCount: number
  /** The FtpUsers that name the server. */
  readonly bindings: readonly Binding[]
  /** Of the configuration that a pod is to have in force. */
  readonly hashOf: (replica: number, half: Half) => string
  /** Of all of them: one for the whole server. */
  readonly hash: string
  /** Replicas whose new pods have to wait until older ones are gone. */
  readonly waiting: readonly number[]
  /** Replicas that are to get new pods. */
  readonly changed: readonly number[]
}

export function plan(observation: Observation): Plan {
  const decisions = decide(observation)
  const { server, live } = observation
  const { blueprint, certificate, waiting } = decisions
  const { userProblems } = decisions
  const idle = {
    apply: [],
    remove: [],
    stamp: [],
    certificateNeeded: undefined,
    credentialNeeded: false,
    relaySecretNeeded: undefined,
  }
  const requeueAfterSeconds = secondsUntilNext(observation, decisions)
  if (server.metadata.deletionTimestamp !== undefined || server.spec.paused) {
    return { ...idle, requeueAfterSeconds, problems: userProblems, decisions }
  }
  const desired = desiredObjects(blueprint)
  const heldBy = Map.groupBy(desired, manifest => holderOf(manifest, observation) ?? 'own')
  const taken = [...(heldBy.get('foreign') ?? []), ...takenCertificate(observation, blueprint)]
  // Pods would have files, users, keys or rights of somebody else. Those that run stay as they are.
  const isHeldUp = taken.some(({ kind }) => partsOfPods.has(kind))
  const apply = (heldBy.get('own') ?? []).filter(({ kind }) => !isHeldUp || kind !== 'Deployment').map(withHash)
  // Nobody tells when an object of others goes away.
  const untilFree = [heldBy.has('left') ? waitingSeconds : quietSeconds, taken.length > 0 ? takenSeconds : quietSeconds]
  const kept = new Set([
    ...desired.map(identityOf),
    ...waiting.map(replica => `Deployment ${nameOf.deployment(server.metadata.name, replica)}`),
    // It is unusable, and made anew before anything is applied.
    ...(certificate.source.kind === 'self-signed' ? [`Secret ${certificate.source.secretName}`] : []),
  ])
  return {
    apply: gainingFirst(apply, live),
    // Files of people go with the server or not at all.
    remove: live.filter(
      object =>
        object.kind !== 'PersistentVolumeClaim' &&
        object.metadata.deletionTimestamp === undefined &&
        isControlledBy(object, server.metadata.uid) &&
        !kept.has(identityOf(object)),
    ),
    stamp: stamps(observation, decisions),
    certificateNeeded: isCertificateTaken(observation, certificate) ? undefined : certificate.needed,
    credentialNeeded: isCredentialNeeded(observation, decisions),
    relaySecretNeeded: relaySecretState(observation).needed,
    requeueAfterSeconds: Math.min(requeueAfterSeconds, ...untilFree),
    problems: [...userProblems, ...monitoringProblems(blueprint), ...taken.map(takenProblem)],
    decisions,
  }
}

function decide(observation: Observation): Decisions {
  const { server, operator, served, pods } = observation
  const { spec } = server
  const portReplicas = Math.max(1, spec.replicas, ...pods.filter(pod => !pod.ended).map(pod => pod.replica + 1))
  const exposure = decideExposure(observation, portReplicas)
  const certificate = certificateState(observation, exposure.clientAddress)
  const users = usersOf(observation)
  const draft: Blueprint = {
    server,
    image: spec.image ?? operator.defaultImage,
    served,
    operatorNamespace: operator.namespace,
    rollout: rolloutOf(observation),
    externalTrafficPolicy: exposure.externalTrafficPolicy,
    peerCheck: exposure.peerCheck,
    bansEnabled: exposure.bansEnabled,
    addressesHidden: !exposure.sourceAddress.preserved,
    portReplicas,
    replicas: [],
    advertised: exposure.advertised,
    claimSize: claimSizeOf(observation),
    selfSigned: certificate.selfSigned,
    certificate: certificate.source,
    certificateNames: certificate.names,
    users: users.shards,
    relayPeerOf: owns => peerOf(pods, owns),
    relaySecrets: relaySecretState(observation).secrets,
    relay: 'off',
  }
  const chosen = Array.from({ length: spec.replicas }, (_, index) => chooseReplica(draft, observation, index))
  const hashes = configurationHashes(draft, observation)
  const relay = relayOf(observation, portReplicas, hashes.hashOf)
  const waiting = chosen.flatMap(({ replica }, index) => (replica === undefined ? [index] : []))
  const changed = chosen.flatMap(({ templateChanged }, index) => (templateChanged ? [index] : []))
  return {
    blueprint: {
      ...draft,
      replicas: chosen.flatMap(({ replica }) => replica ?? []),
      relay,
      ...(isHeldBack(observation, exposure, hashes.hashOf) && { externalTrafficPolicy: 'Local' }),
      ...(relay === 'off' && isHiding(observation, exposure) && { externalTrafficPolicy: 'Cluster' }),
    },
    exposure,
    certificate,
    userProblems: users.problems,
    bindings: users.bindings,
    ...hashes,
    waiting,
    changed,
    verification: decideVerification(observation, {
      exposure,
      certificate,
      rollout: draft.rollout,
      relay,
      hashOf: hashes.hashOf,
      isRolling: waiting.length + changed.length > 0,
    }),
    snapshots: decideSnapshots(observation),
    portCount: spec.listeners.length + portReplicas * spec.passive.portsPerReplica,
  }
}

/** Once from the beginning, so that nothing changes when all is ready; and where it is of an operator that is gone, when it is used. */
function isCredentialNeeded({ server, live, probe }: Observation, { verification }: Decisions): boolean {
  if (probe === undefined || probe.credential !== undefined || server.spec.passive.verification === 'Disabled')
    return false
  return verification.due !== undefined || liveProbeList(server.metadata.name, live) === undefined
}

/** What pods have of the user with whom the operator tries the way in. */
function liveProbeList(server: string, live: readonly KubernetesObject[]): Uint8Array | undefined {
  for (let shard = 0; shard < usersSecrets; shard += 1) {
    const content = textAt(findLive(live, 'Secret', nameOf.usersSecret(server, shard)), 'data', probeListKey)
    if (content !== undefined) return Buffer.from(content, 'base64')
  }
  return undefined
}

function probeFiles({ server, live, probe }: Observation): ReadonlyMap<string, Uint8Array> {
  if (server.spec.passive.verification === 'Disabled') return new Map()
  const list = probe?.credential?.list ?? liveProbeList(server.metadata.name, live)
  return list === undefined ? new Map() : new Map([[probeListKey, list]])
}

function usersOf(observation: Observation) {
  const { server, sources, users, live, now } = observation
  const previous = Array.from({ length: usersSecrets }, (_, shard) => {
    const secret = findLive(live, 'Secret', nameOf.usersSecret(server.metadata.name, shard))
    return new Set(Object.keys(at(secret, 'data') ?? {}))
  })
  const bindings = bindUsers(server, users, now)
  const extra = new Map([...probeFiles(observation), ...resourceFiles(bindings)])
  const aggregate = aggregateUsers(server, sources, extra, previous)
  const places = new Set(aggregate.shards.flatMap(files => [...files.keys()]))
  return { ...aggregate, bindings: withPlaces(bindings, places) }
}

/** Two pods at once need a volume that both can write, and ports that both can have. */
function rolloutOf({ server, claim }: Observation): Rollout {
  const { storage, hostNetwork } = server.spec
  if (hostNetwork) return 'recreate'
  if (storage.emptyDir !== undefined) return 'rolling'
  const modes = storage.claim?.accessModes ?? (claim && readClaim(claim).accessModes) ?? []
  return modes.some(mode => mode === 'ReadWriteMany' || mode === 'ReadOnlyMany') ? 'rolling' : 'recreate'
}

/** A claim that outlived another server of this name may be larger than this one asks for. */
function claimSizeOf({ server, claim: object }: Observation): string | undefined {
  const { claim } = server.spec.storage
  if (claim === undefined) return undefined
  const requested = object && readClaim(object).requested
  return requested !== undefined && (amountOf(requested) ?? 0) > (amountOf(claim.size) ?? 0) ? requested : claim.size
}

type Chosen = { readonly replica: Replica | undefined; readonly templateChanged: boolean }

function chooseReplica(draft: Blueprint, { server, live, pods }: Observation, index: number): Chosen {
  const templateHash = hashOf(podTemplate(draft, index, 'a'))
  const deployment = findLive(live, 'Deployment', nameOf.deployment(server.metadata.name, index))
  const annotations = deployment?.metadata.annotations ?? {}
  const templateChanged = deployment !== undefined && annotations[annotationKeys.templateHash] !== templateHash
  if (draft.rollout === 'recreate') {
    return { replica: { index, half: 'a', templateHash, isVacant: false }, templateChanged }
  }
  const liveHalf = halves.find(half => half === annotations[annotationKeys.half])
  const ready = pods.filter(pod => pod.replica === index && pod.ready && !pod.ended)
  const halvesOf = (isTerminating: boolean) =>
    new Set(ready.filter(({ terminating }) => terminating === isTerminating).map(({ half }) => half))
  const [serving, draining] = [halvesOf(false), halvesOf(true)]
  const half = chooseHalf({ templateChanged, live: deployment && (liveHalf ?? 'a'), serving, draining })
  const isVacant = serving.size === 0 && draining.size > 0
  return { replica: half === 'wait' ? undefined : { index, half, templateHash, isVacant }, templateChanged }
}

/** Hashes as servers compute them: over the paths of the files as they see them. */
function configurationHashes(
  blueprint: Blueprint,
  { sources, server }: Observation,
): Pick<Decisions, 'hashOf' | 'hash'> {
  const digested = (path: string, content: Uint8Array): DigestedFile => ({ path, digest: fileDigest(content) })
  const { certificate } = blueprint
  const secret = certificate.kind === 'none' ? undefined : findSource(sources, 'Secret', certificate.secretName)
  const { mode, secretName } = server.spec.tls.clientCertificates
  const authority = mode === 'Disabled' ? undefined : findSource(sources, 'Secret', secretName)
  const contents = new Map([
    ['tls/tls.crt', secret?.data.get('tls.crt')],
    ['tls/tls.key', secret?.data.get('tls.key')],
    ['tls/ca.crt', secret === undefined ? undefined : authority?.data.get('ca.crt')],
  ])
  if (secret !== undefined) {
    for (const { name, secretName: ofHost } of server.spec.hosts) {
      const own = findSource(sources, 'Secret', ofHost)
      for (const key of ['tls.crt', 'tls.key']) contents.set(`tls/${name}/${key}`, own?.data.get(key))
    }
  }
  const secrets = blueprint.relaySecrets?.get(relaySecretKey)
  if (secrets !== undefined) contents.set(`${relayDirectory}/${relaySecretKey}`, secrets)
  for (const files of blueprint.users) for (const [key, content] of files) contents.set(`users/${key}`, content)
  const shared = [...contents].flatMap(([path, content]) => (content === undefined ? [] : [digested(path, content)]))
  const { data = {} } = configMap(blueprint)
  const serverFile = (path: string, key: string) => {
    const content = data[key]
    return content === undefined ? [] : [digested(path, Buffer.from(content))]
  }
  const hashes = new Map(
    Object.keys(data).map(key => [key, configurationHash([...shared, ...serverFile('server.yaml', key)])]),
  )
  return {
    // A pod that mounts what is not made any more, because pods are rolled out in another way now, is about to go.
    hashOf: (replica: number, half: Half) => hashes.get(serverYamlKey(replica, half)) ?? '',
    hash: configurationHash([...shared, ...Object.keys(data).flatMap(key => serverFile(key, key))]),
  }
}

function stamps({ pods, now }: Observation, { hashOf: expectedHash }: Decisions): readonly PodStamp[] {
  return pods
    .filter(pod => !pod.terminating && !pod.ended)
    .flatMap(pod => {
      const hash = expectedHash(pod.replica, pod.half)
      if (!isStampDue(pod, hash, now)) return []
      return [
        { pod: pod.name, uid: pod.uid, annotation: annotationKeys.files, value: stampValue(pod.stamp, hash, now) },
      ]
    })
}

/** Undefined if there is no object of that name yet. */
function holderOf({ kind, metadata }: Pick<Manifest, 'kind' | 'metadata'>, { live, server }: Observation) {
  const object = findLive(live, kind, metadata.name)
  return object && ownershipOf(object, server)
}

function isCertificateTaken(observation: Observation, { source }: CertificateState): boolean {
  if (source.kind === 'none') return false
  const holder = holderOf({ kind: 'Secret', metadata: { name: source.secretName } }, observation)
  return holder === 'left' || holder === 'foreign'
}

const partsOfPods = new Set(['PersistentVolumeClaim', 'Secret', 'ConfigMap', 'ServiceAccount'])

/** The Secret of the certificate that the operator would make, if it is somebody else's and nothing can be planned with what is in it. */
function takenCertificate(
  observation: Observation,
  { certificate, selfSigned }: Blueprint,
): Pick<Manifest, 'kind' | 'metadata'>[] {
  if (certificate.kind !== 'self-signed' || selfSigned !== undefined) return []
  const secret = { kind: 'Secret', metadata: { name: certificate.secretName } }
  return holderOf(secret, observation) === 'foreign' ? [secret] : []
}

function takenProblem({ kind, metadata }: Pick<Manifest, 'kind' | 'metadata'>): Problem {
  return {
    source: `${kind} ${metadata.name}`,
    reason: 'NameTaken',
    message: 'exists already and does not belong to this server; it is left as it is',
  }
}

function monitoringProblems({ server, served }: Blueprint): readonly Problem[] {
  const { podMonitor, prometheusRule } = server.spec.monitoring
  const missing = (kind: string): Problem => ({
    source: 'spec.monitoring',
    reason: 'KindNotServed',
    message: `asks for a ${kind}, a kind that the cluster does not have`,
  })
  return [
    ...(podMonitor === 'Enabled' && !served.podMonitor ? [missing('PodMonitor')] : []),
    ...(prometheusRule === 'Enabled' && !served.prometheusRule ? [missing('PrometheusRule')] : []),
  ]
}

/** Of the users' Secrets those that lose no key come first: a key that moves is in both for a moment, and never in none. */
function gainingFirst(manifests: readonly Manifest[], live: readonly KubernetesObject[]): readonly Manifest[] {
  const loses = (manifest: Manifest) => {
    const before = manifest.kind === 'Secret' ? findLive(live, 'Secret', manifest.metadata.name) : undefined
    const after = at(manifest, 'data')
    return Object.keys(at(before, 'data') ?? {}).some(key => at(after, key) === undefined)
  }
  const secrets = manifests
    .filter(({ kind }) => kind === 'Secret')
    .toSorted((one, other) => Number(loses(one)) - Number(loses(other)))
  return manifests.map(manifest => (manifest.kind === 'Secret' ? (secrets.shift() ?? manifest) : manifest))
}

function identityOf({ kind, metadata }: Manifest): string {
  return `${kind} ${metadata.name}`
}

function withHash(manifest: Manifest): Manifest {
  const { metadata } = manifest
  const annotations = {
    ...(at(metadata, 'annotations') as Record<string, string> | undefined),
    [annotationKeys.appliedHash]: hashOf(manifest),
  }
  return { ...manifest, metadata: { ...metadata, annotations } as Manifest['metadata'] }
}

// Enough to tell versions of one object apart, and short enough to be read.
function hashOf(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 16)
}

// What no watch tells about: certificates that expire, servers that answer something else.
const quietSeconds = 600
const waitingSeconds = 5
const takenSeconds = 15
const resolvingSeconds = 10
const clashSeconds = 10
/** While pods remove homes. */
const leavingSeconds = 3

function secondsUntilNext(observation: Observation, decisions: Decisions): number {
  const { now, pods } = observation
  const { certificate, exposure, waiting, bindings, hashOf: expectedHash } = decisions
  // One that is needed now is made now, or somebody is in the way.
  const isKnown = certificate.renewAt !== undefined && certificate.needed === undefined
  const untilRenewal = isKnown ? (certificate.renewAt - now) / 1000 : quietSeconds
  const untilApplied = pods
    .filter(pod => !pod.terminating && !pod.ended && pod.node !== undefined)
    .flatMap(pod => nextStampMilliseconds(pod, expectedHash(pod.replica, pod.half), now) ?? [])
    .map(milliseconds => milliseconds / 1000)
  const settlesIn = settlesInMilliseconds(observation)
  const untilTried = decisions.verification.inMilliseconds
  const untilSnapshots = decisions.snapshots.inMilliseconds
  const patienceLeft = patienceLeftMilliseconds(observation)
  const seconds = Math.min(
    quietSeconds,
    untilRenewal,
    ...untilApplied,
    ...(settlesIn > 0 ? [settlesIn / 1000] : []),
    ...(waiting.length > 0 ? [waitingSeconds] : []),
    ...(bindings.some(({ leaving }) => leaving !== undefined) ? [leavingSeconds] : []),
    ...(exposure.address.reason === 'HostnameUnresolved' ? [resolvingSeconds] : []),
    ...(exposure.address.reason === 'PortTaken' ? [clashSeconds] : []),
    ...(patienceLeft === undefined ? [] : [patienceLeft / 1000]),
    ...(untilSnapshots === undefined ? [] : [untilSnapshots / 1000]),
    ...(untilTried === undefined || observation.probe === undefined ? [] : [untilTried / 1000]),
  )
  return Math.max(1, Math.ceil(seconds))
}
