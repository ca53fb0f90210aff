/** What is decided about a server, from what was observed: what it consists of, and what status tells of it. Pure. */
import type { Blueprint } from '../desired/blueprint.ts'
import { nameOf, usersSecrets } from '../desired/names.ts'
import { amountOf } from '../desired/subset.ts'
import { at } from '../kubernetes/read.ts'
import { findLive, readClaim } from '../observation/live.ts'
import type { Observation } from '../observation/observation.ts'
import type { Problem } from '../problem.ts'
import { decideSnapshots, type SnapshotDecision } from '../snapshots/decision.ts'
import { type Binding, bindUsers, resourceFiles, withPlaces } from '../users/binding.ts'
import { aggregateUsers } from '../users/user-files.ts'
import { type CertificateState, certificateState } from './certificate-state.ts'
import { type ConfigurationHashes, configurationHashes } from './configuration-hashes.ts'
import { decideExposure, type Exposure } from './exposure/exposure.ts'
import { isHeldBack, isHiding } from './exposure/source-address.ts'
import { probeFiles } from './probe-list.ts'
import { peerOf, relayOf, relaySecretState } from './relay-state.ts'
import { chooseReplica, rolloutOf } from './rollout.ts'
import { decideVerification, type VerificationDecision } from './verification.ts'

/** What status tells about, beside the observation. */
export type Decisions = ConfigurationHashes & {
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
  /** Replicas whose new pods have to wait until older ones are gone. */
  readonly waiting: readonly number[]
  /** Replicas that are to get new pods. */
  readonly changed: readonly number[]
}

export function decide(observation: Observation): Decisions {
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

/** A claim that outlived another server of this name may be larger than this one asks for. */
function claimSizeOf({ server, claim: object }: Observation): string | undefined {
  const { claim } = server.spec.storage
  if (claim === undefined) return undefined
  const requested = object && readClaim(object).requested
  return requested !== undefined && (amountOf(requested) ?? 0) > (amountOf(claim.size) ?? 0) ? requested : claim.size
}
