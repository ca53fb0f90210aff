/** The CustomResourceDefinition on a real API server: what it takes, what it refuses, and which field it names then. */
import { afterAll, beforeAll, describe, expect } from 'vitest'
import { apiVersion, resourceKind } from '../../operator/api/ftp-server.ts'
import { ftpServerDefinition } from '../../operator/api/ftp-server-definition.ts'
import { toKubernetesStyle } from '../../operator/api/kubernetes-style.ts'
import { createReader } from '../../operator/api/read.ts'
import { rules } from '../../operator/api/rules.ts'
import { ApiError } from '../../operator/kubernetes/api-error.ts'
import { pathOf } from '../../operator/kubernetes/object.ts'
import { type ApiRequest, createTransport, type Transport } from '../../operator/kubernetes/transport.ts'
import { systemClock } from '../../operator/time/clock.ts'
import { userSchema } from '../../server/config/schema/user.ts'
import { serverSchema } from '../../server/config/schema.ts'
import { type ApiServer, clusterTest, kubebuilderAssets, startApiServer } from '../support/control-plane/api-server.ts'
import { eventually } from '../support/eventually.ts'
import { serverSamples, userSamples } from '../support/rule-samples.ts'
import { changeSamples, completed, goodSamples, type Spec, wrongSamples } from './resource-samples.ts'

let server: ApiServer
let transport: Transport

type Resource = {
  readonly metadata: { readonly name: string; readonly resourceVersion?: string }
  readonly spec: Spec
  readonly [field: string]: unknown
}

beforeAll(async () => {
  if (kubebuilderAssets.directory === undefined) return
  server = await startApiServer()
  transport = createTransport({
    credentials: server.credentials,
    clock: systemClock,
    random: Math.random,
    userAgent: 'test',
  })
  await send({ method: 'POST', path: definitions, body: ftpServerDefinition() })
  await eventually(
    async () => (await conditionsOfDefinition())['Established'] === 'True',
    'the definition is established',
  )
  await eventually(() => send({ method: 'GET', path: collection }), 'the resource is served', 20_000)
}, 90_000)

afterAll(async () => {
  await transport?.close()
  await server?.stop()
}, 30_000)

const definitions = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions'
const collection = pathOf(resourceKind, { namespace: 'default' })

function send(request: Pick<ApiRequest, 'method' | 'path' | 'query' | 'body' | 'accept'>): Promise<unknown> {
  return transport.request({ ...request, deadlineSeconds: 20, retry: false })
}

async function conditionsOfDefinition(): Promise<Readonly<Record<string, string>>> {
  const { status } = (await send({ method: 'GET', path: `${definitions}/ftpservers.ftp-operator.io` })) as {
    status: { conditions: readonly { type: string; status: string }[] }
  }
  return Object.fromEntries(status.conditions.map(({ type, status: value }) => [type, value]))
}

/** Unknown fields are errors, as with kubectl. */
const strict = { fieldValidation: 'Strict' }

async function create(spec: Spec, { name = 'sample', dryRun = true } = {}): Promise<Resource> {
  const query = { ...strict, ...(dryRun && { dryRun: 'All' }) }
  return (await send({ method: 'POST', path: collection, query, body: resource(name, spec) })) as Resource
}

function resource(name: string, spec: Spec) {
  return { apiVersion, kind: resourceKind.kind, metadata: { name, namespace: 'default' }, spec: completed(spec) }
}

type Refusal = { readonly fields: readonly string[]; readonly message: string }

/** What was refused, by field; nothing if it was accepted. */
async function refusal(attempt: Promise<unknown>): Promise<Refusal> {
  try {
    await attempt
    return { fields: [], message: '' }
  } catch (error) {
    if (!(error instanceof ApiError)) throw error
    const unknown = [...error.message.matchAll(/unknown field "([^"]+)"/g)].map(([, field = '']) => field)
    // `<nil>` only says that not all rules were tried, since something else is wrong already.
    const named = error.causes
      .map(({ field }) => field.replace(/^[.]/, ''))
      .filter(field => field !== '<nil>' && field !== '')
    return { fields: [...new Set([...unknown, ...named])].toSorted(), message: error.message }
  }
}

