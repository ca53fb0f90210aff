/** Scaling by the scale subresource: by hand, and by the HorizontalPodAutoscaler on the number of sessions. */
import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import {
  applyYaml,
  createNamespace,
  kubectl,
  type OperatorProcess,
  startOperatorProcess,
  waitForCondition,
} from '../support/cluster/cluster.ts'
import { isServedByOthers, startExternalMetrics } from '../support/cluster/external-metrics.ts'
import { isDraining, type Pod, untilPods } from '../support/cluster/pods.ts'
import { host, type ServerOptions, serve } from '../support/cluster/servers.ts'
import { ClusterSession, modes, reachable } from '../support/cluster/sessions.ts'
import { Batch, Visitors } from '../support/cluster/traffic.ts'
import { eventually } from '../support/eventually.ts'

const content = randomBytes(4_000_000)
/** An autoscaler looks every 15 seconds: what it is to meet has to last longer. */
const long = randomBytes(40_000_000)
const portsPerReplica = 20

let namespace: Awaited<ReturnType<typeof createNamespace>>
let operator: OperatorProcess

beforeAll(async () => {
  namespace = await createNamespace('scaling')
  operator = await startOperatorProcess({ namespaces: [namespace.name] })
})
afterAll(async () => {
  await operator?.stop()
  await namespace?.dispose()
})

async function start(name: string, port: number, firstPort: number, spec: object): Promise<ServerOptions> {
  const server = { namespace: namespace.name, name, port, firstPort }
  await serve(server, { passive: { firstPort, portsPerReplica }, limits: { maxSessionsPerAddress: 1000 }, ...spec })
  await reachable({ host, port })
  return server
}

const areReady = (count: number) => (pods: readonly Pod[]) => pods.length === count && pods.every(({ ready }) => ready)

/** A session that has done a round of transfers, and so has told which replica it is with. */
async function visit({ port, firstPort }: ServerOptions, turn: number) {
  const session = await ClusterSession.open({ host, port }, modes[turn % modes.length])
  onTestFinished(() => session.close())
  await session.roundTrip(`visit-${turn}`)
  const replicas = new Set(session.ports.map(each => Math.floor((each - firstPort) / portsPerReplica)))
  expect(replicas.size).toBe(1)
  return { session, replica: [...replicas][0] ?? -1 }
}

type Visit = Awaited<ReturnType<typeof visit>>

/** Until each of the replicas has so many; the others are closed. */
async function visitEach(
  server: ServerOptions,
  replicas: readonly number[],
  count: number,
): Promise<readonly (readonly Visit[])[]> {
  const found = replicas.map((): Visit[] => [])
  for (let turn = 0; found.some(({ length }) => length < count); turn += 1) {
    if (turn > 200) throw new Error('some replica is never chosen')
    const next = await visit(server, turn)
    const list = found[replicas.indexOf(next.replica)]
    if (list === undefined || list.length >= count) next.session.close()
    else list.push(next)
  }
  return found
}

async function scaleOf({ namespace: of, name }: ServerOptions): Promise<string> {
  const path = `/apis/ftp-operator.io/v1alpha1/namespaces/${of}/ftpservers/${name}/scale`
  const { spec, status } = JSON.parse(await kubectl(['get', '--raw', path]))
  return `${spec.replicas} ${status.replicas} ${status.selector}`
}

