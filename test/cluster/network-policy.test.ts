/** A NetworkPolicy on a cluster: only those whom the resource names reach the server. Where the network enforces none, this says so. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { selectorLabels } from '../../operator/desired/names.ts'
import { kinds } from '../../operator/kubernetes/kinds.ts'
import { textAt } from '../../operator/kubernetes/read.ts'
import {
  applyYaml,
  type ClusterAccess,
  connectToCluster,
  createNamespace,
  ftpServer,
  image,
  kubectl,
  type OperatorProcess,
  startOperatorProcess,
  waitForCondition,
} from '../support/cluster/cluster.ts'
import { openFromInside, openFromPod, visitFromInside } from '../support/cluster/inside.ts'
import { podsOf } from '../support/cluster/pods.ts'
import { eventually } from '../support/eventually.ts'
import { simpleUser } from '../support/server.ts'

type Namespace = Awaited<ReturnType<typeof createNamespace>>

let access: ClusterAccess
let home: Namespace
let elsewhere: Namespace
let operator: OperatorProcess
/** Whether the network of the cluster heeds policies; undefined until that was tried. */
let isEnforced: boolean | undefined

beforeAll(async () => {
  access = connectToCluster()
  home = await createNamespace('policy')
  elsewhere = await createNamespace('policy-other')
  operator = await startOperatorProcess({ namespaces: [home.name] })
  const common = { image, service: { type: 'ClusterIP' }, users: [simpleUser('alice')] }
  const from = [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': home.name } } }]
  await applyYaml(
    ftpServer(home.name, 'guarded', {
      ...common,
      replicas: 2,
      service: { type: 'ClusterIP', relay: 'Enabled' },
      passive: { firstPort: 31_800, portsPerReplica: 4 },
      storage: { claim: { size: '1Gi', accessModes: ['ReadWriteMany'] }, retentionPolicy: 'Delete' },
      networkPolicy: { enabled: true, from },
    }),
    ftpServer(home.name, 'shut', { ...common, networkPolicy: { enabled: false } }),
    // By hand, and without exception: whoever gets in all the same is stopped by no policy here.
    {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'NetworkPolicy',
      metadata: { name: 'shut', namespace: home.name },
      spec: { podSelector: { matchLabels: { 'app.kubernetes.io/instance': 'shut' } }, policyTypes: ['Ingress'] },
    },
  )
  for (const name of ['guarded', 'shut']) await waitForCondition(home.name, name)
})

afterAll(async () => {
  await operator?.stop()
  await Promise.all([home?.dispose(), elsewhere?.dispose()])
  await access?.close()
})

async function visit(from: Namespace, name: string): Promise<boolean> {
  const service = await access.cluster.get(kinds.service, { namespace: home.name, name })
  const address = textAt(service, 'spec', 'clusterIP') ?? ''
  return visitFromInside(from.name, address, 21).then(
    ({ same }) => same,
    () => false,
  )
}

test('whom the policy names gets in, and takes back what was sent', async () => {
  expect(await visit(home, 'guarded')).toBe(true)
})

/** Says so, and skips, where nothing enforces policies. */
async function demandEnforcement(title: string, skip: (why: string) => void): Promise<void> {
  isEnforced ??= !(await visit(elsewhere, 'shut'))
  if (isEnforced) return
  const why = 'the network of this cluster enforces no NetworkPolicy'
  console.warn(`NOT RUN, because ${why}: ${title}`)
  skip(why)
}

test('whom it does not name does not get in', async ({ task, skip }) => {
  await demandEnforcement(task.name, skip)
  expect(await visit(elsewhere, 'guarded')).toBe(false)
})

test('each port of a pod is open for those who need it, and for nobody else', async ({ task, skip }) => {
  await demandEnforcement(task.name, skip)
  const [first, second] = await podsOf(home.name, 'guarded')
  if (first === undefined || second === undefined) throw new Error('two pods were expected')
  const pod = JSON.parse(await kubectl(['-n', home.name, 'get', 'pod', first.name, '-o', 'json']))
  const address = String(pod.status.podIP)
  const labels = Object.fromEntries(
    Object.keys(selectorLabels('guarded')).map(key => [key, String(pod.metadata.labels[key])]),
  )
  const [listener, relay, probes] = [2121, 2137, 8080]
  const passive = Array.from({ length: 8 }, (_, index) => 31_800 + index)
  const ports = [listener, relay, probes, ...passive]
  const from = (namespace: string, of: Readonly<Record<string, string>>) =>
    openFromInside({ namespace, labels: of }, address, ports)
  // It always listens at those of the other, to relay what comes. At its own it does while somebody waits there.
  const start = 31_800 + 4 * second.replica + (second.half === 'a' ? 0 : 2)
  const data = [start, start + 1]
  const steady = [listener, relay, probes, ...data]
  // No policy is between a pod and itself.
  const isOpen = async () => {
    const open = await openFromPod({ namespace: home.name, pod: first.name }, address, steady)
    return open.length === steady.length
  }
  await eventually(isOpen, 'the pod listens, and relays', 60_000)
  const found = await Promise.all([
    openFromPod({ namespace: home.name, pod: second.name }, address, ports),
    from(home.name, {}),
    from(elsewhere.name, {}),
    from(elsewhere.name, labels),
    from(elsewhere.name, { 'app.kubernetes.io/name': 'prometheus' }),
    from(home.name, { 'app.kubernetes.io/name': 'prometheus' }),
  ])
  expect(found.map(each => each.filter(port => steady.includes(port)))).toEqual([
    [listener, relay, ...data],
    [listener, ...data],
    [],
    [],
    [probes],
    [listener, probes, ...data],
  ])
  // Whatever else is open is so for clients alone.
  expect([found[2], found[3], found[4]]).toEqual([[], [], [probes]])
})
