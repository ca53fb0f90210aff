/** FtpUsers and their servers on a real API server, with exactly the rights that the chart gives the operator. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { resourceKind } from '../../operator/api/ftp-server.ts'
import { type FtpUserStatus, ftpUserKind, ftpUserResourceKind } from '../../operator/api/ftp-user.ts'
import { kinds } from '../../operator/kubernetes/kinds.ts'
import type { KubernetesObject } from '../../operator/kubernetes/object.ts'
import { recordAt, textAt } from '../../operator/kubernetes/read.ts'
import { helmTest } from '../chart/helm.ts'
import { ftpServer } from '../support/cluster/cluster.ts'
import { clusterTest, kubebuilderAssets } from '../support/control-plane/api-server.ts'
import { chartNamespace } from '../support/control-plane/chart-rights.ts'
import { type ControlPlane, startControlPlane } from '../support/control-plane/control-plane.ts'
import { type HostedOperator, hostOperator } from '../support/control-plane/hosted-operator.ts'
import { eventually } from '../support/eventually.ts'
import { passwordHash } from './samples.ts'

let hosted: HostedOperator
let plane: ControlPlane
const hasHelm = helmTest === test
const rightsTest = hasHelm ? clusterTest : helmTest

beforeAll(async () => {
  if (kubebuilderAssets.directory === undefined) return
  plane = await startControlPlane()
  for (const name of [chartNamespace, 'media', 'team-a', 'team-b']) await plane.createNamespace(name)
  hosted = await hostOperator(plane, hasHelm ? 'rights of the chart' : 'all rights')
}, 90_000)

afterAll(async () => {
  await hosted?.stop()
  await plane?.stop()
}, 30_000)

type Spec = Readonly<Record<string, unknown>>

function ftpUser(namespace: string, name: string, spec: Spec, labels: Readonly<Record<string, string>> = {}) {
  return {
    apiVersion: 'ftp-operator.io/v1alpha1',
    kind: ftpUserKind,
    metadata: { name, namespace, labels },
    spec: { serverRefs: [{ name: 'uploads', namespace: 'media' }], ...spec },
  }
}

function secret(namespace: string, name: string, stringData: Readonly<Record<string, string>>) {
  return { apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace }, stringData }
}

async function statusOf(namespace: string, name: string): Promise<FtpUserStatus | undefined> {
  return (await plane.cluster.get(ftpUserResourceKind, { namespace, name }))?.['status'] as FtpUserStatus | undefined
}

/** Waits until the first server says so of the user. */
async function accepted(namespace: string, name: string, reason: string) {
  const found = async () => {
    const conditions = (await statusOf(namespace, name))?.servers?.[0]?.conditions
    return conditions?.find(({ type }) => type === 'Accepted')
  }
  await eventually(async () => (await found())?.reason === reason, `${namespace}/${name} is ${reason}`, 10_000).catch(
    async () => expect(await found()).toMatchObject({ reason }),
  )
  return (await found()) ?? { status: '', message: '' }
}

/** Names in the lists of FtpUsers that pods of the server get, and the content of the other files. */
async function inPods(server = 'uploads') {
  const { items } = await plane.cluster.list(kinds.secret, {
    namespace: 'media',
    labelSelector: `app.kubernetes.io/instance=${server},app.kubernetes.io/name=ftp-server`,
  })
  const data = Object.fromEntries(items.flatMap(item => Object.entries(recordAt(item, 'data'))))
  const texts = Object.entries(data).map(([key, value]): [string, string] => [key, decode(value)])
  const lists = texts.filter(([key]) => /^00-resources-.\.json$/.test(key))
  const users = lists.flatMap(
    ([, text]) => (JSON.parse(text) as { users: readonly { name: string; home?: string }[] }).users,
  )
  return { users: new Map(users.map(user => [user.name, user])), files: new Map(texts) }
}

function decode(text: string): string {
  return Buffer.from(text, 'base64').toString()
}

function contentOf(object: KubernetesObject | undefined): Record<string, string> {
  return Object.fromEntries(Object.entries(recordAt(object, 'data')).map(([key, text]) => [key, decode(text)]))
}

