/** FtpUser on a real API server: what it takes, what it refuses, and which field it names then. */
import { afterAll, beforeAll, expect } from 'vitest'
import { apiVersion } from '../../operator/api/ftp-server.ts'
import { ftpUserKind, ftpUserResourceKind } from '../../operator/api/ftp-user.ts'
import { ftpUserRules } from '../../operator/api/ftp-user-rules.ts'
import { createUserReader } from '../../operator/api/read.ts'
import { ApiError } from '../../operator/kubernetes/api-error.ts'
import { pathOf } from '../../operator/kubernetes/object.ts'
import { clusterTest, kubebuilderAssets } from '../support/control-plane/api-server.ts'
import { type ControlPlane, startControlPlane } from '../support/control-plane/control-plane.ts'
import { passwordHash } from './samples.ts'

let plane: ControlPlane

beforeAll(async () => {
  if (kubebuilderAssets.directory === undefined) return
  plane = await startControlPlane()
}, 90_000)

afterAll(async () => {
  await plane?.stop()
}, 30_000)

type Spec = Readonly<Record<string, unknown>>

const collection = pathOf(ftpUserResourceKind, { namespace: 'default' })
const serverRefs = [{ name: 'uploads' }]
const hashed = { serverRefs, passwordHash }
const expires = '2030-01-31'

function resource(spec: Spec, name = 'alice') {
  return { apiVersion, kind: ftpUserKind, metadata: { name, namespace: 'default' }, spec }
}

function send(method: 'POST' | 'PUT', body: ReturnType<typeof resource>, isForReal = false): Promise<unknown> {
  const path = method === 'POST' ? collection : `${collection}/${body.metadata.name}`
  const query = { fieldValidation: 'Strict', ...(!isForReal && { dryRun: 'All' }) }
  return plane.transport.request({ method, path, query, body, deadlineSeconds: 20, retry: false })
}

/** What was refused, by field; nothing if it was accepted. */
async function refusal(attempt: Promise<unknown>): Promise<{ readonly fields: readonly string[]; message: string }> {
  try {
    await attempt
    return { fields: [], message: '' }
  } catch (error) {
    if (!(error instanceof ApiError)) throw error
    const unknown = [...error.message.matchAll(/unknown field "([^"]+)"/g)].map(([, field = '']) => field)
    const named = error.causes.map(({ field }) => field.replace(/^[.]/, '')).filter(field => !/^(<nil>)?$/.test(field))
    return { fields: [...new Set([...unknown, ...named])].toSorted(), message: error.message }
  }
}

const good: readonly (readonly [string, Spec])[] = [
  ['a hash', hashed],
  ['a Secret', { serverRefs, passwordSecretRef: { name: 'alice' } }],
  ['a generated password', { serverRefs, generatedPassword: {} }],
  [
    'a generated password that is renewed',
    { serverRefs, generatedPassword: { rotateAfterSeconds: 604_800, overlapSeconds: 604_800 } },
  ],
  ['a home of its own that is to go', { ...hashed, reclaimPolicy: 'Delete' }],
  ['a home that is given and is to go', { ...hashed, reclaimPolicy: 'Delete', home: '/cameras/yard' }],
  ['a certificate', { serverRefs, clientCertificate: { commonName: 'alice' } }],
  [
    'a certificate, a password and a code',
    { ...hashed, clientCertificate: { commonName: 'alice' }, totpSecretRef: { name: 'alice' } },
  ],
  [
    'several servers, one of a name in another namespace',
    { ...hashed, serverRefs: [...serverRefs, { name: 'uploads', namespace: 'media' }] },
  ],
  [
    'everything',
    {
      serverRefs,
      username: 'Alice@example.org',
      passwordSecretRef: { name: 'alice', key: 'new' },
      previousPassword: { passwordSecretRef: { name: 'alice', key: 'old' }, expires },
      home: '/shared',
      role: 'UploadOnly',
      paths: [{ path: '/in', role: 'ReadWrite' }],
      limits: { maxSessions: 2 },
      allowedNetworks: ['10.0.0.0/8'],
      tls: 'Required',
      disabled: true,
      expires,
      reclaimPolicy: 'Retain',
    },
  ],
]

clusterTest('right users are taken, with the very defaults that are filled in without an API server', async () => {
  const read = createUserReader()
  for (const [title, spec] of good) {
    const taken = (await send('POST', resource(spec)).catch(String)) as { readonly spec?: Spec }
    const offline = read(resource(spec))
    expect({ title, spec: taken.spec ?? taken }).toEqual({
      title,
      spec: offline.valid ? offline.value.spec : offline.errors,
    })
  }
})

