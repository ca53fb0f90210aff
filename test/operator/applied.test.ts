/** The manifests of all samples at a real API server: it takes them, and gives them back as they are. */
import { afterAll, beforeAll, expect } from 'vitest'
import { isSubset } from '../../operator/desired/subset.ts'
import { plan } from '../../operator/ftp-server/plan.ts'
import { type Cluster, createCluster } from '../../operator/kubernetes/cluster.ts'
import { kinds } from '../../operator/kubernetes/kinds.ts'
import type { Manifest } from '../../operator/kubernetes/object.ts'
import { at, listAt } from '../../operator/kubernetes/read.ts'
import { createTransport, type Transport } from '../../operator/kubernetes/transport.ts'
import { systemClock } from '../../operator/time/clock.ts'
import { createSelfSignedCertificate, type SelfSignedCertificate } from '../../server/tls/self-signed.ts'
import { type ApiServer, clusterTest, kubebuilderAssets, startApiServer } from '../support/control-plane/api-server.ts'
import { samples, secret } from './samples.ts'

let server: ApiServer
let transport: Transport
let cluster: Cluster
let pem: SelfSignedCertificate

beforeAll(async () => {
  if (kubebuilderAssets.directory === undefined) return
  server = await startApiServer()
  const { credentials } = server
  transport = createTransport({ credentials, clock: systemClock, random: Math.random, userAgent: 'test' })
  cluster = createCluster({ transport, clock: systemClock, kinds: Object.values(kinds) })
  const names = { dnsNames: ['uploads'], addresses: [] }
  pem = await createSelfSignedCertificate({ commonName: 'uploads', ...names, validDays: 90, now: Date.now() })
}, 90_000)

afterAll(async () => {
  await transport?.close()
  await server?.stop()
})

const options = { fieldManager: 'ftp-operator', force: true }
// Of other projects, which this API server does not have.
const foreign = new Set(['Certificate', 'PodMonitor', 'PrometheusRule'])

for (const [name, sample] of Object.entries(samples)) {
  clusterTest(`${name}: what is applied comes back as it is, so that it need not be applied again`, async () => {
    for (const manifest of await manifestsOf(name, sample)) {
      const live = await cluster.apply(manifest, options)
      expect(isSubset(manifest, live), `${manifest.kind} ${manifest.metadata.name}`).toBe(true)
    }
  })
}

// The network of the node is what that standard forbids, and what people lay over the template is theirs.
const unrestricted = new Set(['host-network', 'full'])
for (const [name, sample] of Object.entries(samples).filter(([each]) => !unrestricted.has(each))) {
  clusterTest(`${name}: the pods pass the restricted Pod Security standard, and hold no token`, async () => {
    const labels = { 'pod-security.kubernetes.io/enforce': 'restricted' }
    const manifests = await manifestsOf(`restricted-${name}`, sample, labels)
    for (const manifest of manifests.filter(({ kind }) => kind === 'ServiceAccount'))
      await cluster.apply(manifest, options)
    for (const deployment of manifests.filter(({ kind }) => kind === 'Deployment')) {
      const pod = await cluster.apply(podOf(deployment), { ...options, dryRun: true })
      expect(listAt(pod, 'spec', 'volumes').map(volume => at(volume, 'name'))).not.toContainEqual(
        expect.stringMatching(/^kube-api-access/),
      )
    }
  })
}

function podOf(deployment: Manifest): Manifest {
  const template = at(deployment, 'spec', 'template') as Pick<Manifest, 'metadata'>
  const { namespace = '' } = deployment.metadata
  return { ...template, apiVersion: 'v1', kind: 'Pod', metadata: { ...template.metadata, name: 'pod', namespace } }
}

async function manifestsOf(
  namespace: string,
  sample: (typeof samples)[string],
  labels: Readonly<Record<string, string>> = {},
): Promise<readonly Manifest[]> {
  await cluster.apply(
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace, labels } } as Manifest,
    options,
  )
  const observation = sample()
  const certificate = secret('uploads-tls', { 'tls.crt': pem.certificate, 'tls.key': pem.key })
  const { metadata } = observation.server
  const { apply } = plan({
    ...observation,
    server: { ...observation.server, metadata: { ...metadata, namespace } },
    sources: [...observation.sources, certificate],
  })
  return apply.filter(({ kind }) => !foreign.has(kind))
}
