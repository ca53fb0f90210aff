/** Users and certificates change while a server runs, and are in force in under 3 seconds. */
import { X509Certificate } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, onTestFinished, test } from 'vitest'
import { stringify } from 'yaml'
import { kinds } from '../../operator/kubernetes/kinds.ts'
import type { Manifest, ResourceKind } from '../../operator/kubernetes/object.ts'
import { createSelfSignedCertificate, type SelfSignedCertificate } from '../../server/tls/self-signed.ts'
import { selfSigned } from '../support/certificates.ts'
import { run } from '../support/clients/process.ts'
import {
  applyYaml,
  type ClusterAccess,
  connectToCluster,
  createNamespace,
  ftpServer,
  type OperatorProcess,
  startOperatorProcess,
  waitForCondition,
} from '../support/cluster/cluster.ts'
import { untilCondition } from '../support/cluster/conditions.ts'
import { fingerprintAt, getsIn, listedUser } from '../support/cluster/login.ts'
import { type Place, reachable } from '../support/cluster/sessions.ts'
import { describeTimes, startLongUpload, untouched } from '../support/cluster/undisturbed.ts'
import { eventually } from '../support/eventually.ts'
import { FtpClient } from '../support/ftp-client.ts'
import { password, simpleUser } from '../support/server.ts'

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

describe('Virtual hosts with certificates of their own, at two replicas', () => {
  const name = 'hosts'
  const place = { host, port: 2708 }
  const [acme, other] = ['ftp.acme.test', 'ftp.other.test']
  const certificateFor = (dnsName: string) =>
    createSelfSignedCertificate({
      ...{ commonName: dnsName, dnsNames: [dnsName], addresses: [], validDays: 30 },
      now: Date.now(),
    })
  const write = (secret: string, { certificate, key }: SelfSignedCertificate) =>
    access.cluster.apply(
      {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name: secret, namespace: namespace.name },
        type: 'kubernetes.io/tls',
        data: { 'tls.crt': base64(certificate), 'tls.key': base64(key) },
      } as Manifest,
      asPerson,
    )

  /** Fingerprints that handshakes by this name show: enough of them to meet both replicas. */
  async function shownAs(serverName: string): Promise<ReadonlySet<string>> {
    const at = `${place.host}:${place.port}`
    const shown = Array.from({ length: 12 }, async () => {
      const { stdout } = await run(
        'openssl',
        ['s_client', '-starttls', 'ftp', '-connect', at, '-servername', serverName],
        { input: 'QUIT\r\n' },
      )
      const [certificate = ''] = /-----BEGIN CERTIFICATE-----[^]*?-----END CERTIFICATE-----/.exec(stdout) ?? []
      return new X509Certificate(certificate).fingerprint256
    })
    return new Set(await Promise.all(shown))
  }

  const fingerprint = ({ certificate }: SelfSignedCertificate) => new X509Certificate(certificate).fingerprint256

  /** As a person does it who trusts the host by its name; resolves to what was read back. */
  async function visit(hostName: string, { certificate }: SelfSignedCertificate, user: string): Promise<string> {
    const directory = await mkdtemp(join(tmpdir(), 'hosts-'))
    onTestFinished(() => rm(directory, { recursive: true, force: true }))
    const trusted = join(directory, 'ca.crt')
    await writeFile(trusted, certificate)
    const url = `ftp://${hostName}:${place.port}/of-${hostName}`
    const way = ['--resolve', `${hostName}:${place.port}:${place.host}`, '--cacert', trusted, '--ssl-reqd']
    const who = ['-sS', '-u', `${user}:${password}`]
    await run('curl', [...way, ...who, '-T', '-', url], { input: `hello from ${hostName}` })
    return (await run('curl', [...way, ...who, url])).stdout
  }

  test('each shows its own, lets in its own users, and another certificate is in force at both without a restart', async ({
    annotate,
    expect,
  }) => {
    const [first, second] = [await certificateFor(acme), await certificateFor(other)]
    await Promise.all([write('acme', first), write('other', second)])
    await start(name, place.port, {
      replicas: 2,
      passive: { firstPort: 31_960, portsPerReplica: 10 },
      storage: { claim: { size: '1Gi', accessModes: ['ReadWriteMany'] }, retentionPolicy: 'Delete' },
      users: [simpleUser('alice'), simpleUser('press', { hosts: [acme] })],
      hosts: [
        { name: acme, aliases: ['acme.test'], banner: 'Acme.', root: '/acme', users: 'Own', secretName: 'acme' },
        { name: other, secretName: 'other' },
      ],
    })
    await waitForCondition(namespace.name, name, 'ConfigApplied')
    const before = await untouched(access.cluster, namespace.name, name)
    for (const [as, expected] of [
      [acme, first],
      ['acme.test', first],
      [other, second],
    ] as const) {
      expect([as, [...(await shownAs(as))]]).toEqual([as, [fingerprint(expected)]])
    }
    // Who names none is on the server itself, whose certificate is another.
    const own = await shownAs('elsewhere.test')
    for (const each of [first, second]) expect(own.has(fingerprint(each))).toBe(false)

    expect(await visit(acme, first, 'press')).toBe(`hello from ${acme}`)
    expect(await visit(other, second, 'alice')).toBe(`hello from ${other}`)
    await expect(visit(acme, first, 'alice')).rejects.toThrow('530')
    await expect(visit(other, second, 'press')).rejects.toThrow('530')
    const client = await FtpClient.connect(place.port, host)
    onTestFinished(() => client.close())
    expect(await client.send(`HOST ${acme}`)).toMatchObject({ code: 220, text: expect.stringContaining('Acme.') })
    expect((await client.send('HOST nobody.test')).code).toBe(504)

    const renewed = await certificateFor(acme)
    const started = performance.now()
    await write('acme', renewed)
    const isShown = async () => {
      const shown = await shownAs(acme)
      return shown.size === 1 && shown.has(fingerprint(renewed))
    }
    await eventually(isShown, 'the new certificate is shown by both', 20_000)
    await annotate(`shown twelve times after ${Math.round(performance.now() - started)} ms`)
    expect([...(await shownAs(other))]).toEqual([fingerprint(second)])

    // What is wrong with one host's is told, and leaves it the last good one.
    await write('acme', { certificate: renewed.certificate, key: first.key })
    const where = { cluster: access.cluster, namespace: namespace.name, name }
    await untilCondition(where, { type: 'ConfigApplied', status: 'False', reason: /^Rejected$/, message: /acme/ }, 20)
    expect([...(await shownAs(acme))]).toEqual([fingerprint(renewed)])
    await write('acme', renewed)
    await untilCondition(where, { type: 'ConfigApplied', status: 'True' }, 20)

    expect(await visit(acme, renewed, 'press')).toBe(`hello from ${acme}`)
    expect(await untouched(access.cluster, namespace.name, name)).toEqual(before)
  })
})
