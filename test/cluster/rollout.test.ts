/** A new image comes while transfers run, and none is lost. */
import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import {
  createNamespace,
  image,
  kubectl,
  type OperatorProcess,
  startOperatorProcess,
  waitForCondition,
} from '../support/cluster/cluster.ts'
import { isDraining, untilPods } from '../support/cluster/pods.ts'
import { change, host, type ServerOptions, serve } from '../support/cluster/servers.ts'
import { ClusterSession, type Mode, modes, reachable, type SlowTransfer } from '../support/cluster/sessions.ts'
import { Batch, Visitors } from '../support/cluster/traffic.ts'
import { eventually } from '../support/eventually.ts'

/** Another name of the same image, or another image that is on the nodes. */
const nextImage = process.env['CLUSTER_NEXT_IMAGE'] ?? `docker.io/library/${image}`
const content = randomBytes(4_000_000)

let namespace: Awaited<ReturnType<typeof createNamespace>>
let operator: OperatorProcess

beforeAll(async () => {
  namespace = await createNamespace('rollout')
  operator = await startOperatorProcess({ namespaces: [namespace.name] })
})
afterAll(async () => {
  await operator?.stop()
  await namespace?.dispose()
})

async function start(
  options: Omit<ServerOptions, 'namespace'>,
  spec?: Record<string, unknown>,
): Promise<ServerOptions> {
  const server = { namespace: namespace.name, ...options }
  await serve(server, spec)
  await reachable({ host, port: server.port })
  return server
}

async function open({ port }: ServerOptions, mode?: Mode): Promise<ClusterSession> {
  const session = await ClusterSession.open({ host, port }, mode)
  onTestFinished(() => session.close())
  return session
}

/** Transfers of two megabytes, every other one an upload, slow until `hurry`. */
async function slowly(server: ServerOptions, count: number, hurry: AbortController): Promise<readonly SlowTransfer[]> {
  onTestFinished(() => hurry.abort())
  await (await open(server)).upload('slow', content)
  const begun: SlowTransfer[] = []
  for (let index = 0; index < count; index += 1) {
    const session = await open(server, modes[index % modes.length])
    const [kind, name] = index % 2 === 0 ? (['download', 'slow'] as const) : (['upload', `slow-${index}`] as const)
    begun.push(await session.begin(kind, name, content, hurry.signal))
  }
  return begun
}

/** Resolves to its name when its server has had SIGTERM. */
async function draining(server: ServerOptions, ofImage: string): Promise<string> {
  const pods = await untilPods(server, 'a pod ends', all => all.some(pod => pod.terminating && pod.image === ofImage))
  const name = pods.find(pod => pod.terminating && pod.image === ofImage)?.name ?? ''
  await eventually(() => isDraining(server.namespace, name), 'its server drains', 30_000)
  return name
}

const condition = async ({ namespace: of, name }: ServerOptions, type: string): Promise<string> =>
  kubectl(['-n', of, 'get', 'ftp', name, '-o', `jsonpath={.status.conditions[?(@.type=="${type}")].reason}`])

const within = (ports: readonly number[], first: number, last: number) =>
  ports.length > 0 && ports.every(port => port >= first && port <= last)

describe('A new image', () => {
  test('comes during 50 transfers, and in the midst of sessions that make more: nothing is lost', async () => {
    const server = await start({ name: 'rolling', port: 3200, firstPort: 21_580 }, { replicas: 2 })
    const halfOf = (ports: readonly number[]) =>
      [...new Set(ports.map(port => ((port - 21_580) % 60 < 30 ? 'a' : 'b')))].join()
    const hurry = new AbortController()
    const transfers = await slowly(server, 50, hurry)
    const batches = await Promise.all(
      [...modes, ...modes].map(async (mode, index) => new Batch(await open(server, mode), `batch-${index}`)),
    )
    const visitors = modes.map((mode, index) => new Visitors({ host, port: server.port }, mode, `visit-${index}`))
    onTestFinished(async () => {
      await Promise.allSettled([...batches, ...visitors].map(each => each.stop()))
    })

    await change(server, { image: nextImage })
    const old = await draining(server, image)
    // Transfers that begin in a server that drains: their connections find it still.
    await Promise.all(batches.map(batch => batch.goesOn(5)))
    expect(await isDraining(server.namespace, old)).toBe(true)
    hurry.abort()
    for (const { finished } of transfers) await finished
    for (const each of [...batches, ...visitors]) await each.stop()
    for (const { session } of batches) expect(halfOf(session.ports)).toBe('a')
    // Who makes a pause is told; who comes is with the new one.
    for (const { session } of batches) expect(await session.client.closed()).toMatch(/^421 [^\r\n]+\r\n$/)
    const visits = visitors.flatMap(each => each.visits)
    expect(new Set(visits.map(halfOf))).toEqual(new Set(['a', 'b']))
    for (const { visits: own } of visitors) expect(halfOf(own.at(-1) ?? [])).toBe('b')
    await untilPods(
      server,
      'the old pods are gone',
      pods => pods.length === 2 && pods.every(pod => pod.image === nextImage),
    )
    await waitForCondition(server.namespace, server.name)
  })

  test('that comes while an older pod drains waits for its end', async () => {
    const server = await start({ name: 'again', port: 3201, firstPort: 21_460 })
    const [first, second] = [new AbortController(), new AbortController()]
    const inFirst = await slowly(server, 4, first)
    await change(server, { image: nextImage })
    const oldest = await draining(server, image)
    await untilPods(server, 'the second pod serves', pods => pods.some(pod => !pod.terminating && pod.ready))
    const inSecond = await slowly(server, 4, second)
    const batch = new Batch(await open(server), 'batch')
    await change(server, { image })
    await eventually(async () => (await condition(server, 'Reconciling')) === 'Draining', 'it waits', 20_000)
    const pods = await untilPods(server, 'two pods', all => all.length === 2)
    expect(pods.map(({ name, half, terminating }) => [name === oldest, half, terminating])).toContainEqual([
      true,
      'a',
      true,
    ])
    expect(pods.map(({ half, terminating }) => [half, terminating])).toContainEqual(['b', false])
    expect(within(batch.session.ports, 21_490, 21_519)).toBe(true)

    first.abort()
    for (const { finished } of inFirst) await finished
    await draining(server, nextImage)
    second.abort()
    for (const { finished } of inSecond) await finished
    await batch.stop()
    const [last, ...others] = await untilPods(server, 'one pod', all => all.length === 1)
    expect([last?.half, last?.image, others.length]).toEqual(['a', image, 0])
    await waitForCondition(server.namespace, server.name)
    const session = await open(server)
    await session.roundTrip('at-the-end')
    expect(within(session.ports, 21_460, 21_489)).toBe(true)
  })

  test('on a volume for one pod waits until the old pod has ended its transfers', async () => {
    const server = await start({ name: 'alone', port: 3202, firstPort: 21_520, accessMode: 'ReadWriteOnce' })
    const hurry = new AbortController()
    const transfers = await slowly(server, 4, hurry)
    await change(server, { image: nextImage })
    await draining(server, image)
    await expect(open(server)).rejects.toThrow(/421/)
    const pods = await untilPods(server, 'one pod', all => all.length === 1)
    expect(pods[0]?.terminating).toBe(true)
    hurry.abort()
    for (const { finished } of transfers) await finished
    await untilPods(
      server,
      'the new pod serves',
      all => all.length === 1 && all[0]?.image === nextImage && all[0].ready,
    )
    await waitForCondition(server.namespace, server.name)
    await reachable({ host, port: server.port })
    await (await open(server)).roundTrip('at-the-end')
  })
})