test('kubectl scale from three to one loses no transfer, and new sessions go to the one that stays', async () => {
  const server = await start('many', 2600, 31_600, { replicas: 3 })
  const selector = 'app.kubernetes.io/name=ftp-server,app.kubernetes.io/instance=many'
  expect(await scaleOf(server)).toBe(`3 3 ${selector}`)
  await (await visit(server, 0)).session.upload('slow', content)
  const hurry = new AbortController()
  onTestFinished(() => hurry.abort())
  const found = await visitEach(server, [0, 1, 2], 4)
  const transfers = await Promise.all(
    found.flatMap(([one, other], replica) => {
      if (one === undefined || other === undefined) throw new Error('no session')
      return [
        one.session.begin('download', 'slow', content, hurry.signal),
        other.session.begin('upload', `slow-${replica}`, content, hurry.signal),
      ]
    }),
  )
  const batches = found.flatMap(([, , each], replica) => (each ? [new Batch(each.session, `batch-${replica}`)] : []))
  const visitors = new Visitors({ host, port: server.port }, { passive: 'EPSV', secure: false }, 'visitor')
  onTestFinished(() => visitors.stop().catch(() => undefined))

  await kubectl(['-n', server.namespace, 'scale', `ftp/${server.name}`, '--replicas=1'])
  const pods = await untilPods(server, 'two end', all => all.filter(({ terminating }) => terminating).length === 2)
  expect(pods.filter(({ terminating }) => !terminating).map(({ replica }) => replica)).toEqual([0])
  for (const { name } of pods.slice(1)) {
    await eventually(() => isDraining(server.namespace, name), `${name} drains`, 30_000)
  }
  await eventually(async () => (await scaleOf(server)) === `1 1 ${selector}`, 'those that drain do not count', 10_000)
  for (const each of [found[1]?.[3], found[2]?.[3]]) expect(await each?.session.client.closed()).toMatch(/^421 /)
  await Promise.all(batches.map(batch => batch.goesOn(3)))
  const before = visitors.visits.length
  await eventually(() => visitors.visits.length >= before + 5, 'new sessions are served', 20_000)
  const last = visitors.visits.slice(-3).flat()
  expect(last.every(port => port < server.firstPort + portsPerReplica)).toBe(true)
  hurry.abort()
  for (const { finished } of transfers) await finished
  expect(transfers).toHaveLength(6)
  for (const batch of batches) await batch.stop()
  await visitors.stop()
  await untilPods(server, 'one is left', areReady(1))
  await waitForCondition(server.namespace, server.name)
})

test('an autoscaler on sessions adds replicas, and takes them away without a transfer lost', async ({ skip }) => {
  if (await isServedByOthers()) {
    console.warn(
      'NOT RUN, because somebody serves external metrics in this cluster already: the autoscaler on sessions',
    )
    skip('somebody serves external metrics in this cluster already')
  }
  const metrics = await startExternalMetrics(namespace.name)
  onTestFinished(() => metrics.close())
  const server = await start('busy', 2601, 31_660, {})
  await (await visit(server, 0)).session.upload('slow', long)
  await applyYaml({
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    metadata: { name: server.name, namespace: server.namespace },
    spec: {
      scaleTargetRef: { apiVersion: 'ftp-operator.io/v1alpha1', kind: 'FtpServer', name: server.name },
      minReplicas: 1,
      maxReplicas: 3,
      metrics: [
        {
          type: 'External',
          external: {
            metric: { name: 'ftp_sessions', selector: { matchLabels: { app_kubernetes_io_instance: server.name } } },
            target: { type: 'AverageValue', averageValue: '4' },
          },
        },
      ],
      behavior: { scaleDown: { stabilizationWindowSeconds: 0 } },
    },
  })
  const many = await Promise.all(Array.from({ length: 10 }, (_, turn) => visit(server, turn)))
  await untilPods(server, 'three replicas serve', areReady(3))
  await waitForCondition(server.namespace, server.name)

  const [of1 = [], of2 = []] = await visitEach(server, [1, 2], 1)
  const hurry = new AbortController()
  onTestFinished(() => hurry.abort())
  const transfers = await Promise.all([
    ...of1.map(({ session }) => session.begin('download', 'slow', long, hurry.signal)),
    ...of2.map(({ session }) => session.begin('upload', 'slow-2', long, hurry.signal)),
  ])
  for (const { session } of many) await session.command('QUIT', 221)
  const pods = await untilPods(server, 'two end', all => all.filter(({ terminating }) => terminating).length === 2)
  expect(pods.filter(({ terminating }) => !terminating).map(({ replica }) => replica)).toEqual([0])
  for (const { name } of pods.slice(1)) {
    await eventually(() => isDraining(server.namespace, name), `${name} drains`, 30_000)
  }
  expect((await visit(server, 1)).replica).toBe(0)
  hurry.abort()
  expect(transfers).toHaveLength(2)
  for (const { finished } of transfers) await finished
  await untilPods(server, 'one is left', areReady(1))
  const autoscaler = JSON.parse(await kubectl(['-n', server.namespace, 'get', 'hpa', server.name, '-o', 'json']))
  expect(autoscaler.status).toMatchObject({ desiredReplicas: 1 })
}, 300_000)
