import { expect, test } from 'vitest'
import { ftpServer, liveService, now, observe, pod, report } from '../../test/operator/samples.ts'
import type { FtpServer } from '../api/ftp-server.ts'
import type { Observation } from '../observation/observation.ts'
import type { ProbeState, Verification } from '../passive-probe/probes.ts'
import { plan } from './plan.ts'

const credential = { password: 'known to nobody else', list: Buffer.from('users: []\n') }
const idle: ProbeState = { credential, running: false, last: undefined }
const spec = `replicas: 2
listeners: [{ name: ftp, port: 21, tls: Disabled }]
passive: { firstPort: 30000, portsPerReplica: 4 }
storage: { claim: { size: 1Gi, accessModes: [ReadWriteMany] } }
`

/** Two replicas that serve with all they are to have. */
function serving(text = spec, rest: Partial<Observation> = {}, metadata: Partial<FtpServer['metadata']> = {}) {
  const server = ftpServer(text, metadata)
  const base = observe(server, { live: [liveService({}, [{ ip: '203.0.113.7' }])], probe: idle, ...rest })
  const having = (hashOf: (replica: number, half: 'b') => string) =>
    [0, 1].map(replica => pod({ replica, half: 'b', report: report(hashOf(replica, 'b')) }))
  // What they are told may hang on the node they are on.
  const placed = { ...base, pods: having(() => '') }
  return { ...base, pods: having(plan(placed).decisions.hashOf), ...rest }
}

const decision = (observation: Observation) => plan(observation).decisions.verification

function found(observation: Observation, rest: Partial<Verification> = {}): ProbeState {
  const of = decision({ ...observation, probe: idle }).due?.digest ?? ''
  const finding = { status: 'True', reason: 'Verified', message: 'well' } as const
  return { ...idle, last: { of, finding, time: now - 1000, nextTime: now + 3_600_000, ...rest } }
}

test('what is tried are the ports of the pods that serve, at the address and under the numbers that clients are told', () => {
  const { due, finding } = decision(serving())
  expect(due).toMatchObject({ addresses: ['203.0.113.7'], port: 21, tls: 'none', told: ['203.0.113.7'] })
  expect(due?.ports.map(({ port, outside, replica }) => [port, outside, replica])).toEqual([
    [30_002, 30_002, 0],
    [30_003, 30_003, 0],
    [30_006, 30_006, 1],
    [30_007, 30_007, 1],
  ])
  expect(finding).toMatchObject({ status: 'Unknown', reason: 'Verifying' })
})

test('node ports are tried where clients find them', () => {
  const ports = [21, 30_000, 30_001, 30_002, 30_003, 30_004, 30_005, 30_006, 30_007]
  const live = [liveService({ ports: ports.map(port => ({ port, nodePort: port + 1000 })) })]
  const nodes = new Map([['node-1', [{ type: 'InternalIP', address: '192.0.2.1' }]]])
  const { due } = decision(serving(`${spec}service: { type: NodePort }`, { live, nodes }))
  expect(due).toMatchObject({ addresses: ['192.0.2.1'], port: 1021, way: 'node-ports' })
  expect(due?.ports.map(({ outside }) => outside)).toEqual([31_002, 31_003, 31_006, 31_007])
})

test('pods that relay are tried past the Service too, unless a proxy says who clients are', () => {
  const dueWith = (service: string) => decision(serving(`${spec}service: ${service}`)).due
  const relay = { controlPort: 2121, handoverPort: 2137, metricsPort: 8080 }
  expect(dueWith('{ relay: Enabled }')).toMatchObject({ relay })
  expect(dueWith('{ relay: Enabled, proxyProtocol: { trustedNetworks: [192.0.2.0/24] } }')?.relay).toBeUndefined()
  expect(dueWith('{}')?.relay).toBeUndefined()
  expect(dueWith('{ relay: Enabled }')?.digest).not.toBe(dueWith('{}')?.digest)
})

test('where a person has written the address, the one that the cluster knows comes after it', () => {
  const text = spec.replace('passive: {', 'passive: { advertisedAddress: 192.0.2.9,')
  expect(decision(serving(text)).due).toMatchObject({ addresses: ['192.0.2.9', '203.0.113.7'], told: ['192.0.2.9'] })
})

test.each([
  ['passive: { verification: Disabled, firstPort: 30000, portsPerReplica: 4 }', 'Disabled'],
  ['suspend: true', 'NoPods'],
  ['service: { type: None }', 'NotPossible'],
])('%s: nothing is tried', (line, reason) => {
  const key = line.split(':')[0] ?? ''
  const text = `${spec.replace(new RegExp(`^${key}:.*\n`, 'm'), '')}${line}\n`
  const { due, finding, inMilliseconds } = decision(serving(text))
  expect([due, finding.status, finding.reason, inMilliseconds]).toEqual([undefined, 'Unknown', reason, undefined])
})