const wrong: readonly (readonly [string, Spec, readonly string[]])[] = [
  ['no server', { passwordHash }, ['spec.serverRefs']],
  ['an empty list of servers', { ...hashed, serverRefs: [] }, ['spec.serverRefs']],
  ['no credential', { serverRefs }, ['spec']],
  ['two passwords', { ...hashed, generatedPassword: {} }, ['spec']],
  ['a certificate by nothing', { serverRefs, clientCertificate: {} }, ['spec.clientCertificate']],
  ['no hash', { serverRefs, passwordHash: 'secret' }, ['spec.passwordHash']],
  ['a name with a slash', { ...hashed, username: 'a/b' }, ['spec.username']],
  ['role and permissions', { ...hashed, role: 'ReadOnly', permissions: ['List'] }, ['spec']],
  ['a folder in place of everything', { ...hashed, folders: [{ path: '/', target: '/in' }] }, ['spec.folders[0]']],
  ['a path without permissions', { ...hashed, paths: [{ path: '/in' }] }, ['spec.paths[0]']],
  [
    'a path twice',
    {
      ...hashed,
      paths: [
        { path: '/in', role: 'ReadOnly' },
        { path: '/in', role: 'ReadOnly' },
      ],
    },
    ['spec.paths[1]'],
  ],
  [
    'a previous password without an end',
    { ...hashed, previousPassword: { passwordHash } },
    ['spec.previousPassword.expires'],
  ],
  [
    'a previous password and no other',
    { serverRefs, clientCertificate: { commonName: 'a' }, previousPassword: { passwordHash, expires } },
    ['spec.previousPassword'],
  ],
  ['a previous password by nothing', { ...hashed, previousPassword: { expires } }, ['spec.previousPassword']],
  [
    'a previous password beside a generated one',
    { serverRefs, generatedPassword: {}, previousPassword: { passwordHash, expires } },
    ['spec.previousPassword'],
  ],
  [
    'a password that is too short to generate',
    { serverRefs, generatedPassword: { length: 8 } },
    ['spec.generatedPassword.length'],
  ],
  [
    'a password that is renewed before the one before it is over',
    { serverRefs, generatedPassword: { rotateAfterSeconds: 3600 } },
    ['spec.generatedPassword.rotateAfterSeconds'],
  ],
  [
    'a password that is renewed all the time',
    { serverRefs, generatedPassword: { rotateAfterSeconds: 1, overlapSeconds: 0 } },
    ['spec.generatedPassword.rotateAfterSeconds'],
  ],
  ['all files of the server that are to go', { ...hashed, reclaimPolicy: 'Delete', home: '/' }, ['spec.home']],
  ['a policy that is none', { ...hashed, reclaimPolicy: 'Keep' }, ['spec.reclaimPolicy']],
  ['an unknown field', { ...hashed, homes: '/' }, ['spec.homes']],
]

clusterTest('wrong users are refused with a message that names the field', async () => {
  for (const [title, spec, brokenAt] of wrong) {
    const { fields } = await refusal(send('POST', resource(spec)))
    expect({ title, fields }).toEqual({ title, fields: brokenAt.toSorted() })
  }
  const name = 'a'.repeat(64)
  expect((await refusal(send('POST', resource(hashed, name)))).fields).toEqual(['metadata.name'])
})

clusterTest('the login name can neither change, nor come, nor go', async () => {
  const messages: string[] = []
  for (const [index, [before, after]] of [
    ['one', 'two'],
    [undefined, 'two'],
    ['one', undefined],
  ].entries()) {
    const of = (username: string | undefined) =>
      resource({ ...hashed, ...(username !== undefined && { username }) }, `named-${index}`)
    const { metadata } = (await send('POST', of(before), true)) as ReturnType<typeof resource>
    const { fields, message } = await refusal(send('PUT', { ...of(after), metadata }))
    expect(fields).toEqual(['spec.username'])
    messages.push(message)
    const same = { ...of(before), metadata }
    expect(await refusal(send('PUT', { ...same, spec: { ...same.spec, home: '/other' } }))).toEqual({
      fields: [],
      message: '',
    })
  }
  for (const [, spec] of wrong) messages.push((await refusal(send('POST', resource(spec)))).message)
  const untried = Object.values(ftpUserRules)
    .flat()
    .filter(({ message }) => !messages.join('\n').includes(message))
  expect(untried).toEqual([])
})

clusterTest('it is found by its short name and category, and shown in columns', async () => {
  const answer = (await plane.transport.request({
    method: 'GET',
    path: '/apis/ftp-operator.io/v1alpha1',
    deadlineSeconds: 20,
    retry: false,
  })) as { readonly resources: readonly Readonly<Record<string, unknown>>[] }
  expect(answer.resources.find(({ name }) => name === 'ftpusers')).toMatchObject({
    shortNames: ['ftpu'],
    categories: ['ftp-operator'],
    namespaced: true,
  })
  await send('POST', resource({ ...hashed, home: '/shared' }, 'shown'), true)
  const table = (await plane.transport.request({
    method: 'GET',
    path: `${collection}/shown`,
    accept: 'application/json;as=Table;g=meta.k8s.io;v=v1',
    deadlineSeconds: 20,
    retry: false,
  })) as {
    readonly columnDefinitions: readonly { readonly name: string }[]
    readonly rows: readonly { readonly cells: readonly unknown[] }[]
  }
  const cells = Object.fromEntries(
    table.columnDefinitions.map(({ name }, index) => [name, table.rows[0]?.cells[index]]),
  )
  expect(cells).toMatchObject({ Name: 'shown', Server: 'uploads', Home: '/shared' })
})
