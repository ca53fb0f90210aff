/** FtpUsers that take their homes with them, on a real API server, with a pod that says what a test wants it to say. */
import { randomInt } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { resourceKind } from '../../operator/api/ftp-server.ts'
import { type FtpUserStatus, ftpUserKind, ftpUserResourceKind } from '../../operator/api/ftp-user.ts'
import { kinds } from '../../operator/kubernetes/kinds.ts'
import { recordAt } from '../../operator/kubernetes/read.ts'
import { configurationHash, fileDigest } from '../../server/config/hash.ts'
import type { RemovedHome } from '../../server/config/schema/removed-homes.ts'
import { helmTest } from '../chart/helm.ts'
import { ftpServer } from '../support/cluster/cluster.ts'
import { clusterTest, kubebuilderAssets } from '../support/control-plane/api-server.ts'
import { chartNamespace } from '../support/control-plane/chart-rights.ts'
import { type ControlPlane, startControlPlane } from '../support/control-plane/control-plane.ts'
import { type HostedOperator, hostOperator } from '../support/control-plane/hosted-operator.ts'
import { eventually } from '../support/eventually.ts'
import { passwordHash } from './samples.ts'

let hosted: HostedOperator
let plane: ControlPlane
let probes: Server
/** State and message of each order, by user; `removing` unless told. */
const says = new Map<string, readonly [state: string, message?: string]>()
/** Whether the pod answers at all, and whether it reads its files. */
let pod: 'up to date' | 'stuck' | 'silent' = 'up to date'
let lastReport: object = {}

const hasHelm = helmTest === test
const rightsTest = hasHelm ? clusterTest : helmTest
/** The port is that of all pods: another run of the tests needs another address. */
const podAddress = `127.27.${randomInt(256)}.${randomInt(1, 255)}`
const podName = { namespace: 'media', name: 'uploads-0-x' }

beforeAll(async () => {
  if (kubebuilderAssets.directory === undefined) return
  plane = await startControlPlane()
  for (const name of [chartNamespace, 'media', 'team-a']) await plane.createNamespace(name)
  probes = createServer((_, response) => {
    if (pod === 'silent') return void response.destroy()
    void status().then(report => response.end(JSON.stringify(report)))
  })
  await new Promise<void>((resolve, reject) => {
    probes.once('error', reject).listen(8080, podAddress, resolve)
  })
  await plane.apply(
    ftpServer('media', 'uploads', {
      listeners: [{ name: 'ftp', port: 21, tls: 'Disabled' }],
      allowedUsers: { namespaces: { from: 'All' } },
    }),
    {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: {
        ...podName,
        labels: {
          'app.kubernetes.io/name': 'ftp-server',
          'app.kubernetes.io/instance': 'uploads',
          'app.kubernetes.io/managed-by': 'ftp-operator',
          'ftp-operator.io/replica': '0',
          'ftp-operator.io/ports-half': 'a',
        },
      },
      spec: {
        containers: [{ name: 'ftp-server', image: 'x' }],
        automountServiceAccountToken: false,
        serviceAccountName: 'default',
      },
    },
  )
  const podStatus = {
    phase: 'Running',
    podIP: podAddress,
    podIPs: [{ ip: podAddress }],
    conditions: [{ type: 'Ready', status: 'True' }],
  }
  await plane.cluster.applyStatus({ apiVersion: 'v1', kind: 'Pod', metadata: podName, status: podStatus } as never, {
    fieldManager: 'tests',
    force: true,
  })
  hosted = await hostOperator(plane, hasHelm ? 'rights of the chart' : 'all rights')
}, 90_000)

afterAll(async () => {
  await hosted?.stop()
  probes?.close()
  await plane?.stop()
}, 30_000)

/** What a pod with the newest files would say. */
async function status(): Promise<object> {
  if (pod === 'stuck') return lastReport
  const files = await filesOfPods()
  const digested = [...files].map(([path, content]) => ({ path, digest: fileDigest(content) }))
  const content = files.get('users/removed-homes.order')
  const homes = content === undefined ? [] : (JSON.parse(content.toString()) as { homes: RemovedHome[] }).homes
  lastReport = {
    hash: configurationHash(digested),
    users: { accepted: 1, rejected: [], rejectedCount: 0 },
    problems: [],
    problemCount: 0,
    removedHomes: homes.map(each => {
      const [state, message] = says.get(each.user) ?? ['removing']
      return { ...each, state, message }
    }),
  }
  return lastReport
}

