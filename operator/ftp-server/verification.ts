/** Whether and when the way in to a server is tried, and what for. Pure. */
import { createHash } from 'node:crypto'
import type { Listener } from '../api/ftp-server.ts'
import { annotationKeys } from '../desired/names.ts'
import { containerPorts, type Half, passiveRange, portsOf, probesPort, type Rollout } from '../desired/ports.ts'
import { relayPort } from '../desired/relay.ts'
import { findLive, isIPv4, readService } from '../observation/live.ts'
import type { Observation, ObservedPod } from '../observation/observation.ts'
import type { ProbeFinding } from '../passive-probe/finding.ts'
import { type Verification, verificationMilliseconds } from '../passive-probe/probes.ts'
import type { ProbePort, ProbeTarget, Way } from '../passive-probe/target.ts'
import type { CertificateState } from './certificate-state.ts'
import type { Exposure } from './exposure/exposure.ts'
import { settledMilliseconds } from './settling.ts'
import { hasInForce } from './stamp.ts'

export type VerificationDecision = {
  /** What is to be told. */
  readonly finding: ProbeFinding
  /** What is known of the target as it is now. */
  readonly known: Verification | undefined
  /** What is to be tried now; undefined if nothing is. */
  readonly due: ProbeTarget | undefined
  /** Until there may be something to be tried; undefined if only a change can bring that. */
  readonly inMilliseconds: number | undefined
}

export type VerificationFacts = {
  readonly exposure: Exposure
  readonly certificate: CertificateState
  readonly rollout: Rollout
  readonly relay: 'on' | 'off'
  readonly hashOf: (replica: number, half: Half) => string
  /** Whether pods are to be made or replaced. */
  readonly isRolling: boolean
}

export function decideVerification(observation: Observation, facts: VerificationFacts): VerificationDecision {
  const { server, now, probe } = observation
  const nothing = (reason: string, message: string): VerificationDecision => ({
    finding: { status: 'Unknown', reason, message },
    known: undefined,
    due: undefined,
    inMilliseconds: undefined,
  })
  if (server.spec.passive.verification === 'Disabled') {
    return nothing('Disabled', 'passive.verification is Disabled: nobody has tried the passive ports')
  }
  if (server.spec.suspend || server.spec.replicas === 0) return nothing('NoPods', 'there are no pods')
  const target = targetOf(observation, facts)
  if (typeof target === 'string') return nothing('NotPossible', target)
  const known = target && knownOf(observation, target)
  const wait = target === undefined ? Number.POSITIVE_INFINITY : readyInMilliseconds(observation, facts)
  const until = Math.max(wait, known === undefined ? 0 : known.nextTime - now)
  const isRunning = probe?.running === true
  const due = until <= 0 && !isRunning ? target : undefined
  return {
    finding: known?.finding ?? (wait > 0 ? pending : verifying),
    known,
    due,
    inMilliseconds: isRunning || due !== undefined || !Number.isFinite(until) ? undefined : until,
  }
}

const pending: ProbeFinding = {
  status: 'Unknown',
  reason: 'Pending',
  message: 'the passive ports are tried when all replicas are ready and have their configuration in force',
}
const verifying: ProbeFinding = { status: 'Unknown', reason: 'Verifying', message: 'the passive ports are being tried' }

/** What was found in this term, or what status has kept of an earlier one. */
function knownOf({ probe, server }: Observation, { digest }: ProbeTarget): Verification | undefined {
  const last = probe?.last ?? fromStatus(server.status)
  return last?.of === digest ? last : undefined
}

function fromStatus(status: Observation['server']['status']): Verification | undefined {
  const kept = status?.passive?.verification
  const condition = status?.conditions?.find(({ type }) => type === 'PassiveVerified')
  const time = Date.parse(kept?.time ?? '')
  if (kept === undefined || condition === undefined || Number.isNaN(time)) return undefined
  const { reason, message } = condition
  return {
    of: kept.digest,
    finding: { status: condition.status, reason, message },
    time,
    // Who has taken over tries at once what did not work.
    nextTime: condition.status === 'True' ? time + verificationMilliseconds : time,
  }
}

