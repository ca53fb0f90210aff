import { expect, test } from 'vitest'
import {
  ftpServer,
  liveClaim,
  liveService,
  now,
  observe,
  owned,
  pod,
  report,
  secret,
} from '../../../test/operator/samples.ts'
import type { Condition, FtpServerStatus } from '../../api/ftp-server.ts'
import { conditionTypes } from '../../api/status.ts'
import type { KubernetesObject } from '../../kubernetes/object.ts'
import type { Observation, ObservedPod } from '../../observation/observation.ts'
import type { Problem } from '../../problem.ts'
import { plan } from '../plan.ts'
import { statusOf } from './status.ts'
import { transitionsOf } from './transitions.ts'

const plain = 'listeners: [{ name: ftp, port: 21, tls: Disabled }, { name: second, port: 2121, tls: Disabled }]'
const spec = `${plain}, storage: { claim: { size: 10Gi, accessModes: [ReadWriteMany] } }`

function status(observation: Observation, refused: readonly Problem[] = []): FtpServerStatus {
  const planned = plan(observation)
  return statusOf(observation, { ...planned, problems: [...planned.problems, ...refused] })
}

function condition(found: FtpServerStatus, type: Condition['type']): Condition {
  const wanted = found.conditions?.find(each => each.type === type)
  if (wanted === undefined) throw new Error(`no ${type}`)
  return wanted
}

function shown(found: FtpServerStatus): Record<string, string> {
  return Object.fromEntries(
    (found.conditions ?? []).map(({ type, status: value, reason }) => [type, `${value} ${reason}`]),
  )
}

/** Everything made, every pod up, every file in force. */
function serving(text = spec, rest: Partial<Observation> = {}): Observation {
  const server = ftpServer(`{ ${text} }`)
  const live = [liveService({}, [{ ip: '203.0.113.7' }])]
  const base = observe(server, { live, claim: liveClaim('uploads-data', ['ReadWriteMany']), ...rest })
  const planned = plan(base)
  const deployments = planned.apply
    .filter(({ kind }) => kind === 'Deployment')
    .map(manifest => rolledOut(owned(manifest as KubernetesObject)))
  const pods = Array.from({ length: server.spec.replicas }, (_, replica) =>
    pod({ replica, report: report(planned.decisions.hashOf(replica, 'a')) }),
  )
  return { ...base, live: [...base.live, ...deployments], pods, ...rest }
}

function rolledOut(deployment: KubernetesObject): KubernetesObject {
  return {
    ...deployment,
    metadata: { ...deployment.metadata, generation: 1 },
    status: { observedGeneration: 1, replicas: 1, updatedReplicas: 1 },
  }
}

function withPods(observation: Observation, change: (pod: ObservedPod) => ObservedPod): Observation {
  return { ...observation, pods: observation.pods.map(change) }
}

test('a new server is on its way', () => {
  const found = status(observe(ftpServer(`{ ${spec} }`)))
  expect(shown(found)).toEqual({
    Ready: 'False NoReplicaReady',
    Reconciling: 'True RollingOut',
    Stalled: 'False NotStalled',
    Available: 'False NoReplicaReady',
    ConfigApplied: 'False Pending',
    UsersAccepted: 'Unknown Pending',
    CertificateReady: 'True NotNeeded',
    AddressReady: 'False LoadBalancerPending',
    StorageReady: 'False Pending',
    SnapshotsReady: 'Unknown NotWanted',
    SourceIPPreserved: 'True LocalTraffic',
    PortsWithinLimits: 'Unknown LoadBalancerUnknown',
    PassiveVerified: 'Unknown Pending',
  })
  expect(found.conditions?.map(({ type }) => type)).toEqual([...conditionTypes])
})

