import fc from 'fast-check'
import { expect, test } from 'vitest'
import { isNetwork, parseNetwork } from '../config/network.ts'
import { addressOf, clientKey } from './client-key.ts'

test.each([
  ['192.0.2.7', '192.0.2.7'],
  ['::ffff:192.0.2.7', '192.0.2.7'],
  ['::FFFF:192.0.2.7', '192.0.2.7'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:0DB8:0001:0002::', '2001:db8:1:2::/64'],
  ['2001:db8::1', '2001:db8:0:0::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ['::1', '0:0:0:0::/64'],
  ['64:ff9b::192.0.2.7', '64:ff9b:0:0::/64'],
  ['1:2:3:4:5:6:192.0.2.7', '1:2:3:4::/64'],
])('%s is counted as %s', (address, client) => {
  expect(clientKey(address)).toBe(client)
})

test('all addresses of a /64 are one client, which is a network that holds them, and those beside it are others', () => {
  const group = fc.integer({ min: 0, max: 0xffff }).map(number => number.toString(16))
  const groups = fc.array(group, { minLength: 8, maxLength: 8 })
  fc.assert(
    fc.property(groups, groups, (one, other) => {
      const client = clientKey(one.join(':'))
      const sibling = [...one.slice(0, 4), ...other.slice(4)].join(':')
      expect(clientKey(sibling)).toBe(client)
      expect(isNetwork(client)).toBe(true)
      expect(parseNetwork(client)?.contains(sibling)).toBe(true)
      const foreign = [...other.slice(0, 4), ...one.slice(4)].join(':')
      expect(clientKey(foreign) === client).toBe(parseNetwork(client)?.contains(foreign))
      expect(parseNetwork(client)?.contains(addressOf(client))).toBe(true)
    }),
  )
})
