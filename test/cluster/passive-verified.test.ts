/** The operator tries the passive ports of two replicas at the address of clients, and names the hop that fails. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { textAt } from '../../operator/ftp-server/read.ts'
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
} from '../support/cluster.ts'
import { podsOf, statusOfPod } from '../support/cluster-pods.ts'
import { change, host, serverFor } from '../support/cluster-server.ts'
import { type Place, untilCondition, untilEvent } from '../support/conditions.ts'
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

/** A rule of the node's packet filter, until the test ends or it is taken away. */
async function rule(...words: readonly string[]): Promise<() => Promise<void>> {
  const [table = '', ...rest] = words
  const change_ = (action: string) => run('iptables', ['-w', '-t', table, action, 'OUTPUT', ...rest])
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
async function tryAnew(): Promise<void> {
  const value = String(process.hrtime.bigint())
  await kubectl([
    '-n',
    namespace.name,
    'annotate',
    '--overwrite',
    'ftp/verified',
    `ftp-operator.io/verify-passive=${value}`,
  ])
}

const verified = () => untilCondition(place, { type: 'PassiveVerified', status: 'True', reason: /^Verified$/ }, 60)

test('two replicas: a byte goes over each passive port, under TLS with its session resumed', async () => {
  await applyYaml(
    serverFor(options(), { passive: { firstPort, portsPerReplica, verification: 'Enabled' }, replicas: 2 }),
  )
  await waitForCondition(namespace.name, 'verified')
  const { message } = await verified()
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
  const secret = JSON.parse(await kubectl(['-n', namespace.name, 'get', 'secret', 'verified-users-0', '-o', 'json']))
  const list = Buffer.from(secret.data['00-0probe.yaml'], 'base64').toString()
  expect(list).toMatch(/passwordHash: \$scrypt\$/)
  expect(list).not.toMatch(/password:|passwordFile/)
})

describe('what is broken is named, and what is mended is found', () => {
  const broken = async (expected: { reason: RegExp; message: RegExp; status?: 'Unknown' }) =>
    untilCondition(place, { type: 'PassiveVerified', status: 'False', ...expected }, 90)

  test('a load balancer without a listener for one port', async ({ skip }) => {
    if (why !== undefined) skip(why)
    const [, port_ = 0] = inUse
    const mend = await rule('nat', '-d', host, '-p', 'tcp', '--dport', String(port_), '-j', 'DNAT', '--to', `${host}:9`)
    await tryAnew()
    const { message } = await broken({ reason: /^PortRefused$/, message: new RegExp(`^port ${port_} refused`) })
    expect(message).toBe(
      `port ${port_} refused at ${host}: the Service answers within the cluster, and the load balancer has no listener for it; 7 others work`,
    )
    await waitForCondition(namespace.name, 'verified')
    await untilEvent(place, /^PassivePortRefused$/)
    await mend()
    // By itself: who is told that a port fails does not have to tell that it works.
    await verified()
  })

  test('a firewall that lets one port of the second replica not through', async ({ skip }) => {
    if (why !== undefined) skip(why)
    const last = inUse.at(-1) ?? 0
    const mend = await rule('raw', '-d', host, '-p', 'tcp', '--dport', String(last), '-j', 'DROP')
    await tryAnew()
    const { message } = await broken({ reason: /^PortFiltered$/, message: new RegExp(`^port ${last} `) })
    expect(message).toContain('the load balancer or a firewall before it lets nothing through; 7 others work')
    await mend()
    await tryAnew()
    await verified()
  })

  test('a network policy before a pod', async ({ skip }) => {
    if (why !== undefined) skip(why)
    const [first = 0] = inUse
    const mend = await rule('filter', '-p', 'tcp', '--dport', String(first), '-j', 'DROP')
    await tryAnew()
    const { message } = await broken({ reason: /^PortFiltered$/, message: new RegExp(`^port ${first} `) })
    expect(message).toContain('the pod does not answer there either: a network policy')
    await mend()
    await tryAnew()
    await verified()
  })

  test('an address that is told to clients and is not the server’s', async () => {
    await change(options(), { passive: { advertisedAddress: '127.0.0.2' } })
    const { message } = await broken({ reason: /^WrongAddress$/, message: /^PASV tells clients 127\.0\.0\.2, / })
    expect(message).toContain(`the server answers at ${host}: see passive.advertisedAddress`)
    await change(options(), { passive: { advertisedAddress: 'Auto' } })
    await verified()
  })
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