async function filesOfPods(): Promise<ReadonlyMap<string, Buffer>> {
  const { items } = await plane.cluster.list(kinds.secret, {
    namespace: 'media',
    labelSelector: 'app.kubernetes.io/instance=uploads,app.kubernetes.io/name=ftp-server',
  })
  const configMap = await plane.cluster.get(kinds.configMap, { namespace: 'media', name: 'uploads-config' })
  const users = items.flatMap(item => Object.entries(recordAt(item, 'data')))
  return new Map([
    ...users.map(([key, text]): [string, Buffer] => [`users/${key}`, Buffer.from(text, 'base64')]),
    ...Object.values(recordAt(configMap, 'data'))
      .slice(0, 1)
      .map((text): [string, Buffer] => ['server.yaml', Buffer.from(text)]),
  ])
}

async function order(): Promise<readonly RemovedHome[]> {
  const content = (await filesOfPods()).get('users/removed-homes.order')
  return content === undefined ? [] : (JSON.parse(content.toString()) as { homes: RemovedHome[] }).homes
}

type Spec = Readonly<Record<string, unknown>>

function ftpUser(name: string, spec: Spec = {}, namespace = 'media') {
  return {
    apiVersion: 'ftp-operator.io/v1alpha1',
    kind: ftpUserKind,
    metadata: { name, namespace },
    spec: { serverRefs: [{ name: 'uploads', namespace: 'media' }], passwordHash, reclaimPolicy: 'Delete', ...spec },
  }
}

const get = (name: string, namespace = 'media') => plane.cluster.get(ftpUserResourceKind, { namespace, name })
const remove = (name: string, namespace = 'media') => plane.cluster.delete(ftpUserResourceKind, { namespace, name })

async function conditionsOf(name: string) {
  const found = (await get(name))?.['status'] as FtpUserStatus | undefined
  return { ready: found?.conditions?.[0], homes: found?.servers?.map(({ conditions }) => conditions[0]) ?? [] }
}

async function ready(name: string, reason: string) {
  const reached = async () => (await conditionsOf(name)).ready?.reason === reason
  await eventually(reached, `${name} is ${reason}`).catch(async () =>
    expect((await conditionsOf(name)).ready).toMatchObject({ reason }),
  )
  return (await conditionsOf(name)).ready
}

async function gone(name: string, namespace = 'media'): Promise<void> {
  await eventually(async () => (await get(name, namespace)) === undefined, `${name} is gone`)
}

clusterTest('the finalizer is there exactly where the home is to go, and those of others stay', async () => {
  const finalizers = async () => (await get('policy'))?.metadata.finalizers ?? []
  await plane.apply(ftpUser('policy', { reclaimPolicy: 'Retain' }))
  await ready('policy', 'InForce')
  expect(await finalizers()).toEqual([])
  const others = { metadata: { finalizers: ['example.com/other'] } }
  await plane.cluster.patchMerge(ftpUserResourceKind, { namespace: 'media', name: 'policy' }, others)
  await plane.apply(ftpUser('policy'))
  await eventually(async () => (await finalizers()).length === 2, 'it has the finalizer')
  expect(await finalizers()).toEqual(['example.com/other', 'ftp-operator.io/home'])
  await plane.apply(ftpUser('policy', { reclaimPolicy: 'Retain' }))
  await eventually(async () => (await finalizers()).length === 1, 'it has it no more')
  expect(await finalizers()).toEqual(['example.com/other'])
  const none = { metadata: { finalizers: null } }
  await plane.cluster.patchMerge(ftpUserResourceKind, { namespace: 'media', name: 'policy' }, none)
  await remove('policy')
  await gone('policy')
  expect(await order()).toEqual([])
})

