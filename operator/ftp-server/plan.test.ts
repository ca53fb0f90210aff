import { expect, test } from 'vitest'
import {
  ftpServer,
  liveClaim,
  liveService,
  now,
  observe,
  owned,
  passwordHash,
  pod,
  report,
  secret,
} from '../../test/operator/samples.ts'
import type { KubernetesObject } from '../kubernetes/object.ts'
import { at } from '../kubernetes/read.ts'
import type { Observation } from '../observation/observation.ts'
import { type Plan, plan } from './plan.ts'

const shared =
  'storage: { claim: { size: 10Gi, accessModes: [ReadWriteMany] } }, listeners: [{ name: ftp, port: 21, tls: Disabled }]'

function observed(spec: string, rest: Partial<Observation> = {}): Observation {
  return observe(ftpServer(`{ ${spec} }`), rest)
}

function names(objects: readonly KubernetesObject[] | Plan['apply'], kind?: string): readonly string[] {
  return objects
    .filter(object => kind === undefined || object.kind === kind)
    .map(object => (kind === undefined ? `${object.kind} ${object.metadata.name}` : object.metadata.name))
}

/** The cluster after the plan was carried out. */
function carriedOut({ apply }: Plan): readonly KubernetesObject[] {
  return apply.map(manifest => owned(manifest as KubernetesObject))
}

const halfOf = (deployment: unknown) => at(deployment, 'metadata', 'annotations', 'ftp-operator.io/ports-half')
const deployment = ({ apply }: Plan, replica = 0) =>
  apply.find(({ metadata }) => metadata.name === `uploads-${replica}`)

test('what was carried out is planned again unchanged, and nothing is removed', () => {
  const before = observed(shared)
  const first = plan(before)
  const second = plan({ ...before, live: carriedOut(first) })
  expect(second.apply).toEqual(first.apply)
  expect(second.remove).toEqual([])
})

test('a paused server is left as it is', () => {
  const live = carriedOut(plan(observed(shared)))
  const paused = plan(
    observed(`${shared}, paused: true, replicas: 0, networkPolicy: { enabled: false }`, { live, pods: [pod()] }),
  )
  expect(paused).toMatchObject({ apply: [], remove: [], stamp: [], certificateNeeded: undefined })
})

test('a server that is being deleted is left to the cluster', () => {
  const server = ftpServer(`{ ${shared} }`, { deletionTimestamp: '2030-01-01T11:00:00Z' })
  expect(plan(observe(server))).toMatchObject({ apply: [], remove: [], stamp: [], certificateNeeded: undefined })
})

test('what is not wanted any more is removed, but never a claim', () => {
  const claim = owned(liveClaim('uploads-data', ['ReadWriteMany']))
  const live = [
    ...carriedOut(plan(observed(`${shared}, replicas: 2, users: [{ name: a, passwordHash: '${passwordHash}' }]`))),
    claim,
  ]
  const { remove } = plan(
    observed('storage: { emptyDir: {} }, service: { type: None }, networkPolicy: { enabled: false }', { live }),
  )
  expect(names(remove).toSorted()).toEqual([
    'Deployment uploads-1',
    'NetworkPolicy uploads',
    'PodDisruptionBudget uploads',
    'Secret uploads-users-0',
    'Service uploads',
  ])
})

test('what belongs to others is neither removed nor taken over', () => {
  const foreign = { apiVersion: 'v1', kind: 'Service', metadata: { name: 'uploads', namespace: 'media' } }
  const made = plan(observed(shared, { live: [foreign] }))
  expect(names(made.apply)).not.toContain('Service uploads')
  expect(made.remove).toEqual([])
  expect(made.problems).toEqual([
    { source: 'Service uploads', reason: 'NameTaken', message: expect.stringContaining('does not belong') },
  ])
  expect(made.requeueAfterSeconds).toBeLessThanOrEqual(15)
})

test('a claim that outlived its server is taken up again, and does not shrink', () => {
  const claim = {
    ...liveClaim('uploads-data', ['ReadWriteMany']),
    spec: { resources: { requests: { storage: '50Gi' } } },
  }
  const made = plan(observed(shared, { live: [claim], claim }))
  expect(made.problems).toEqual([])
  const applied = made.apply.find(({ kind }) => kind === 'PersistentVolumeClaim')
  expect(at(applied, 'spec', 'resources', 'requests', 'storage')).toBe('50Gi')
})

