/** All of status, from the observation and what was decided. Pure. */
import type { Condition, FtpServerStatus } from '../api/ftp-server.ts'
import { conditionTypes } from '../api/status.ts'
import { claimName } from '../desired/claim.ts'
import { selectorLabels } from '../desired/names.ts'
import { sliceOf } from '../desired/ports.ts'
import { isIPv4, readClaim } from '../observation/live.ts'
import type { Observation } from '../observation/observation.ts'
import { appliedReplicas, type Findings, findConditions, newestReport, readyReplicas } from './conditions.ts'
import type { Plan } from './plan.ts'

/** The plan's problems may have more than it was made with: what the API server did not take, with the reason `ApplyFailed`. */
export function statusOf(observation: Observation, plan: Plan): FtpServerStatus {
  const { server, now, pods, claim } = observation
  const { metadata, spec } = server
  const { exposure, certificate, blueprint, snapshots, hash } = plan.decisions
  const findings = findConditions(observation, plan)
  const report = newestReport(observation, plan)
  const claimState = claim && readClaim(claim)
  const current = new Set(pods.filter(({ terminating, ended }) => !terminating && !ended).map(({ replica }) => replica))
  const mounted = claimName(server)
  const secretName = certificate.source.kind === 'none' ? undefined : certificate.source.secretName
  return {
    ...(metadata.generation !== undefined && { observedGeneration: metadata.generation }),
    conditions: conditionsOf(findings, server.status?.conditions ?? [], metadata.generation, now),
    ...(exposure.clientAddress !== undefined && {
      address: exposure.clientAddress,
      endpoints: spec.listeners.map(({ name, port, tls }) => ({
        name,
        url: urlOf(tls, exposure.clientAddress ?? '', exposure.clientPort(port)),
        tls,
      })),
    }),
    passive: passiveStatus(plan, spec.passive),
    ...(report !== undefined && {
      users: {
        total: report.accepted + report.rejectedCount,
        accepted: report.accepted,
        rejected: report.rejectedCount,
      },
    }),
    ...(secretName !== undefined && {
      tls: {
        secretName,
        ...(certificate.notAfter !== undefined && { notAfter: timestamp(certificate.notAfter) }),
        ...(certificate.fingerprint !== undefined && { fingerprint: certificate.fingerprint }),
      },
    }),
    replicas: current.size,
    readyReplicas: readyReplicas(observation).length,
    selector: Object.entries(selectorLabels(metadata.name))
      .map(([key, value]) => `${key}=${value}`)
      .join(','),
    ...(mounted !== undefined && {
      storage: {
        claimName: mounted,
        ...(claimState?.capacity !== undefined && { capacity: claimState.capacity }),
        ...(snapshots.status !== undefined && { snapshots: snapshots.status }),
      },
    }),
    config: { hash, appliedReplicas: appliedReplicas(observation, plan).length },
    image: blueprint.image,
  }
}

/** The time of the last transition stays where the status stays. */
function conditionsOf(
  findings: Findings,
  before: readonly Condition[],
  generation: number | undefined,
  now: number,
): Condition[] {
  return conditionTypes.map(type => {
    const { status, reason, message } = findings[type]
    const last = before.find(each => each.type === type)
    return {
      type,
      status,
      ...(generation !== undefined && { observedGeneration: generation }),
      lastTransitionTime: last?.status === status ? last.lastTransitionTime : timestamp(now),
      reason,
      message: message.slice(0, longestMessage),
    }
  })
}

// The API allows 32,768; nobody reads more than this.
const longestMessage = 2048

/** RFC 3339 to the second, as `metav1.Time` has it. */
function timestamp(milliseconds: number): string {
  return new Date(milliseconds).toISOString().replace(/\.\d{3}Z$/, 'Z')
}

function urlOf(tls: string, address: string, port: number): string {
  const host = address.includes(':') && !isIPv4(address) ? `[${address}]` : address
  return `${tls === 'Implicit' ? 'ftps' : 'ftp'}://${host}:${port}`
}

function passiveStatus(
  { decisions }: Plan,
  passive: Observation['server']['spec']['passive'],
): NonNullable<FtpServerStatus['passive']> {
  const { exposure, blueprint } = decisions
  const { known } = decisions.verification
  const slices = Array.from({ length: blueprint.portReplicas }, (_, replica) => ({
    replica,
    slice: sliceOf(passive, replica),
  }))
  const told = exposure.address.ready ? exposure.advertised.addressOf(0, 'a') : undefined
  const mapped = [...exposure.advertised.ports]
    .filter(([port, advertised]) => port !== advertised)
    .map(([port, advertised]) => ({ port, advertised }))
  return {
    ...(told !== undefined && told !== 'auto' && told !== 'pending' && { advertisedAddress: told }),
    ports: `${passive.firstPort}-${slices.at(-1)?.slice.last ?? passive.firstPort}`,
    slices: slices.slice(0, mostSlices).map(({ replica, slice }) => ({
      replica,
      firstPort: slice.first,
      lastPort: slice.last,
    })),
    ...(mapped.length > 0 && { advertisedPorts: mapped.slice(0, mostPorts) }),
    ...(known !== undefined && { verification: { time: timestamp(known.time), digest: known.of } }),
  }
}

// Of the schema of status.
const mostSlices = 50
const mostPorts = 4096