test('a server that serves says where, and that nothing is to be done', () => {
  const found = status(serving())
  expect(shown(found)).toEqual({
    Ready: 'True Serving',
    Reconciling: 'False Settled',
    Stalled: 'False NotStalled',
    Available: 'True AllReplicasReady',
    ConfigApplied: 'True Applied',
    UsersAccepted: 'True AllAccepted',
    CertificateReady: 'True NotNeeded',
    AddressReady: 'True Assigned',
    StorageReady: 'True Bound',
    SnapshotsReady: 'Unknown NotWanted',
    SourceIPPreserved: 'True LocalTraffic',
    PortsWithinLimits: 'Unknown LoadBalancerUnknown',
    PassiveVerified: 'Unknown Verifying',
  })
  expect(found).toMatchObject({
    observedGeneration: 3,
    address: '203.0.113.7',
    endpoints: [
      { name: 'ftp', url: 'ftp://203.0.113.7:21', tls: 'Disabled' },
      { name: 'second', url: 'ftp://203.0.113.7:2121', tls: 'Disabled' },
    ],
    passive: {
      advertisedAddress: '203.0.113.7',
      ports: '20000-20019',
      slices: [{ replica: 0, firstPort: 20_000, lastPort: 20_019 }],
    },
    users: { total: 1, accepted: 1, rejected: 0 },
    replicas: 1,
    readyReplicas: 1,
    selector: 'app.kubernetes.io/name=ftp-server,app.kubernetes.io/instance=uploads',
    storage: { claimName: 'uploads-data', capacity: '10Gi' },
    config: { appliedReplicas: 1 },
    image: 'example.com/ftp-operator:1.0.0',
  })
  expect(condition(found, 'Ready')).toMatchObject({
    message: '1 of 1 replicas ready at 203.0.113.7',
    observedGeneration: 3,
    lastTransitionTime: '2030-01-01T12:00:00Z',
  })
})

test('an address of IPv6 is in brackets, and implicit TLS is ftps', () => {
  const text = 'listeners: [{ name: ftps, port: 990, tls: Implicit }], storage: { emptyDir: {} }'
  const found = status(observe(ftpServer(`{ ${text} }`), { live: [liveService({}, [{ ip: '2001:db8::7' }])] }))
  expect(found.endpoints).toEqual([{ name: 'ftps', url: 'ftps://[2001:db8::7]:990', tls: 'Implicit' }])
})

test('the time of the last transition stays as long as the status does', () => {
  const before = status(serving())
  const later = serving()
  const server = { ...later.server, status: before }
  const after = status(withPods({ ...later, server, now: now + 60_000 }, each => ({ ...each, ready: false })))
  expect(condition(after, 'StorageReady').lastTransitionTime).toBe('2030-01-01T12:00:00Z')
  expect(condition(after, 'Ready').lastTransitionTime).toBe('2030-01-01T12:01:00Z')
})

test('the same observation gives the same status: nothing is written while nothing changes', () => {
  const observation = serving()
  const before = status(observation)
  expect(status({ ...observation, server: { ...observation.server, status: before }, now: now + 3_600_000 })).toEqual(
    before,
  )
})

test.each<[string, (observation: Observation) => Observation, Record<string, string>]>([
  [
    'a replica that is not ready',
    found => withPods(found, each => ({ ...each, ready: each.replica === 0 })),
    { Ready: 'False SomeReplicasReady', Available: 'True SomeReplicasReady', Stalled: 'False NotStalled' },
  ],
  [
    'an image that can’t be pulled, for a minute and more',
    found =>
      withPods(found, each => ({
        ...each,
        ready: false,
        trouble: { reason: 'ImagePullBackOff', message: 'no such image' },
      })),
    {
      Ready: 'False ImagePullBackOff',
      Available: 'False ImagePullBackOff',
      Stalled: 'True ImagePullBackOff',
      Reconciling: 'False Stalled',
    },
  ],
  [
    'a pod that is on no node yet',
    found =>
      withPods(found, each => ({
        ...each,
        node: undefined,
        created: now - 20_000,
        ready: false,
        trouble: { reason: 'Unschedulable', message: 'no node' },
      })),
    { Ready: 'False Unschedulable', Stalled: 'False NotStalled', Reconciling: 'True Unschedulable' },
  ],
  [
    'files that are not in force yet',
    found => withPods(found, each => ({ ...each, report: report('old') })),
    { Ready: 'False Pending', ConfigApplied: 'False Pending', Reconciling: 'True Pending' },
  ],
  [
    'a server that does not answer',
    found => withPods(found, each => ({ ...each, report: undefined })),
    { Ready: 'False NotReported', ConfigApplied: 'Unknown NotReported', UsersAccepted: 'Unknown Pending' },
  ],
  [
    'files that the server refuses',
    found =>
      withPods(found, each => ({
        ...each,
        report: report('old', {
          problemCount: 1,
          problems: [{ file: 'server.yaml', path: 'banner', message: 'must be text', user: undefined }],
        }),
      })),
    { Ready: 'False Rejected', ConfigApplied: 'False Rejected', Stalled: 'True Rejected' },
  ],
  [
    'a claim that is not bound',
    found => ({ ...found, claim: liveClaim('uploads-data', ['ReadWriteMany'], 'Pending') }),
    { Ready: 'False Pending', StorageReady: 'False Pending', Stalled: 'False NotStalled' },
  ],
  [
    'a volume that is lost',
    found => ({ ...found, claim: liveClaim('uploads-data', ['ReadWriteMany'], 'Lost') }),
    { Ready: 'False Lost', StorageReady: 'False Lost', Stalled: 'True Lost' },
  ],
  [
    'a load balancer without address',
    found => ({ ...found, live: found.live.map(each => (each.kind === 'Service' ? liveService({}) : each)) }),
    {
      Ready: 'False LoadBalancerPending',
      AddressReady: 'False LoadBalancerPending',
      Reconciling: 'True LoadBalancerPending',
    },
  ],
])('%s', (_, change, expected) => {
  expect(shown(status(change(serving(`${spec}, replicas: 2`))))).toMatchObject(expected)
})

