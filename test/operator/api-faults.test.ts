/** The operator as a process, with an API server that stands still, goes away, forgets, refuses and cuts. */
import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, expect } from 'vitest'
import { resourceKind } from '../../operator/api/ftp-server.ts'
import { kinds } from '../../operator/kubernetes/kinds.ts'
import type { KubernetesObject, ResourceKind } from '../../operator/kubernetes/object.ts'
import { type Bundle, buildBundle } from '../support/bundle.ts'
import { ftpServer, type OperatorProcess, startOperatorProcess } from '../support/cluster/cluster.ts'
import type { Proxied, ProxyFault } from '../support/control-plane/api-proxy.ts'
import { clusterTest, kubebuilderAssets } from '../support/control-plane/api-server.ts'
import { type ControlPlane, startControlPlane } from '../support/control-plane/control-plane.ts'
import { eventually } from '../support/eventually.ts'

let plane: ControlPlane
let operator: OperatorProcess
let bundle: Bundle
let residentBytes = 0
const isSoak = process.env['SOAK'] === '1'
// Longer than a leader holds on without a word; the long tests take the whole minute.
const stillMilliseconds = isSoak ? 60_000 : 13_000
const cutsWanted = 100
const serverCount = 8
const namespace = 'faults'
/** Within so long after the last fault, whatever happened during the faults is made up for. */
const boundMilliseconds = 30_000
const allowedGrowthBytes = 60 * 1_048_576
const names = Array.from({ length: serverCount }, (_, index) => `server-${index}`)
const banners = new Map<string, string>()

beforeAll(async () => {
  if (kubebuilderAssets.directory === undefined) return
  ;[plane, bundle] = await Promise.all([startControlPlane(), buildBundle()])
  await plane.createNamespace(namespace)
  operator = await startOperatorProcess({
    namespaces: [namespace],
    leaseNamespace: namespace,
    program: [bundle.operator],
    environment: { KUBECONFIG: plane.proxy.kubeconfig },
  })
  for (const name of names) await change(name, 'first')
  await settled()
  residentBytes = await residentNow()
}, 120_000)

afterAll(async () => {
  await operator?.stop()
  await plane?.stop()
  await bundle?.remove()
}, 60_000)

async function change(name: string, banner: string): Promise<void> {
  banners.set(name, banner)
  const storage = { claim: { size: '1Gi', accessModes: ['ReadWriteMany'] } }
  const rest = { storage, replicas: 2, networkPolicy: { enabled: true }, service: { type: 'ClusterIP' } }
  const usersFrom = [{ configMapRef: { name: 'team' } }]
  await plane.apply(ftpServer(namespace, name, { ...rest, usersFrom, banner }))
}

async function changeTeam(list: string): Promise<void> {
  const metadata = { name: 'team', namespace }
  await plane.apply({ apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { 'list.yaml': list } })
}

/** All objects are there, and say what was asked for last. */
async function isSettled(): Promise<boolean> {
  const [made, servers] = await Promise.all([plane.made(namespace), plane.servers(namespace)])
  return names.every(name => {
    const configuration = JSON.stringify(
      made.find(({ metadata }) => metadata.name === `${name}-config`)?.['data'] ?? {},
    )
    const server = servers.find(({ metadata }) => metadata.name === name)
    const count = made.filter(({ metadata }) => metadata.labels?.['app.kubernetes.io/instance'] === name).length
    return configuration.includes(`banner: ${banners.get(name)}`) && isObserved(server) && count >= 9
  })
}

function isObserved(server: KubernetesObject | undefined): boolean {
  const status = (server?.['status'] ?? {}) as { readonly observedGeneration?: number }
  return server !== undefined && status.observedGeneration === server.metadata.generation
}

/** How long it took. */
async function settled(): Promise<number> {
  const started = performance.now()
  await eventually(isSettled, 'every change is carried out', boundMilliseconds)
  return performance.now() - started
}

async function residentNow(): Promise<number> {
  const status = await readFile(`/proc/${operator.pid}/status`, 'utf8')
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024
}

async function expectSound(): Promise<void> {
  await eventually(
    () => plane.proxy.openWatches().size === watchCount && plane.proxy.mostWatches() === 1,
    'there is one watch of everything',
    boundMilliseconds,
  ).catch(() => expect([...plane.proxy.openWatches()]).toHaveLength(watchCount))
  expect(plane.proxy.mostWatches()).toBe(1)
  expect(operator.output()).not.toContain('"level":"error"')
  expect((await fetch(`http://127.0.0.1:${operator.probesPort}/livez`)).ok).toBe(true)
}

/** Servers, users, pods, eight kinds that are made, and the metadata of Secrets and ConfigMaps. */
const watchCount = 13

/** A third of all requests goes wrong, each time in another way. */
function trouble({ isWatch, method }: Proxied): ProxyFault | undefined {
  const chance = Math.random()
  if (chance < 0.1) return { fault: 'status', code: 429, retryAfterSeconds: 1 }
  if (chance < 0.15) return { fault: 'status', code: 503 }
  if (chance < 0.2) return { fault: 'cut' }
  if (isWatch && chance < 0.3) return { fault: 'status', code: 410 }
  if (method !== 'GET' && chance < 0.3) return { fault: 'lost-answer' }
  return undefined
}

