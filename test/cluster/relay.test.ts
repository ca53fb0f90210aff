/** Data connections that reach the pod of another replica: relayed to it, with the client's own address. */
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import {
  applyYaml,
  createNamespace,
  kubectl,
  type OperatorProcess,
  startOperatorProcess,
  waitForCondition,
} from '../support/cluster/cluster.ts'
import { metricOverAll } from '../support/cluster/metrics.ts'
import { type Pod, podsOf, statusOfPod, untilPods } from '../support/cluster/pods.ts'
import { startProxy } from '../support/cluster/proxy-pod.ts'
import { change, host, type ServerOptions, serve } from '../support/cluster/servers.ts'
import { ClusterSession, type Mode, modes, type Place, reachable } from '../support/cluster/sessions.ts'
import { Batch, Visitors } from '../support/cluster/traffic.ts'
import { eventually } from '../support/eventually.ts'

const portsPerReplica = 20

let namespace: Awaited<ReturnType<typeof createNamespace>>
let operator: OperatorProcess
let proxy: Place

beforeAll(async () => {
  namespace = await createNamespace('relay')
  operator = await startOperatorProcess({ namespaces: [namespace.name] })
  proxy = await startProxy(namespace.name)
}, 120_000)
afterAll(async () => {
  await operator?.stop()
  await namespace?.dispose()
})

async function start(options: Omit<ServerOptions, 'namespace'>, spec: Record<string, unknown>): Promise<ServerOptions> {
  const server = { namespace: namespace.name, ...options }
  await serve(server, { passive: { firstPort: options.firstPort, portsPerReplica }, ...spec })
  return server
}

async function open({ port }: ServerOptions, mode: Mode | undefined, via?: Place): Promise<ClusterSession> {
  const session = await ClusterSession.open({ host, port, via }, mode)
  onTestFinished(() => session.close())
  return session
}

/** So many transfers by twenty clients at once, by PASV and EPSV, in clear text and under TLS, from the node and from a pod. */
async function load(server: ServerOptions, rounds: number): Promise<readonly ClusterSession[]> {
  return Promise.all(
    Array.from({ length: 20 }, async (_, index) => {
      const session = await open(server, modes[index % modes.length], index % 8 < 4 ? proxy : undefined)
      for (let round = 0; round < rounds; round += 1) await session.roundTrip(`file-${index}`)
      return session
    }),
  )
}

const areReady = (count: number) => (pods: readonly Pod[]) => pods.length === count && pods.every(({ ready }) => ready)

async function transfersLogged({ namespace: of }: ServerOptions, pod: string) {
  const lines = (await kubectl(['-n', of, 'logs', pod, '--tail=-1'])).split('\n').filter(line => line.startsWith('{'))
  return lines.map(line => JSON.parse(line)).filter(({ msg }) => msg === 'transfer ended')
}

async function serviceOf({ namespace: of, name }: ServerOptions) {
  const { spec } = JSON.parse(await kubectl(['-n', of, 'get', 'service', name, '-o', 'json']))
  const targets: readonly unknown[] = spec.ports.slice(1).map(({ targetPort }: { targetPort: unknown }) => targetPort)
  return { policy: spec.externalTrafficPolicy, kinds: [...new Set(targets.map(target => typeof target))] }
}