test('a rolling update leaves a server ready: the pod that takes over does not count before it serves', () => {
  const observation = serving()
  const found = status({ ...observation, pods: [...observation.pods, pod({ half: 'b', ready: false })] })
  expect(shown(found)).toMatchObject({ Ready: 'True Serving', ConfigApplied: 'True Applied' })
})

test('a claim that grows is told, and the files are served meanwhile', () => {
  const observation = serving(spec.replace('10Gi', '20Gi'))
  expect(shown(status(observation))).toMatchObject({ Ready: 'True Serving', StorageReady: 'True Resizing' })
})

test('several replicas on a volume for one wait for a person', () => {
  const text = `${plain}, replicas: 2, storage: { existingClaimName: files }`
  const found = status(serving(text, { claim: liveClaim('files', ['ReadWriteOnce']) }))
  expect(shown(found)).toMatchObject({ StorageReady: 'False NotShared', Stalled: 'True NotShared' })
})

test.each([
  ['quotas of directories', ', quotas: [{ path: /, maxBytes: 1000 }]', 'QuotasPerReplica'],
  ['none', '', 'Bound'],
])('several replicas that share a volume say that each keeps count of quotas by itself: %s', (_, quotas, reason) => {
  const text = `${plain}, replicas: 2, storage: { existingClaimName: files }${quotas}`
  const found = status(serving(text, { claim: liveClaim('files', ['ReadWriteMany']) }))
  expect(shown(found)).toMatchObject({ StorageReady: `True ${reason}` })
  const alone = status(
    serving(text.replace('replicas: 2', 'replicas: 1'), { claim: liveClaim('files', ['ReadWriteMany']) }),
  )
  expect(shown(alone)).toMatchObject({ StorageReady: 'True Bound' })
})

test('a given claim that does not exist waits for a person', () => {
  const found = status(observe(ftpServer(`{ ${plain}, storage: { existingClaimName: gone } }`)))
  expect(shown(found)).toMatchObject({ StorageReady: 'False ClaimNotFound', Stalled: 'True ClaimNotFound' })
})

test('a user who is refused is told by name and place, and the server stays ready', () => {
  const rejected = [
    { file: 'users/01-secret_team_list.yaml', path: 'users[0].home', message: 'must be an absolute path', user: 'bob' },
  ]
  const observation = serving()
  const found = status(
    withPods(observation, each => ({
      ...each,
      report: report(each.report?.hash ?? '', { rejected, rejectedCount: 1 }),
    })),
  )
  expect(shown(found)).toMatchObject({ Ready: 'True Serving', UsersAccepted: 'False UsersRejected' })
  expect(condition(found, 'UsersAccepted').message).toBe('bob in Secret team, key list.yaml must be an absolute path')
  expect(found.users).toEqual({ total: 2, accepted: 1, rejected: 1 })
})

test('a Secret with users that is missing is told, and the server stays ready', () => {
  const found = status(serving(`${spec}, usersFrom: [{ secretRef: { name: gone } }]`))
  expect(shown(found)).toMatchObject({ Ready: 'True Serving', UsersAccepted: 'False SecretNotFound' })
})