clusterTest('the definition is established, and its schema is structural', async () => {
  expect(await conditionsOfDefinition()).toEqual({ NamesAccepted: 'True', Established: 'True' })
})

clusterTest('nothing but storage gets all defaults', async () => {
  const { spec } = await create({})
  expect(spec).toMatchObject({
    listeners: [{ name: 'ftp', port: 21, tls: 'Explicit' }],
    passive: { firstPort: 20_000, portsPerReplica: 20, advertisedAddress: 'Auto', peerCheck: 'Auto' },
    service: { type: 'LoadBalancer', externalTrafficPolicy: 'Auto' },
    storage: { claim: { size: '1Gi', accessModes: ['ReadWriteOnce'] }, retentionPolicy: 'Retain' },
    tls: { minVersion: 'TLSv1.2', clientCertificates: { mode: 'Disabled' } },
    replicas: 1,
    drainSeconds: 300,
    users: [],
    limits: { maxSessions: 1000 },
  })
})

clusterTest('right resources are taken, with the very defaults that are filled in without an API server', async () => {
  const read = createReader()
  for (const { title, name = 'sample', spec } of goodSamples) {
    const { fields, message } = await refusal(create(spec, { name }))
    expect({ title, fields, message }).toEqual({ title, fields: [], message: '' })
    const offline = read(resource(name, spec))
    expect(offline.valid ? offline.value.spec : offline.errors).toEqual((await create(spec, { name })).spec)
  }
})

clusterTest('wrong resources are refused with a message that names the field', async () => {
  expect(wrongSamples.length).toBeGreaterThanOrEqual(50)
  for (const { title, name = 'sample', spec, brokenAt } of wrongSamples) {
    const { fields, message } = await refusal(create(spec, { name }))
    expect({ title, fields }).toEqual({ title, fields: brokenAt.toSorted() })
    for (const field of brokenAt) expect(message).toContain(field)
  }
})

describe('changes', () => {
  clusterTest('those that may not be are refused with a message that names the field', async () => {
    for (const [index, { title, before, after, brokenAt }] of changeSamples.entries()) {
      const name = `change-${index}`
      const { metadata } = await create(before, { name, dryRun: false })
      const change = { ...resource(name, after), metadata }
      const path = `${collection}/${name}`
      const { fields, message } = await refusal(send({ method: 'PUT', path, query: strict, body: change }))
      expect({ title, fields }).toEqual({ title, fields: brokenAt.toSorted() })
      for (const field of brokenAt) expect(message).toContain(field)
    }
  })

  clusterTest('scaling is held to the same rules', async () => {
    await create({}, { name: 'scaled', dryRun: false })
    const path = `${collection}/scaled/scale`
    const scale = (await send({ method: 'GET', path })) as { spec: { replicas: number } }
    expect(scale.spec.replicas).toBe(1)
    const more = send({ method: 'PUT', path, body: { ...scale, spec: { replicas: 2 } } })
    expect((await refusal(more)).message).toContain('spec.replicas')
    await send({ method: 'PUT', path, body: { ...scale, spec: { replicas: 0 } } })
  })
})

/** A password file is a key of a Secret. */
function inSecret({ passwordFile, ...entry }: Spec): Spec {
  return { ...entry, ...(passwordFile !== undefined && { passwordSecretRef: { name: 'password' } }) }
}

