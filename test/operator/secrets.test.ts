/** Nothing secret is in what the operator logs, tells, applies or prints: only in Secrets. With a real API server, and Secrets that are right, wrong and broken. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { stringify } from 'yaml'
import { ftpUserResourceKind } from '../../operator/api/ftp-user.ts'
import { kinds } from '../../operator/kubernetes/kinds.ts'
import type { KubernetesObject, Manifest } from '../../operator/kubernetes/object.ts'
import { textAt } from '../../operator/kubernetes/read.ts'
import { renderCommand } from '../../operator/render-command.ts'
import { selfSigned } from '../support/certificates.ts'
import { ftpServer, type OperatorProcess, startOperatorProcess } from '../support/cluster/cluster.ts'
import { clusterTest, kubebuilderAssets } from '../support/control-plane/api-server.ts'
import { type ControlPlane, startControlPlane } from '../support/control-plane/control-plane.ts'
import { eventually } from '../support/eventually.ts'
import { type SpilledSecrets, spilledSecrets } from '../support/spilled-secrets.ts'

const namespace = 'canaries'
let plane: ControlPlane
let operator: OperatorProcess
let secrets: SpilledSecrets
let objects: readonly Manifest[]

beforeAll(async () => {
  secrets = spilledSecrets()
  objects = await scene()
  if (kubebuilderAssets.directory === undefined) return
  plane = await startControlPlane()
  await plane.createNamespace(namespace)
  operator = await startOperatorProcess({
    namespaces: [namespace],
    flags: ['--log-level', 'debug'],
    environment: { KUBECONFIG: plane.server.kubeconfig },
  })
}, 90_000)

afterAll(async () => {
  await operator?.stop()
  await plane?.stop()
}, 30_000)

function secret(name: string, stringData: Readonly<Record<string, string>>, type = 'Opaque'): Manifest {
  return { apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace }, type, stringData } as Manifest
}

/** A bcrypt hash that is a canary. */
function hash(name: string): string {
  const key = secrets.make(name).padEnd(53, '0').slice(0, 53)
  return `$2b$12$${key}`
}

async function keyOf(name: string): Promise<{ readonly certificate: string; readonly key: string }> {
  const made = await selfSigned(name)
  for (const line of made.key.split('\n').filter(text => text.length > 40)) secrets.add(line)
  return made
}

/** Servers whose users and certificates are as people have them on good and on bad days. */
async function scene(): Promise<readonly Manifest[]> {
  const [good, other] = await Promise.all([keyOf('good'), keyOf('other')])
  const list = (name: string) => `users: [{ name: ${name}, passwordHash: "${hash(`list of ${name}`)}" }]\n`
  const keys = (certificate: string, key: string) => ({ 'tls.crt': certificate, 'tls.key': key })
  return [
    secret('good', { 'team.yaml': list('carol'), password: secrets.make('password') }),
    secret('broken', {
      'list.yaml': `users: [{ name: dora, passwordHash:${secrets.make('list without a space')} }`,
      'list.htpasswd': `erin:${secrets.make('clear text in htpasswd')}\n`,
      'passwords.txt': secrets.make('key that is no list'),
      'too-long': secrets.make('password too long').repeat(200),
      empty: '',
    }),
    secret('certificate', keys(good.certificate, good.key), 'kubernetes.io/tls'),
    secret('of-another', keys(good.certificate, other.key), 'kubernetes.io/tls'),
    secret('swapped', keys(good.key, good.certificate)),
    secret('no-pem', keys(secrets.make('no certificate'), secrets.make('no key'))),
    secret('half', { 'tls.key': good.key }),
    secret('authority', { 'ca.crt': other.key }),
    ftpServer(namespace, 'all-good', {
      users: [
        { name: 'alice', passwordHash: hash('inline') },
        { name: 'bob', passwordSecretRef: { name: 'good', key: 'password' } },
      ],
      usersFrom: [{ secretRef: { name: 'good' } }],
      tls: { secretName: 'certificate' },
      monitoring: { prometheusRule: 'Auto' },
    }),
    ftpServer(namespace, 'made-here', { users: [{ name: 'alice', passwordHash: hash('inline of another') }] }),
    ...Object.entries({
      'wrong-keys': {
        users: [
          { name: 'alice', passwordSecretRef: { name: 'good', key: 'pasword' } },
          { name: 'bob', passwordSecretRef: { name: 'broken', key: 'too-long' } },
          { name: 'carol', passwordSecretRef: { name: 'broken', key: 'empty' } },
          { name: 'dora', passwordSecretRef: { name: 'absent' } },
        ],
        usersFrom: [{ secretRef: { name: 'good', key: 'password' } }, { secretRef: { name: 'good', key: 'absent' } }],
      },
      'broken-lists': {
        usersFrom: [{ secretRef: { name: 'broken' } }, { secretRef: { name: 'broken', key: 'passwords.txt' } }],
      },
      'key-of-another': { tls: { secretName: 'of-another' } },
      'swapped-files': { tls: { secretName: 'swapped' } },
      'no-pem': { tls: { secretName: 'no-pem' } },
      'half-a-certificate': { tls: { secretName: 'half' } },
      'broken-authority': {
        tls: { secretName: 'certificate', clientCertificates: { mode: 'Optional', secretName: 'authority' } },
      },
    }).map(([name, spec]) => ftpServer(namespace, name, spec)),
    ...Object.entries({
      'user-good': {
        passwordSecretRef: { name: 'good', key: 'password' },
        previousPassword: { passwordHash: hash('previous'), expires: '2130-01-31' },
      },
      'user-hashed': { passwordHash: hash('of an FtpUser') },
      'user-too-long': { passwordSecretRef: { name: 'broken', key: 'too-long' } },
      'user-made': { generatedPassword: {} },
    }).map(([name, spec]) => ftpUser(name, spec)),
  ] as readonly Manifest[]
}

