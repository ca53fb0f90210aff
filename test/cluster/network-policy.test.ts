/** A NetworkPolicy on a cluster: only those whom the resource names reach the server. Where the network enforces none, this says so. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { textAt } from '../../operator/ftp-server/read.ts'
import { kinds } from '../../operator/kubernetes/kinds.ts'
import {
  applyYaml,
  type ClusterAccess,
  connectToCluster,
  createNamespace,
  ftpServer,
  image,
  type OperatorProcess,
  startOperatorProcess,
  waitForCondition,
} from '../support/cluster.ts'
import { visitFromInside } from '../support/inside.ts'
import { simpleUser } from '../support/server.ts'

type Namespace = Awaited<ReturnType<typeof createNamespace>>

let access: ClusterAccess
let home: Namespace
let elsewhere: Namespace
let operator: OperatorProcess

beforeAll(async () => {
  access = connectToCluster()
  home = await createNamespace('policy')
  elsewhere = await createNamespace('policy-other')
  operator = await startOperatorProcess({ namespaces: [home.name] })
  const common = { image, service: { type: 'ClusterIP' }, users: [simpleUser('alice')] }
  const from = [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': home.name } } }]
  await applyYaml(
    ftpServer(home.name, 'guarded', { ...common, networkPolicy: { enabled: true, from } }),
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

test('whom it does not name does not get in', async ({ skip }) => {
  if (await visit(elsewhere, 'shut')) {
    const why = 'the network of this cluster enforces no NetworkPolicy'
    console.warn(`NOT RUN, because ${why}: whom it does not name does not get in`)
    skip(why)
  }
  expect(await visit(elsewhere, 'guarded')).toBe(false)
})