describe('Two replicas that relay', () => {
  test('take every data connection at one of them, as on a node that has no other, and see each client’s own address', async ({
    annotate,
  }) => {
    const server = await start(
      { name: 'wrong', port: 2990, firstPort: 29_000 },
      {
        replicas: 2,
        // Who leads clients here, is the test.
        service: { type: 'ClusterIP', relay: 'Enabled' },
        // Each relayed connection is to be one of the test’s.
        passive: { firstPort: 29_000, portsPerReplica, advertisedAddress: host, verification: 'Disabled' },
      },
    )
    const selector = { 'app.kubernetes.io/name': 'ftp-server', 'app.kubernetes.io/instance': server.name }
    const balancer = (name: string, selected: object, ports: readonly object[]) => ({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name, namespace: server.namespace },
      spec: {
        type: 'LoadBalancer',
        externalTrafficPolicy: 'Local',
        allocateLoadBalancerNodePorts: false,
        selector: selected,
        ports,
      },
    })
    const passive = Array.from({ length: 2 * portsPerReplica }, (_, index) => 29_000 + index)
    await applyYaml(
      balancer('control', selector, [{ name: 'ftp', port: server.port, targetPort: 'ftp' }]),
      balancer(
        'data',
        { ...selector, 'ftp-operator.io/replica': '0' },
        passive.map(port => ({ name: `p${port}`, port, targetPort: port })),
      ),
    )
    await reachable({ host, port: server.port })
    // Until kube-proxy has the other Service too.
    await eventually(
      async () => {
        const session = await ClusterSession.open({ host, port: server.port })
        return session
          .roundTrip('first')
          .then(
            () => true,
            () => false,
          )
          .finally(() => session.close())
      },
      'data connections arrive',
      20_000,
    )

    const pods = await untilPods(server, 'two replicas serve', areReady(2)).then(() =>
      podsOf(server.namespace, server.name),
    )
    await eventually(async () => (await metricOverAll(server, 'ftp_relays_active')) === 0, 'nothing is relayed yet')
    const before = await metricOverAll(server, 'ftp_relays_total', 'complete')
    const started = performance.now()
    const sessions = await load(server, 5)
    const seconds = ((performance.now() - started) / 1000).toFixed(1)
    const ports = sessions.flatMap(session => session.ports)
    expect(ports.length).toBe(300)
    const foreign = ports.filter(port => port >= 29_000 + portsPerReplica).length
    expect(foreign).toBeGreaterThan(30)
    await eventually(async () => {
      return (await metricOverAll(server, 'ftp_relays_total', 'complete')) - before === foreign
    }, 'each foreign connection was relayed')
    await annotate(
      `${ports.length} transfers by ${sessions.length} clients in ${seconds} s, ${foreign} relayed, none failed`,
    )
    expect(await metricOverAll(server, 'ftp_relay_failures_total')).toBe(0)
    expect(await metricOverAll(server, 'ftp_relays_total', 'broken')).toBe(0)
    // All of the second replica's were relayed: their clients are the same as those of its sessions.
    const [, second] = pods
    const logged = await transfersLogged(server, second?.name ?? '')
    expect(logged.length).toBeGreaterThanOrEqual(foreign)
    const addresses = new Set(logged.map(({ address }) => address))
    const first =
      pods[0] === undefined
        ? ''
        : await kubectl(['-n', server.namespace, 'get', 'pod', pods[0].name, '-o', 'jsonpath={.status.podIP}'])
    expect(addresses).toContain(proxy.host)
    expect(addresses).not.toContain(first)
    expect(new Set(logged.map(({ result }) => result))).toEqual(new Set(['complete']))
  }, 180_000)

  test('have one Service with the policy Local, which leads to any of them, and grow and restart without a transfer lost', async ({
    annotate,
  }) => {
    const server = await start(
      { name: 'any', port: 2991, firstPort: 29_100 },
      { service: { allocateLoadBalancerNodePorts: false, relay: 'Enabled' } },
    )
    await reachable({ host, port: server.port })
    expect(await serviceOf(server)).toEqual({ policy: 'Local', kinds: ['number'] })
    const batches = await Promise.all(
      modes.map(async (mode, index) => new Batch(await open(server, mode, proxy), `batch-${index}`)),
    )
    const visitors = modes.map((mode, index) => new Visitors({ host, port: server.port }, mode, `visitor-${index}`))
    await kubectl(['-n', server.namespace, 'scale', `ftp/${server.name}`, '--replicas=2'])
    await untilPods(server, 'two replicas serve', areReady(2))
    await Promise.all(batches.map(batch => batch.goesOn(10)))
    expect(await serviceOf(server)).toEqual({ policy: 'Local', kinds: ['number'] })
    await kubectl(['-n', server.namespace, 'annotate', `ftp/${server.name}`, 'ftp-operator.io/restarted-at=now'])
    await untilPods(
      server,
      'new pods serve beside the old ones',
      pods => pods.filter(({ ready, terminating }) => ready && !terminating).length === 2 && pods.length > 2,
    )
    await Promise.all(batches.map(batch => batch.goesOn(10)))
    for (const batch of batches) await batch.stop()
    for (const batch of batches) batch.session.close()
    await untilPods(server, 'the old pods are gone', areReady(2))
    for (const visitor of visitors) await visitor.stop()
    const rounds = batches.reduce((sum, batch) => sum + batch.rounds, 0)
    const visits = visitors.reduce((sum, visitor) => sum + visitor.visits.length, 0)
    await annotate(`${3 * (rounds + visits)} transfers meanwhile, none failed`)
    await load(server, 3)
    expect(await metricOverAll(server, 'ftp_relays_total', 'complete')).toBeGreaterThan(30)
    const peers = (
      await Promise.all(
        (await podsOf(server.namespace, server.name)).map(({ name }) => statusOfPod(server.namespace, name)),
      )
    ).flatMap(({ sessions }) => sessions.map(({ peer }) => peer))
    expect(peers).toContain(proxy.host)
  }, 240_000)

  test('are asked for later: no transfer is lost on the way there', async () => {
    const server = await start({ name: 'later', port: 2992, firstPort: 29_150 }, { replicas: 2 })
    await reachable({ host, port: server.port })
    expect(await serviceOf(server)).toEqual({ policy: 'Cluster', kinds: ['string'] })
    const visitors = modes.map((mode, index) => new Visitors({ host, port: server.port }, mode, `visitor-${index}`))
    await change(server, { service: { relay: 'Enabled' } })
    await eventually(async () => (await serviceOf(server)).policy === 'Local', 'the Service leads anywhere', 90_000)
    expect(await serviceOf(server)).toEqual({ policy: 'Local', kinds: ['number'] })
    // Until kube-proxy has it too, nothing comes to the wrong pod.
    await eventually(
      async () => {
        await load(server, 2)
        return (await metricOverAll(server, 'ftp_relays_total', 'complete')) > 10
      },
      'connections are relayed',
      60_000,
    )
    for (const visitor of visitors) await visitor.stop()
    expect(visitors.every(({ visits }) => visits.length > 3)).toBe(true)
  }, 240_000)

  test('the Secret by which they know each other is made, and changed while connections come', async () => {
    const server = { namespace: namespace.name, name: 'wrong', port: 2990, firstPort: 29_000 }
    const read = async () => {
      const { data } = JSON.parse(await kubectl(['-n', server.namespace, 'get', 'secret', 'wrong-relay', '-o', 'json']))
      return Buffer.from(data.secrets, 'base64').toString().trim().split('\n')
    }
    const before = await read()
    expect(before).toHaveLength(2)
    const visitors = modes.map((mode, index) => new Visitors({ host, port: server.port }, mode, `rotation-${index}`))
    const old = Buffer.from(new Date(Date.now() - 31 * 24 * 3600_000).toISOString()).toString('base64')
    const patch = JSON.stringify({ data: { made: old } })
    const isChanged = async (): Promise<boolean> => {
      await kubectl(['-n', server.namespace, 'patch', 'secret', 'wrong-relay', '--type=merge', '-p', patch])
      return eventually(async () => (await read())[0] === before[1], 'the next secret signs', 10_000).catch(() => false)
    }
    // The operator may know of the change before its content, and take it back as any other.
    await eventually(isChanged, 'the next secret signs', 60_000)
    const pods = await podsOf(server.namespace, server.name)
    const hashes = async () =>
      Promise.all(pods.map(async ({ name }) => (await statusOfPod(server.namespace, name)).problems.length))
    await waitForCondition(server.namespace, server.name, 'ConfigApplied')
    await load(server, 1)
    for (const visitor of visitors) await visitor.stop()
    expect(await read()).toContain(before[0])
    expect(await hashes()).toEqual([0, 0])
  }, 180_000)
})