const deleted: readonly (readonly [ResourceKind, string])[] = [
  [kinds.configMap, 'server-0-config'],
  [kinds.deployment, 'server-1-0'],
  [kinds.networkPolicy, 'server-2'],
  [kinds.podDisruptionBudget, 'server-3'],
  [kinds.secret, 'server-4-tls'],
  [kinds.secret, 'server-5-users-0'],
  [kinds.service, 'server-6'],
  [kinds.serviceAccount, 'server-7'],
]

clusterTest(
  `watches that are cut ${cutsWanted} times, 410s, 429s and answers that are lost hide nothing`,
  async () => {
    await changeTeam('users: [] # before')
    plane.proxy.forget()
    plane.proxy.setFault(trouble)
    const cuts = new Map<string, number>()
    const total = () => [...cuts.values()].reduce((sum, each) => sum + each, 0)
    // The long tests cut every single one so often, and let half of them come back each time.
    const isDone = () =>
      isSoak ? cuts.size === watchCount && Math.min(...cuts.values()) >= cutsWanted : total() >= cutsWanted
    const least = isSoak ? watchCount / 2 : 1
    for (let round = 0; !isDone(); round += 1) {
      await change(names[round % serverCount] ?? '', `round-${round}`)
      const [kind, name] = deleted[round % deleted.length] ?? []
      if (kind !== undefined && name !== undefined) await plane.cluster.delete(kind, { namespace, name })
      await eventually(() => plane.proxy.openWatches().size >= least, 'watches are open again', 120_000)
      const cut = round % 5 === 4 ? plane.proxy.expireWatches() : plane.proxy.cutWatches()
      for (const subject of cut) cuts.set(subject, (cuts.get(subject) ?? 0) + 1)
    }
    await changeTeam('users: [] # after')
    plane.proxy.setFault(undefined)
    const milliseconds = await settled()
    const after = Buffer.from('users: [] # after').toString('base64')
    await eventually(
      async () =>
        (await plane.made(namespace)).filter(object => JSON.stringify(object['data'])?.includes(after)).length ===
        serverCount,
      'every server has the list',
      boundMilliseconds,
    )
    console.info(
      `${total()} watches cut or told 410; all made up for ${Math.round(milliseconds)} ms after the last fault`,
    )
    await expectSound()
  },
  isSoak ? 1_800_000 : 180_000,
)

clusterTest(
  `an API server that stands still for ${stillMilliseconds / 1000} s is waited for, and nothing is lost`,
  async () => {
    plane.proxy.forget()
    for (const name of names) await change(name, 'before-the-silence')
    plane.server.pause()
    const since = performance.now()
    await operatorNotices('leadership lost')
    await new Promise(resolve => setTimeout(resolve, Math.max(0, since + stillMilliseconds - performance.now())))
    plane.server.resume()
    for (const name of names.slice(1)) await change(name, 'after-the-silence')
    await plane.cluster.delete(kinds.service, { namespace, name: 'server-0' })
    console.info(`made up for ${Math.round(await settled())} ms after the silence`)
    await expectSound()
  },
  180_000,
)

clusterTest(
  'an API server that is started again and has forgotten the past is listed again',
  async () => {
    plane.proxy.forget()
    await Promise.all([plane.server.restart(), operatorNotices('watch failed')])
    for (const name of names) await change(name, 'after-the-restart')
    await plane.cluster.delete(kinds.networkPolicy, { namespace, name: 'server-0' })
    console.info(`made up for ${Math.round(await settled())} ms after the restart`)
    await expectSound()
  },
  180_000,
)

clusterTest(
  'a copy that is behind does not make it make a certificate twice',
  async () => {
    // The watch of the metadata of Secrets never tells anything any more.
    plane.proxy.setFault(({ subject, isWatch }) =>
      isWatch && subject.includes('/secrets  metadata')
        ? { fault: 'status', code: 429, retryAfterSeconds: 1 }
        : undefined,
    )
    plane.proxy.cutWatches()
    const id = { namespace, name: 'late-tls' }
    // One whose address never comes, so that the certificate's names stay.
    const spec = { service: { type: 'LoadBalancer' } }
    await plane.apply(ftpServer(namespace, 'late', spec))
    const made = await eventually(
      () => plane.cluster.get(kinds.secret, id),
      'the certificate is made',
      boundMilliseconds,
    )
    for (let round = 0; round < 3; round += 1) {
      await plane.apply(ftpServer(namespace, 'late', { ...spec, banner: `round ${round}` }))
      await eventually(
        async () => isObserved(await plane.cluster.get(resourceKind, { namespace, name: 'late' })),
        'it has looked again',
        boundMilliseconds,
      )
    }
    expect((await plane.cluster.get(kinds.secret, id))?.['data']).toEqual(made['data'])
    plane.proxy.setFault(undefined)
    await settled()
  },
  120_000,
)

clusterTest('after all of this it holds no more memory than before', async () => {
  const now = await residentNow()
  const megabytes = (bytes: number) => `${Math.round(bytes / 1_048_576)} MB`
  console.info(`resident: ${megabytes(residentBytes)} before, ${megabytes(now)} after`)
  expect(now - residentBytes).toBeLessThan(allowedGrowthBytes)
})

async function operatorNotices(message: string): Promise<void> {
  const from = operator.output().length
  await eventually(() => operator.output().slice(from).includes(message), `it says: ${message}`, 60_000)
}
