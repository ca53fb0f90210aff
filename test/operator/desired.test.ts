/** What is applied for each sample, held against golden files; `npx vitest run -u` writes them anew. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { stringify } from 'yaml'
import { certificateState } from '../../operator/ftp-server/certificate-state.ts'
import { plan } from '../../operator/ftp-server/plan.ts'
import type { Manifest } from '../../operator/kubernetes/object.ts'
import { at } from '../../operator/kubernetes/read.ts'
import type { Observation, Source } from '../../operator/observation/observation.ts'
import { loadConfiguration } from '../../server/config/load.ts'
import { createSelfSignedCertificate, type SelfSignedCertificate } from '../../server/tls/self-signed.ts'
import { ftpServer, now, observe, samples, secret } from './samples.ts'

let pem: SelfSignedCertificate

beforeAll(async () => {
  pem = await createSelfSignedCertificate({
    commonName: 'uploads',
    dnsNames: ['uploads', 'uploads.media', 'uploads.media.svc', 'uploads.media.svc.cluster.local', 'ftp.example.com'],
    addresses: ['203.0.113.7', '203.0.113.11', '10.96.0.7'],
    validDays: 90,
    now,
  })
})

/** With the certificate that the reconciler makes, and what a person gives: the authority, and certificates of hosts. */
function complete(observation: Observation): Observation {
  const { source } = certificateState(observation, undefined)
  const certificate =
    source.kind === 'none' ? [] : [secret(source.secretName, { 'tls.crt': pem.certificate, 'tls.key': pem.key })]
  const sources = observation.sources.map((each): Source => {
    return each.data.has('ca.crt') ? secret(each.name, { 'ca.crt': pem.certificate }) : each
  })
  const ofHosts = observation.server.spec.hosts.flatMap(({ secretName }) =>
    secretName === undefined ? [] : [secret(secretName, { 'tls.crt': pem.certificate, 'tls.key': pem.key })],
  )
  return { ...observation, sources: [...sources, ...certificate, ...ofHosts] }
}

test.each(Object.entries(samples))('%s: the manifests are those of the golden file', async (name, sample) => {
  const { apply } = plan(complete(sample()))
  const text = apply.map(manifest => stringify(readable(manifest), { lineWidth: 0, version: '1.1' })).join('---\n')
  await expect(text).toMatchFileSnapshot(`golden/${name}.yaml`)
})

test.each(Object.entries(samples))('%s: the same observation gives the same plan', (_, sample) => {
  const observation = complete(sample())
  expect(plan(observation).apply).toEqual(plan(observation).apply)
})

test.each(Object.entries(samples))(
  '%s: the server takes its configuration whole, and computes the hash that the operator expects',
  async (_, sample) => {
    const observation = complete(sample())
    const { apply, decisions } = plan(observation)
    const directory = await mkdtemp(join(tmpdir(), 'rendered-'))
    try {
      await writeMounts(directory, apply, observation)
      const loaded = await loadConfiguration(directory, undefined, now)
      expect(loaded.problems).toEqual([])
      expect(loaded.configuration?.hash).toBe(decisions.hashOf(0, 'a'))
    } finally {
      await rm(directory, { recursive: true })
    }
  },
)

test('every pod has passive ports of its own, and the Service has all of them under the same names', () => {
  const server = ftpServer(`
replicas: 3
passive: { portsPerReplica: 4 }
storage: { claim: { size: 10Gi, accessModes: [ReadWriteMany] } }
`)
  const { apply } = plan(observe(server))
  const named = (manifest: Manifest, ...path: readonly string[]) =>
    (at(manifest, ...path) as readonly { readonly name: string }[]).map(({ name }) => name)
  const pods = apply
    .filter(({ kind }) => kind === 'Deployment')
    .map(manifest => {
      const containers = at(manifest, 'spec', 'template', 'spec', 'containers') as readonly Manifest[]
      return containers.flatMap(container => named(container, 'ports')).filter(name => name.startsWith('pasv-'))
    })
  const service = apply.find(({ kind }) => kind === 'Service')
  expect(pods).toEqual([
    ['pasv-20000', 'pasv-20001'],
    ['pasv-20004', 'pasv-20005'],
    ['pasv-20008', 'pasv-20009'],
  ])
  expect(named(service ?? fail('no Service'), 'spec', 'ports')).toEqual([
    'ftp',
    ...Array.from({ length: 12 }, (_, index) => `pasv-${20_000 + index}`),
  ])
})

