/** Two hundred clients at once over few passive ports of two replicas, through the one Service: no transfer fails, with and without relaying. */
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { stringify } from 'yaml'
import {
  applyYaml,
  createNamespace,
  ftpServer,
  image,
  kubectl,
  type OperatorProcess,
  startOperatorProcess,
  waitForCondition,
} from '../support/cluster/cluster.ts'
import type { CrowdOptions, CrowdReport } from '../support/cluster/crowd.ts'
import { metricOf, metricOverAll } from '../support/cluster/metrics.ts'
import { createOutside, type Outside, whyNoOutside } from '../support/cluster/outside.ts'
import { podsOf, untilPods } from '../support/cluster/pods.ts'
import { host } from '../support/cluster/servers.ts'
import { eventually } from '../support/eventually.ts'
import { FtpClient } from '../support/ftp-client.ts'
import { simpleUser } from '../support/server.ts'

const clients = 200
const rounds = 3
const manyAddresses = 100
const replicas = 2
const patienceSeconds = 60
const why = await whyNoOutside()

let namespace: Awaited<ReturnType<typeof createNamespace>>
let operator: OperatorProcess
let outside: Outside | undefined
let many: readonly string[] = []

beforeAll(async () => {
  namespace = await createNamespace('shared')
  operator = await startOperatorProcess({ namespaces: [namespace.name] })
  const users = Array.from({ length: clients }, (_, index) => simpleUser(`user${index}`, { home: `/${index}` }))
  await applyYaml({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'users', namespace: namespace.name },
    stringData: { 'users.yaml': stringify({ users }) },
  })
  if (why !== undefined) return
  outside = await createOutside()
  many = await outside.more(manyAddresses)
})
afterAll(async () => {
  await outside?.dispose()
  await operator?.stop()
  await namespace?.dispose()
})

type Server = { readonly namespace: string; readonly name: string; readonly port: number }
type Ports = {
  readonly firstPort: number
  /** Half of them are in use: pods that are replaced share none with their successors. */
  readonly portsPerReplica: number
}

async function serve(
  name: string,
  port: number,
  ports: Ports,
  { service, ...spec }: { readonly service?: object; readonly workers?: number },
): Promise<Server> {
  await applyYaml(
    ftpServer(namespace.name, name, {
      image,
      replicas,
      listeners: [{ name: 'ftp', port }],
      passive: { ...ports, sharing: 'Auto', portWaitSeconds: patienceSeconds },
      service: { allocateLoadBalancerNodePorts: false, ...service },
      storage: { claim: { size: '1Gi', accessModes: ['ReadWriteMany'] }, retentionPolicy: 'Delete' },
      usersFrom: [{ secretRef: { name: 'users' } }],
      limits: {
        maxSessionsPerAddress: clients,
        handshakeTimeoutSeconds: patienceSeconds,
        passiveAcceptTimeoutSeconds: patienceSeconds,
      },
      ...spec,
    }),
  )
  await waitForCondition(namespace.name, name)
  await waitForCondition(namespace.name, name, 'ConfigApplied')
  const server = { namespace: namespace.name, name, port }
  await untilPods(server, 'all replicas serve', pods => pods.filter(({ ready }) => ready).length === replicas)
  await eventually(
    async () => {
      ;(await FtpClient.connect(port, host)).close()
      return true
    },
    'it answers',
    20_000,
  )
  return server
}

async function crowd(port: number, how: Pick<CrowdOptions, 'protection' | 'addresses'>): Promise<CrowdReport> {
  const program = join(import.meta.dirname, '../support/cluster/crowd.ts')
  const options: CrowdOptions = { host, port, clients, rounds, patienceSeconds, ...how }
  const output = await outside?.run(process.execPath, [program, JSON.stringify(options)], 150_000)
  return JSON.parse(output ?? '') as CrowdReport
}

const protections = ['clear', 'tls'] as const
const origins = ['many', 'one'] as const

describe.each([
  {
    title: 'one Service, which leads each port home',
    name: 'plain',
    port: 2700,
    ports: { firstPort: 31_700, portsPerReplica: 4 },
    spec: {},
  },
  {
    title: 'replicas that relay',
    name: 'relaying',
    port: 2701,
    ports: { firstPort: 31_750, portsPerReplica: 4 },
    spec: { service: { relay: 'Enabled' } },
  },
  {
    title: 'replicas of two processes that relay',
    name: 'workers',
    port: 2702,
    ports: { firstPort: 31_800, portsPerReplica: 10 },
    spec: { service: { relay: 'Enabled' }, workers: 2 },
  },
])('$title', ({ name, port, ports: { firstPort, portsPerReplica }, spec }) => {
  let server: Server
  beforeAll(async () => {
    server = await serve(name, port, { firstPort, portsPerReplica }, spec)
  })

  test.for(protections.flatMap(protection => origins.map(origin => ({ protection, origin }))))(
    '200 clients, $protection, $origin address(es)',
    async ({ protection, origin }, { skip, annotate }) => {
      if (outside === undefined) return skip(why)
      const relayed = () => metricOverAll(server, 'ftp_relays_total', 'complete')
      const before = await relayed()
      const report = await crowd(port, { protection, addresses: origin === 'many' ? many : [outside.addresses[0]] })
      const { failures, transfers, ports } = report
      expect({ failures, transfers }).toEqual({ failures: [], transfers: clients * rounds * 2 })
      // All that are in use.
      expect(ports).toHaveLength((portsPerReplica / 2) * replicas)
      const after = await relayed()
      const [seconds, longest] = [report.seconds, report.longestSeconds].map(each => each.toFixed(1))
      await annotate(
        `${transfers} transfers over ${ports.length} ports in ${seconds} s, ${after - before} relayed; the longest took ${longest} s`,
      )
      if (name === 'plain') expect(after).toBe(0)
      // With two replicas, half of them come to the wrong one.
      else expect(after - before).toBeGreaterThan(transfers / 4)
      expect(await metricOverAll(server, 'ftp_relay_failures_total')).toBe(0)
      expect(await metricOverAll(server, 'ftp_relays_total', 'broken')).toBe(0)
    },
  )

  test('both replicas have had their part, and nobody was without a port', async ({ skip }) => {
    if (outside === undefined) return skip(why)
    for (const pod of await podsOf(server.namespace, server.name)) {
      const transfers = await metricOf(server.namespace, pod.name, 'ftp_transfers_total', 'complete')
      expect(transfers).toBeGreaterThan((clients * rounds) / 2)
    }
    expect(await metricOverAll(server, 'ftp_passive_ports_exhausted_total')).toBe(0)
  })

  test('where addresses can be seen, each transfer is that of its client', async ({ skip }) => {
    if (outside === undefined) return skip(why)
    if (name === 'plain') return skip('several replicas without relaying: the nodes hide addresses')
    const pods = await podsOf(server.namespace, server.name)
    const logs = await Promise.all(pods.map(pod => kubectl(['-n', server.namespace, 'logs', pod.name, '--tail=-1'])))
    const lines = logs.flatMap(log => log.split('\n')).filter(line => line.includes('transfer ended'))
    const seen = new Set(lines.map(line => (JSON.parse(line) as { address: string }).address))
    expect(seen).toEqual(new Set([...many, outside.addresses[0]]))
  })
})
