import { describe, expect, it } from 'vitest'
import { AdvertisedAddresses, advertisedPort } from './advertised-address.ts'

const passive = {
  ports: { first: 20_000, last: 20_099 },
  advertisedAddress: '203.0.113.9',
  advertisedAddresses: [
    { clients: ['10.0.0.0/8', '2001:db8::/32'], address: 'auto' },
    { clients: ['10.1.0.0/16', '192.0.2.1'], address: 'ftp.example' },
  ],
  advertisedPorts: [{ port: 20_001, advertised: 31_001 }],
  sharing: 'auto' as const,
  portWaitSeconds: 10,
  peerCheck: 'same-address' as const,
  proxyProtocol: { trustedNetworks: [] },
}

describe('AdvertisedAddresses', () => {
  it('takes the first entry whose networks hold the client, or else the general one', () => {
    const addresses = new AdvertisedAddresses()
    expect(addresses.setting(passive, '10.1.2.3')).toBe('auto')
    expect(addresses.setting(passive, '::ffff:10.1.2.3')).toBe('auto')
    expect(addresses.setting(passive, '2001:db8::5')).toBe('auto')
    expect(addresses.setting(passive, '192.0.2.1')).toBe('ftp.example')
    expect(addresses.setting(passive, '192.0.2.2')).toBe('203.0.113.9')
  })

  it('knows addresses without asking anybody', async () => {
    const addresses = new AdvertisedAddresses({ resolveName: async () => Promise.reject(new Error('asked')) })
    expect(await addresses.resolve('203.0.113.9', '10.0.0.1')).toBe('203.0.113.9')
    expect(await addresses.resolve('auto', '::ffff:10.0.0.1')).toBe('10.0.0.1')
    expect(await addresses.resolve('auto', '2001:db8::1')).toBeUndefined()
    expect(await addresses.resolve('pending', '10.0.0.1')).toBeUndefined()
  })

  it('resolves a name once for many, again after 30 s, and keeps the last good address', async () => {
    let now = 0
    let asked = 0
    let answer: string | undefined = '192.0.2.1'
    const addresses = new AdvertisedAddresses({
      now: () => now,
      resolveName: async () => {
        asked++
        if (answer === undefined) throw new Error('no such name')
        return answer
      },
    })
    const resolve = () => addresses.resolve('ftp.example', '10.0.0.1')
    expect(await Promise.all([resolve(), resolve()])).toEqual(['192.0.2.1', '192.0.2.1'])
    now = 29_000
    answer = '192.0.2.2'
    expect(await resolve()).toBe('192.0.2.1')
    expect(asked).toBe(1)
    now = 31_000
    expect(await resolve()).toBe('192.0.2.2')
    now = 90_000
    answer = undefined
    expect(await resolve()).toBe('192.0.2.2')
    expect(asked).toBe(3)
  })

  it('has no address for a name that was never resolved, and asks again', async () => {
    let asked = 0
    const addresses = new AdvertisedAddresses({
      resolveName: async () => {
        asked++
        if (asked === 1) throw new Error('no such name')
        return '192.0.2.1'
      },
    })
    expect(await addresses.resolve('ftp.example', '10.0.0.1')).toBeUndefined()
    expect(await addresses.resolve('ftp.example', '10.0.0.1')).toBe('192.0.2.1')
  })
})

describe('advertisedPort', () => {
  it('maps ports that are reached under other numbers', () => {
    expect([20_000, 20_001].map(port => advertisedPort(passive, port))).toEqual([20_000, 31_001])
  })
})
