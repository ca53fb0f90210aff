/** The decision: what is to be applied, removed and told to pods, from what was observed. Pure. */
import type { Blueprint } from '../desired/blueprint.ts'
import { desiredObjects } from '../desired/index.ts'
import { annotationKeys, nameOf } from '../desired/names.ts'
import type { KubernetesObject, Manifest } from '../kubernetes/object.ts'
import { at } from '../kubernetes/read.ts'
import { findLive, isControlledBy } from '../observation/live.ts'
import type { Observation } from '../observation/observation.ts'
import type { Problem } from '../problem.ts'
import { withHash } from './applied-hash.ts'
import type { CertificateNeed } from './certificate-state.ts'
import { type Decisions, decide } from './decisions.ts'
import { quietSeconds, secondsUntilNext, takenSeconds, waitingSeconds } from './next-look.ts'
import { holderOf, isCertificateTaken, partsOfPods, takenCertificate, takenProblem } from './ownership.ts'
import { isCredentialNeeded } from './probe-list.ts'
import { type RelaySecretNeed, relaySecretState } from './relay-state.ts'
import { isStampDue, stampValue } from './stamp.ts'

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
