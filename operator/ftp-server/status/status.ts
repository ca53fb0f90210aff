/** All of status, from the observation and what was decided. Pure. */
import type { FtpServerStatus } from '../../api/ftp-server.ts'
import { conditionTypes } from '../../api/status.ts'
import { conditionsFrom } from '../../conditions.ts'
import { claimName } from '../../desired/claim.ts'
import { selectorLabels } from '../../desired/names.ts'
import { sliceOf } from '../../desired/ports.ts'
import { timestamp } from '../../kubernetes/time.ts'
import { isIPv4, readClaim } from '../../observation/live.ts'
import type { Observation } from '../../observation/observation.ts'
import type { Plan } from '../plan.ts'
import { findConditions } from './conditions.ts'
import { appliedReplicas, readyReplicas } from './replicas.ts'
import { newestReport } from './reported.ts'

/** The plan's problems may have more than it was made with: what the API server did not take, with the reason `ApplyFailed`. */
export function statusOf(observation: Observation, plan: Plan): FtpServerStatus {
  const { server, now, pods, claim } = observation
  const { metadata, spec } = server
  const { exposure, certificate, blueprint, snapshots, hash } = plan.decisions
  const findings = findConditions(observation, plan)
  const inOrder = Object.fromEntries(conditionTypes.map(type => [type, findings[type]]))
  const report = newestReport(observation, plan)
  const claimState = claim && readClaim(claim)
  const current = new Set(pods.filter(({ terminating, ended }) => !terminating && !ended).map(({ replica }) => replica))
  const mounted = claimName(server)
  const secretName = certificate.source.kind === 'none' ? undefined : certificate.source.secretName
  return {
    ...(metadata.generation !== undefined && { observedGeneration: metadata.generation }),
    conditions: conditionsFrom(inOrder, { last: server.status?.conditions, generation: metadata.generation, now }),
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