test('a claim of that name that somebody else made is left alone', () => {
  const claim = {
    ...liveClaim('uploads-data', ['ReadWriteMany']),
    metadata: { name: 'uploads-data', namespace: 'media' },
  }
  const made = plan(observed(shared, { live: [claim], claim }))
  expect(names(made.apply, 'PersistentVolumeClaim')).toEqual([])
  expect(made.problems.map(({ source }) => source)).toEqual(['PersistentVolumeClaim uploads-data'])
})

test('an object whose owner somebody took away is taken up again by its labels, and not by another server', () => {
  const ownerless = carriedOut(plan(observed(shared))).map(object => ({
    ...object,
    metadata: { ...object.metadata, ownerReferences: [] },
  }))
  expect(plan(observed(shared, { live: ownerless })).problems).toEqual([])
  const other = ownerless.map(object => ({
    ...object,
    metadata: { ...object.metadata, labels: { ...object.metadata.labels, 'app.kubernetes.io/instance': 'downloads' } },
  }))
  expect(names(plan(observed(shared, { live: other })).apply)).toEqual([])
})

test('what another server of this name has left is waited for, and no problem', () => {
  const live = carriedOut(plan(observed(shared))).map(object => ({
    ...object,
    metadata: {
      ...object.metadata,
      ownerReferences: object.metadata.ownerReferences?.map(owner => ({ ...owner, uid: 'before' })) ?? [],
    },
  }))
  const made = plan(observed(shared, { live }))
  expect(made.problems).toEqual([])
  expect(made.apply).toEqual([])
  expect(made.requeueAfterSeconds).toBeLessThanOrEqual(5)
})

test('a new template gets the other half of the ports, and what is mounted stays on this one', () => {
  const first = plan(observed(shared))
  const live = carriedOut(first)
  expect(halfOf(deployment(first))).toBe('a')
  const banner = plan(observed(`${shared}, banner: Hello`, { live, pods: [pod()] }))
  expect(halfOf(deployment(banner))).toBe('a')
  const image = plan(observed(`${shared}, image: other`, { live, pods: [pod()] }))
  expect(halfOf(deployment(image))).toBe('b')
  const settled = plan(
    observed(`${shared}, image: other`, {
      live: carriedOut(image),
      pods: [pod({ half: 'a', terminating: true }), pod({ half: 'b' })],
    }),
  )
  expect(halfOf(deployment(settled))).toBe('b')
})

test('a further template waits until the pod that drains is gone; its Deployment stays as it is', () => {
  const live = carriedOut(
    plan(observed(`${shared}, image: other`, { live: carriedOut(plan(observed(shared))), pods: [pod()] })),
  )
  const made = plan(
    observed(`${shared}, image: third`, { live, pods: [pod({ half: 'a', terminating: true }), pod({ half: 'b' })] }),
  )
  expect(deployment(made)).toBeUndefined()
  expect(made.remove).toEqual([])
  expect(made.decisions.waiting).toEqual([0])
  expect(made.requeueAfterSeconds).toBeLessThanOrEqual(5)
})

test('another replica changes nothing about those that are there', () => {
  const live = carriedOut(plan(observed(shared)))
  const two = plan(observed(`${shared}, replicas: 2`, { live, pods: [pod()] }))
  expect(deployment(two)).toEqual(deployment(plan(observed(shared))))
  expect(names(two.apply, 'Deployment')).toEqual(['uploads-0', 'uploads-1'])
})

test('ports of a replica that drains stay in the Service and in the configuration until its pod is gone', () => {
  const portsWith = (pods: Observation['pods']) => {
    const { apply } = plan(observed(shared, { pods }))
    return {
      service: (
        at(
          apply.find(({ kind }) => kind === 'Service'),
          'spec',
          'ports',
        ) as readonly unknown[]
      ).length,
      files: Object.keys(
        at(
          apply.find(({ kind }) => kind === 'ConfigMap'),
          'data',
        ) ?? {},
      ),
    }
  }
  const draining = pod({ replica: 2, terminating: true })
  expect(portsWith([pod(), draining])).toMatchObject({ service: 61, files: expect.arrayContaining(['server-2a.yaml']) })
  expect(portsWith([pod()])).toEqual({ service: 21, files: ['server-0a.yaml', 'server-0b.yaml'] })
})

