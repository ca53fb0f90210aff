/** Users and certificates change while a server runs, and are in force in under 3 seconds. */
import { X509Certificate } from 'node:crypto'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { stringify } from 'yaml'
import { kinds } from '../../operator/kubernetes/kinds.ts'
import type { Manifest, ResourceKind } from '../../operator/kubernetes/object.ts'
import type { SelfSignedCertificate } from '../../server/tls/self-signed.ts'
import { selfSigned } from '../support/certificates.ts'
import {
  applyYaml,
  type ClusterAccess,
  connectToCluster,
  createNamespace,
  ftpServer,
  type OperatorProcess,
  startOperatorProcess,
  waitForCondition,
} from '../support/cluster.ts'
import { fingerprintAt, getsIn, listedUser } from '../support/cluster-login.ts'
import { type Place, reachable } from '../support/cluster-sessions.ts'
import { untilCondition } from '../support/conditions.ts'
import { eventually } from '../support/eventually.ts'
import { FtpClient } from '../support/ftp-client.ts'
import { simpleUser } from '../support/server.ts'
import { describeTimes, startLongUpload, untouched } from '../support/undisturbed.ts'

const host = process.env['CLUSTER_ADDRESS'] ?? '198.18.0.1'
const rounds = 20
const limitMilliseconds = 3000
const pollMilliseconds = 20
const asPerson = { fieldManager: 'somebody', force: true }

let namespace: Awaited<ReturnType<typeof createNamespace>>
let access: ClusterAccess
let operator: OperatorProcess

beforeAll(async () => {
  access = connectToCluster()
  namespace = await createNamespace('reload')
  operator = await startOperatorProcess({ namespaces: [namespace.name] })
})
afterAll(async () => {
  await operator?.stop()
  await namespace?.dispose()
  await access?.close()
})

type Lists = {
  readonly name: string
  readonly port: number
  readonly kind: ResourceKind
  /** Entry of spec.usersFrom. */
  readonly source: Record<string, unknown>
  readonly labels: Record<string, string>
  /** Whether the object is there before it has users. */
  readonly stays: boolean
}
const selector = { matchLabels: { 'example.com/users': 'upload' } }
const chosen = { stays: false, labels: selector.matchLabels }
const named = { stays: true, labels: {} }
const lists: readonly Lists[] = [
  {
    ...named,
    name: 'configmap-name',
    port: 3100,
    kind: kinds.configMap,
    source: { configMapRef: { name: 'configmap-name' } },
  },
  { ...named, name: 'secret-name', port: 3101, kind: kinds.secret, source: { secretRef: { name: 'secret-name' } } },
  { ...chosen, name: 'configmap-label', port: 3102, kind: kinds.configMap, source: { configMapSelector: selector } },
  { ...chosen, name: 'secret-label', port: 3103, kind: kinds.secret, source: { secretSelector: selector } },
]

async function start(name: string, port: number, spec: Record<string, unknown>): Promise<Place> {
  const place = { host, port }
  await applyYaml(
    ftpServer(namespace.name, name, {
      listeners: [{ name: 'ftp', port }],
      passive: { firstPort: 21_000 + (port - 3100) * 10, portsPerReplica: 10 },
      service: { allocateLoadBalancerNodePorts: false },
      users: [simpleUser('alice')],
      limits: { failedLoginDelayMilliseconds: 0 },
      // Whoever tries until a change is in force does as a guesser does.
      bans: { mode: 'Disabled' },
      drainSeconds: 1,
      ...spec,
    }),
  )
  await waitForCondition(namespace.name, name)
  await reachable(place)
  return place
}

const base64 = (text: string) => Buffer.from(text).toString('base64')

/** How long it took from before the change until it was so; rejects when the limit is over. */
async function timed(what: string, change: () => Promise<unknown>, probe: () => Promise<boolean>): Promise<number> {
  const started = performance.now()
  await change()
  await eventually(probe, what, limitMilliseconds - (performance.now() - started), pollMilliseconds)
  return performance.now() - started
}

