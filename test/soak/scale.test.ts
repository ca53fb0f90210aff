/** 300 servers on one API server: how long, how quiet, how large. The operator is bundled, as in its image. */
import { readFile } from 'node:fs/promises'
import { setTimeout as pass } from 'node:timers/promises'
import { afterAll, beforeAll, expect } from 'vitest'
import { kinds } from '../../operator/kubernetes/kinds.ts'
import { type Bundle, buildBundle } from '../support/bundle.ts'
import { ftpServer, type OperatorProcess, startOperatorProcess } from '../support/cluster/cluster.ts'
import { clusterTest, kubebuilderAssets } from '../support/control-plane/api-server.ts'
import { type ControlPlane, startControlPlane } from '../support/control-plane/control-plane.ts'
import { eventually } from '../support/eventually.ts'

let plane: ControlPlane
let bundle: Bundle
let operator: OperatorProcess
const serverCount = 300
const namespaceCount = 10
/** Account, policy, certificate, users, configuration, Service, Deployment. */
const objectsPerServer = 7
const reconciledMilliseconds = 60_000
const quietMilliseconds = process.env['SOAK'] === '1' ? 300_000 : 60_000
const mostBytes = 200 * 1_048_576
/** What the flags of the chart come to within the chart's limit of 256 MiB. */
const asInContainer = ['--max-old-space-size=154', '--max-semi-space-size=2']
const passwordHash = '$2b$12$abcdefghijklmnopqrstuuJ6l9Vb3kUeFzQm4N9n0Zt1Yw2X3C4D6'

beforeAll(async () => {
  if (kubebuilderAssets.directory === undefined) return
  ;[plane, bundle] = await Promise.all([startControlPlane(), buildBundle()])
  for (let index = 0; index < namespaceCount; index += 1) await plane.createNamespace(namespaceOf(index))
  for (let index = 0; index < serverCount; index += 1) {
    const users = [{ name: 'alice', passwordHash }]
    const service = { type: 'ClusterIP' }
    await plane.apply(
      ftpServer(namespaceOf(index), `server-${index}`, { users, service, networkPolicy: { enabled: true } }),
    )
  }
}, 180_000)

afterAll(async () => {
  await operator?.stop()
  await plane?.stop()
  await bundle?.remove()
}, 60_000)

function namespaceOf(index: number): string {
  return `scale-${index % namespaceCount}`
}

/** Resident memory in bytes: now, and at most so far. */
async function memory(): Promise<{ readonly now: number; readonly most: number }> {
  const status = await readFile(`/proc/${operator.pid}/status`, 'utf8')
  const bytes = (field: string) => Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]) * 1024
  return { now: bytes('VmRSS'), most: bytes('VmHWM') }
}

/** Servers whose status was written. */
function told(): number {
  const paths = plane.proxy.writes().filter(({ path, status }) => path.endsWith('/status') && status === 200)
  return new Set(paths.map(({ path }) => path)).size
}

clusterTest(
  `${serverCount} servers are reconciled within ${reconciledMilliseconds / 1000} s of the start`,
  async () => {
    const started = performance.now()
    operator = await startOperatorProcess({
      namespaces: [],
      leaseNamespace: 'default',
      program: [...asInContainer, bundle.operator],
      environment: { KUBECONFIG: plane.proxy.kubeconfig },
    })
    const seconds = () => ((performance.now() - started) / 1000).toFixed(1)
    await eventually(
      // Counting is work for this very process, which all requests go through.
      async () => (await pass(500, true)) && told() === serverCount,
      'every server has a status',
      reconciledMilliseconds,
    )
    console.info(`all told after ${seconds()} s`)
    await eventually(isIdle, 'nothing is left to be done', reconciledMilliseconds - (performance.now() - started))
    const writes = plane.proxy.writes()
    const byKind = Map.groupBy(plane.proxy.requests(), ({ method, path }) => `${method} ${kindOf(path)}`)
    console.info(`idle after ${seconds()} s, ${writes.length} writes, ${plane.proxy.requests().length} requests`)
    console.info([...byKind].map(([what, requests]) => `${what}: ${requests.length}`).join(', '))
    for (let index = 0; index < namespaceCount; index += 1) {
      const made = await plane.made(namespaceOf(index))
      expect(made).toHaveLength((serverCount / namespaceCount) * objectsPerServer)
    }
    expect(operator.output()).not.toMatch(/"level":"(warn|error)"/)
  },
  120_000,
)

function kindOf(path: string): string {
  return /\/namespaces\/[^/]+\/([^/]+)/.exec(path)?.[1] ?? path
}

/** Nothing waits, nothing is worked on. */
async function isIdle(): Promise<boolean> {
  const text = await (await fetch(`http://127.0.0.1:${operator.probesPort}/metrics`)).text()
  return /^workqueue_depth\{.*\} 0$/m.test(text) && /^controller_runtime_active_workers\{.*\} 0$/m.test(text)
}

clusterTest(
  `then there is not one write in ${quietMilliseconds / 1000} s`,
  async () => {
    await eventually(isIdle, 'it is idle', 20_000)
    plane.proxy.forget()
    // Nothing can be waited for where nothing is to happen.
    await pass(quietMilliseconds)
    expect(plane.proxy.writes().map(({ method, path }) => `${method} ${path}`)).toEqual([])
    const others = plane.proxy.requests().filter(({ path, isWatch }) => !isWatch && !path.includes('/leases/'))
    console.info(`in ${quietMilliseconds / 1000} s: no write, ${others.length} reads other than of the lease`)
  },
  quietMilliseconds + 60_000,
)

clusterTest('among so many, what is deleted by hand is there again in seconds', async () => {
  const id = { namespace: namespaceOf(7), name: 'server-7' }
  await plane.cluster.delete(kinds.service, id)
  await eventually(() => plane.cluster.get(kinds.service, id), 'the Service is there again', 5000)
})

clusterTest('it takes less than 200 MB', async () => {
  const { now, most } = await memory()
  const megabytes = (bytes: number) => `${Math.round(bytes / 1_048_576)} MB`
  console.info(`resident: ${megabytes(now)}, at most ${megabytes(most)}`)
  expect(most).toBeLessThan(mostBytes)
})
