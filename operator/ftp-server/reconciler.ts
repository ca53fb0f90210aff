/** Makes the cluster as one FtpServer wants it: observe, plan, apply, tell. The only file here that writes. */
import { randomBytes } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import type { Logger } from 'pino'
import { createSelfSignedCertificate } from '../../server/tls/self-signed.ts'
import { apiVersion, type FtpServer, type FtpServerStatus, kind, resourceKind } from '../api/ftp-server.ts'
import { ftpUserResourceKind } from '../api/ftp-user.ts'
import type { Reconcile, ReconcileResult } from '../controller/controller.ts'
import { annotationKeys, fieldManager } from '../desired/names.ts'
import { isSubset } from '../desired/subset.ts'
import { type ApiError, isRefusal } from '../kubernetes/api-error.ts'
import type { Cluster } from '../kubernetes/cluster.ts'
import type { EventRecorder } from '../kubernetes/events.ts'
import { kinds } from '../kubernetes/kinds.ts'
import { apiVersionOf, type KubernetesObject, keyOf, type Manifest, type ResourceKind } from '../kubernetes/object.ts'
import { at } from '../kubernetes/read.ts'
import type { ClusterView, ReadServer } from '../observation/cluster-view.ts'
import { findLive, readSource } from '../observation/live.ts'
import type { Observation, Source } from '../observation/observation.ts'
import type { Observer } from '../observation/observer.ts'
import type { PassiveProbes, ServerIdentity } from '../passive-probe/probes.ts'
import type { Problem } from '../problem.ts'
import { carryOutSnapshots } from '../snapshots/carry-out.ts'
import type { Clock } from '../time/clock.ts'
import type { Bindings } from '../users/bindings.ts'
import { applyManifest, strayKeys } from './apply.ts'
import type { CertificateNeed } from './certificate-state.ts'
import { type Plan, plan as planFor } from './plan.ts'
import { newRelaySecrets } from './relay-state.ts'
import { decidedBy } from './status/decided-users.ts'
import { statusOf } from './status/status.ts'
import { transitionsOf } from './status/transitions.ts'
import { unreadableStatus } from './status/unreadable.ts'

export type ReconcilerOptions = {
  readonly cluster: Cluster
  readonly view: ClusterView
  readonly observer: Observer
  /** Where FtpUsers learn what is decided about them. */
  readonly bindings: Bindings
  /** Tries the way in to servers. */
  readonly probes: PassiveProbes
  readonly events: EventRecorder
  readonly clock: Clock
  readonly logger: Logger
}

/** What the operator may apply. */
export const appliedKinds: readonly ResourceKind[] = [...Object.values(kinds), resourceKind, ftpUserResourceKind]

type Decision = {
  readonly observation: Observation
  readonly plan: Plan
  /** Secrets whose content is made up here, and that are nowhere yet. */
  readonly made: { readonly sources: ReadonlySet<string>; readonly without: Observation } | undefined
}

const statusFieldManager = `${fieldManager}-status`

