/** The list with the user as whom the operator logs in to try the passive ports. Pure. */
import { nameOf, probeListKey, usersSecrets } from '../desired/names.ts'
import type { KubernetesObject } from '../kubernetes/object.ts'
import { textAt } from '../kubernetes/read.ts'
import { findLive } from '../observation/live.ts'
import type { Observation } from '../observation/observation.ts'
import type { VerificationDecision } from './verification.ts'

/** Once from the beginning, so that nothing changes when all is ready; and where it is of an operator that is gone, when it is used. */
export function isCredentialNeeded(
  { server, live, probe }: Observation,
  { verification }: { readonly verification: VerificationDecision },
): boolean {
  if (probe === undefined || probe.credential !== undefined || server.spec.passive.verification === 'Disabled')
    return false
  return verification.due !== undefined || liveProbeList(server.metadata.name, live) === undefined
}

export function probeFiles({ server, live, probe }: Observation): ReadonlyMap<string, Uint8Array> {
  if (server.spec.passive.verification === 'Disabled') return new Map()
  const list = probe?.credential?.list ?? liveProbeList(server.metadata.name, live)
  return list === undefined ? new Map() : new Map([[probeListKey, list]])
}

/** What pods have of the user with whom the operator tries the way in. */
function liveProbeList(server: string, live: readonly KubernetesObject[]): Uint8Array | undefined {
  for (let shard = 0; shard < usersSecrets; shard += 1) {
    const content = textAt(findLive(live, 'Secret', nameOf.usersSecret(server, shard)), 'data', probeListKey)
    if (content !== undefined) return Buffer.from(content, 'base64')
  }
  return undefined
}
