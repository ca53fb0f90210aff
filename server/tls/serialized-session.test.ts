import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { sessionIdOf } from './serialized-session.ts'

const element = (tag: number, content: Uint8Array): Buffer => {
  const { length } = content
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return Buffer.from([tag, ...size, ...content])
}
const session = (id: Uint8Array, more: Uint8Array): Buffer => {
  const head = [element(2, Buffer.of(1)), element(2, Buffer.of(3, 3)), element(4, Buffer.of(0xc0, 0x2b))]
  return element(0x30, Buffer.concat([...head, element(4, id), element(4, more)]))
}

describe('sessionIdOf', () => {
  it('finds the ID whatever follows it', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 32 }), fc.uint8Array({ maxLength: 2000 }), (id, more) => {
        expect(sessionIdOf(session(id, more))).toEqual(Buffer.from(id))
      }),
    )
  })

  it('finds none in a session that has a ticket in its place', () => {
    expect(sessionIdOf(session(new Uint8Array(0), Buffer.alloc(48)))).toBeUndefined()
  })

  it('finds none in anything that is cut off or is no session', () => {
    const whole = session(Buffer.alloc(32, 7), Buffer.alloc(300))
    for (let length = 0; length < 60; length += 1) expect(sessionIdOf(whole.subarray(0, length))).toBeUndefined()
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), bytes => {
        expect(() => sessionIdOf(Buffer.from(bytes))).not.toThrow()
      }),
    )
  })
})