export function createReconciler(options: ReconcilerOptions): Reconcile {
  const { cluster, view, observer, bindings, probes, events, clock, logger } = options

  return async (key, signal) => {
    const read = view.server(key)
    // What it owned goes with it: the garbage collector sees to that.
    if (read === undefined) {
      bindings.forget(key)
      probes.forget(key)
      return undefined
    }
    if ('errors' in read) return tellUnreadable(read, signal)
    return reconcile(read.server, signal)
  }

  async function reconcile(server: FtpServer, signal: AbortSignal): Promise<ReconcileResult> {
    const decision = await decide(server, signal)
    const outcome = await carryOut(decision, signal)
    const { observation, plan } = outcome.known
    const snapshots = await carryOutSnapshots({ cluster, logger }, server, plan.decisions.snapshots, signal)
    const decisions = { ...plan.decisions, snapshots }
    const told: Plan = { ...plan, decisions, problems: [...plan.problems, ...outcome.problems] }
    const status = statusOf(observation, told)
    bindings.publish(keyOf(server.metadata), decidedBy(observation, plan, status))
    await tell(server, status, signal)
    tryPassivePorts(observation, plan)
    if (outcome.error !== undefined) throw outcome.error
    return { requeueAfterSeconds: plan.requeueAfterSeconds }
  }

  /** Plans again where the first plan turned up something that has to be known: a certificate to make, objects of others in the way. */
  async function decide(server: FtpServer, signal: AbortSignal): Promise<Decision> {
    let observation = await observer.observe(server, signal, { probes, bindings })
    let plan = planFor(observation)
    const strangers = await findStrangers(observation, plan, signal)
    if (strangers.length > 0) {
      observation = { ...observation, live: [...observation.live, ...strangers] }
      plan = planFor(observation)
    }
    const service = await makeService(observation, plan, signal)
    if (service !== undefined) {
      observation = { ...observation, live: [...observation.live, service] }
      plan = planFor(observation)
    }
    if (plan.credentialNeeded) {
      const credential = await probes.renewCredential(identityOf(server))
      observation = { ...observation, probe: { running: false, last: undefined, ...observation.probe, credential } }
      plan = planFor(observation)
    }
    let made: Decision['made']
    const make = (name: string, data: Source['data']): void => {
      made = { sources: new Set([...(made?.sources ?? []), `Secret ${name}`]), without: made?.without ?? observation }
      observation = withSource(observation, { kind: 'Secret', name, labels: {}, data })
      plan = planFor(observation)
    }
    if (plan.relaySecretNeeded !== undefined) {
      const { secretName } = plan.relaySecretNeeded
      // The copies may be behind: a pod that had another secret would understand the others no more.
      observation = (await withSecret(observation, secretName, signal)) ?? observation
      plan = planFor(observation)
      if (plan.relaySecretNeeded !== undefined) {
        const fresh = [randomBytes(32).toString('base64url'), randomBytes(32).toString('base64url')] as const
        make(secretName, newRelaySecrets(plan.relaySecretNeeded, fresh, observation.now))
      }
    }
    if (plan.certificateNeeded === undefined) return { observation, plan, made }
    // The copies may be behind: what was made a moment ago is not made again, and what somebody else made stays.
    const current = await withSecret(observation, plan.certificateNeeded.secretName, signal)
    if (current !== undefined) {
      observation = current
      plan = planFor(observation)
      if (plan.certificateNeeded === undefined) return { observation, plan, made }
    }
    make(plan.certificateNeeded.secretName, await makeCertificate(plan.certificateNeeded, observation.now))
    return { observation, plan, made }
  }

  /** In the background: the queue does not wait for it, and is told when it has ended. */
  function tryPassivePorts({ server, probe }: Observation, { decisions }: Plan): void {
    const { due } = decisions.verification
    if (due !== undefined && probe?.credential !== undefined) probes.start(identityOf(server), due, probe.credential)
  }

  /** A new Service comes before all else: its address is in the configuration and in the certificate, which so are made once. */
  async function makeService(
    { server, live }: Observation,
    { apply }: Plan,
    signal: AbortSignal,
  ): Promise<KubernetesObject | undefined> {
    const manifest = apply.find(each => each.kind === 'Service')
    if (manifest === undefined || findLive(live, manifest.kind, manifest.metadata.name) !== undefined) return undefined
    try {
      const made = await cluster.apply(manifest, { fieldManager, force: true, signal })
      logger.info({ server: keyOf(server.metadata), object: `Service ${manifest.metadata.name}` }, 'applied')
      return made
    } catch (error) {
      // It is tried once more with all the others, and told with them.
      if (!isRefusal(error)) throw error
      return undefined
    }
  }

  /** With a Secret as it is now. Undefined if there is none. */
  async function withSecret(
    observation: Observation,
    name: string,
    signal: AbortSignal,
  ): Promise<Observation | undefined> {
    const { namespace } = observation.server.metadata
    const secret = await cluster.get(kinds.secret, { name, namespace }, { signal })
    const source = secret && readSource(secret)
    if (secret === undefined || source === undefined) return undefined
    const others = observation.live.filter(object => object.kind !== 'Secret' || object.metadata.name !== name)
    return withSource({ ...observation, live: [...others, secret] }, source)
  }

  /** Objects that are to be made, but are there: somebody else's, or ours and not seen yet. */
  async function findStrangers(
    { live }: Observation,
    { apply }: Plan,
    signal: AbortSignal,
  ): Promise<readonly KubernetesObject[]> {
    const unseen = apply.filter(manifest => findLive(live, manifest.kind, manifest.metadata.name) === undefined)
    const found = await Promise.all(
      unseen.map(manifest => cluster.get(kindOf(manifest), manifest.metadata, { signal })),
    )
    return found.filter(object => object !== undefined)
  }

  async function carryOut(
    { observation, plan, made }: Decision,
    signal: AbortSignal,
  ): Promise<{
    problems: readonly Problem[]
    error: ApiError | undefined
    /** What was decided about, without what could not be stored: the next try makes up something else. */
    known: Pick<Decision, 'observation' | 'plan'>
  }> {
    const problems: Problem[] = []
    const failures: ApiError[] = []
    const attempt = async (what: Pick<Manifest, 'kind' | 'metadata'>, work: () => Promise<unknown>): Promise<void> => {
      try {
        await work()
      } catch (error) {
        // The others go on: one object that is refused must not keep the rest from being made.
        if (!isRefusal(error)) throw error
        failures.push(error)
        problems.push({ source: `${what.kind} ${what.metadata.name}`, reason: 'ApplyFailed', message: error.message })
      }
    }
    for (const manifest of plan.apply) {
      const live = findLive(observation.live, manifest.kind, manifest.metadata.name)
      if (isAsApplied(manifest, live)) continue
      logger.info(
        { server: keyOf(observation.server.metadata), object: `${manifest.kind} ${manifest.metadata.name}` },
        'applied',
      )
      await attempt(manifest, () => applyManifest(cluster, kindOf(manifest), manifest, live, signal))
    }
    for (const object of plan.remove) {
      logger.info(
        { server: keyOf(observation.server.metadata), object: `${object.kind} ${object.metadata.name}` },
        'removed',
      )
      const { uid } = object.metadata
      await attempt(object, () =>
        cluster.delete(kindOf(object), object.metadata, { uid, propagation: 'Background', signal }),
      )
    }
    if (made !== undefined && problems.some(({ source }) => made.sources.has(source))) {
      return { problems, error: failures[0], known: { observation: made.without, plan: planFor(made.without) } }
    }
    for (const { pod, uid, annotation, value } of plan.stamp) {
      const { namespace } = observation.server.metadata
      const patch = { metadata: { uid, annotations: { [annotation]: value } } }
      await attempt({ kind: 'Pod', metadata: { name: pod, namespace } }, () =>
        cluster.patchMerge(kinds.pod, { name: pod, namespace }, patch, { signal }),
      )
    }
    return { problems, error: failures[0], known: { observation, plan } }
  }

  /** Writes status if it has changed, and tells people of what has. */
  async function tell(server: FtpServer, status: FtpServerStatus, signal: AbortSignal): Promise<void> {
    if (isDeepStrictEqual(status, server.status)) return
    const { name, namespace } = server.metadata
    const manifest = { apiVersion, kind, metadata: { name, namespace }, status }
    await cluster.applyStatus(manifest, { fieldManager: statusFieldManager, force: true, signal })
    for (const transition of transitionsOf(server.status, status)) events.record(server, transition)
  }

  async function tellUnreadable(
    { object, errors }: Extract<ReadServer, { errors: readonly string[] }>,
    signal: AbortSignal,
  ): Promise<undefined> {
    const status = unreadableStatus(object, errors, clock.wallMilliseconds())
    if (status === undefined) return undefined
    const { name, namespace } = object.metadata
    const metadata = { name, ...(namespace !== undefined && { namespace }) }
    await cluster.applyStatus({ apiVersion, kind, metadata, status } as Manifest, {
      fieldManager: statusFieldManager,
      force: true,
      signal,
    })
    return undefined
  }
}

