import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseProxyHeader } from '../proxy-protocol/header.ts'
import { nonceBytes, readSignedHeader, signedHeader } from './signed-header.ts'

const secret = 's'.repeat(32)
const other = 'o'.repeat(32)
const nonce = Buffer.alloc(nonceBytes, 7)
const now = Date.UTC(2026, 0, 1)
const ends = {
  source: { address: '192.0.2.1', port: 40_000 },
  destination: { address: '10.0.0.1', port: 30_007 },
}
const header = signedHeader(ends, { now, nonce }, secret)

describe('A signed header', () => {
  it('says whom it is for, when it was made, and its nonce', () => {
    expect(readSignedHeader(header, [secret])).toEqual({ kind: 'signed', ends, time: now, nonce: '07'.repeat(16) })
  })

  it('is one that any reader of the PROXY protocol understands', () => {
    expect(parseProxyHeader(header)).toEqual({ kind: 'header', length: header.length, ends })
  })

  it.each([
    ['2001:db8::1', '10.0.0.1', '2001:db8:0:0:0:0:0:1', '0:0:0:0:0:ffff:a00:1'],
    ['192.0.2.1', 'fd00::2', '0:0:0:0:0:ffff:c000:201', 'fd00:0:0:0:0:0:0:2'],
    ['1:2:3:4:5:6:7:8', '::', '1:2:3:4:5:6:7:8', '0:0:0:0:0:0:0:0'],
  ])('carries IPv6: %s to %s', (source, destination, readSource, readDestination) => {
    const mixed = {
      source: { address: source, port: 1 },
      destination: { address: destination, port: 2 },
    }
    expect(readSignedHeader(signedHeader(mixed, { now, nonce }, secret), [secret])).toMatchObject({
      kind: 'signed',
      ends: { source: { address: readSource, port: 1 }, destination: { address: readDestination, port: 2 } },
    })
  })

  it('is believed by any of several secrets, and by no other', () => {
    expect(readSignedHeader(header, [other, secret]).kind).toBe('signed')
    expect(readSignedHeader(header, [other]).kind).toBe('unsigned')
    expect(readSignedHeader(header, []).kind).toBe('unsigned')
  })

  it('is believed no more if any of its bits is another one', () => {
    fc.assert(
      fc.property(fc.nat(header.length * 8 - 1), bit => {
        const changed = Buffer.from(header)
        changed.writeUInt8(changed.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3)
        expect(readSignedHeader(changed, [secret])).toEqual({ kind: 'unsigned' })
      }),
    )
  })

  it('reads whatever bytes there are without failing', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), bytes => {
        expect(readSignedHeader(Buffer.from(bytes), [secret])).toEqual({ kind: 'unsigned' })
      }),
    )
  })
})
