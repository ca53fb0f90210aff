/** The operator tries the passive ports of two replicas at the address of clients, and names the hop that fails. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, onTestFinished, type TestContext, test } from 'vitest'
import { textAt } from '../../operator/kubernetes/read.ts'
import {
  applyYaml,
  type ClusterAccess,
  connectToCluster,
  createNamespace,
  getFtpServer,
  kubectl,
  type OperatorProcess,
  startOperatorProcess,
  waitForCondition,
} from '../support/cluster/cluster.ts'
import { type Place, untilCondition, untilEvent } from '../support/cluster/conditions.ts'
import { metricOf, metricOverAll } from '../support/cluster/metrics.ts'
import { podsOf, statusOfPod } from '../support/cluster/pods.ts'
import { change, host, serverFor } from '../support/cluster/servers.ts'
import { eventually } from '../support/eventually.ts'

const run = promisify(execFile)
const firstPort = 28_100
const portsPerReplica = 8
const port = 3290

let access: ClusterAccess
let namespace: Awaited<ReturnType<typeof createNamespace>>
let operator: OperatorProcess
let place: Place
/** Those of the pods that serve now: half of each replica's. */
let inUse: readonly number[]
/** Why rules of the node can't be set here. */
let why: string | undefined

beforeAll(async () => {
  access = connectToCluster()
  namespace = await createNamespace('verified')
  place = { cluster: access.cluster, namespace: namespace.name, name: 'verified' }
  operator = await startOperatorProcess({ namespaces: [namespace.name] })
  why = await whyNoRules()
})
afterAll(async () => {
  await operator?.stop()
  await namespace?.dispose()
  await access?.close()
})

const options = () => ({ namespace: namespace.name, name: 'verified', port, firstPort })

/** A rule of the node's packet filter for what it sends itself, until the test ends or it is taken away. */
async function rule(table: string, ...words: readonly string[]): Promise<() => Promise<void>> {
  return ruleIn('OUTPUT', table, ...words)
}

async function ruleIn(chain: string, table: string, ...words: readonly string[]): Promise<() => Promise<void>> {
  const change_ = (action: string) => run('iptables', ['-w', '-t', table, action, chain, ...words])
  await change_('-I')
  let isThere = true
  const remove = async () => {
    if (!isThere) return
    isThere = false
    await change_('-D')
  }
  onTestFinished(remove)
  return remove
}

async function whyNoRules(): Promise<string | undefined> {
  // They are those of the machine that the test runs on, which must be the node.
  const local = await run('ip', ['-o', 'address']).catch(() => ({ stdout: '' }))
  if (!local.stdout.includes(` ${host}/`)) return 'this is not the node'
  return run('iptables', ['-w', '-t', 'raw', '-S']).then(
    () => undefined,
    () => 'no iptables',
  )
}

/** As a person has it tried anew. */
async function tryAnew({ name } = place): Promise<void> {
  const annotation = `ftp-operator.io/verify-passive=${process.hrtime.bigint()}`
  await kubectl(['-n', namespace.name, 'annotate', '--overwrite', `ftp/${name}`, annotation])
}

const verified = (at = place) =>
  untilCondition(at, { type: 'PassiveVerified', status: 'True', reason: /^Verified$/ }, 60)

test('two replicas: a byte goes over each passive port, under TLS with its session resumed', async ({ annotate }) => {
  await applyYaml(
    serverFor(options(), { passive: { firstPort, portsPerReplica, verification: 'Enabled' }, replicas: 2 }),
  )
  await waitForCondition(namespace.name, 'verified')
  const ready = performance.now()
  const { message } = await verified()
  await annotate(`verified ${((performance.now() - ready) / 1000).toFixed(1)} s after it was ready`)
  expect(message).toBe(
    `8 passive ports of 2 replicas carry data at ${host}, with TLS and its session resumed; as seen from within the cluster, where nodes may take connections past the load balancer`,
  )
  const pods = await podsOf(namespace.name, 'verified')
  const half = portsPerReplica / 2
  inUse = pods.flatMap(({ replica, half: which }) =>
    Array.from(
      { length: half },
      (_, index) => firstPort + replica * portsPerReplica + (which === 'b' ? half : 0) + index,
    ),
  )
  await untilEvent(place, /^PassiveVerified$/)
  expect(await untilCondition(place, { type: 'PortsWithinLimits', status: 'Unknown' })).toMatchObject({
    reason: 'LoadBalancerUnknown',
  })
})