clusterTest(
  'a user in the namespace of the server is taken, and one from elsewhere if the server says so',
  async () => {
    await plane.apply(
      ftpServer('media', 'uploads', {}),
      ftpUser('media', 'home', { passwordHash, role: 'ReadOnly' }),
      ftpUser('team-a', 'alice', { passwordHash }),
      ftpUser('team-b', 'bob', { passwordHash, serverRefs: [{ name: 'elsewhere' }] }),
    )
    await accepted('media', 'home', 'Accepted')
    expect(await accepted('team-a', 'alice', 'NotAllowed')).toMatchObject({ status: 'False' })
    await accepted('team-b', 'bob', 'ServerNotFound')
    expect([...(await inPods()).users.values()]).toEqual([{ name: 'home', passwordHash, role: 'read-only' }])
    const namespaces = { from: 'Selector', selector: { matchLabels: { 'example.com/ftp': 'yes' } } }
    await plane.apply(ftpServer('media', 'uploads', { allowedUsers: { namespaces } }))
    await accepted('media', 'home', 'NotAllowed')
    for (const name of ['media', 'team-a']) {
      await plane.apply({
        apiVersion: 'v1',
        kind: 'Namespace',
        metadata: { name, labels: { 'example.com/ftp': 'yes' } },
      })
    }
    await accepted('media', 'home', 'Accepted')
    await accepted('team-a', 'alice', 'Accepted')
    expect([...(await inPods()).users.keys()].toSorted()).toEqual(['alice', 'home'])
    const ready = (await statusOf('team-a', 'alice'))?.conditions?.[0]
    // No pod runs here that could say so.
    expect(ready).toMatchObject({ type: 'Ready', status: 'False', reason: 'Pending' })
  },
)

clusterTest('of several users of one name the inline one wins, then the oldest resource', async () => {
  await plane.apply(ftpServer('media', 'uploads', { allowedUsers: { namespaces: { from: 'All' } } }))
  const taken = { username: 'taken', passwordHash }
  await plane.apply(ftpUser('team-a', 'first', taken))
  await accepted('team-a', 'first', 'Accepted')
  await plane.apply(ftpUser('team-b', 'a-second', taken))
  expect((await accepted('team-b', 'a-second', 'NameConflict')).message).toContain('FtpUser team-a/first')
  const inline = { users: [{ name: 'taken', passwordHash }], allowedUsers: { namespaces: { from: 'All' } } }
  await plane.apply(ftpServer('media', 'uploads', inline))
  expect((await accepted('team-a', 'first', 'NameConflict')).message).toContain('spec.users')
  expect((await inPods()).users.has('taken')).toBe(false)
  await plane.apply(ftpServer('media', 'uploads', { allowedUsers: { namespaces: { from: 'All' } }, users: [] }))
  await accepted('team-a', 'first', 'Accepted')
  await plane.cluster.delete(ftpUserResourceKind, { namespace: 'team-a', name: 'first' })
  await accepted('team-b', 'a-second', 'Accepted')
  await plane.cluster.delete(ftpUserResourceKind, { namespace: 'team-b', name: 'a-second' })
  await eventually(async () => !(await inPods()).users.has('taken'), 'nobody has the name')
})

clusterTest('who has been let in keeps the name, also from who is made in the same second', async () => {
  await plane.apply(ftpServer('media', 'uploads', { allowedUsers: { namespaces: { from: 'All' } } }))
  const created = async (name: string) =>
    (await plane.cluster.get(ftpUserResourceKind, { namespace: 'media', name }))?.metadata.creationTimestamp
  const makePair = async (attempt: number) => {
    const [first, second] = [`z-first-${attempt}`, `a-second-${attempt}`]
    const spec = { username: `pair-${attempt}`, passwordHash }
    await plane.apply(ftpUser('media', first, spec))
    await accepted('media', first, 'Accepted')
    await plane.apply(ftpUser('media', second, spec))
    expect((await accepted('media', second, 'NameConflict')).message).toContain(`FtpUser media/${first}`)
    return { first, second, spec, isOfOneSecond: (await created(first)) === (await created(second)) }
  }
  let [made, pair] = [0, await makePair(0)]
  while (!pair.isOfOneSecond && made < 20) pair = await makePair(++made)
  const { first, second, spec, isOfOneSecond } = pair
  expect(isOfOneSecond).toBe(true)
  // Whoever comes next knows it by status alone.
  await hosted.restart(undefined)
  const generation = async (name: string) => (await statusOf('media', name))?.observedGeneration
  for (const name of [first, second]) {
    await plane.apply(ftpUser('media', name, { ...spec, home: '/elsewhere' }))
    await eventually(async () => (await generation(name)) === 2, `${name} is decided about anew`)
  }
  await accepted('media', second, 'NameConflict')
  await accepted('media', first, 'Accepted')
  await plane.cluster.delete(ftpUserResourceKind, { namespace: 'media', name: first })
  await accepted('media', second, 'Accepted')
})

