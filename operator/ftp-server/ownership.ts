/** Whose an object is that has a name which a server wants. Pure. */
import { type FtpServer, kind as serverKind } from '../api/ftp-server.ts'
import type { Blueprint } from '../desired/blueprint.ts'
import { labelKeys, managedBy } from '../desired/names.ts'
import type { KubernetesObject, Manifest } from '../kubernetes/object.ts'
import { findLive } from '../observation/live.ts'
import type { Observation } from '../observation/observation.ts'
import type { Problem } from '../problem.ts'
import type { CertificateState } from './certificate-state.ts'

/**
 * `own`: of this server, to be applied. `left`: of a server that had this name before, and about to be collected.
 * `foreign`: left alone for good.
 */
export type Ownership = 'own' | 'left' | 'foreign'

export function ownershipOf({ metadata }: KubernetesObject, server: FtpServer): Ownership {
  const { labels = {}, ownerReferences = [] } = metadata
  const controller = ownerReferences.find(owner => owner.controller === true)
  if (controller?.uid === server.metadata.uid) return 'own'
  if (controller !== undefined) {
    return controller.kind === serverKind && controller.name === server.metadata.name ? 'left' : 'foreign'
  }
  // A claim that outlived its server, or something whose owner somebody took away, has nothing but its labels.
  const isOurs = labels[labelKeys.managedBy] === managedBy && labels[labelKeys.instance] === server.metadata.name
  return isOurs ? 'own' : 'foreign'
}

/** Undefined if there is no object of that name yet. */
export function holderOf({ kind, metadata }: Pick<Manifest, 'kind' | 'metadata'>, { live, server }: Observation) {
  const object = findLive(live, kind, metadata.name)
  return object && ownershipOf(object, server)
}

export function isCertificateTaken(observation: Observation, { source }: CertificateState): boolean {
  if (source.kind === 'none') return false
  const holder = holderOf({ kind: 'Secret', metadata: { name: source.secretName } }, observation)
  return holder === 'left' || holder === 'foreign'
}

/** Kinds of what pods mount or run with. */
export const partsOfPods = new Set(['PersistentVolumeClaim', 'Secret', 'ConfigMap', 'ServiceAccount'])

/** The Secret of the certificate that the operator would make, if it is somebody else's and nothing can be planned with what is in it. */
export function takenCertificate(
  observation: Observation,
  { certificate, selfSigned }: Blueprint,
): Pick<Manifest, 'kind' | 'metadata'>[] {
  if (certificate.kind !== 'self-signed' || selfSigned !== undefined) return []
  const secret = { kind: 'Secret', metadata: { name: certificate.secretName } }
  return holderOf(secret, observation) === 'foreign' ? [secret] : []
}

export function takenProblem({ kind, metadata }: Pick<Manifest, 'kind' | 'metadata'>): Problem {
  return {
    source: `${kind} ${metadata.name}`,
    reason: 'NameTaken',
    message: 'exists already and does not belong to this server; it is left as it is',
  }
}