test('the user of the operator is no user of the server, leaves nothing, and its password is nowhere', async () => {
  for (const { name } of await podsOf(namespace.name, 'verified')) {
    const { users } = await statusOfPod(namespace.name, name)
    expect(users).toMatchObject({ accepted: 1, rejectedCount: 0 })
    const files = await kubectl(['-n', namespace.name, 'exec', name, '--', 'ls', '-A', '/data'])
    expect(files.split('\n').filter(each => each !== '' && each !== '.ftp-server')).toEqual([])
  }
  const server = { namespace: namespace.name, name: 'verified' }
  for (const name of ['ftp_logins_total', 'ftp_transfers_total', 'ftp_transfer_bytes_total', 'ftp_offences_total']) {
    expect([name, await metricOverAll(server, name)]).toEqual([name, 0])
  }
  expect(await metricOverAll(server, 'ftp_sessions{')).toBe(0)
  const secret = JSON.parse(await kubectl(['-n', namespace.name, 'get', 'secret', 'verified-users-0', '-o', 'json']))
  const list = Buffer.from(secret.data['00-0probe.yaml'], 'base64').toString()
  expect(list).toMatch(/passwordHash: \$scrypt\$/)
  expect(list).not.toMatch(/password:|passwordFile/)
})

type Fault = { readonly reason: RegExp; readonly message: RegExp }

/** What the operator says once it has tried anew; rejects if that takes longer than two minutes. */
async function named(fault: Fault, annotate: TestContext['annotate'], at = place, begin = () => tryAnew(at)) {
  const started = performance.now()
  await begin()
  const found = await untilCondition(at, { type: 'PassiveVerified', status: 'False', ...fault }, 120)
  await annotate(`${found.reason}, after ${((performance.now() - started) / 1000).toFixed(1)} s: ${found.message}`)
  return found
}

describe('what is broken is named, and what is mended is found', () => {
  test('a load balancer without a listener for one port', async ({ skip, annotate }) => {
    if (why !== undefined) skip(why)
    const [, port_ = 0] = inUse
    const mend = await rule('nat', '-d', host, '-p', 'tcp', '--dport', String(port_), '-j', 'DNAT', '--to', `${host}:9`)
    const { message } = await named(
      { reason: /^PortRefused$/, message: new RegExp(`^port ${port_} refused`) },
      annotate,
    )
    expect(message).toBe(
      `port ${port_} refused at ${host}: the Service answers within the cluster, and the load balancer has no listener for it; 7 others work`,
    )
    await waitForCondition(namespace.name, 'verified')
    await untilEvent(place, /^PassivePortRefused$/)
    await mend()
    // By itself: who is told that a port fails does not have to tell that it works.
    await verified()
  })

  test('a firewall that lets one port of the second replica not through', async ({ skip, annotate }) => {
    if (why !== undefined) skip(why)
    const last = inUse.at(-1) ?? 0
    const mend = await rule('raw', '-d', host, '-p', 'tcp', '--dport', String(last), '-j', 'DROP')
    const { message } = await named({ reason: /^PortFiltered$/, message: new RegExp(`^port ${last} `) }, annotate)
    expect(message).toContain('the load balancer or a firewall before it lets nothing through; 7 others work')
    await mend()
    await tryAnew()
    await verified()
  })

  test('a network policy before a pod', async ({ skip, annotate }) => {
    if (why !== undefined) skip(why)
    const [first = 0] = inUse
    const mend = await rule('filter', '-p', 'tcp', '--dport', String(first), '-j', 'DROP')
    const { message } = await named({ reason: /^PortFiltered$/, message: new RegExp(`^port ${first} `) }, annotate)
    expect(message).toContain('the pod does not answer there either: a network policy')
    await mend()
    await tryAnew()
    await verified()
  })

  test('an address that is told to clients and is not the server’s', async ({ annotate }) => {
    // Of one pod: there the ports of the other are refused.
    const [, second] = await podsOf(namespace.name, 'verified')
    const pod = ['-n', namespace.name, 'get', 'pod', second?.name ?? '', '-o', 'jsonpath={.status.podIP}']
    const advertisedAddress = await kubectl(pod)
    const { message } = await named(
      { reason: /^WrongAddress$/, message: /^PASV tells clients / },
      annotate,
      place,
      async () => change(options(), { passive: { advertisedAddress } }),
    )
    expect(message).toContain(`PASV tells clients ${advertisedAddress}, where a passive port is refused`)
    expect(message).toContain(`the server answers at ${host}: see passive.advertisedAddress`)
    await change(options(), { passive: { advertisedAddress: 'Auto' } })
    await verified()
  })
})

