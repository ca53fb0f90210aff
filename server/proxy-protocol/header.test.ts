import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import { endsOf, headerV1, headerV2 } from '../../test/support/proxy-header.ts'
import { crc32c } from './crc32c.ts'
import { longestProxyHeader, parseProxyHeader } from './header.ts'

const parse = (text: string) => parseProxyHeader(Buffer.from(text, 'latin1'))
const four = endsOf('192.0.2.7', '198.51.100.1')
const six = endsOf('2001:db8:0:0:0:0:0:7', '2001:db8:0:0:0:0:0:1')
const unknown = (length: number) => ({ kind: 'header', length, ends: undefined })

describe('version 1', () => {
  it('tells both ends of IPv4 and IPv6, and how long it is', () => {
    expect(parse('PROXY TCP4 192.0.2.7 198.51.100.1 40000 21\r\nUSER a\r\n')).toEqual({
      kind: 'header',
      length: 44,
      ends: four,
    })
    const text = headerV1(endsOf('2001:db8::7', 'ffff::1', [0, 65_535]))
    expect(parseProxyHeader(text)).toMatchObject({
      length: text.length,
      ends: endsOf('2001:db8::7', 'ffff::1', [0, 65_535]),
    })
  })

  it('of somebody unknown has no ends, whatever follows', () => {
    expect(parse('PROXY UNKNOWN\r\n')).toEqual(unknown(15))
    const longest = `PROXY UNKNOWN ${'ffff:'.repeat(7)}ffff ${'ffff:'.repeat(7)}ffff 65535 65535\r\n`
    expect(longest.length).toBeLessThanOrEqual(longestProxyHeader.v1)
    expect(parse(longest)).toEqual(unknown(longest.length))
  })

  it.each([
    'PROXY TCP4 192.0.2.7 198.51.100.1 40000\r\n',
    'PROXY TCP4 192.0.2.7 198.51.100.1 40000 21 \r\n',
    'PROXY TCP4  192.0.2.7 198.51.100.1 40000 21\r\n',
    'PROXY TCP4 192.0.2.7 198.51.100.1 40000 65536\r\n',
    'PROXY TCP4 192.0.2.7 198.51.100.1 040 21\r\n',
    'PROXY TCP4 192.0.2.7 198.51.100.1 -1 21\r\n',
    'PROXY TCP4 192.0.2.007 198.51.100.1 40000 21\r\n',
    'PROXY TCP4 192.0.2.256 198.51.100.1 40000 21\r\n',
    'PROXY TCP4 ::1 ::1 40000 21\r\n',
    'PROXY TCP6 192.0.2.7 198.51.100.1 40000 21\r\n',
    'PROXY TCP6 fe80::1%eth0 ::1 40000 21\r\n',
    'PROXY TCP6 ::1\0 ::1 40000 21\r\n',
    'PROXY UDP4 192.0.2.7 198.51.100.1 40000 21\r\n',
    'PROXY \r\n',
    'PROXY TCP4 192.0.2.7 198.51.100.1 40000 21\n',
    `PROXY UNKNOWN ${'x'.repeat(longestProxyHeader.v1)}`,
    `PROXY UNKNOWN ${'x'.repeat(longestProxyHeader.v1)}\r\n`,
  ])('is taken as it is defined and not otherwise: %j', text => {
    expect(parse(text)).toMatchObject({ kind: 'invalid' })
  })
})