clusterTest(
  'a user who goes is out at once, waits for the home, then for the order to be gone, and survives another operator',
  async () => {
    await plane.apply(ftpUser('alice', { home: '/cameras/alice', hosts: ['a.example'] }))
    await ready('alice', 'InForce')
    const { uid } = (await get('alice'))?.metadata ?? {}
    await remove('alice')
    const waiting = await ready('alice', 'RemovingHome')
    expect(waiting).toMatchObject({ status: 'False' })
    expect(waiting?.message).toContain('FtpServer media/uploads: pod uploads-0-x has not removed the home yet')
    expect(await order()).toMatchObject([{ id: uid, user: 'alice', home: '/cameras/alice', hosts: ['a.example'] }])
    expect([...(await filesOfPods()).values()].join('')).not.toContain(passwordHash)
    // The next user of the name waits.
    await plane.apply(ftpUser('next', { username: 'alice' }))
    expect(await ready('next', 'NameConflict')).toMatchObject({ status: 'False' })
    await hosted.restart(undefined)
    expect((await get('alice'))?.metadata.deletionTimestamp).toBeDefined()
    says.set('alice', ['removed'])
    // It has said so, and does not read that the order is withdrawn.
    await eventually(async () => (await conditionsOf('alice')).homes[0]?.status === 'True', 'the home is gone')
    await gone('alice')
    expect(await order()).toEqual([])
    await ready('next', 'InForce')
    await remove('next')
    await gone('next')
    says.delete('alice')
  },
  60_000,
)

clusterTest(
  'a pod that does not let go of the order keeps the resource, however long',
  async () => {
    await plane.apply(ftpUser('bob'))
    await ready('bob', 'InForce')
    await remove('bob')
    await ready('bob', 'RemovingHome')
    says.set('bob', ['removed'])
    await status()
    pod = 'stuck'
    await ready('bob', 'Removed')
    await eventually(async () => (await order()).length === 0, 'the order is withdrawn')
    pod = 'silent'
    const { homes } = await conditionsOf('bob')
    expect(homes[0]).toMatchObject({ type: 'HomeRemoved', status: 'True' })
    const before = await hosted.reconciled()
    await eventually(async () => (await hosted.reconciled()) > before + 2, 'it is looked at again', 30_000)
    expect(await get('bob')).toBeDefined()
    pod = 'up to date'
    await gone('bob')
  },
  60_000,
)

clusterTest('whose home somebody else has is told so, and goes without when the policy is changed', async () => {
  says.set('carol', ['refused', '/carol or something below it is of user dave'])
  await plane.apply(ftpUser('carol'))
  await ready('carol', 'InForce')
  await remove('carol')
  const refused = await ready('carol', 'HomeInUse')
  expect(refused?.message).toContain('is of user dave. To keep the home and let the resource go: kubectl')
  expect((await conditionsOf('carol')).homes).toMatchObject([{ status: 'False', reason: 'HomeInUse' }])
  const { items } = await plane.cluster.list(kinds.event, { namespace: 'media' })
  expect(items).toContainEqual(expect.objectContaining({ reason: 'HomeInUse', type: 'Warning' }))
  const spec = { spec: { reclaimPolicy: 'Retain' } }
  await plane.cluster.patchMerge(ftpUserResourceKind, { namespace: 'media', name: 'carol' }, spec)
  await gone('carol')
  expect(await order()).toEqual([])
})

clusterTest('nobody waits for servers that are not there, or that do not take the user', async () => {
  const elsewhere = { serverRefs: [{ name: 'nowhere', namespace: 'media' }] }
  await plane.apply(ftpUser('lost', elsewhere), ftpUser('stranger', {}, 'team-a'))
  await ready('lost', 'ServerNotFound')
  await eventually(async () => (await get('stranger', 'team-a'))?.['status'] !== undefined, 'it is told')
  await plane.apply(
    ftpServer('media', 'uploads', {
      listeners: [{ name: 'ftp', port: 21, tls: 'Disabled' }],
      allowedUsers: { namespaces: { from: 'Same' } },
    }),
  )
  await remove('lost')
  await remove('stranger', 'team-a')
  await gone('lost')
  await gone('stranger', 'team-a')
  expect(await order()).toEqual([])
})

clusterTest('a user of several servers waits for each, and no longer than the server is there', async () => {
  says.clear()
  const serverRefs = [{ name: 'uploads' }, { name: 'second' }]
  await plane.apply(ftpServer('media', 'second', { suspend: true }), ftpUser('eve', { serverRefs }))
  await ready('eve', 'NoPods')
  await remove('eve')
  await ready('eve', 'RemovingHome')
  says.set('eve', ['removed'])
  const told = await ready('eve', 'NoPods')
  expect(told?.message).toContain('FtpServer media/second: the server has no pods that could remove the home')
  expect(await order()).toEqual([])
  await plane.cluster.delete(resourceKind, { namespace: 'media', name: 'second' })
  await gone('eve')
})

rightsTest('the rights that the chart gives were enough for all of this', async () => {
  await hosted.stop()
  expect([...hosted.forbidden]).toEqual([])
})
