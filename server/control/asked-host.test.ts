import { describe, expect, test } from 'vitest'
import { parseHost } from './asked-host.ts'

describe('what HOST names', () => {
  test.each([
    ['ftp.example.com', { kind: 'name', name: 'ftp.example.com' }],
    ['FTP.Example.COM', { kind: 'name', name: 'ftp.example.com' }],
    ['xn--bcher-kva.example', { kind: 'name', name: 'xn--bcher-kva.example' }],
    ['192.0.2.7', { kind: 'address', address: '192.0.2.7' }],
    ['[192.0.2.7]', { kind: 'address', address: '192.0.2.7' }],
    ['[2001:DB8:0::1]', { kind: 'address', address: '2001:db8::1' }],
    ['[IPv6:2001:db8::1]', { kind: 'address', address: '2001:db8::1' }],
  ])('%s', (text, asked) => {
    expect(parseHost(text)).toEqual(asked)
  })

  test.each([
    ...['ftp.example.com:21', '192.0.2.7:21', '[2001:db8::1]:21', '2001:db8::1', '[2001:db8::g]', '[fe80::1%eth0]'],
    ...['bücher.example', 'ftp.example.com.', 'ftp_1.example.com', 'a b', '1.2.3', '-a.example', '[]', ''],
  ])('%j is no host', text => {
    expect(parseHost(text)).toBeUndefined()
  })
})