function ftpUser(name: string, spec: Readonly<Record<string, unknown>>): Manifest & Record<string, unknown> {
  return {
    apiVersion: 'ftp-operator.io/v1alpha1',
    kind: 'FtpUser',
    metadata: { name, namespace },
    spec: { serverRefs: [{ name: 'all-good' }], ...spec },
  }
}

const serverNames = () => objects.filter(({ kind }) => kind === 'FtpServer').map(({ metadata }) => metadata.name)

/** What is not the content of a Secret, or what a person has written into the resource. */
function withoutSecrets(object: KubernetesObject): object {
  if (object.kind === 'Secret') return { ...object, data: undefined, stringData: undefined }
  // The names of the fields of a spec are here as well, but no values.
  return object.kind === 'FtpServer' || object.kind === 'FtpUser' ? { ...object, spec: undefined } : object
}

async function events(): Promise<readonly KubernetesObject[]> {
  const path = `/apis/events.k8s.io/v1/namespaces/${namespace}/events`
  const request = { method: 'GET', path, deadlineSeconds: 10, retry: false } as const
  return ((await plane.transport.request(request)) as { readonly items: readonly KubernetesObject[] }).items
}

/** All that is told once each server has its say. */
async function told(): Promise<string> {
  await eventually(
    async () => {
      const servers = await plane.servers(namespace)
      const { items: users } = await plane.cluster.list(ftpUserResourceKind, { namespace })
      return servers.length === serverNames().length && [...servers, ...users].every(isObserved)
    },
    'every server and every user has a status',
    20_000,
  )
  const [made, servers, users, given, recorded, metrics] = await Promise.all([
    plane.made(namespace),
    plane.servers(namespace),
    plane.cluster.list(ftpUserResourceKind, { namespace }),
    plane.cluster.list(kinds.secret, { namespace }),
    events(),
    (await fetch(`http://127.0.0.1:${operator.probesPort}/metrics`)).text(),
  ])
  const all = [...made, ...servers, ...users.items, ...given.items].map(withoutSecrets)
  return [operator.output(), metrics, ...[...all, ...recorded].map(object => JSON.stringify(object))].join('\n')
}

function isObserved(server: KubernetesObject): boolean {
  const status = server['status'] as { readonly observedGeneration?: number } | undefined
  return status?.observedGeneration === server.metadata.generation
}

