import { expect, test } from 'vitest'
import { ftpServer, liveService, observe, pod } from '../../../test/operator/samples.ts'
import type { Observation } from '../../observation/observation.ts'
import { decideExposure } from './exposure.ts'

function expose(spec: string, rest: Partial<Observation> = {}) {
  const server = ftpServer(`{ storage: { emptyDir: {} }, ${spec} }`)
  return decideExposure(observe(server, rest), server.spec.replicas)
}

const shown = ({ advertised, address, clientAddress }: ReturnType<typeof expose>) => ({
  told: advertised.addressOf(0, 'a'),
  reason: address.reason,
  ready: address.ready,
  clientAddress,
})
const nodes = new Map([
  [
    'node-1',
    [
      { type: 'InternalIP', address: '192.168.1.11' },
      { type: 'ExternalIP', address: '203.0.113.11' },
    ],
  ],
  ['node-2', [{ type: 'InternalIP', address: '192.168.1.12' }]],
])
const passivePorts = Array.from({ length: 20 }, (_, index) => ({ port: 20_000 + index, nodePort: 31_500 + index }))
const nodePortService = liveService({ ports: [{ port: 21, nodePort: 31_021 }, ...passivePorts] })

test.each<[string, string, Partial<Observation>, ReturnType<typeof shown>]>([
  [
    'no Service yet',
    '',
    {},
    { told: 'pending', reason: 'LoadBalancerPending', ready: false, clientAddress: undefined },
  ],
  [
    'a load balancer without address',
    '',
    { live: [liveService({})] },
    { told: 'pending', reason: 'LoadBalancerPending', ready: false, clientAddress: undefined },
  ],
  [
    'a load balancer with an address',
    '',
    { live: [liveService({}, [{ ip: '2001:db8::7' }, { ip: '203.0.113.7' }])] },
    { told: '203.0.113.7', reason: 'Assigned', ready: true, clientAddress: '2001:db8::7' },
  ],
  [
    'a load balancer with a host name',
    '',
    { live: [liveService({}, [{ hostname: 'lb.example.com' }])] },
    { told: 'lb.example.com', reason: 'Assigned', ready: true, clientAddress: 'lb.example.com' },
  ],
  [
    'a host name that can’t be resolved yet is told all the same: the server tries again',
    '',
    { live: [liveService({}, [{ hostname: 'lb.example.com' }])], resolvedNames: new Map([['lb.example.com', false]]) },
    { told: 'lb.example.com', reason: 'HostnameUnresolved', ready: false, clientAddress: 'lb.example.com' },
  ],
  [
    'a load balancer with IPv6 alone',
    '',
    { live: [liveService({}, [{ ip: '2001:db8::7' }])] },
    { told: 'auto', reason: 'OnlyIPv6', ready: true, clientAddress: '2001:db8::7' },
  ],
  [
    'a given address needs no Service',
    'passive: { advertisedAddress: ftp.example.com. }',
    {},
    { told: 'ftp.example.com', reason: 'Assigned', ready: true, clientAddress: 'ftp.example.com' },
  ],
  [
    'node ports that are not there yet',
    'service: { type: NodePort }',
    { live: [liveService({ ports: [{ port: 21 }] })], pods: [pod()], nodes },
    { told: 'pending', reason: 'NodePortsPending', ready: false, clientAddress: '203.0.113.11' },
  ],
  [
    'a given address does not help without node ports',
    'service: { type: NodePort }, passive: { advertisedAddress: 203.0.113.9 }',
    {},
    { told: 'pending', reason: 'NodePortsPending', ready: false, clientAddress: '203.0.113.9' },
  ],
  [
    'node ports, and the outer address of the node',
    'service: { type: NodePort }',
    { live: [nodePortService], pods: [pod()], nodes },
    { told: '203.0.113.11', reason: 'Assigned', ready: true, clientAddress: '203.0.113.11' },
  ],
  [
    'a node that has an inner address alone',
    'service: { type: NodePort }',
    { live: [nodePortService], pods: [pod({ node: 'node-2' })], nodes },
    { told: '192.168.1.12', reason: 'Assigned', ready: true, clientAddress: '192.168.1.12' },
  ],
  [
    'node ports before there is a pod',
    'service: { type: NodePort }',
    { live: [nodePortService], nodes },
    { told: 'pending', reason: 'NodePending', ready: false, clientAddress: undefined },
  ],
  [
    'a Service within the cluster',
    'service: { type: ClusterIP }',
    { live: [liveService({})] },
    { told: '10.96.0.7', reason: 'Assigned', ready: true, clientAddress: '10.96.0.7' },
  ],
  [
    'no Service wanted',
    'service: { type: None }',
    {},
    { told: 'auto', reason: 'AddressOfPod', ready: true, clientAddress: undefined },
  ],
  [
    'the network of a node with an outer address',
    'hostNetwork: true, listeners: [{ name: ftp, port: 2121 }], service: { type: None }',
    { pods: [pod()], nodes },
    { told: '203.0.113.11', reason: 'Assigned', ready: true, clientAddress: '203.0.113.11' },
  ],
  [
    'the network of a node without',
    'hostNetwork: true, listeners: [{ name: ftp, port: 2121 }], service: { type: None }',
    { pods: [pod({ node: 'node-2' })], nodes },
    { told: 'auto', reason: 'AddressOfPod', ready: true, clientAddress: '192.168.1.12' },
  ],
])('%s', (_, spec, rest, expected) => {
  expect(shown(expose(spec, rest))).toEqual(expected)
})