test('nothing is tried while pods lack what they are to have, are not ready, or have only just become so', () => {
  const observation = serving()
  const [first, second] = observation.pods
  if (first === undefined || second === undefined) throw new Error('no pods')
  const withSecond = (change: object) => decision({ ...observation, pods: [first, { ...second, ...change }] })
  expect(withSecond({ report: report('another') }).due).toBeUndefined()
  expect(withSecond({ ready: false }).due).toBeUndefined()
  const fresh = withSecond({ readySince: now - 1000 })
  expect([fresh.due, fresh.inMilliseconds]).toEqual([undefined, 2000])
  expect(decision({ ...observation, pods: [first] }).finding.reason).toBe('Pending')
})

test('what was found is told until its time is over, and then tried again', () => {
  const observation = serving()
  const known = decision({ ...observation, probe: found(observation) })
  expect(known).toMatchObject({ finding: { reason: 'Verified' }, due: undefined, inMilliseconds: 3_600_000 })
  const over = decision({ ...observation, probe: found(observation, { nextTime: now }) })
  expect(over.finding.reason).toBe('Verified')
  expect(over.due).toBeDefined()
  const running = decision({ ...observation, probe: { ...found(observation, { nextTime: now }), running: true } })
  expect([running.due, running.inMilliseconds]).toEqual([undefined, undefined])
})

test('a user who is new does not make what was found forgotten', () => {
  const observation = serving()
  const probe = found(observation)
  const pods = observation.pods.map(each => ({ ...each, report: report('before') }))
  expect(decision({ ...observation, pods, probe })).toMatchObject({ finding: { reason: 'Verified' }, due: undefined })
})

test('it is tried anew where the address is another one, ports move to the other half, or a person asks for it', () => {
  const observation = serving()
  const probe = found(observation)
  expect(decision({ ...observation, probe }).due).toBeUndefined()
  const moved = serving(spec, { live: [liveService({}, [{ ip: '203.0.113.8' }])], probe })
  const asked = serving(spec, { probe }, { annotations: { 'ftp-operator.io/verify-passive': 'now' } })
  const { hashOf } = plan(observation).decisions
  const pods = [0, 1].map(replica => pod({ replica, half: 'a', report: report(hashOf(replica, 'a')) }))
  for (const other of [moved, asked, { ...observation, pods, probe }]) expect(decision(other).due).toBeDefined()
})

test('status keeps what was found for the operator that comes next', () => {
  const observation = serving()
  const { last } = found(observation)
  const condition = (status: 'True' | 'False') => ({
    ...{ type: 'PassiveVerified', status, reason: 'Kept', message: 'kept' },
    lastTransitionTime: '2030-01-01T11:00:00Z',
  })
  const withStatus = (status: 'True' | 'False') => ({
    ...observation,
    server: {
      ...observation.server,
      status: {
        conditions: [condition(status)],
        passive: { verification: { time: '2030-01-01T11:00:00Z', digest: last?.of ?? '' } },
      },
    },
  })
  expect(decision(withStatus('True'))).toMatchObject({
    finding: { status: 'True', reason: 'Kept', message: 'kept' },
    due: undefined,
    inMilliseconds: 11 * 3_600_000,
  })
  expect(decision(withStatus('False')).due).toBeDefined()
})

test('pods get the list of the user from the beginning; one of an operator that is gone stays until it is used', () => {
  const fresh = observe(ftpServer(spec), { probe: { ...idle, credential: undefined } })
  expect(plan(fresh).credentialNeeded).toBe(true)
  expect(plan({ ...fresh, probe: undefined }).credentialNeeded).toBe(false)
  const given = plan({ ...fresh, probe: idle })
  expect(given.credentialNeeded).toBe(false)
  const secret = given.apply.find(({ kind }) => kind === 'Secret')
  const list = credential.list.toString('base64')
  expect(secret).toMatchObject({ metadata: { name: 'uploads-users-0' }, data: { '00-0probe.yaml': list } })
  expect(JSON.stringify(given.apply).includes(credential.password)).toBe(false)

  const live = [liveService({}, [{ ip: '203.0.113.7' }]), { ...secret, kind: 'Secret' } as Observation['live'][number]]
  const later = serving(spec, { live, probe: { ...idle, credential: undefined } })
  const kept = plan({ ...later, pods: [] })
  expect(kept.credentialNeeded).toBe(false)
  expect(kept.apply.find(({ kind }) => kind === 'Secret')).toMatchObject({ data: { '00-0probe.yaml': list } })
  expect(plan(later).credentialNeeded).toBe(true)
  const off = spec.replace('passive: {', 'passive: { verification: Disabled,')
  expect(plan(serving(off, { live })).apply.find(({ kind }) => kind === 'Secret')).toBeUndefined()
})