test('a password never gets into status', () => {
  const text = `${spec}, users: [{ name: a, passwordSecretRef: { name: s } }]`
  const found = status(serving(text, { sources: [secret('s', { password: 'horse' })] }))
  expect(JSON.stringify(found)).not.toContain('horse')
})

test('a suspended server is neither ready nor on its way', () => {
  const observation = { ...serving(`${spec}, suspend: true`), pods: [] }
  const live = observation.live.map(each => (each.kind === 'Deployment' ? rolledOut(each) : each))
  expect(shown(status({ ...observation, live }))).toMatchObject({
    Ready: 'False Suspended',
    Available: 'False Suspended',
    ConfigApplied: 'Unknown NoPods',
    Stalled: 'False NotStalled',
    Reconciling: 'False Settled',
  })
})

test('a paused server says so', () => {
  expect(shown(status(serving(`${spec}, paused: true`)))).toMatchObject({
    Ready: 'True Serving',
    Reconciling: 'False Paused',
  })
})

test('a manifest that the API server refuses waits for a person', () => {
  const refused = [{ source: 'Service uploads', reason: 'ApplyFailed', message: 'provided port is already allocated' }]
  const found = status(serving(), refused)
  expect(shown(found)).toMatchObject({ Ready: 'False ApplyFailed', Stalled: 'True ApplyFailed' })
  expect(condition(found, 'Ready').message).toBe('Service uploads provided port is already allocated')
})

test('all that the API server refuses is told, in one event', () => {
  const refused = ['Service', 'Deployment'].map(kind => ({
    source: `${kind} uploads`,
    reason: 'ApplyFailed',
    message: 'exceeded quota',
  }))
  const warnings = transitionsOf(status(serving()), status(serving(), refused)).filter(({ type }) => type === 'Warning')
  expect(warnings.map(({ reason, note }) => `${reason}: ${note}`)).toEqual([
    'ApplyFailed: Service uploads exceeded quota; Deployment uploads exceeded quota',
  ])
})

test('users are counted in good English', () => {
  const told = (accepted: number) => {
    const found = withPods(serving(), each => ({ ...each, report: report(each.report?.hash ?? '', { accepted }) }))
    return condition(status(found), 'UsersAccepted').message
  }
  expect([told(1), told(2)]).toEqual(['1 user can log in', '2 users can log in'])
})

test('events tell what became of a server, once', () => {
  const observation = serving()
  const fresh = status(observe(ftpServer(`{ ${spec} }`)))
  const ready = status(observation)
  const without = status({ ...observation, claim: liveClaim('uploads-data', ['ReadWriteMany'], 'Lost') })
  const told = (before: FtpServerStatus | undefined, after: FtpServerStatus) =>
    transitionsOf(before, after).map(({ type, reason }) => `${type} ${reason}`)
  expect(told(undefined, fresh)).toEqual(['Normal CertificateNotNeeded', 'Normal SourceIPLocalTraffic'])
  expect(told(fresh, ready)).toEqual([
    'Normal AllReplicasReady',
    'Normal ConfigApplied',
    'Normal UsersAllAccepted',
    'Normal AddressAssigned',
    'Normal StorageBound',
  ])
  expect(told(ready, ready)).toEqual([])
  expect(told(ready, without)).toEqual(['Warning StorageLost'])
  expect(told(without, ready)).toEqual(['Normal StorageBound'])
})

test('a server is not ready before the nodes send clients to its first pod, and no longer waits for others', () => {
  const settled = serving()
  const since = (milliseconds: number) =>
    withPods(settled, each => ({ ...each, readySince: settled.now - milliseconds }))
  expect(shown(status(since(1000)))).toMatchObject({
    Available: 'False NotReachableYet',
    Ready: 'False NotReachableYet',
    Reconciling: 'True NotReachableYet',
    Stalled: 'False NotStalled',
  })
  expect(plan(since(1000)).requeueAfterSeconds).toBe(2)
  expect(shown(status(since(3000)))).toMatchObject({ Available: 'True AllReplicasReady', Ready: 'True Serving' })
  const available: Observation = {
    ...since(1000),
    server: { ...settled.server, status: status(settled) },
  }
  expect(shown(status(available))).toMatchObject({ Available: 'True AllReplicasReady', Ready: 'True Serving' })
  // A node whose clock is ahead must not keep a server from being ready.
  expect(shown(status(since(-60_000)))).toMatchObject({ Ready: 'True Serving' })
})