clusterTest('a password follows its Secret, wherever that is, and the previous one goes along', async () => {
  const previousPassword = { passwordSecretRef: { name: 'keys', key: 'old' }, expires: '2130-01-31' }
  await plane.apply(ftpUser('team-a', 'keyed', { passwordSecretRef: { name: 'keys' }, previousPassword }))
  expect((await accepted('team-a', 'keyed', 'SecretNotFound')).message).toContain('Secret keys')
  await plane.apply(secret('team-a', 'keys', { password: 'horse' }))
  expect((await accepted('team-a', 'keyed', 'KeyNotFound')).message).toContain('key old')
  await plane.apply(secret('team-a', 'keys', { password: 'horse', old: 'battery' }))
  await accepted('team-a', 'keyed', 'Accepted')
  const { users, files } = await inPods()
  expect(users.get('keyed')).toEqual({
    name: 'keyed',
    passwordFile: '00-resources.keyed.password',
    previousPassword: { passwordFile: '00-resources.keyed.previous', expires: '2130-01-31' },
  })
  expect(files.get('00-resources.keyed.password')).toBe('horse')
  expect(files.get('00-resources.keyed.previous')).toBe('battery')
  await plane.apply(secret('team-a', 'keys', { password: 'staple', old: 'horse' }))
  await eventually(async () => (await inPods()).files.get('00-resources.keyed.password') === 'staple', 'it is new')
})

clusterTest('a generated password is in a Secret of the user, with all that a client needs', async () => {
  const ofSecret = { namespace: 'team-a', name: 'made-ftp-user' }
  await plane.apply(ftpUser('team-a', 'made', { generatedPassword: {}, username: 'made@example.org' }))
  await accepted('team-a', 'made', 'Accepted')
  expect((await statusOf('team-a', 'made'))?.binding).toEqual({ name: 'made-ftp-user' })
  const made = await plane.cluster.get(kinds.secret, ofSecret)
  expect(made).toMatchObject({ type: 'servicebinding.io/ftp' })
  expect(made?.metadata.ownerReferences).toEqual([expect.objectContaining({ kind: ftpUserKind, controller: true })])
  const content = contentOf(made)
  expect(content).toMatchObject({ type: 'ftp', provider: 'ftp-operator', username: 'made@example.org' })
  expect(content['password']).toMatch(/^[A-Za-z0-9_-]{32}$/)
  expect((await inPods()).files.get('00-resources.made_40example.org.password')).toBe(content['password'])
  // The address comes later, and the password stays.
  const status = { loadBalancer: { ingress: [{ ip: '203.0.113.7' }] } }
  const service = { apiVersion: 'v1', kind: 'Service', metadata: { name: 'uploads', namespace: 'media' }, status }
  await plane.cluster.applyStatus(service, { fieldManager: 'tests', force: true })
  const complete = await eventually(async () => {
    const now = contentOf(await plane.cluster.get(kinds.secret, ofSecret))
    return now['host'] === undefined ? false : now
  }, 'the Secret has the address')
  expect(complete).toEqual({
    ...content,
    host: '203.0.113.7',
    port: '21',
    tls: 'Explicit',
    uri: `ftp://made%40example.org:${content['password']}@203.0.113.7:21`,
  })
  // What somebody deletes is made again, with another password.
  await plane.cluster.delete(kinds.secret, ofSecret)
  const again = await eventually(() => plane.cluster.get(kinds.secret, ofSecret), 'it is there again')
  expect(contentOf(again)['password']).not.toBe(content['password'])
  // So is a password that somebody takes out of it, or makes an empty one.
  for (const taken of [null, '']) {
    await plane.cluster.patchMerge(kinds.secret, ofSecret, { data: { password: taken } })
    const mended = await eventually(async () => {
      const { password = '' } = contentOf(await plane.cluster.get(kinds.secret, ofSecret))
      return password.length === 32 && password
    }, 'there is a password again')
    await eventually(
      async () => (await inPods()).files.get('00-resources.made_40example.org.password') === mended,
      'pods have it',
    )
  }
})

