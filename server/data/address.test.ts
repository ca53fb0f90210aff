import { describe, expect, it } from 'vitest'
import {
  addressFamily,
  canonicalAddress,
  checkActiveTarget,
  formatExtendedPassive,
  formatPassive,
  parseExtendedPort,
  parsePort,
} from './address.ts'

describe('parsePort', () => {
  it('reads six numbers', () => {
    expect(parsePort('192,0,2,7,4,1')).toEqual({ address: '192.0.2.7', port: 1025 })
    expect(parsePort(' 192,0,2,7,255,255 ')).toEqual({ address: '192.0.2.7', port: 65_535 })
  })

  it.each([
    '',
    '1,2,3,4,5',
    '1,2,3,4,5,6,7',
    '1,2,3,4,5,256',
    '1,2,3,4,-5,6',
    '1,2,3,4,+5,6',
    '1,2,3,4,0x5,6',
    '1,2,3,4,5e0,6',
    '1,2,3,4,5,',
    '1,2,3,4, 5,6',
    '1,2,3,4,0,0',
    '1,2,3,4,5,6 x',
    '٣,2,3,4,5,6',
    '1.2.3.4.5.6',
  ])('refuses %j', text => {
    expect(parsePort(text)).toBeUndefined()
  })
})

describe('parseExtendedPort', () => {
  it('reads IPv4 and IPv6 with any delimiter', () => {
    expect(parseExtendedPort('|1|192.0.2.7|6275|')).toEqual({ address: '192.0.2.7', port: 6275 })
    expect(parseExtendedPort('|2|2001:db8::1|6275|')).toEqual({ address: '2001:db8::1', port: 6275 })
    expect(parseExtendedPort('!1!192.0.2.7!6275!')).toEqual({ address: '192.0.2.7', port: 6275 })
    expect(parseExtendedPort('~2~::1~1024~')).toEqual({ address: '::1', port: 1024 })
  })

  it('tells an unknown family from bad syntax', () => {
    expect(parseExtendedPort('|3|192.0.2.7|6275|')).toBe('wrong-family')
    expect(parseExtendedPort('|0|x|6275|')).toBe('wrong-family')
  })

  it.each([
    '',
    '|',
    '||||',
    '|1|192.0.2.7|6275',
    '1|192.0.2.7|6275|',
    '|1|192.0.2.7|6275||',
    '|1|192.0.2.7|0|',
    '|1|192.0.2.7|65536|',
    '|1|192.0.2.7|-1|',
    '|1|192.0.2.7|0x50|',
    '|1|::1|6275|',
    '|2|192.0.2.7|6275|',
    '|2|fe80::1%eth0|6275|',
    '|1|host.example|6275|',
    '|1|1.2.3|6275|',
    ' 1 192.0.2.7 6275 ',
    '\u00a71\u00a7192.0.2.7\u00a76275\u00a7',
  ])('refuses %j', text => {
    expect(parseExtendedPort(text)).toBeUndefined()
  })
})

describe('formats', () => {
  it('writes 227 and 229 texts that clients parse', () => {
    expect(formatPassive({ address: '192.0.2.7', port: 30_001 })).toBe('Entering Passive Mode (192,0,2,7,117,49).')
    expect(formatExtendedPassive({ port: 30_001 })).toBe('Entering Extended Passive Mode (|||30001|)')
  })

  it('knows the protocol numbers of RFC 2428', () => {
    expect(['192.0.2.7', '::ffff:192.0.2.7', '2001:db8::1'].map(addressFamily)).toEqual([1, 1, 2])
  })

  it('has one spelling for each address', () => {
    expect(canonicalAddress('::ffff:127.0.0.1')).toBe('127.0.0.1')
    expect(canonicalAddress('::FFFF:7f00:1')).toBe('127.0.0.1')
    expect(canonicalAddress('2001:DB8:0:0::1')).toBe('2001:db8::1')
    expect(canonicalAddress('fe80::1%eth0')).toBe('fe80::1')
  })
})

describe('checkActiveTarget', () => {
  const strict = { enabled: true, privilegedPorts: false, foreignAddresses: false }
  const open = { ...strict, foreignAddresses: true }
  const peer = { address: '192.0.2.7', port: 50_000 }

  it('lets the client name itself, however it is written', () => {
    expect(checkActiveTarget({ address: '192.0.2.7', port: 1024 }, peer, strict)).toBeUndefined()
    expect(checkActiveTarget({ address: '::ffff:192.0.2.7', port: 1024 }, peer, strict)).toBeUndefined()
    expect(
      checkActiveTarget({ address: '192.0.2.7', port: 1024 }, { ...peer, address: '::ffff:192.0.2.7' }, strict),
    ).toBeUndefined()
    expect(
      checkActiveTarget({ address: '127.0.0.1', port: 1024 }, { address: '127.0.0.1', port: 1 }, strict),
    ).toBeUndefined()
    expect(
      checkActiveTarget({ address: '2001:DB8:0::7', port: 1024 }, { address: '2001:db8::7', port: 1 }, strict),
    ).toBeUndefined()
  })

  it('refuses ports below 1024 unless they are allowed', () => {
    expect(checkActiveTarget({ address: '192.0.2.7', port: 1023 }, peer, strict)).toBe('privileged')
    expect(
      checkActiveTarget({ address: '192.0.2.7', port: 25 }, peer, { ...strict, privilegedPorts: true }),
    ).toBeUndefined()
  })

  it('refuses other addresses unless they are allowed', () => {
    expect(checkActiveTarget({ address: '192.0.2.8', port: 25 }, peer, strict)).toBe('foreign')
    expect(checkActiveTarget({ address: '192.0.2.8', port: 1024 }, peer, open)).toBeUndefined()
    expect(checkActiveTarget({ address: '192.0.2.8', port: 25 }, peer, open)).toBe('privileged')
  })

  it.each([
    '0.0.0.0',
    '127.0.0.1',
    '127.9.9.9',
    '::ffff:127.0.0.1',
    '::ffff:7f00:1',
    '169.254.169.254',
    '224.0.0.1',
    '255.255.255.255',
    '::',
    '::1',
    'fe80::1',
    'ff02::1',
    'fd00:ec2::254',
  ])('refuses %s even where other addresses are allowed', address => {
    expect(checkActiveTarget({ address, port: 2000 }, peer, open)).toBe('foreign')
  })
})