test('replicas keep apart from each other, and a new pod of one goes where its old pod is', () => {
  const shared = 'storage: { claim: { size: 1Gi, accessModes: [ReadWriteMany] } }'
  const specOf = (server: ReturnType<typeof ftpServer>, replica: number) => {
    const deployments = plan(observe(server)).apply.filter(({ kind }) => kind === 'Deployment')
    return at(deployments[replica] ?? fail('no such replica'), 'spec', 'template', 'spec')
  }
  const second = specOf(ftpServer(`{ ${shared}, replicas: 2 }`), 1)
  const all = { 'app.kubernetes.io/name': 'ftp-server', 'app.kubernetes.io/instance': 'uploads' }
  expect(at(second, 'topologySpreadConstraints', '0', 'labelSelector')).toEqual({
    matchLabels: all,
    matchExpressions: [{ key: 'ftp-operator.io/replica', operator: 'NotIn', values: ['1'] }],
  })
  const [term] = at(second, 'affinity', 'podAffinity', 'preferredDuringSchedulingIgnoredDuringExecution') as unknown[]
  expect(at(term, 'podAffinityTerm', 'labelSelector')).toEqual({
    matchLabels: { ...all, 'ftp-operator.io/replica': '1' },
  })
  const given = '{ podAffinity: {}, podAntiAffinity: {} }'
  expect(at(specOf(ftpServer(`{ ${shared}, affinity: ${given} }`), 0), 'affinity')).toEqual({
    podAffinity: {},
    podAntiAffinity: {},
  })
})

/** Keys and certificates differ each time; contents of users are more telling as text. */
function readable(manifest: Manifest): Manifest {
  const data = at(manifest, 'data')
  if (manifest.kind !== 'Secret' || typeof data !== 'object' || data === null) return withoutHash(manifest)
  const isCertificate = at(manifest, 'type') === 'kubernetes.io/tls'
  const shown = Object.entries(data).map(([key, value]) => [
    key,
    isCertificate ? `(${key})` : Buffer.from(String(value), 'base64').toString(),
  ])
  return withoutHash({ ...manifest, data: Object.fromEntries(shown) } as Manifest)
}

// Each change of a manifest changes it, and says nothing more.
function withoutHash(manifest: Manifest): Manifest {
  const { 'ftp-operator.io/applied-hash': hash, ...annotations } = at(manifest, 'metadata', 'annotations') as Record<
    string,
    string
  >
  expect(hash).toMatch(/^[0-9a-f]{16}$/)
  const { annotations: _, ...metadata } = manifest.metadata as Manifest['metadata'] & { readonly annotations: unknown }
  return {
    ...manifest,
    metadata: { ...metadata, ...(Object.keys(annotations).length > 0 && { annotations }) },
  }
}

/** The directory as the pod of replica 0 sees it. */
async function writeMounts(directory: string, apply: readonly Manifest[], { sources }: Observation): Promise<void> {
  const data = (name: string) =>
    at(
      apply.find(({ metadata }) => metadata.name === name),
      'data',
    ) ?? {}
  const files = new Map<string, Uint8Array | string>()
  files.set('server/server.yaml', String(at(data('uploads-config'), 'server-0a.yaml')))
  for (let shard = 0; shard < 8; shard += 1) {
    for (const [key, value] of Object.entries(data(`uploads-users-${shard}`))) {
      files.set(`users/${key}`, Buffer.from(String(value), 'base64'))
    }
  }
  const deployment = apply.find(({ kind }) => kind === 'Deployment')
  const volumes = at(deployment, 'spec', 'template', 'spec', 'volumes') as readonly unknown[]
  const tls = volumes.find(volume => at(volume, 'name') === 'tls')
  for (const source of (at(tls, 'projected', 'sources') ?? []) as readonly unknown[]) {
    const found = sources.find(({ name }) => name === at(source, 'secret', 'name'))
    for (const item of at(source, 'secret', 'items') as readonly { readonly key: string; readonly path: string }[]) {
      const content = found?.data.get(item.key)
      if (content !== undefined) files.set(`tls/${item.path}`, content)
      else if (at(source, 'secret', 'optional') !== true) fail(`no ${item.key}`)
    }
  }
  for (const [key, value] of Object.entries(data('uploads-relay'))) {
    if (key === 'secrets') files.set(`relay/${key}`, Buffer.from(String(value), 'base64'))
  }
  for (const [path, content] of files) {
    await mkdir(join(directory, path, '..'), { recursive: true })
    await writeFile(join(directory, path), content)
  }
}

function fail(message: string): never {
  throw new Error(message)
}