test('the pods of two halves are each told the address of their own node', () => {
  const { advertised } = expose('service: { type: NodePort }', {
    live: [nodePortService],
    pods: [pod({ half: 'a', node: 'node-1', terminating: true }), pod({ half: 'b', node: 'node-2' })],
    nodes,
  })
  expect([advertised.addressOf(0, 'a'), advertised.addressOf(0, 'b')]).toEqual(['203.0.113.11', '192.168.1.12'])
})

test('node ports are advertised, and listeners found at theirs', () => {
  const { advertised, clientPort } = expose('service: { type: NodePort }', { live: [nodePortService] })
  expect(advertised.ports.get(20_019)).toBe(31_519)
  expect(clientPort(21)).toBe(31_021)
})

test('with a load balancer the ports are those of the Service, whatever node ports it has', () => {
  const { advertised, clientPort } = expose('', { live: [nodePortService] })
  expect([...advertised.ports]).toEqual([])
  expect(clientPort(21)).toBe(21)
})

const passive =
  'passive: { advertisedAddresses: [{ clients: [10.0.0.0/8], address: ClusterIP }, { clients: [192.168.0.0/16], address: Auto }] }'

test('addresses by network are in the order in which they were given', () => {
  const { advertised } = expose(passive, { live: [liveService({}, [{ ip: '203.0.113.7' }])] })
  expect(advertised.byNetwork(0, 'a')).toEqual([
    { clients: ['10.0.0.0/8'], address: '10.96.0.7' },
    { clients: ['192.168.0.0/16'], address: '203.0.113.7' },
  ])
})

const operator = { ...observe(ftpServer('{ storage: { emptyDir: {} } }')).operator, clusterNetworks: ['10.244.0.0/16'] }

test('clients within the cluster are told its own address', () => {
  const { advertised } = expose('', { live: [liveService({}, [{ ip: '203.0.113.7' }])], operator })
  expect(advertised.byNetwork(0, 'a')).toEqual([{ clients: ['10.244.0.0/16'], address: '10.96.0.7' }])
})

test('not so where clients from outside may come with addresses of the cluster', () => {
  const live = [liveService({}, [{ ip: '203.0.113.7' }])]
  expect(
    expose('service: { externalTrafficPolicy: Cluster }', { live, operator }).advertised.byNetwork(0, 'a'),
  ).toEqual([])
})

test.each([
  ['one replica', '', 'Local', 'same-address', true],
  ['Cluster demanded', 'service: { externalTrafficPolicy: Cluster }', 'Cluster', 'off', false],
  [
    'the check demanded all the same',
    'service: { externalTrafficPolicy: Cluster }, passive: { peerCheck: SameAddress }',
    'Cluster',
    'same-address',
    false,
  ],
  ['the check disabled', 'passive: { peerCheck: Disabled }', 'Local', 'off', true],
  [
    'several replicas behind a load balancer that says whom it speaks for',
    'replicas: 2, service: { proxyProtocol: { trustedNetworks: [10.0.0.0/8] } }',
    'Cluster',
    'same-address',
    true,
  ],
  ['several replicas', 'replicas: 2', 'Cluster', 'off', false],
  [
    'several replicas, Local demanded',
    'replicas: 2, service: { externalTrafficPolicy: Local }',
    'Local',
    'same-address',
    true,
  ],
  ['several replicas that relay', 'replicas: 2, service: { relay: Enabled }', 'Local', 'same-address', true],
  ['several replicas within the cluster', 'replicas: 2, service: { type: ClusterIP }', 'Cluster', 'same-address', true],
  [
    'several replicas in the network of their nodes',
    'replicas: 2, hostNetwork: true, listeners: [{ name: ftp, port: 2121 }]',
    'Cluster',
    'same-address',
    true,
  ],
])('who may use a passive port with %s', (_, spec, policy, peerCheck, preserved) => {
  const exposure = expose(spec)
  expect(exposure).toMatchObject({ externalTrafficPolicy: policy, peerCheck, sourceAddress: { preserved } })
})

test.each([
  ['one replica', '', ''],
  ['several, as it is by default', 'replicas: 2, service: { externalTrafficPolicy: Local }', 'are relayed to it'],
  ['several, without relaying', 'replicas: 2, service: { externalTrafficPolicy: Local, relay: Disabled }', 'are lost'],
])('what becomes of data connections on other nodes with %s is told', (_, spec, end) => {
  const { message } = expose(spec).sourceAddress
  expect(message).toMatch(
    new RegExp(`^externalTrafficPolicy is Local: the addresses of clients reach the server.*${end}$`),
  )
  expect(message.includes(';')).toBe(end !== '')
})

test.each([
  ['one replica', '', true],
  ['several replicas behind a load balancer', 'replicas: 2', false],
  ['several replicas, Local demanded', 'replicas: 2, service: { externalTrafficPolicy: Local }', true],
  ['several replicas within the cluster', 'replicas: 2, service: { type: ClusterIP }', true],
  ['addresses hidden, and bans all the same', 'replicas: 2, bans: { mode: Enabled }', true],
  ['bans disabled', 'bans: { mode: Disabled }', false],
])('whether clients are banned with %s', (_, spec, bansEnabled) => {
  expect(expose(spec).bansEnabled).toBe(bansEnabled)
})

test('clients are not banned until the Service shows their addresses', () => {
  const behind = liveService({ externalTrafficPolicy: 'Cluster' }, [{ ip: '203.0.113.7' }])
  expect(expose('', { live: [behind] }).bansEnabled).toBe(false)
  const announced = 'service: { proxyProtocol: { trustedNetworks: [10.0.0.0/8] } }'
  expect(expose(announced, { live: [behind] }).bansEnabled).toBe(true)
})
