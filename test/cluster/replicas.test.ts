/** Several replicas behind one Service, on one volume. */
import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { parse } from 'yaml'
import {
  createNamespace,
  kubectl,
  type OperatorProcess,
  startOperatorProcess,
  waitForCondition,
} from '../support/cluster/cluster.ts'
import { isDraining, type Pod, podsOf, statusOfPod, untilPods } from '../support/cluster/pods.ts'
import { startProxy } from '../support/cluster/proxy-pod.ts'
import { change, host, type ServerOptions, serve } from '../support/cluster/servers.ts'
import {
  ClusterSession,
  type Mode,
  modes,
  type Place,
  reachable,
  type SlowTransfer,
} from '../support/cluster/sessions.ts'
import { Batch, Visitors } from '../support/cluster/traffic.ts'
import { eventually } from '../support/eventually.ts'

const content = randomBytes(4_000_000)

let namespace: Awaited<ReturnType<typeof createNamespace>>
let operator: OperatorProcess

beforeAll(async () => {
  namespace = await createNamespace('replicas')
  operator = await startOperatorProcess({ namespaces: [namespace.name] })
})
afterAll(async () => {
  await operator?.stop()
  await namespace?.dispose()
})

type Server = ServerOptions & { readonly portsPerReplica: number }

async function start(options: Omit<Server, 'namespace'>, spec: Record<string, unknown>): Promise<Server> {
  const { firstPort, portsPerReplica } = options
  const server = { namespace: namespace.name, ...options }
  await serve(server, { passive: { firstPort, portsPerReplica }, limits: {}, ...spec })
  await reachable({ host, port: server.port })
  return server
}

async function open({ port }: Server, mode?: Mode, via?: Place): Promise<ClusterSession> {
  const session = await ClusterSession.open({ host, port, via }, mode)
  onTestFinished(() => session.close())
  return session
}

/** The replica that a session is with: that of all its passive ports. */
function replicaOf({ firstPort, portsPerReplica }: Server, { ports }: ClusterSession): number {
  const replicas = new Set(ports.map(port => Math.floor((port - firstPort) / portsPerReplica)))
  const [replica = -1] = replicas
  return replicas.size === 1 ? replica : -1
}

/** Sessions, each of which has done a round of transfers, until each replica has so many. */
async function inEach(server: Server, count: number): Promise<readonly (readonly ClusterSession[])[]> {
  const replicas: ClusterSession[][] = [[], [], []]
  for (let index = 0; replicas.some(({ length }) => length < count); index += 1) {
    if (index > 100 * count) throw new Error('Some replica is never chosen')
    const session = await open(server, modes[index % modes.length])
    await session.roundTrip('first')
    const sessions = replicas[replicaOf(server, session)]
    if (sessions === undefined) throw new Error(`Ports ${session.ports.join(', ')} are not of one replica`)
    if (sessions.length < count) sessions.push(session)
    else session.close()
  }
  return replicas
}

type ServicePort = { readonly name: string; readonly port: number }

async function serviceOf({ namespace: of, name }: Server) {
  const { spec } = JSON.parse(await kubectl(['-n', of, 'get', 'service', name, '-o', 'json']))
  const ports: readonly ServicePort[] = spec.ports
  return { policy: spec.externalTrafficPolicy, ports: ports.map(({ name: portName, port }) => `${portName} ${port}`) }
}

const portsOf = ({ port, firstPort, portsPerReplica }: Server, replicas: number) => [
  `ftp ${port}`,
  ...Array.from({ length: replicas * portsPerReplica }, (_, index) => `pasv-${firstPort + index} ${firstPort + index}`),
]

async function peerChecks({ namespace: of, name }: Server): Promise<readonly string[]> {
  const { data } = JSON.parse(await kubectl(['-n', of, 'get', 'configmap', `${name}-config`, '-o', 'json']))
  return [...new Set(Object.values(data).map(text => parse(String(text)).passive.peerCheck))]
}

const areReady = (count: number) => (pods: readonly Pod[]) => pods.length === count && pods.every(({ ready }) => ready)