clusterTest('a new revision makes a new password, and the one before counts for a while', async () => {
  const ofSecret = { namespace: 'team-a', name: 'made-ftp-user' }
  const { password: old = '' } = contentOf(await plane.cluster.get(kinds.secret, ofSecret))
  const generated = (overlapSeconds: number, revision: string) =>
    ftpUser('team-a', 'made', { generatedPassword: { overlapSeconds, revision }, username: 'made@example.org' })
  await plane.apply(generated(3, 'two'))
  const rotated = await eventually(async () => {
    const now = contentOf(await plane.cluster.get(kinds.secret, ofSecret))
    return now['password'] === old ? false : now
  }, 'there is another')
  expect(rotated['previous-password']).toBe(old)
  const previous = '00-resources.made_40example.org.previous'
  await eventually(async () => (await inPods()).files.get(previous) === old, 'pods have both')
  expect((await inPods()).users.get('made@example.org')).toMatchObject({
    previousPassword: { passwordFile: previous, expires: rotated['previous-password-expires'] },
  })
  await eventually(
    async () => contentOf(await plane.cluster.get(kinds.secret, ofSecret))['previous-password'] === undefined,
    'the Secret has one only',
    10_000,
  )
  await eventually(async () => !(await inPods()).files.has(previous), 'pods have one only')
  expect(contentOf(await plane.cluster.get(kinds.secret, ofSecret))['password']).toBe(rotated['password'])
})

const made = 'ftp-operator.io/password-made'

/** As if it had been made so many seconds ago, before or after now. */
async function backdate(name: string, seconds: number): Promise<void> {
  const annotations = { [made]: new Date(Date.now() - seconds * 1000).toISOString() }
  await plane.cluster.patchMerge(kinds.secret, { namespace: 'team-a', name }, { metadata: { annotations } })
}

async function secretContent(name: string): Promise<Record<string, string>> {
  return contentOf(await plane.cluster.get(kinds.secret, { namespace: 'team-a', name }))
}

clusterTest(
  'a password that is old enough is renewed, once, whoever looks how often and by whatever clock',
  async () => {
    const name = 'aging-ftp-user'
    const generatedPassword = { rotateAfterSeconds: 86_400, overlapSeconds: 3600 }
    await plane.apply(ftpUser('team-a', 'aging', { generatedPassword }))
    await accepted('team-a', 'aging', 'Accepted')
    const [first, status] = [await secretContent(name), await statusOf('team-a', 'aging')]
    const inSeconds = (Date.parse(status?.rotatesAt ?? '') - Date.now()) / 1000
    expect(inSeconds).toBeGreaterThan(86_300)
    expect(inSeconds).toBeLessThanOrEqual(86_400)

    await backdate(name, 86_401)
    const second = await eventually(async () => {
      const now = await secretContent(name)
      return now['password'] !== first['password'] && now
    }, 'there is another')
    expect(second['previous-password']).toBe(first['password'])
    await eventually(async () => {
      const { files } = await inPods()
      return (
        files.get('00-resources.aging.password') === second['password'] &&
        files.get('00-resources.aging.previous') === first['password']
      )
    }, 'pods have both')
    const renewed = await eventually(async () => {
      const at = Date.parse((await statusOf('team-a', 'aging'))?.rotatesAt ?? '')
      return at > Date.now() + 86_000_000 && at
    }, 'status has the next time')
    const { items } = await plane.cluster.list(kinds.event, { namespace: 'team-a' })
    await eventually(
      async () =>
        (await plane.cluster.list(kinds.event, { namespace: 'team-a' })).items.some(
          ({ reason }) => reason === 'PasswordRenewed',
        ),
      'there is an event',
    )
    expect(JSON.stringify(items)).not.toContain(second['password'])

    // Another operator, which knows nothing but what is written.
    await hosted.restart(undefined)
    await eventually(async () => (await hosted.reconciled()) > 3, 'it has looked at all')
    await plane.cluster.patchMerge(
      ftpUserResourceKind,
      { namespace: 'team-a', name: 'aging' },
      { spec: { home: '/new' } },
    )
    await eventually(async () => (await inPods()).users.get('aging')?.home === '/new', 'pods have the change')
    expect(await secretContent(name)).toEqual(second)
    expect(Date.parse((await statusOf('team-a', 'aging'))?.rotatesAt ?? '')).toBe(renewed)

    // A clock that was ahead has written a time that is still to come: the next renewal is not put off by it.
    await backdate(name, -31_536_000)
    const corrected = await eventually(async () => {
      const secretNow = await plane.cluster.get(kinds.secret, { namespace: 'team-a', name })
      const at = Date.parse(secretNow?.metadata.annotations?.[made] ?? '')
      return at <= Date.now() && at
    }, 'the time is a real one')
    expect(Date.now() - corrected).toBeLessThan(60_000)
    expect((await secretContent(name))['password']).toBe(second['password'])
  },
)