describe('The operator at the log level debug', () => {
  clusterTest(
    'tells nothing of what Secrets hold, be they right, wrong, broken, changed or gone',
    async () => {
      await plane.apply(...objects)
      const first = await told()
      // A key that the operator has made itself is nobody else's business either.
      const made = await plane.cluster.get(kinds.secret, { namespace, name: 'made-here-tls' })
      const key = Buffer.from(textAt(made, 'data', 'tls.key') ?? '', 'base64').toString()
      expect(key).toContain('PRIVATE KEY')
      for (const line of key.split('\n').filter(text => text.length > 40)) secrets.add(line)
      const generated = await plane.cluster.get(kinds.secret, { namespace, name: 'user-made-ftp-user' })
      const password = Buffer.from(textAt(generated, 'data', 'password') ?? '', 'base64').toString()
      expect(password).toHaveLength(32)
      secrets.add(password)
      expect(first).toContain('user-made-ftp-user')
      expect(secrets.foundIn(first)).toEqual([])
      const applied = await plane.cluster.get(kinds.secret, { namespace, name: 'all-good-users-0' })
      expect(Object.keys(applied?.['data'] ?? {}).length).toBeGreaterThanOrEqual(3)

      await plane.apply(
        secret('good', { 'team.yaml': secrets.make('changed'), password: secrets.make('changed password') }),
      )
      await plane.cluster.delete(kinds.secret, { namespace, name: 'certificate' })
      await eventually(
        async () => JSON.stringify(await plane.servers(namespace)).includes('Secret certificate does not exist'),
        'the loss of the certificate is told',
        20_000,
      )
      const last = await told()
      for (const word of ['pasword', 'KeyNotFound', 'with 1 to 1024 bytes', 'all-good-users-0'])
        expect(last).toContain(word)
      expect(secrets.foundIn(last)).toEqual([])
    },
    60_000,
  )
})

describe('render', () => {
  async function render(text: string): Promise<{ readonly output: string; readonly error: string }> {
    const result = { output: '', error: '' }
    await renderCommand({
      argv: ['-f', '-'],
      input: (async function* () {
        yield text
      })(),
      output: { write: part => (result.output += part) },
      error: { write: part => (result.error += part) },
      operator: {
        defaultImage: 'example.com/server:1',
        namespace: undefined,
        clusterDomain: 'cluster.local',
        clusterNetworks: [],
      },
      now: Date.now(),
    })
    return result
  }

  test('prints secrets as Secrets only, and none in what it says', async () => {
    const { output, error } = await render(objects.map(object => stringify(object)).join('---\n'))
    const documents = output.split(/^---\n/m).filter(text => text !== '')
    const secretDocuments = documents.filter(text => /^kind: Secret$/m.test(text))
    expect(secrets.foundIn(secretDocuments.join('\n'))).toContain('inline')
    expect(error).toContain('pasword')
    const others = documents.filter(text => !secretDocuments.includes(text))
    expect(others.length).toBeGreaterThan(serverNames().length)
    expect(secrets.foundIn([error, ...others].join('\n'))).toEqual([])
  })

  test.each([
    ['a quote that is missing', 'spec:\n  users:\n    - { name: alice, passwordHash: "@ }\n'],
    ['a colon that is missing', 'spec:\n  users:\n    - name: alice\n      passwordHash @\n      home: /\n'],
    ['a space that is missing', 'spec: { storage: { emptyDir: {} }, users: [{ name: alice, passwordHash:@ }] }\n'],
    ['a tab', 'spec:\n\tusers:\n\t\t- "@"\n'],
    ['an alias', 'spec:\n  users:\n    - { name: alice, passwordHash: *@ }\n'],
    ['a tag', 'spec:\n  users:\n    - { name: alice, passwordHash: !@ x }\n'],
    ['a second value', 'spec:\n  users:\n    - "alice" "@"\n'],
    ['a password in clear', 'spec: { storage: { emptyDir: {} }, users: [{ name: alice, password: "@" }] }\n'],
    ['a hash for a name', 'spec: { storage: { emptyDir: {} }, users: [{ name: "@ @", passwordHash: "@" }] }\n'],
  ])('tells of %s without the secret beside it', async (what, spec) => {
    const head = 'apiVersion: ftp-operator.io/v1alpha1\nkind: FtpServer\nmetadata: { name: uploads }\n'
    const { output, error } = await render(`${head}${spec.replaceAll('@', secrets.make(what))}`)
    expect(output).toBe('')
    expect(error).not.toBe('')
    expect(secrets.foundIn(error)).toEqual([])
  })
})
