import { expect, test } from 'vitest'
import type { FtpServerSpec } from '../api/ftp-server.ts'
import { containerPorts, passiveRange, portsOf, sliceOf } from './ports.ts'

function passive(portsPerReplica: number): FtpServerSpec['passive'] {
  return {
    firstPort: 20_000,
    portsPerReplica,
    advertisedAddress: 'Auto',
    advertisedAddresses: [],
    sharing: 'Auto',
    portWaitSeconds: 10,
    verification: 'Enabled',
    peerCheck: 'Auto',
  }
}

function listening(ports: readonly number[], hostNetwork = false): FtpServerSpec {
  const listeners = ports.map(port => ({ name: `l-${port}`, port, tls: 'Explicit' as const }))
  return { listeners, hostNetwork } as unknown as FtpServerSpec
}

test('slices of replicas lie side by side, and none moves as replicas are added', () => {
  expect([0, 1, 2].map(replica => sliceOf(passive(20), replica))).toEqual([
    { first: 20_000, last: 20_019 },
    { first: 20_020, last: 20_039 },
    { first: 20_040, last: 20_059 },
  ])
})

test.each([2, 3, 20, 21])('the halves of a slice of %i ports share none and stay within it', portsPerReplica => {
  const [a, b] = (['a', 'b'] as const).map(half =>
    portsOf(passiveRange(passive(portsPerReplica), { replica: 1, half, rollout: 'rolling' })),
  )
  const slice = portsOf(sliceOf(passive(portsPerReplica), 1))
  expect(a?.length).toBe(b?.length)
  expect(new Set([...(a ?? []), ...(b ?? [])]).size).toBe((a?.length ?? 0) * 2)
  expect([...(a ?? []), ...(b ?? [])].every(port => slice.includes(port))).toBe(true)
})

test('without rolling updates a pod has its whole slice', () => {
  expect(passiveRange(passive(20), { replica: 0, half: 'a', rollout: 'recreate' })).toEqual({
    first: 20_000,
    last: 20_019,
  })
})

test('a slice of one port is that port in both halves', () => {
  const ranges = (['a', 'b'] as const).map(half => passiveRange(passive(1), { replica: 0, half, rollout: 'rolling' }))
  expect(ranges).toEqual([
    { first: 20_000, last: 20_000 },
    { first: 20_000, last: 20_000 },
  ])
})

test('pods listen above 1024, each listener at a port of its own', () => {
  const ports = containerPorts(listening([21, 990, 37, 53, 2121, 2122])).map(({ port }) => port)
  expect(ports[0]).toBe(2121)
  expect(new Set(ports).size).toBe(ports.length)
  expect(ports.every(port => port >= 2121 && port <= 2136)).toBe(true)
})

test('as many listeners as there may be all have a place', () => {
  const ports = containerPorts(listening(Array.from({ length: 16 }, (_, index) => 21 + index * 16)))
  expect(new Set(ports.map(({ port }) => port)).size).toBe(16)
})

test('a listener keeps its port in the pod when others come before it or go', () => {
  const portOf990 = (ports: readonly number[]) =>
    containerPorts(listening(ports)).find(({ listener }) => listener.port === 990)?.port
  expect(portOf990([990])).toBe(portOf990([21, 990]))
  expect(portOf990([990, 21])).toBe(portOf990([21, 990]))
})

test('in the network of the node the server listens on the very ports of the listeners', () => {
  expect(containerPorts(listening([2121, 9990], true)).map(({ port }) => port)).toEqual([2121, 9990])
})