describe('rules that the server has too', () => {
  clusterTest('users break them in the same way', async () => {
    // The secret of one-time codes is in a Secret here.
    for (const { title, value, brokenAt } of userSamples.filter(sample => !('totp' in sample.value))) {
      const { passwordFile, previousPassword, ...entry } = value
      const user = {
        ...(toKubernetesStyle(entry, userSchema) as Spec),
        ...(passwordFile !== undefined && { passwordSecretRef: { name: 'password' } }),
        ...(previousPassword !== undefined && { previousPassword: inSecret(previousPassword as Spec) }),
      }
      const tls = { clientCertificates: { mode: 'Optional', secretName: 'authority' } }
      const { fields } = await refusal(create({ tls, users: [user] }))
      // The key of a list is what must not be there twice: the API server names the entry.
      const expected = brokenAt.map(path => path.replace(/\.path$/, '')).map(path => ['spec.users[0]', path])
      expect({ title, fields }).toEqual({
        title,
        fields: expected.map(path => path.filter(Boolean).join('.')).toSorted(),
      })
    }
  })

  clusterTest('anonymous access breaks them in the same way', async () => {
    const samples = serverSamples.filter(({ value }) => Object.keys(value).join() === 'anonymous')
    expect(samples.length).toBeGreaterThan(1)
    for (const { title, value, brokenAt } of samples) {
      const anonymous = toKubernetesStyle(value, serverSchema)
      const { fields } = await refusal(create(anonymous as Spec))
      expect({ title, fields }).toEqual({ title, fields: brokenAt.map(path => `spec.${path}`) })
    }
  })
})

clusterTest('every rule is broken by a sample', async () => {
  const messages: string[] = []
  for (const { name = 'sample', spec } of wrongSamples) messages.push((await refusal(create(spec, { name }))).message)
  for (const [index, { before, after }] of changeSamples.entries()) {
    const name = `rule-${index}`
    const { metadata } = await create(before, { name, dryRun: false })
    const change = { ...resource(name, after), metadata }
    messages.push((await refusal(send({ method: 'PUT', path: `${collection}/${name}`, body: change }))).message)
  }
  const all = messages.join('\n')
  const untried = Object.entries(rules).flatMap(([path, list]) =>
    list.filter(({ message }) => !all.includes(message)).map(({ message }) => `${path}: ${message}`),
  )
  expect(untried).toEqual([])
})

clusterTest('status is written apart from the rest, and shown in columns', async () => {
  const { metadata, ...rest } = await create({}, { name: 'shown', dryRun: false })
  const path = `${collection}/shown`
  const condition = { status: 'True', lastTransitionTime: '2030-01-31T12:00:00Z', message: 'All is well.' }
  const status = {
    observedGeneration: 1,
    conditions: [
      { ...condition, type: 'Ready', reason: 'Ready' },
      { ...condition, type: 'CertificateReady', reason: 'SelfSigned' },
    ],
    address: '203.0.113.7',
    endpoints: [{ name: 'ftp', url: 'ftp://203.0.113.7:21', tls: 'Explicit' }],
    passive: {
      advertisedAddress: '203.0.113.7',
      ports: '20000-20019',
      slices: [{ replica: 0, firstPort: 20_000, lastPort: 20_019 }],
      advertisedPorts: [{ port: 20_000, advertised: 31_234 }],
    },
    users: { total: 3, accepted: 2, rejected: 1 },
    tls: { secretName: 'shown-tls', notAfter: '2031-01-31T12:00:00Z', fingerprint: 'AB:CD' },
    replicas: 1,
    readyReplicas: 1,
    selector: 'app.kubernetes.io/instance=shown',
    storage: { claimName: 'shown-data', capacity: '1Gi' },
    config: { hash: 'a1b2', appliedReplicas: 1 },
    image: 'ftp-operator:0.1.0',
  }
  const body = { ...rest, metadata, spec: { ...rest.spec, replicas: 0 }, status }
  const after = (await send({ method: 'PUT', path: `${path}/status`, query: strict, body })) as Resource
  expect(after['status']).toEqual(status)
  expect(after.spec['replicas']).toBe(1)

  const accept = 'application/json;as=Table;g=meta.k8s.io;v=v1'
  const table = (await send({ method: 'GET', path, accept })) as {
    columnDefinitions: readonly { name: string; priority: number }[]
    rows: readonly { cells: readonly unknown[] }[]
  }
  const cells = Object.fromEntries(table.columnDefinitions.map(({ name }, at) => [name, table.rows[0]?.cells[at]]))
  expect(cells).toMatchObject({
    Name: 'shown',
    Ready: 'True',
    Address: '203.0.113.7',
    Replicas: 1,
    Users: 2,
    TLS: 'SelfSigned',
    Expires: '2031-01-31T12:00:00Z',
    Passive: '20000-20019',
    Status: 'All is well.',
  })
})