function identityOf({ metadata }: FtpServer): ServerIdentity {
  return { uid: metadata.uid, key: keyOf(metadata) }
}

/** No write when nothing changed: what was applied last is this, and nobody has altered it since. */
function isAsApplied(manifest: Manifest, live: KubernetesObject | undefined): boolean {
  const hash = at(manifest, 'metadata', 'annotations', annotationKeys.appliedHash)
  if (live === undefined || live.metadata.annotations?.[annotationKeys.appliedHash] !== hash) return false
  return isSubset(manifest, live) && strayKeys(manifest, live).length === 0
}

function kindOf({ apiVersion: version, kind: name }: Pick<Manifest, 'apiVersion' | 'kind'>): ResourceKind {
  const found = appliedKinds.find(candidate => candidate.kind === name && apiVersionOf(candidate) === version)
  if (found === undefined) throw new Error(`no such kind here: ${version} ${name}`)
  return found
}

function withSource(observation: Observation, source: Source): Observation {
  const others = observation.sources.filter(({ kind: other, name }) => other !== source.kind || name !== source.name)
  return { ...observation, sources: [...others, source] }
}

async function makeCertificate(
  { names, validityDays }: CertificateNeed,
  now: number,
): Promise<ReadonlyMap<string, Uint8Array>> {
  const [commonName = 'ftp-server'] = [...names.dnsNames, ...names.addresses]
  const made = await createSelfSignedCertificate({ commonName, ...names, validDays: validityDays, now })
  return new Map([
    ['tls.crt', Buffer.from(made.certificate)],
    ['tls.key', Buffer.from(made.key)],
  ])
}
