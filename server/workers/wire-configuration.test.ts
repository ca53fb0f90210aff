import { deserialize, serialize } from 'node:v8'
import { expect, test } from 'vitest'
import { embeddedConfiguration } from '../config/embedded.ts'
import { parseNetwork } from '../config/network.ts'
import { scheduleOf } from '../config/schedule.ts'
import { userOf, wireConfiguration, wireUsers } from './wire-configuration.ts'

const { configuration: embedded } = embeddedConfiguration({}, { kind: 'password', password: 'secret' })
const [user] = embedded?.users.values() ?? []
if (embedded === undefined || user === undefined) throw new Error('There is no configuration.')

test('a configuration survives the way to another process, users and their networks too', () => {
  const network = parseNetwork('192.0.2.0/24')
  if (network === undefined) throw new Error('There is no network.')
  const configuration = { ...embedded, users: new Map([['alice', { ...user, allowedNetworks: [network] }]]) }
  const sent = deserialize(serialize([wireConfiguration(configuration), ...wireUsers(configuration)]))
  const [received, [alice]] = sent
  expect(received).toEqual({ ...configuration, users: undefined })
  const { allowedNetworks, ...rest } = userOf(alice)
  expect(rest).toEqual({ ...user, allowedNetworks: undefined })
  expect(['192.0.2.9', '192.0.3.9'].map(address => allowedNetworks[0]?.contains(address))).toEqual([true, false])
})

test('time windows of a user survive it', () => {
  const days = ['monday' as const]
  const schedule = scheduleOf({ timeZone: 'Europe/Berlin', windows: [{ days, from: '08:00', to: '18:00' }] })
  const configuration = { ...embedded, users: new Map([['alice', { ...user, schedule }]]) }
  const [[alice]] = deserialize(serialize([...wireUsers(configuration)]))
  // 2030-01-07 is a Monday.
  const times = ['2030-01-07T06:59:00Z', '2030-01-07T07:00:00Z', '2030-01-08T12:00:00Z'].map(Date.parse)
  expect(times.map(time => userOf(alice).schedule?.isOpen(time))).toEqual([false, true, false])
})

test('many users come in pieces, each of them once', () => {
  const names = Array.from({ length: 1001 }, (_, index) => `user-${index}`)
  const configuration = { ...embedded, users: new Map(names.map(name => [name, { ...user, name }])) }
  const pieces = [...wireUsers(configuration)]
  expect(pieces.map(piece => piece.length)).toEqual([250, 250, 250, 250, 1])
  expect(pieces.flat().map(({ name }) => name)).toEqual(names)
})