clusterTest('of several servers each has a Secret of its own, as long as it takes the user', async () => {
  const selector = { matchLabels: { 'example.com/several': 'yes' } }
  await plane.apply(ftpServer('media', 'second', { allowedUsers: { namespaces: { from: 'All' }, selector } }))
  const service = (name: string, ip: string) => ({
    ...{ apiVersion: 'v1', kind: 'Service', metadata: { name, namespace: 'media' } },
    status: { loadBalancer: { ingress: [{ ip }] } },
  })
  await eventually(
    () => plane.cluster.applyStatus(service('second', '203.0.113.8'), { fieldManager: 'tests', force: true }),
    'it has an address',
  )
  const serverRefs = ['uploads', 'second'].map(name => ({ name, namespace: 'media' }))
  const labels = { 'example.com/several': 'yes' }
  await plane.apply(ftpUser('team-a', 'two', { generatedPassword: {}, serverRefs }, labels))
  const names = ['two-ftp-user.media.uploads', 'two-ftp-user.media.second']
  await eventually(async () => {
    const found = (await statusOf('team-a', 'two'))?.servers?.map(({ binding }) => binding?.name)
    return String(found) === String(names)
  }, 'status names both')
  const complete = await eventually(async () => {
    const all = await Promise.all(['two-ftp-user', ...names].map(secretContent))
    return all.every(({ host }) => host !== undefined) && all
  }, 'all have an address')
  expect(complete.map(({ host }) => host)).toEqual(['203.0.113.7', '203.0.113.7', '203.0.113.8'])
  const [main] = complete
  expect(new Set(complete.map(({ password }) => password))).toEqual(new Set([main?.['password']]))
  expect(complete[2]?.['uri']).toBe(`ftp://two:${main?.['password']}@203.0.113.8:21`)

  // Renewed together.
  await plane.apply(ftpUser('team-a', 'two', { generatedPassword: { revision: 'new' }, serverRefs }, labels))
  await eventually(async () => {
    const all = await Promise.all(['two-ftp-user', ...names].map(secretContent))
    const passwords = new Set(all.map(({ password }) => password))
    return passwords.size === 1 && !passwords.has(main?.['password']) && all
  }, 'all have the new one')
  for (const name of names) expect((await secretContent(name))['previous-password']).toBe(main?.['password'])

  // What somebody deletes is made again; what is not wanted any more goes.
  await plane.cluster.delete(kinds.secret, { namespace: 'team-a', name: names[1] ?? '' })
  await eventually(async () => (await secretContent(names[1] ?? ''))['host'] === '203.0.113.8', 'it is there again')
  await plane.apply(ftpServer('media', 'second', {}))
  await eventually(
    async () => (await plane.cluster.get(kinds.secret, { namespace: 'team-a', name: names[1] ?? '' })) === undefined,
    'that of the server that does not take the user is gone',
  )
  expect((await secretContent(names[0] ?? ''))['host']).toBe('203.0.113.7')
  const one = serverRefs.slice(0, 1)
  await plane.apply(ftpUser('team-a', 'two', { generatedPassword: { revision: 'new' }, serverRefs: one }, labels))
  await eventually(
    async () => (await plane.cluster.get(kinds.secret, { namespace: 'team-a', name: names[0] ?? '' })) === undefined,
    'of one server there is one Secret',
  )
  expect((await secretContent('two-ftp-user'))['host']).toBe('203.0.113.7')
  await plane.cluster.delete(ftpUserResourceKind, { namespace: 'team-a', name: 'two' })
  await plane.cluster.delete(resourceKind, { namespace: 'media', name: 'second' })
})

clusterTest('a Secret of somebody else that has the name is left as it is', async () => {
  await plane.apply(secret('team-a', 'theirs-ftp-user', { password: 'theirs' }))
  await plane.apply(ftpUser('team-a', 'theirs', { generatedPassword: {} }))
  const ready = await eventually(async () => {
    const found = (await statusOf('team-a', 'theirs'))?.conditions?.find(({ type }) => type === 'Ready')
    return found?.reason === 'NameTaken' && found
  }, 'it is told')
  expect(ready).toMatchObject({ status: 'False', message: expect.stringContaining('theirs-ftp-user') })
  expect(contentOf(await plane.cluster.get(kinds.secret, { namespace: 'team-a', name: 'theirs-ftp-user' }))).toEqual({
    password: 'theirs',
  })
  const told = await eventually(async () => {
    const { items } = await plane.cluster.list(kinds.event, { namespace: 'team-a' })
    const found = items.filter(({ reason }) => reason === 'NameTaken')
    return found.length > 0 && found
  }, 'there is an event')
  expect(told).toEqual([
    expect.objectContaining({
      type: 'Warning',
      regarding: expect.objectContaining({ kind: ftpUserKind, name: 'theirs' }),
    }),
  ])
  await plane.cluster.delete(ftpUserResourceKind, { namespace: 'team-a', name: 'theirs' })
})

