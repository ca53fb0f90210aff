/** FtpUsers on a cluster: who gets in, with which password, what status says, and what a thousand of them cost. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type FtpUserStatus, ftpUserResourceKind } from '../../operator/api/ftp-user.ts'
import { kinds } from '../../operator/kubernetes/kinds.ts'
import { recordAt } from '../../operator/kubernetes/read.ts'
import {
  applyYaml,
  type ClusterAccess,
  connectToCluster,
  createNamespace,
  kubectl,
  type OperatorProcess,
  startOperatorProcess,
  waitForCondition,
} from '../support/cluster/cluster.ts'
import { getsIn, listedUser } from '../support/cluster/login.ts'
import { writesOf } from '../support/cluster/objects.ts'
import { host, serverFor } from '../support/cluster/servers.ts'
import { reachable } from '../support/cluster/sessions.ts'
import { eventually } from '../support/eventually.ts'
import { FtpClient } from '../support/ftp-client.ts'

const port = 27_000
const place = { host, port }
const limitMilliseconds = 10_000
const nameLabel = 'kubernetes.io/metadata.name'
let media: Awaited<ReturnType<typeof createNamespace>>
let partners: Awaited<ReturnType<typeof createNamespace>>
let access: ClusterAccess
let operator: OperatorProcess

beforeAll(async () => {
  access = connectToCluster()
  media = await createNamespace('ftp-user')
  partners = await createNamespace('ftp-user-partners')
  operator = await startOperatorProcess({ namespaces: [media.name, partners.name] })
  const allowed = { key: nameLabel, operator: 'In', values: [media.name, partners.name] }
  await applyYaml(
    serverFor(
      { namespace: media.name, name: 'uploads', port, firstPort: 27_010 },
      {
        replicas: 2,
        passive: { firstPort: 27_010, portsPerReplica: 20 },
        allowedUsers: { namespaces: { from: 'Selector', selector: { matchExpressions: [allowed] } } },
        limits: { failedLoginDelayMilliseconds: 0, maxSessionsPerAddress: 1000 },
        bans: { mode: 'Disabled' },
        drainSeconds: 1,
      },
    ),
  )
  await waitForCondition(media.name, 'uploads', 'Ready', 120)
  await reachable(place)
}, 180_000)

afterAll(async () => {
  await operator?.stop()
  await partners?.dispose()
  await media?.dispose()
  await access?.close()
}, 180_000)

type Spec = Readonly<Record<string, unknown>>

function ftpUser(namespace: string, name: string, spec: Spec) {
  return {
    apiVersion: 'ftp-operator.io/v1alpha1',
    kind: 'FtpUser',
    metadata: { name, namespace },
    spec: { serverRefs: [{ name: 'uploads', namespace: media.name }], home: '/', ...spec },
  }
}

function secret(name: string, stringData: Readonly<Record<string, string>>) {
  return { apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace: media.name }, stringData }
}

async function ready(namespace: string, name: string): Promise<void> {
  await kubectl(['-n', namespace, 'wait', '--for=condition=Ready', `ftpuser/${name}`, '--timeout=30s'])
}

async function statusOf(namespace: string, name: string): Promise<FtpUserStatus | undefined> {
  return (await access.cluster.get(ftpUserResourceKind, { namespace, name }))?.['status'] as FtpUserStatus | undefined
}

/** Of a Secret in the namespace of the partners. */
async function secretContent(name: string): Promise<Record<string, string>> {
  const found = await access.cluster.get(kinds.secret, { namespace: partners.name, name })
  const data = Object.entries(recordAt(found, 'data'))
  return Object.fromEntries(data.map(([key, text]) => [key, Buffer.from(text, 'base64').toString()]))
}

/** Asked often enough to meet both replicas. */
async function getsInEverywhere(user: string, password: string, at = place): Promise<boolean> {
  const answers = await Promise.all(Array.from({ length: 12 }, () => getsIn(at, user, password)))
  return answers.every(Boolean)
}

async function getsInNowhere(user: string, password: string, at = place): Promise<boolean> {
  const answers = await Promise.all(Array.from({ length: 12 }, () => getsIn(at, user, password)))
  return !answers.some(Boolean)
}

/** Demands that a password counts until then; answers that came later say nothing about that. */
async function getsInUntil(expires: number, user: string, password: string, at = place): Promise<void> {
  const isIn = await getsInEverywhere(user, password, at)
  if (Date.now() < expires) expect(isIn).toBe(true)
}