/** A text says why there can be none; undefined: not yet. */
function targetOf(observation: Observation, facts: VerificationFacts): ProbeTarget | string | undefined {
  const { server, live } = observation
  const { exposure, certificate } = facts
  const { spec, metadata } = server
  if (spec.service.type === 'None' && !spec.hostNetwork) {
    return 'without a Service the operator does not know where clients come in'
  }
  const listener = listenerOf(observation, facts)
  if (listener === undefined) return 'all listeners demand a certificate of clients, and the operator has none'
  const addresses = [exposure.clientAddress, exposure.ownAddress].filter(each => each !== undefined)
  const ports = portsOfPods(observation, facts)
  if (!exposure.address.ready || addresses.length === 0 || ports.length === 0) return undefined
  const found = findLive(live, 'Service', metadata.name)
  const service = found && readService(found)
  const told = [
    exposure.advertised.addressOf(0, 'a'),
    ...exposure.advertised.byNetwork(0, 'a').map(({ address }) => address),
  ]
  const target = {
    addresses: [...new Set(addresses)],
    port: exposure.clientPort(listener.port),
    tls: tlsOf(listener.tls, certificate),
    told: told.every(isIPv4) ? [...new Set(told)] : [],
    way: wayOf(observation),
    relay: relayTarget(observation, facts, listener),
    resumption: spec.tls.sessionReuse === 'Disabled' ? 'optional' : 'expected',
  } as const
  const anew = metadata.annotations?.[annotationKeys.verifyPassive]
  return {
    ...target,
    ports,
    fingerprint: certificate.fingerprint,
    clusterAddress: service?.clusterAddress,
    servicePorts: service?.ports,
    digest: digestOf([target, anew, ports.map(port => ({ ...port, podAddress: undefined }))]),
  }
}

function digestOf(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 16)
}

/** Where pods expect what a proxy in front sends first, nobody else can try them. */
function relayTarget({ server: { spec } }: Observation, { relay }: VerificationFacts, { name }: Listener) {
  const controlPort = containerPorts(spec).find(each => each.listener.name === name)?.port
  const isBehindProxy = spec.service.proxyProtocol.trustedNetworks.length > 0
  if (relay === 'off' || controlPort === undefined || isBehindProxy) return undefined
  return { controlPort, handoverPort: relayPort(spec), metricsPort: probesPort }
}

function listenerOf({ server: { spec } }: Observation, { certificate }: VerificationFacts) {
  const isPlain = ({ tls }: { readonly tls: string }) => tlsOf(tls, certificate) === 'none'
  const secure = spec.listeners.find(listener => !isPlain(listener))
  const plain = spec.listeners.find(isPlain) ?? spec.listeners.find(({ tls }) => tls === 'Explicit')
  return spec.tls.clientCertificates.mode === 'Required' ? plain : (secure ?? plain)
}

function tlsOf(tls: string, { source }: CertificateState): ProbeTarget['tls'] {
  if (tls === 'Disabled' || source.kind === 'none') return 'none'
  return tls === 'Implicit' ? 'implicit' : 'explicit'
}

function wayOf({ server: { spec } }: Observation): Way {
  if (spec.hostNetwork) return 'node'
  if (spec.service.type === 'LoadBalancer') return 'load-balancer'
  return spec.service.type === 'NodePort' ? 'node-ports' : 'cluster'
}

function portsOfPods(observation: Observation, { exposure, rollout }: VerificationFacts): readonly ProbePort[] {
  const { passive, hostNetwork, replicas } = observation.server.spec
  // In the network of its node each pod has an address of its own, and one of them is told.
  const count = hostNetwork ? 1 : replicas
  return Array.from({ length: count }, (_, replica) => replica).flatMap(replica => {
    const pod = servingPod(observation, replica)
    if (pod === undefined) return []
    return portsOf(passiveRange(passive, { replica, half: pod.half, rollout })).map(port => ({
      port,
      outside: exposure.advertised.ports.get(port) ?? port,
      replica,
      podAddress: pod.address,
    }))
  })
}

function servingPod({ pods }: Observation, replica: number): ObservedPod | undefined {
  return pods.find(pod => pod.replica === replica && pod.ready && !pod.terminating && !pod.ended)
}

/** Until every replica serves with what it is to have; infinite if that is not known. */
function readyInMilliseconds(observation: Observation, { hashOf, isRolling }: VerificationFacts): number {
  const { server, pods, now } = observation
  if (isRolling || server.spec.paused) return Number.POSITIVE_INFINITY
  const replicas = Array.from({ length: server.spec.replicas }, (_, replica) => replica)
  const waits = replicas.map(replica => {
    const current = pods.filter(pod => pod.replica === replica && !pod.terminating && !pod.ended)
    const [pod] = current
    const isOne = current.length === 1 && pod?.ready === true && hasInForce(pod, hashOf(replica, pod.half))
    return pod !== undefined && isOne ? settledMilliseconds(pod, now) : Number.POSITIVE_INFINITY
  })
  return Math.max(0, ...waits)
}
