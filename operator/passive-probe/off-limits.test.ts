import { expect, test } from 'vitest'
import { isOffLimits, lookupWithout } from './off-limits.ts'

test.each([
  '127.0.0.1',
  '127.8.0.1',
  '0.0.0.0',
  '169.254.169.254',
  '224.0.0.1',
  '255.255.255.255',
  '::1',
  '::',
  '::ffff:127.0.0.1',
  '::ffff:169.254.169.254',
  'fe80::1',
  'fd00:ec2::254',
  'ff02::1',
])('%s is nowhere to look for clients', address => {
  expect(isOffLimits(address)).toBe(true)
})

test.each(['203.0.113.7', '10.0.0.1', '192.168.1.1', '::ffff:203.0.113.7', '2001:db8::1', 'fd12::1'])(
  '%s may be where clients come in',
  address => {
    expect(isOffLimits(address)).toBe(false)
  },
)

test.each([{ all: true }, { all: false }])('a name leads to none of them (%j)', async options => {
  const found = await new Promise(resolve => {
    lookupWithout(isOffLimits)('localhost', options, (error, address) => resolve(error?.code ?? address))
  })
  expect(found).toBe('ENOTFOUND')
  const all = await new Promise(resolve => {
    lookupWithout(() => false)('localhost', options, (error, address) => resolve(error?.code ?? address))
  })
  expect(JSON.stringify(all)).toMatch(/127\.0\.0\.1|::1/)
})