describe('a user', () => {
  test('gets in at all replicas as soon as status says so, and is out when the resource goes', async ({ annotate }) => {
    const started = performance.now()
    await applyYaml(secret('alice-password', { password: 'horse' }))
    await applyYaml(ftpUser(media.name, 'amy', { passwordSecretRef: { name: 'alice-password' } }))
    await ready(media.name, 'amy')
    await annotate(`in force after ${Math.round(performance.now() - started)} ms`)
    expect(await getsInEverywhere('amy', 'horse')).toBe(true)
    expect((await statusOf(media.name, 'amy'))?.servers?.[0]?.conditions).toEqual([
      expect.objectContaining({ type: 'Accepted', status: 'True' }),
      expect.objectContaining({ type: 'Synced', status: 'True', reason: 'InForce' }),
    ])
    const session = await FtpClient.connect(port, host)
    await session.login('amy', 'horse')
    await kubectl(['-n', media.name, 'delete', 'ftpuser', 'amy'])
    expect(await session.closed()).toMatch(/^421 /)
    await eventually(() => getsInNowhere('amy', 'horse'), 'nobody gets in', limitMilliseconds)
  })

  test('of another namespace gets in with the password that was made, by the address that the Secret has', async () => {
    await applyYaml(ftpUser(partners.name, 'partner', { generatedPassword: {}, username: 'partner@example.com' }))
    await ready(partners.name, 'partner')
    const name = (await statusOf(partners.name, 'partner'))?.binding?.name ?? ''
    const content = await secretContent(name)
    const uri = new URL(content['uri'] ?? '')
    expect(content).toMatchObject({ host: uri.hostname, port: uri.port, type: 'ftp' })
    const where = { host: uri.hostname, port: Number(uri.port) }
    expect(await getsIn(where, decodeURIComponent(uri.username), decodeURIComponent(uri.password))).toBe(true)
    await kubectl(['-n', partners.name, 'delete', 'ftpuser', 'partner'])
    const gone = async () => (await access.cluster.get(kinds.secret, { namespace: partners.name, name })) === undefined
    await eventually(gone, 'the Secret is gone with its user', 30_000)
  })

  test('of a name that another has is told so, and gets in when the other is gone', async () => {
    // An attempt before this one may have left them.
    await kubectl(['-n', media.name, 'delete', 'ftpuser', 'z-first', 'a-second', '--ignore-not-found'])
    const [first, second] = [listedUser('x', 'first'), listedUser('x', 'second')]
    const named = (name: string, { passwordHash }: Spec) =>
      ftpUser(media.name, name, { username: 'shared', passwordHash })
    await applyYaml(named('z-first', first))
    await ready(media.name, 'z-first')
    await applyYaml(named('a-second', second))
    const refused = await eventually(async () => {
      const found = (await statusOf(media.name, 'a-second'))?.conditions?.[0]
      return found?.reason === 'NameConflict' && found
    }, 'it is told')
    expect(refused.message).toContain(`${media.name}/z-first`)
    expect(await getsIn(place, 'shared', 'second')).toBe(false)
    await kubectl(['-n', media.name, 'delete', 'ftpuser', 'z-first'])
    await ready(media.name, 'a-second')
    expect(await getsInEverywhere('shared', 'second')).toBe(true)
    expect(await getsInNowhere('shared', 'first')).toBe(true)
    await kubectl(['-n', media.name, 'delete', 'ftpuser', 'a-second'])
  })
})

test('while a password is changed both get in, and the old one no more when it is over', async () => {
  await applyYaml(secret('keys', { old: 'battery', new: 'staple' }))
  await applyYaml(ftpUser(media.name, 'rotated', { passwordSecretRef: { name: 'keys', key: 'old' } }))
  await ready(media.name, 'rotated')
  const session = await FtpClient.connect(port, host)
  await session.login('rotated', 'battery')
  const expires = new Date(Date.now() + 15_000)
  const rotating = {
    passwordSecretRef: { name: 'keys', key: 'new' },
    previousPassword: { passwordSecretRef: { name: 'keys', key: 'old' }, expires: expires.toISOString() },
  }
  await applyYaml(ftpUser(media.name, 'rotated', rotating))
  await eventually(() => getsInEverywhere('rotated', 'staple'), 'the new one gets in', limitMilliseconds)
  await getsInUntil(expires.getTime(), 'rotated', 'battery')
  await eventually(() => getsInNowhere('rotated', 'battery'), 'the old one is over', 15_000 + limitMilliseconds)
  expect(await getsInEverywhere('rotated', 'staple')).toBe(true)
  expect((await session.send('NOOP')).code).toBe(200)
  session.close()
})