test.each([
  ['ReadWriteOnce', 'Recreate'],
  ['ReadWriteOncePod', 'Recreate'],
  ['ReadWriteMany', 'RollingUpdate'],
  ['ReadOnlyMany', 'RollingUpdate'],
])('a volume with %s is rolled out by %s', (mode, strategy) => {
  const own = plan(observed(`storage: { claim: { size: 1Gi, accessModes: [${mode}] } }`))
  const existing = plan(observed('storage: { existingClaimName: files }', { claim: liveClaim('files', [mode]) }))
  for (const made of [own, existing]) expect(at(deployment(made), 'spec', 'strategy', 'type')).toBe(strategy)
})

test('a suspended server has Deployments without pods, and keeps its Service', () => {
  const made = plan(observed(`${shared}, suspend: true, replicas: 2`))
  expect([0, 1].map(replica => at(deployment(made, replica), 'spec', 'replicas'))).toEqual([0, 0])
  expect(names(made.apply, 'Service')).toEqual(['uploads'])
})

test('only pods whose files are others are told, and none that ends', () => {
  const { decisions } = plan(observed(shared))
  const current = report(decisions.hashOf(0, 'a'))
  const { stamp } = plan(
    observed(shared, {
      pods: [
        pod({ report: current }),
        pod({ half: 'b', report: report('old') }),
        pod({ report: report('old'), terminating: true }),
      ],
    }),
  )
  expect(stamp).toEqual([
    {
      pod: 'uploads-0-b',
      uid: 'pod-0-b',
      annotation: 'ftp-operator.io/files-hash',
      value: `${decisions.hashOf(0, 'b')} 1 ${new Date(now).toISOString()}`,
    },
  ])
})

test('a user who changes is another configuration, and no other template', () => {
  const users = (role: string) => `${shared}, users: [{ name: a, role: ${role}, passwordHash: '${passwordHash}' }]`
  const [before, after] = [plan(observed(users('ReadOnly'))), plan(observed(users('ReadWrite')))]
  expect(before.decisions.hashOf(0, 'a')).not.toBe(after.decisions.hashOf(0, 'a'))
  expect(before.decisions.hash).not.toBe(after.decisions.hash)
  expect(deployment(before)).toEqual(deployment(after))
})

test('a key that moves to another Secret is there before it is gone from the first', () => {
  const large = 'x'.repeat(600 * 1024)
  const sources = (b: string) => [secret('s', { 'a.yaml': large, 'b.yaml': b })]
  const spec = `${shared}, usersFrom: [{ secretRef: { name: s } }]`
  const first = plan(observed(spec, { sources: sources('small') }))
  expect(names(first.apply, 'Secret')).toEqual(['uploads-users-0'])
  const second = plan(observed(spec, { sources: sources(large), live: carriedOut(first) }))
  expect(names(second.apply, 'Secret')).toEqual(['uploads-users-1', 'uploads-users-0'])
})

test('monitoring that was asked for and can’t be is a problem, and nothing else', () => {
  const made = plan(observed(`${shared}, monitoring: { podMonitor: Enabled }`))
  expect(made.problems.map(({ reason }) => reason)).toEqual(['KindNotServed'])
  expect(names(made.apply)).not.toContain('PodMonitor uploads')
})

test('a Secret with a certificate that somebody else made is neither renewed nor removed', () => {
  const foreign = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'uploads-tls', namespace: 'media' } }
  const made = plan(observed('storage: { emptyDir: {} }', { live: [foreign], sources: [secret('uploads-tls', {})] }))
  expect(made.certificateNeeded).toBeUndefined()
  expect(names(made.apply)).not.toContain('Secret uploads-tls')
})

test('a quiet server is looked at again in minutes, one whose pods are behind in a second', () => {
  const settled = plan(observed(shared))
  const quiet = observed(shared, {
    live: [...carriedOut(settled), liveService({}, [{ ip: '203.0.113.7' }])],
    pods: [pod({ report: report(settled.decisions.hashOf(0, 'a')) })],
  })
  expect(plan({ ...quiet, live: carriedOut(settled) }).requeueAfterSeconds).toBe(600)
  expect(plan({ ...quiet, pods: [pod({ report: report('old') })] }).requeueAfterSeconds).toBe(1)
})