describe.concurrent('Lists of users', () => {
  test.for(lists)('a user comes, changes and goes, 20 times in a row: $name', async (list, { expect, annotate }) => {
    const { name, port, kind, source, labels, stays } = list
    const write = (users: readonly Record<string, unknown>[]) => {
      const text = stringify({ users })
      const data = { 'team.yaml': kind.kind === 'Secret' ? base64(text) : text }
      const metadata = { name, namespace: namespace.name, labels }
      return access.cluster.apply({ apiVersion: 'v1', kind: kind.kind, metadata, data } as Manifest, asPerson)
    }
    const clear = () => (stays ? write([]) : access.cluster.delete(kind, { name, namespace: namespace.name }))
    if (stays) await write([])
    const place = await start(name, port, { usersFrom: [source] })
    const before = await untouched(access.cluster, namespace.name, name)
    // What becomes known while a server comes up, such as its address, has not restarted it either.
    expect(before).toMatchObject({ pods: [{ restarts: 0 }], templates: [1] })
    const upload = await startLongUpload(place)
    const times = { added: [] as number[], changed: [] as number[], removed: [] as number[] }
    for (let round = 0; round < rounds; round += 1) {
      const [user, first, second] = [`user-${round}`, `first ${round}`, `second ${round}`]
      const add = () => write([listedUser(user, first)])
      times.added.push(await timed(`${user} gets in`, add, () => getsIn(place, user, first)))
      const change = () => write([listedUser(user, second)])
      times.changed.push(await timed(`${user} has another password`, change, () => getsIn(place, user, second)))
      expect(await getsIn(place, user, first)).toBe(false)
      const session = await FtpClient.connect(port, host)
      await session.login(user, second)
      times.removed.push(await timed(`${user} is gone`, clear, async () => !(await getsIn(place, user, second))))
      expect(await session.closed()).toMatch(/^421 /)
    }
    await upload.finish()
    await untilCondition(
      { cluster: access.cluster, namespace: namespace.name, name },
      { type: 'Ready', status: 'True' },
    )
    expect(await untouched(access.cluster, namespace.name, name)).toEqual(before)
    for (const [what, all] of Object.entries(times)) await annotate(`${name}, ${what}: ${describeTimes(all)}`)
  })
})

describe('A certificate in the Secret of tls.secretName', () => {
  const name = 'certificate'
  const write = ({ certificate, key }: SelfSignedCertificate) =>
    access.cluster.apply(
      {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name: 'given', namespace: namespace.name },
        type: 'kubernetes.io/tls',
        data: { 'tls.crt': base64(certificate), 'tls.key': base64(key) },
      } as Manifest,
      asPerson,
    )
  const place = { host, port: 3104 }
  const shows = async ({ certificate }: SelfSignedCertificate) =>
    (await fingerprintAt(place)) === new X509Certificate(certificate).fingerprint256

  test('the next handshake shows the new one, 20 times in a row', async ({ annotate, expect }) => {
    await write(await selfSigned('first'))
    await start(name, place.port, { tls: { secretName: 'given' } })
    const before = await untouched(access.cluster, namespace.name, name)
    const upload = await startLongUpload(place)
    const times: number[] = []
    for (let round = 0; round < rounds; round += 1) {
      const next = await selfSigned(`round-${round}`)
      times.push(
        await timed(
          'the new certificate',
          () => write(next),
          () => shows(next),
        ),
      )
    }
    await upload.finish()
    expect(await untouched(access.cluster, namespace.name, name)).toEqual(before)
    await annotate(`certificate: ${describeTimes(times)}`)
  })

  test('one with the key of another is refused with a reason, and the last good one goes on until it is mended', async ({
    expect,
  }) => {
    const where = { cluster: access.cluster, namespace: namespace.name, name }
    const [good, other] = [await selfSigned('good'), await selfSigned('other')]
    await timed(
      'the good certificate',
      () => write(good),
      () => shows(good),
    )
    await write({ certificate: other.certificate, key: good.key })
    const refused = await untilCondition(
      where,
      { type: 'CertificateReady', status: 'False', reason: /^KeyMismatch$/ },
      5,
    )
    expect(refused.message).toBe('Secret given must have the private key of its certificate under tls.key')
    // The pods have seen it, and refused it too.
    await untilCondition(where, { type: 'ConfigApplied', status: 'False', reason: /^Rejected$/ }, 10)
    expect(await shows(good)).toBe(true)
    await timed(
      'the mended certificate',
      () => write(other),
      () => shows(other),
    )
    await untilCondition(where, { type: 'Ready', status: 'True' }, 10)
  })
})