clusterTest('a Secret that the API server refuses is told of, and made when it is taken', async () => {
  const id = { namespace: 'team-a', name: 'denied' }
  plane.proxy.setFault(({ method, path }) =>
    method === 'PATCH' && path.endsWith('/secrets/denied-ftp-user') ? { fault: 'status', code: 422 } : undefined,
  )
  await plane.apply(ftpUser(id.namespace, id.name, { generatedPassword: {} }))
  const readyOf = async () => (await statusOf(id.namespace, id.name))?.conditions?.find(({ type }) => type === 'Ready')
  const refused = await eventually(readyOf, 'it is told')
  expect(refused).toMatchObject({ status: 'False', reason: 'ApplyFailed' })
  expect(refused.message).toMatch(/^Secret denied-ftp-user PATCH /)
  plane.proxy.setFault(undefined)
  await eventually(async () => (await readyOf())?.reason !== 'ApplyFailed', 'it is tried again', 20_000)
  expect(await plane.cluster.get(kinds.secret, { ...id, name: 'denied-ftp-user' })).toBeDefined()
  await plane.cluster.delete(ftpUserResourceKind, id)
})

clusterTest(
  'a thousand users are a handful of writes for the server, two at most for each of them, and none for a new operator',
  async () => {
    plane.proxy.forget()
    const started = performance.now()
    const names = Array.from({ length: 1000 }, (_, index) => `many-${index}`)
    for (let start = 0; start < names.length; start += 20) {
      const some = names.slice(start, start + 20)
      await Promise.all(some.map(name => plane.apply(ftpUser('media', name, { passwordHash, home: `/${name}` }))))
    }
    await eventually(
      async () => {
        const { items } = await plane.cluster.list(ftpUserResourceKind, { namespace: 'media' })
        return items.filter(item => textAt(item, 'status', 'username')?.startsWith('many-')).length === 1000
      },
      'all have a status',
      60_000,
    )
    const writes = plane.proxy.writes().map(({ path }) => path)
    const count = (pattern: RegExp) => writes.filter(path => pattern.test(path)).length
    const figures = {
      seconds: Math.round(performance.now() - started) / 1000,
      statusOfUsers: count(/ftpusers\/many-\d+\/status/),
      secrets: count(/\/secrets\//),
      statusOfServers: count(/ftpservers\/.*\/status/),
      all: writes.length,
    }
    console.info(JSON.stringify(figures))
    expect((await inPods()).users.size).toBeGreaterThanOrEqual(1000)
    expect(figures.statusOfUsers).toBeLessThanOrEqual(2000)
    expect(figures.secrets).toBeLessThanOrEqual(100)
    await hosted.restart(undefined)
    await eventually(async () => (await hosted.reconciled()) >= 1000, 'it has looked at all', 30_000)
    const before = await hosted.reconciled()
    const note = { metadata: { annotations: { 'example.com/note': 'again' } } }
    await plane.cluster.patchMerge(resourceKind, { namespace: 'media', name: 'uploads' }, note)
    await eventually(async () => (await hosted.reconciled()) > before, 'it has looked again')
    expect(plane.proxy.writes().map(({ method, path }) => `${method} ${path}`)).toEqual([])
  },
  180_000,
)

clusterTest('told of some namespaces, it takes users from these by their names alone', async () => {
  await hosted.restart(['media', 'team-a'])
  const selector = { matchExpressions: [{ key: 'kubernetes.io/metadata.name', operator: 'In', values: ['team-a'] }] }
  const allowedUsers = { namespaces: { from: 'Selector', selector } }
  await plane.apply(ftpServer('media', 'uploads', { allowedUsers }))
  await accepted('media', 'home', 'NotAllowed')
  await accepted('team-a', 'alice', 'Accepted')
})

rightsTest('the rights that the chart gives were enough for all of this', async () => {
  await hosted.stop()
  expect([...hosted.forbidden]).toEqual([])
})
