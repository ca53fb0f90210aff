/** Clients by where they come from: pods are told the address within the cluster, and the address of others reaches the server. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { kinds } from '../../operator/kubernetes/kinds.ts'
import { textAt } from '../../operator/kubernetes/read.ts'
import {
  applyYaml,
  type ClusterAccess,
  connectToCluster,
  createNamespace,
  ftpServer,
  getFtpServer,
  kubectl,
  type OperatorProcess,
  startOperatorProcess,
} from '../support/cluster/cluster.ts'
import { type Place, untilCondition } from '../support/cluster/conditions.ts'
import { visitFromInside } from '../support/cluster/inside.ts'
import { createOutside, type Outside, whyNoOutside } from '../support/cluster/outside.ts'
import { password, simpleUser } from '../support/server.ts'

/** Of the pods. */
const podNetwork = process.env['CLUSTER_POD_NETWORK'] ?? '198.18.64.0/18'
const why = await whyNoOutside()
if (why !== undefined) console.warn(`NOT RUN, because ${why}: clients from elsewhere`)

let access: ClusterAccess
let namespace: Awaited<ReturnType<typeof createNamespace>>
let operator: OperatorProcess
let local: string

beforeAll(async () => {
  access = connectToCluster()
  local = await mkdtemp(join(tmpdir(), 'clients-'))
  namespace = await createNamespace('clients')
  operator = await startOperatorProcess({
    namespaces: [namespace.name],
    flags: ['--cluster-networks', podNetwork],
  })
})

afterAll(async () => {
  await operator?.stop()
  await Promise.all([namespace?.dispose(), rm(local, { recursive: true, force: true })])
  await access?.close()
})

async function ready(name: string, index: number, service: Record<string, unknown> = {}): Promise<Place> {
  const place = { cluster: access.cluster, namespace: namespace.name, name }
  await applyYaml(
    ftpServer(place.namespace, name, {
      listeners: [{ name: 'ftp', port: 3430 + index }],
      passive: { firstPort: 22_000 + 20 * index },
      service,
      users: [simpleUser('alice')],
      drainSeconds: 1,
    }),
  )
  await untilCondition(place, { type: 'Ready', status: 'True' })
  return place
}

describe('a client in a pod', () => {
  let place: Place
  beforeAll(async () => {
    place = await ready('inside', 0)
  })

  test.each(['cluster', 'load balancer'] as const)(
    'is told the address within the cluster at that of the %s',
    async at => {
      const service = await access.cluster.get(kinds.service, place)
      const clusterAddress = textAt(service, 'spec', 'clusterIP') ?? ''
      const host = at === 'cluster' ? clusterAddress : await addressOf(place)
      const visit = await visitFromInside(place.namespace, host, 3430)
      expect(visit).toMatchObject({ told: clusterAddress, same: true })
      expect(await peersOf(place)).toContain(visit.own)
    },
  )
})

describe.runIf(why === undefined)('clients from elsewhere', () => {
  let outside: Outside
  beforeAll(async () => {
    outside = await createOutside()
  })
  afterAll(async () => outside?.dispose())

  test('transfer over TLS, and the server sees the address that each of them has', async () => {
    const place = await ready('local', 1)
    await untilCondition(place, { type: 'SourceIPPreserved', status: 'True', reason: /^LocalTraffic$/ })
    await transfer(outside, place, 3431)
    const peers = await peersOf(place)
    for (const address of outside.addresses) expect(peers).toContain(address)
  })

  test('can’t take each other’s data connections', async () => {
    const place = { cluster: access.cluster, namespace: namespace.name, name: 'local' }
    expect(await twoPeers(outside, place, 3431)).toMatchObject({
      stranger: '',
      owner: expect.stringContaining('from-outside'),
      end: 226,
    })
  })

  test('come with the address of the node where the policy is Cluster, and transfer all the same', async () => {
    const place = await ready('cluster', 2, { externalTrafficPolicy: 'Cluster' })
    await untilCondition(place, { type: 'SourceIPPreserved', status: 'False', reason: /^ClusterTraffic$/ })
    await transfer(outside, place, 3432)
    const peers = await peersOf(place)
    expect(peers.length).toBeGreaterThan(0)
    for (const address of outside.addresses) expect(peers).not.toContain(address)
    // Nobody can be told from others there.
    expect((await twoPeers(outside, place, 3432)).stranger).toContain('from-outside')
  })
})

/** With curl from one of the addresses, and with lftp from the other. */
async function transfer(outside: Outside, place: Place, port: number): Promise<void> {
  const host = await addressOf(place)
  const [one, other] = outside.addresses
  const file = join(local, `${place.name}.txt`)
  await writeFile(file, 'from elsewhere\n'.repeat(10_000))
  const authority = join(local, `${place.name}.crt`)
  const path = '-o=jsonpath={.data.tls\\.crt}'
  const certificate = await kubectl(['-n', place.namespace, 'get', 'secret', `${place.name}-tls`, path])
  await writeFile(authority, Buffer.from(certificate, 'base64'))
  const curl = ['--disable', '--silent', '--show-error', '--ssl-reqd', '--cacert', authority, '--interface', one]
  const url = `ftp://${host}:${port}/from-outside`
  await outside.run('curl', [...curl, '--user', `alice:${password}`, '--upload-file', file, url])
  const script = [
    'set cmd:fail-exit yes; set net:max-retries 1; set net:timeout 10; set ftp:ssl-force yes',
    `set ssl:ca-file ${authority}; set net:socket-bind-ipv4 ${other}`,
    `open -u alice,"${password}" ftp://${host}:${port}`,
    `get from-outside -o ${file}.back`,
  ]
  await outside.run('lftp', ['--norc', '-c', script.join('\n')])
  await outside.run('cmp', [file, `${file}.back`])
}

type TwoPeers = { readonly stranger: string; readonly owner: string; readonly end: number }

async function twoPeers(outside: Outside, place: Place, port: number): Promise<TwoPeers> {
  const host = await addressOf(place)
  const args = ['test/support/cluster/two-peers.ts', host, String(port), ...outside.addresses]
  return JSON.parse(await outside.run(process.execPath, args)) as TwoPeers
}

async function addressOf({ cluster, namespace: where, name }: Place): Promise<string> {
  return textAt(await getFtpServer(cluster, where, name), 'status', 'address') ?? ''
}

/** Addresses of clients, as the server logs them. */
async function peersOf({ namespace: where, name }: Place): Promise<readonly string[]> {
  const log = await kubectl(['-n', where, 'logs', '-l', `app.kubernetes.io/instance=${name}`, '--tail=-1'])
  return log
    .split('\n')
    .filter(line => line.startsWith('{'))
    .flatMap(line => textAt(JSON.parse(line), 'address') ?? [])
}
