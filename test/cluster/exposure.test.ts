/** Every way in which clients can reach a server: curl, lftp and basic-ftp transfer over TLS, by EPSV and by PASV. */
import { X509Certificate } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { kinds } from '../../operator/kubernetes/kinds.ts'
import { listAt, numberAt, textAt } from '../../operator/kubernetes/read.ts'
import { createSelfSignedCertificate } from '../../server/tls/self-signed.ts'
import type { Target } from '../support/clients/client.ts'
import { expectExchange, threeClients } from '../support/clients/exchange.ts'
import {
  applyYaml,
  type ClusterAccess,
  connectToCluster,
  createNamespace,
  ftpServer,
  getFtpServer,
  type OperatorProcess,
  startOperatorProcess,
} from '../support/cluster/cluster.ts'
import { type Place, untilCondition } from '../support/cluster/conditions.ts'
import { podsOf, statusOfPod } from '../support/cluster/pods.ts'
import { ClusterSession } from '../support/cluster/sessions.ts'
import { eventually } from '../support/eventually.ts'
import { password, simpleUser } from '../support/server.ts'

type Namespace = Awaited<ReturnType<typeof createNamespace>>

let access: ClusterAccess
let restricted: Namespace
let privileged: Namespace
let operator: OperatorProcess
let local: string

beforeAll(async () => {
  access = connectToCluster()
  local = await mkdtemp(join(tmpdir(), 'exposure-'))
  restricted = await createNamespace('exposure')
  privileged = await createNamespace('exposure-host', 'privileged')
  operator = await startOperatorProcess({ namespaces: [restricted.name, privileged.name] })
})

afterAll(async () => {
  await operator?.stop()
  await Promise.all([restricted?.dispose(), privileged?.dispose(), rm(local, { recursive: true, force: true })])
  await access?.close()
})

type Exposure = {
  readonly name: string
  readonly spec: Record<string, unknown>
  readonly files: number
  /** By default the address and the port that status tells. */
  readonly where?: (place: Place) => Promise<{ readonly host: string; readonly port: number }>
}

const exposures: readonly Exposure[] = [
  { name: 'load-balancer', spec: { passive: { firstPort: 3460 } }, files: 100 },
  { name: 'cluster-ip', spec: { service: { type: 'ClusterIP' } }, files: 5 },
  { name: 'node-port', spec: { service: { type: 'NodePort' } }, files: 5 },
  {
    name: 'none',
    spec: { service: { type: 'None' } },
    files: 5,
    where: async place => ({
      host: textAt(await onlyPod(place), 'status', 'podIP') ?? '',
      port: await portOfPod(place),
    }),
  },
  {
    name: 'host-network',
    spec: { hostNetwork: true, service: { type: 'None' }, passive: { firstPort: 3440 } },
    files: 5,
    where: async place => ({ host: textAt(await onlyPod(place), 'status', 'hostIP') ?? '', port: 3414 }),
  },
]

describe.each(exposures.map((exposure, index) => ({ ...exposure, index })))(
  '$name',
  ({ name, spec, files, where, index }) => {
    const place = (): Place => ({
      cluster: access.cluster,
      namespace: (spec['hostNetwork'] === true ? privileged : restricted).name,
      name,
    })
    const at = () => (where ?? toldByStatus)(place())

    test('is ready', async () => {
      await secret(place(), '127.0.0.1')
      await applyYaml(
        ftpServer(place().namespace, name, {
          listeners: [{ name: 'ftp', port: 3410 + index, tls: 'Required' }],
          passive: { firstPort: 22_060 + 20 * index },
          tls: { secretName: `${name}-web` },
          users: [simpleUser('alice')],
          drainSeconds: 1,
          ...spec,
        }),
      )
      await untilCondition(place(), { type: 'Ready', status: 'True' })
      // Nobody knows the addresses of nodes and pods before, so that no certificate can name them.
      await untilInForce(place(), await secret(place(), (await at()).host))
    })

    test.for(['EPSV', 'PASV'] as const)('curl, lftp and basic-ftp transfer by %s', async data => {
      const authority = join(local, `${name}.crt`)
      const target: Target = {
        ...(await at()),
        ...{ protection: 'explicit TLS 1.3', data, family: 'IPv4' },
        ...{ user: 'alice', password, authority },
      }
      for (const client of await threeClients()) await expectExchange(client, target, { local, count: files })
    })
  },
)

describe('node ports', () => {
  test('are read from the Service and told to clients, for the listener and for every passive port', async () => {
    const place = { cluster: access.cluster, namespace: restricted.name, name: 'node-port' }
    const found = await access.cluster.get(kinds.service, place)
    const nodePorts = new Map(
      listAt(found, 'spec', 'ports').map(port => [numberAt(port, 'port'), numberAt(port, 'nodePort')]),
    )
    const { port } = await toldByStatus(place)
    expect(port).toBe(nodePorts.get(3412))
    const server = await getFtpServer(place.cluster, place.namespace, place.name)
    const told = listAt(server, 'status', 'passive', 'advertisedPorts').map(each => [
      numberAt(each, 'port'),
      numberAt(each, 'advertised'),
    ])
    expect(told).toEqual([...nodePorts].filter(([number]) => number !== 3412))
    for (const passive of ['EPSV', 'PASV'] as const) {
      const session = await ClusterSession.open(await toldByStatus(place), { passive, secure: true })
      await session.roundTrip('node-ports')
      session.close()
      expect(session.ports.filter(number => ![...nodePorts.values()].includes(number))).toEqual([])
    }
  })
})

/** A certificate for one address, and the file that clients trust. */
async function secret({ namespace, name }: Place, address: string): Promise<X509Certificate> {
  const made = await createSelfSignedCertificate({
    commonName: name,
    dnsNames: [],
    addresses: [address],
    validDays: 1,
    now: Date.now(),
  })
  await writeFile(join(local, `${name}.crt`), made.certificate)
  await applyYaml({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: `${name}-web`, namespace },
    type: 'kubernetes.io/tls',
    stringData: { 'tls.crt': made.certificate, 'tls.key': made.key },
  })
  return new X509Certificate(made.certificate)
}

async function untilInForce({ namespace, name }: Place, { fingerprint256 }: X509Certificate): Promise<void> {
  const [pod] = await podsOf(namespace, name)
  await eventually(
    async () => (await statusOfPod(namespace, pod?.name ?? '')).certificate?.fingerprint === fingerprint256,
    'the certificate is in force',
    10_000,
    100,
  )
}

async function toldByStatus({ cluster, namespace, name }: Place): Promise<{ host: string; port: number }> {
  const [endpoint] = listAt(await getFtpServer(cluster, namespace, name), 'status', 'endpoints')
  const { hostname, port } = new URL(textAt(endpoint, 'url') ?? '')
  return { host: hostname, port: Number(port) }
}

async function onlyPod({ cluster, namespace, name }: Place) {
  const [pod] = await podsOf(namespace, name)
  return cluster.get(kinds.pod, { namespace, name: pod?.name ?? '' })
}

async function portOfPod(place: Place): Promise<number> {
  const [container] = listAt(await onlyPod(place), 'spec', 'containers')
  const port = listAt(container, 'ports').find(each => textAt(each, 'name') === 'ftp')
  return numberAt(port, 'containerPort') ?? 0
}
