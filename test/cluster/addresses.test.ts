/** The address that clients are told: it arrives late, changes, or is a name, and no pod is restarted for it. */
import { hostname } from 'node:os'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { kinds } from '../../operator/kubernetes/kinds.ts'
import { listAt, textAt } from '../../operator/kubernetes/read.ts'
import { type Balancer, createBalancer } from '../support/cluster/balancer.ts'
import {
  applyYaml,
  type ClusterAccess,
  connectToCluster,
  createNamespace,
  ftpServer,
  type OperatorProcess,
  startOperatorProcess,
} from '../support/cluster/cluster.ts'
import { type Place, untilCondition } from '../support/cluster/conditions.ts'
import { podsOf } from '../support/cluster/pods.ts'
import { ClusterSession, reachable } from '../support/cluster/sessions.ts'
import { eventually } from '../support/eventually.ts'
import { simpleUser } from '../support/server.ts'

const port = 3420
/** For documentation (RFC 5737): nobody has it, and kube-proxy takes what is sent there to the Service all the same. */
const moved = '203.0.113.250'
/** It has an address on this machine, where the operator runs, and is given another one in the pod. */
const name = hostname()

let access: ClusterAccess
let namespace: Awaited<ReturnType<typeof createNamespace>>
let balancer: Balancer
let operator: OperatorProcess
let place: Place
/** Told from the beginning to the end of all tests. */
let session: ClusterSession
let before: string

beforeAll(async () => {
  access = connectToCluster()
  namespace = await createNamespace('addresses')
  balancer = await createBalancer(namespace.name)
  operator = await startOperatorProcess({ namespaces: [namespace.name] })
  place = { cluster: access.cluster, namespace: namespace.name, name: 'late' }
  await applyYaml(
    ftpServer(place.namespace, place.name, {
      listeners: [{ name: 'ftp', port }],
      passive: { firstPort: 22_000, peerCheck: 'Disabled' },
      users: [simpleUser('alice')],
      drainSeconds: 1,
      podTemplate: { spec: { hostAliases: [{ ip: moved, hostnames: [name] }] } },
    }),
  )
})

afterAll(async () => {
  session?.close()
  await operator?.stop()
  await balancer?.dispose()
  await namespace?.dispose()
  await access?.close()
})

test('until the load balancer has an address the server says so, and PASV and EPSV are answered with 425', async () => {
  await untilCondition(place, { type: 'Available', status: 'True' })
  const missing = await untilCondition(place, {
    type: 'AddressReady',
    status: 'False',
    reason: /^LoadBalancerPending$/,
  })
  expect(missing.message).toContain('425')
  await untilCondition(place, { type: 'Ready', status: 'False', reason: /^LoadBalancerPending$/ })
  before = await identity()
  const service = await access.cluster.get(kinds.service, place)
  const inside = { host: textAt(service, 'spec', 'clusterIP') ?? '', port }
  await reachable(inside)
  session = await ClusterSession.open(inside, { passive: 'PASV', secure: true })
  for (const command of ['PASV', 'EPSV']) {
    expect((await session.command(command, 425)).text).toBe('The passive address is not known yet; try again later.')
  }
})

test('once it has one, the session that was there transfers, and so does everybody else', async () => {
  const address = textAt(await onlyPod(), 'status', 'hostIP') ?? ''
  const since = performance.now()
  await balancer.assign(place.name, [{ ip: address }])
  await untilTold(address)
  console.info(`told ${((performance.now() - since) / 1000).toFixed(1)} s after the address was there`)
  await untilCondition(place, { type: 'Ready', status: 'True' })
  await reachable({ host: address, port })
  await session.roundTrip('late')
  await expectTransfer(address)
})

test('a new address is told in seconds, also to the session that was there', async () => {
  const since = performance.now()
  await balancer.assign(place.name, [{ ip: moved }])
  await untilTold(moved)
  console.info(`told ${((performance.now() - since) / 1000).toFixed(1)} s after the address changed`)
  await untilCondition(place, { type: 'AddressReady', status: 'True', message: /203\.0\.113\.250/ })
  await reachable({ host: moved, port })
  await session.roundTrip('moved')
  await expectTransfer(moved)
})

test('a host name that can’t be resolved is no address', async () => {
  await balancer.assign(place.name, [{ hostname: 'nobody.invalid' }])
  const unresolved = await untilCondition(place, { type: 'AddressReady', status: 'False', reason: /Unresolved/ })
  expect(unresolved.message).toContain('nobody.invalid')
  await eventually(async () => (await session.client.send('PASV')).code === 425, 'PASV is refused', 20_000, 200)
})

test('of one that can be, clients are told the address', async () => {
  await balancer.assign(place.name, [{ hostname: name }])
  await untilCondition(place, { type: 'AddressReady', status: 'True', message: new RegExp(`\\b${name}\\b`) })
  // Where that is, is between clients and their name servers.
  await untilTold(moved)
})

test('no pod was restarted for any of it', async () => {
  expect(await identity()).toBe(before)
})

/** Resolves when that is the address of PASV. */
async function untilTold(address: string): Promise<void> {
  const expected = `(${address.replaceAll('.', ',')},`
  await eventually(
    async () => (await session.client.send('PASV')).text.includes(expected),
    `PASV tells ${address}`,
    20_000,
    100,
  )
}

async function expectTransfer(host: string): Promise<void> {
  for (const passive of ['PASV', 'EPSV'] as const) {
    const other = await ClusterSession.open({ host, port }, { passive, secure: true })
    await other.roundTrip(`by-${passive}`)
    other.close()
  }
}

async function onlyPod() {
  const [pod] = await podsOf(place.namespace, place.name)
  return access.cluster.get(kinds.pod, { namespace: place.namespace, name: pod?.name ?? '' })
}

/** Of the pod and its container. */
async function identity(): Promise<string> {
  const pod = await onlyPod()
  return JSON.stringify([pod?.metadata.uid, textAt(listAt(pod, 'status', 'containerStatuses')[0], 'containerID')])
}