test('of two servers each has a Secret that leads there, and a password is renewed at both, while the one before gets in', async ({
  annotate,
}) => {
  const second = { namespace: media.name, name: 'downloads', port: 2705, firstPort: 31_900 }
  await applyYaml(
    serverFor(second, {
      replicas: 2,
      passive: { firstPort: second.firstPort, portsPerReplica: 10 },
      allowedUsers: { namespaces: { from: 'Selector', selector: { matchLabels: { [nameLabel]: partners.name } } } },
      limits: { failedLoginDelayMilliseconds: 0, maxSessionsPerAddress: 1000 },
      bans: { mode: 'Disabled' },
      drainSeconds: 1,
    }),
  )
  await waitForCondition(media.name, second.name, 'Ready', 120)
  await reachable({ host, port: second.port })
  const serverRefs = ['uploads', second.name].map(name => ({ name, namespace: media.name }))
  const generatedPassword = { rotateAfterSeconds: 3600, overlapSeconds: 30 }
  await applyYaml(ftpUser(partners.name, 'pair', { serverRefs, generatedPassword }))
  await ready(partners.name, 'pair')
  const bindings = async () => {
    const { servers = [] } = (await statusOf(partners.name, 'pair')) ?? {}
    return Promise.all(servers.map(async ({ binding }) => secretContent(binding?.name ?? '')))
  }
  const before = await eventually(async () => {
    const all = await bindings()
    return all.length === 2 && all.every(({ uri }) => uri !== undefined) && all
  }, 'both Secrets are there')
  const places = before.map(({ uri = '' }) => new URL(uri)).map(uri => ({ host: uri.hostname, port: Number(uri.port) }))
  expect(places.map(each => each.port)).toEqual([port, second.port])
  const old = before[0]?.['password'] ?? ''
  for (const each of places) expect(await getsInEverywhere('pair', old, each)).toBe(true)

  const started = performance.now()
  const made = `ftp-operator.io/password-made=${new Date(Date.now() - 3601_000).toISOString()}`
  await kubectl(['-n', partners.name, 'annotate', '--overwrite', 'secret', 'pair-ftp-user', made])
  const after = await eventually(
    async () => {
      const all = await bindings()
      return all.every(({ password }) => password !== undefined && password !== old) && all
    },
    'there is a new password in both',
    20_000,
  )
  const [renewed] = after
  const expires = Date.parse(renewed?.['previous-password-expires'] ?? '')
  expect(after.map(each => [each['password'], each['previous-password']])).toEqual(
    after.map(() => [renewed?.['password'], old]),
  )
  for (const each of places) {
    await eventually(() => getsInEverywhere('pair', renewed?.['password'] ?? '', each), 'it gets in', limitMilliseconds)
    await getsInUntil(expires, 'pair', old, each)
  }
  await annotate(
    `renewed, and in force at four pods of two servers after ${Math.round(performance.now() - started)} ms`,
  )
  // Whoever comes next knows when it was made, and makes no other.
  await operator.stop()
  operator = await startOperatorProcess({ namespaces: [media.name, partners.name] })
  for (const each of places) {
    await eventually(() => getsInNowhere('pair', old, each), 'the old one is over', 60_000)
    expect(await getsInEverywhere('pair', renewed?.['password'] ?? '', each)).toBe(true)
  }
  await eventually(async () => (await bindings()).every(each => !('previous-password' in each)), 'it is in no Secret')
  expect((await bindings()).map(({ password }) => password)).toEqual(after.map(({ password }) => password))
  const next = Date.parse((await statusOf(partners.name, 'pair'))?.rotatesAt ?? '')
  expect(next - Date.now()).toBeGreaterThan(3_400_000)
  await kubectl(['-n', partners.name, 'delete', 'ftpuser', 'pair'])
  await kubectl(['-n', media.name, 'delete', 'ftp', second.name])
})

test('a thousand users are in force in a minute, and one more is a handful of writes', async ({ annotate }) => {
  const names = Array.from({ length: 1000 }, (_, index) => `many-${index}`)
  const { passwordHash } = listedUser('x', 'many')
  const [started, before] = [performance.now(), await writesOf(operator)]
  await applyYaml(...names.map(name => ftpUser(media.name, name, { passwordHash })))
  const made = performance.now()
  await eventually(
    async () => {
      const { items } = await access.cluster.list(ftpUserResourceKind, { namespace: media.name })
      const inForce = items.filter(item => {
        const { conditions = [] } = (item['status'] ?? {}) as FtpUserStatus
        return item.metadata.name.startsWith('many-') && conditions[0]?.status === 'True'
      })
      return inForce.length === names.length
    },
    'all are in force',
    90_000,
    500,
  )
  const writes = (await writesOf(operator)) - before
  await annotate(
    `applied in ${Math.round(made - started)} ms, in force ${Math.round(performance.now() - made)} ms later, with ${writes} writes`,
  )
  expect(await getsInEverywhere('many-999', 'many')).toBe(true)
  expect(writes).toBeLessThan(3 * names.length)
  const settled = await writesOf(operator)
  const again = performance.now()
  await applyYaml(ftpUser(media.name, 'one-more', { passwordHash }))
  await ready(media.name, 'one-more')
  const more = (await writesOf(operator)) - settled
  await annotate(`one more: in force after ${Math.round(performance.now() - again)} ms, with ${more} writes`)
  // The Secret, the annotations of two pods, the status of the user twice and that of the server.
  expect(more).toBeLessThanOrEqual(15)
}, 240_000)