describe('Three replicas', () => {
  test('grow from one without a transfer lost, and share 300 sessions', async () => {
    const server = await start({ name: 'many', port: 3210, firstPort: 21_400, portsPerReplica: 60 }, {})
    const proxy = await startProxy(server.namespace)
    expect(await serviceOf(server)).toEqual({ policy: 'Local', ports: portsOf(server, 1) })
    expect(await peerChecks(server)).toEqual(['same-address'])
    const [only] = await podsOf(server.namespace, server.name)
    const batches = await Promise.all(
      modes.map(async (mode, index) => new Batch(await open(server, mode, proxy), `batch-${index}`)),
    )
    const peers = async () => (await statusOfPod(server.namespace, only?.name ?? '')).sessions.map(({ peer }) => peer)
    expect(await peers()).toContain(proxy.host)

    await kubectl(['-n', server.namespace, 'scale', `ftp/${server.name}`, '--replicas=3'])
    await untilPods(server, 'three replicas serve', areReady(3))
    await waitForCondition(server.namespace, server.name)
    expect(await serviceOf(server)).toEqual({ policy: 'Cluster', ports: portsOf(server, 3) })
    // Addresses are hidden now, those of data connections too.
    expect(await peerChecks(server)).toEqual(['off'])
    await Promise.all(batches.map(batch => batch.goesOn(4)))
    for (const batch of batches) await batch.stop()
    for (const { session } of batches) expect(replicaOf(server, session)).toBe(0)

    const sessions: ClusterSession[] = []
    const worker = async (number: number) => {
      for (let turn = 0; turn < 12; turn += 1) {
        const session = await open(server, modes[(number + turn) % modes.length], turn % 2 === 0 ? proxy : undefined)
        await session.roundTrip(`session-${number}-${turn}`)
        sessions.push(session)
      }
    }
    await Promise.all(Array.from({ length: 25 }, (_, number) => worker(number)))
    const pods = await podsOf(server.namespace, server.name)
    expect(pods.find(({ replica }) => replica === 0)?.name).toBe(only?.name)
    for (const { replica, name } of pods) {
      const status = await statusOfPod(server.namespace, name)
      const mine = sessions.filter(session => replicaOf(server, session) === replica)
      expect(mine.length).toBeGreaterThan(50)
      expect(status.sessionCount).toBe(mine.length + (replica === 0 ? batches.length : 0))
      if (replica > 0) expect(status.sessions.map(({ peer }) => peer)).not.toContain(proxy.host)
    }
    expect(sessions.filter(session => replicaOf(server, session) >= 0)).toHaveLength(300)
  })

  test('shrink to one: transfers finish, and all that are not at rest go on', async () => {
    const server = await start({ name: 'fewer', port: 3211, firstPort: 21_580, portsPerReplica: 40 }, { replicas: 3 })
    const hurry = new AbortController()
    onTestFinished(() => hurry.abort())
    const replicas = await inEach(server, 4)
    await (await open(server)).upload('slow', content)
    const transfers: SlowTransfer[] = []
    for (const [replica, [one, other]] of replicas.entries()) {
      if (one === undefined || other === undefined) throw new Error('no session')
      transfers.push(await one.begin('download', 'slow', content, hurry.signal))
      transfers.push(await other.begin('upload', `slow-${replica}`, content, hurry.signal))
    }
    const batches = replicas.flatMap(([, , one], replica) =>
      one === undefined ? [] : [new Batch(one, `batch-${replica}`)],
    )
    const visitors = new Visitors({ host, port: server.port }, { passive: 'EPSV', secure: false }, 'visit')
    onTestFinished(() => visitors.stop().catch(() => undefined))

    await change(server, { replicas: 1 })
    const pods = await untilPods(server, 'two end', all => all.filter(({ terminating }) => terminating).length === 2)
    expect(pods.filter(({ terminating }) => terminating).map(({ replica }) => replica)).toEqual([1, 2])
    for (const { name } of pods.slice(1)) {
      await eventually(() => isDraining(server.namespace, name), `${name} drains`, 30_000)
    }
    expect(await serviceOf(server)).toEqual({ policy: 'Cluster', ports: portsOf(server, 3) })
    for (const idle of [replicas[1]?.[3], replicas[2]?.[3]]) {
      expect(await idle?.client.closed()).toMatch(/^421 [^\r\n]+\r\n$/)
    }
    await Promise.all(batches.map(batch => batch.goesOn(4)))
    hurry.abort()
    for (const { finished } of transfers) await finished
    for (const batch of batches) await batch.stop()
    await untilPods(server, 'one is left', areReady(1))
    await visitors.stop()
    expect(visitors.visits.at(-1)?.every(port => port < server.firstPort + server.portsPerReplica)).toBe(true)
    for (const { session } of batches.slice(1)) expect(await session.client.closed()).toMatch(/^421 /)
    await waitForCondition(server.namespace, server.name)
    await eventually(
      async () => (await serviceOf(server)).ports.length === 1 + server.portsPerReplica,
      'fewer ports',
      20_000,
    )
    expect(await serviceOf(server)).toEqual({ policy: 'Local', ports: portsOf(server, 1) })
    await replicas[0]?.[3]?.roundTrip('still-there')
  })

  test('one is killed: only its sessions are hurt; one is deleted: none is', async () => {
    const server = await start({ name: 'killed', port: 3212, firstPort: 21_700, portsPerReplica: 30 }, { replicas: 3 })
    const [first = [], second = [], third = []] = await inEach(server, 2)
    const batches = [first, third].flatMap(([one], index) =>
      one === undefined ? [] : [new Batch(one, `batch-${index}`)],
    )
    const pods = await podsOf(server.namespace, server.name)
    const names = pods.map(({ name }) => name)
    await kubectl(['-n', server.namespace, 'delete', 'pod', names[1] ?? '', '--grace-period=0', '--force'])
    for (const session of second) await session.client.closed()
    await untilPods(
      server,
      'another is in its place',
      all => areReady(3)(all) && !all.some(({ name }) => name === names[1]),
    )
    await waitForCondition(server.namespace, server.name)
    const again = await inEach(server, 1)
    expect(again.map(([session]) => session && replicaOf(server, session))).toEqual([0, 1, 2])

    await kubectl(['-n', server.namespace, 'delete', 'pod', names[2] ?? '', '--wait=false'])
    await eventually(() => isDraining(server.namespace, names[2] ?? ''), 'it drains', 30_000)
    await untilPods(
      server,
      'another is in its place',
      all => all.filter(({ ready, terminating }) => ready && !terminating).length === 3,
    )
    await Promise.all(batches.map(batch => batch.goesOn(4)))
    for (const batch of batches) await batch.stop()
    expect(batches.map(({ session }) => replicaOf(server, session))).toEqual([0, 2])
    await first[1]?.roundTrip('at-the-end')
    expect(await third[1]?.client.closed()).toMatch(/^421 /)
    await untilPods(server, 'three are left', areReady(3))
  })
})