describe('version 2', () => {
  it('tells both ends of IPv4 and IPv6, whatever fields follow', () => {
    const fields = [
      { type: 4, value: Buffer.alloc(100) },
      { type: 0x20, value: Buffer.from('x') },
    ]
    for (const ends of [four, six]) {
      const header = headerV2(ends, { fields })
      const bytes = Buffer.concat([header, Buffer.from('USER a\r\n')])
      expect(parseProxyHeader(bytes)).toEqual({ kind: 'header', length: header.length, ends })
    }
  })

  it('of the proxy itself, of an unknown family or of a Unix socket has no ends', () => {
    for (const header of [
      headerV2(undefined, { command: 0x20 }),
      headerV2(four, { command: 0x20 }),
      // For LOCAL all that follows is ignored.
      headerV2(four, { command: 0x20, family: 0xff, checksum: 'wrong' }),
      headerV2(undefined),
      headerV2(undefined, { family: 0x31, fields: [{ type: 0, value: Buffer.alloc(213) }] }),
    ])
      expect(parseProxyHeader(header)).toEqual(unknown(header.length))
  })

  it('is held to its checksum, if it has one', () => {
    expect(parseProxyHeader(headerV2(six, { checksum: 'right' }))).toMatchObject({ kind: 'header', ends: six })
    expect(parseProxyHeader(headerV2(six, { checksum: 'wrong' }))).toEqual({
      kind: 'invalid',
      reason: 'the checksum is wrong',
    })
    expect(parseProxyHeader(headerV2(six, { fields: [{ type: 3, value: Buffer.alloc(3) }] }))).toMatchObject({
      kind: 'invalid',
    })
  })

  it.each([
    ['another version', headerV2(four, { command: 0x11 })],
    ['another command', headerV2(four, { command: 0x22 })],
    ['another family', headerV2(four, { family: 0x41 })],
    ['another protocol', headerV2(four, { family: 0x13 })],
    ['datagrams', headerV2(four, { family: 0x12 })],
    ['addresses that are not there', headerV2(undefined, { family: 0x11 })],
    ['IPv6 in the room of IPv4', headerV2(four, { family: 0x21 })],
    ['a field without length', Buffer.concat([headerV2(four).fill(14, 15, 16), Buffer.from([4, 0])])],
    [
      'a field that is longer than the header',
      Buffer.concat([headerV2(four).fill(16, 15, 16), Buffer.from([4, 0, 2, 0])]),
    ],
  ])('is refused with %s', (_, header) => {
    expect(parseProxyHeader(header)).toMatchObject({ kind: 'invalid' })
  })

  it('is refused as soon as it says that it is too long', () => {
    const longest = headerV2(four, { fields: [{ type: 4, value: Buffer.alloc(4096 - 15) }] })
    expect(parseProxyHeader(longest)).toMatchObject({ kind: 'header', length: longestProxyHeader.v2 })
    const longer = headerV2(four, { fields: [{ type: 4, value: Buffer.alloc(4096 - 14) }] })
    expect(parseProxyHeader(longer.subarray(0, 16))).toMatchObject({ kind: 'invalid' })
  })
})

test('what begins like no header is told at the first byte that does not fit', () => {
  for (const text of ['USER a\r\n', 'P\r', 'PROXY\t', '\r\n\r\n\0\r\nQUIT\r', '\x16\x03\x01', '\0'])
    expect(parse(text)).toEqual({ kind: 'absent' })
  for (const text of ['', 'P', 'PROXY', 'PROXY ', '\r', '\r\n\r\n\0\r\nQUIT\n', '\r\n\r\n\0\r\nQUIT\n\x21\x11\0'])
    expect(parse(text)).toEqual({ kind: 'incomplete' })
})

test('the checksum is that of RFC 4960', () => {
  // Check value of CRC-32C for the digits 1 to 9.
  expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283)
})

const port = fc.nat(65_535)
const address4 = fc.ipV4()
const group = fc.nat(0xffff).map(number => number.toString(16))
const address6 = fc.array(group, { minLength: 8, maxLength: 8 }).map(groups => groups.join(':'))
const anyEnds = fc
  .oneof(fc.tuple(address4, address4), fc.tuple(address6, address6))
  .chain(([from, to]) => fc.tuple(port, port).map(ports => endsOf(from, to, ports)))
const fields = fc.array(
  fc.record({ type: fc.integer({ min: 4, max: 255 }), value: fc.uint8Array({ maxLength: 40 }) }),
  { maxLength: 4 },
)

test('any header is read as it was written, whatever comes behind it, and never before it is whole', () => {
  const header = fc.oneof(
    anyEnds.map(ends => ({ ends, bytes: headerV1(ends) })),
    fc.tuple(anyEnds, fields, fc.constantFrom(undefined, 'right' as const)).map(([ends, more, checksum]) => ({
      ends,
      bytes: headerV2(ends, { fields: more, ...(checksum && { checksum }) }),
    })),
  )
  fc.assert(
    fc.property(header, fc.uint8Array({ maxLength: 30 }), fc.nat(), ({ ends, bytes }, behind, cut) => {
      const read = { kind: 'header', length: bytes.length, ends }
      expect(parseProxyHeader(Buffer.concat([bytes, behind]))).toEqual(read)
      expect(parseProxyHeader(bytes.subarray(0, cut % bytes.length))).toEqual({ kind: 'incomplete' })
    }),
  )
})