test('pods that relay to each other are verified, and where one does not get to the other, both are named', async ({
  skip,
  annotate,
}) => {
  const relaying = { ...options(), name: 'relaying', port: 2706, firstPort: 31_920 }
  const passive = { firstPort: relaying.firstPort, portsPerReplica, verification: 'Enabled' }
  await applyYaml(serverFor(relaying, { passive, replicas: 2, service: { relay: 'Enabled' } }))
  await waitForCondition(namespace.name, 'relaying')
  const at = { ...place, name: 'relaying' }
  expect((await verified(at)).message).toContain(`8 passive ports of 2 replicas carry data at ${host}`)
  // Whatever the Service has done, each pod has passed one on.
  for (const { name } of await podsOf(namespace.name, 'relaying')) {
    expect(await metricOf(namespace.name, name, 'ftp_relays_total', 'complete')).toBeGreaterThan(0)
    expect(await metricOf(namespace.name, name, 'ftp_handovers_total', 'taken')).toBeGreaterThan(0)
  }
  if (why !== undefined) skip(why)
  const [, second] = await podsOf(namespace.name, 'relaying')
  const pod = ['-n', namespace.name, 'get', 'pod', second?.name ?? '', '-o', 'jsonpath={.status.podIP}']
  // As a network policy between pods does it.
  const mend = await ruleIn('FORWARD', 'filter', '-d', await kubectl(pod), '-p', 'tcp', '--dport', '2137', '-j', 'DROP')
  expect((await named({ reason: /^RelayFailed$/, message: /./ }, annotate, at)).message).toBe(
    'replica 0 does not pass data connections on to replica 1: port 2137 of its pod is not answered, as where a network policy lets it not through',
  )
  await waitForCondition(namespace.name, 'relaying')
  await mend()
  await tryAnew(at)
  await verified(at)
  await kubectl(['-n', namespace.name, 'delete', 'ftp', 'relaying'])
})

test('an operator that takes over writes nothing, and tries nothing before it is time', async () => {
  await operator.stop()
  const before = await getFtpServer(access.cluster, namespace.name, 'verified')
  operator = await startOperatorProcess({ namespaces: [namespace.name] })
  await change(options(), { banner: 'Another one.' })
  await eventually(
    async () => {
      const server = await getFtpServer(access.cluster, namespace.name, 'verified')
      return textAt(server, 'status', 'config', 'hash') !== textAt(before, 'status', 'config', 'hash')
    },
    'the change is in status',
    20_000,
    100,
  )
  await waitForCondition(namespace.name, 'verified', 'ConfigApplied')
  const { lastTransitionTime } = await verified()
  const was = (await getFtpServer(access.cluster, namespace.name, 'verified'))?.metadata.uid
  expect(was).toBe(before?.metadata.uid)
  expect(Date.parse(lastTransitionTime)).toBeLessThan(Date.now())
  expect(operator.output()).not.toContain('passive ports tried')
})

test('where nobody wants it tried, there is no such user', async () => {
  await change(options(), { passive: { verification: 'Disabled' } })
  await untilCondition(place, { type: 'PassiveVerified', status: 'Unknown', reason: /^Disabled$/ })
  await eventually(
    async () =>
      !(await kubectl(['-n', namespace.name, 'get', 'secret', 'verified-users-0', '-o', 'yaml'])).includes('0probe'),
    'the list is gone',
    20_000,
    200,
  )
  await waitForCondition(namespace.name, 'verified', 'ConfigApplied')
})
