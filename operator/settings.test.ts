import { expect, test } from 'vitest'
import { flags, parseSettings } from './settings.ts'

test('without flags and variables, the operator looks after the whole cluster and elects a leader', () => {
  expect(parseSettings([], {})).toMatchObject({
    namespaces: undefined,
    leaderElection: true,
    workers: 4,
    probesPort: 8081,
  })
})

test('a flag wins over its variable', () => {
  const environment = { FTP_OPERATOR_WORKERS: '2', FTP_OPERATOR_NAMESPACES: 'a, b' }
  expect(parseSettings(['--workers', '8'], environment)).toMatchObject({ workers: 8, namespaces: ['a', 'b'] })
})

test('the Lease is in the namespace of the pod unless told', () => {
  expect(parseSettings([], { POD_NAMESPACE: 'ftp' }).leaderElectionNamespace).toBe('ftp')
  expect(parseSettings(['--leader-election-namespace', 'x'], { POD_NAMESPACE: 'ftp' }).leaderElectionNamespace).toBe(
    'x',
  )
})

test('the Lease has the name of the program unless told', () => {
  expect(parseSettings([], {}).leaderElectionId).toBe('ftp-operator')
  expect(parseSettings(['--leader-election-id', 'blue'], {}).leaderElectionId).toBe('blue')
})

test.each([
  ['workers', '0', 'a number from 1 to 64'],
  ['workers', 'many', 'a number from 1 to 64'],
  ['probes-port', '70000', 'a number from 1 to 65535'],
  ['log-level', 'loud', 'one of debug, info, warn, error'],
  ['leader-election', 'yes', 'one of true, false'],
  ['leader-election-id', 'Blue', 'a name of at most 253 lower-case letters, digits, - and .'],
  ['leader-election-id', 'a..b', 'a name of at most 253 lower-case letters, digits, - and .'],
  ['leader-election-id', 'a'.repeat(254), 'a name of at most 253 lower-case letters, digits, - and .'],
  ['namespaces', 'media,Team_A', 'names of namespaces, separated by commas'],
  ['cluster-networks', '10.244.0.0/16,pods', 'networks such as 10.244.0.0/16, separated by commas'],
  ['cluster-networks', '10.244.0.0', 'networks such as 10.244.0.0/16, separated by commas'],
  ['cluster-networks', '10.244.0.0/33', 'networks such as 10.244.0.0/16, separated by commas'],
  ['cluster-networks', 'fe80::%1/64', 'networks such as 10.244.0.0/16, separated by commas'],
] as const)('--%s %s is refused with what it must be', (name, value, must) => {
  expect(() => parseSettings([`--${name}`, value], {})).toThrow(`--${name} (${flags[name].variable}) must be ${must}`)
})

test('networks of both families are taken', () => {
  expect(parseSettings(['--cluster-networks', '10.244.0.0/16, fd00:1::/56'], {}).clusterNetworks).toEqual([
    '10.244.0.0/16',
    'fd00:1::/56',
  ])
})

test('an unknown flag is refused by name', () => {
  expect(() => parseSettings(['--speed', '9'], {})).toThrow('--speed')
})
