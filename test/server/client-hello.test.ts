import { expect, test } from 'vitest'
import { parseClientHello } from '../../server/data/passive/client-hello.ts'
import { clientHello } from '../support/client-hello.ts'

const hello = clientHello()

test('a ClientHello is read as soon as it is whole, however it is cut into records', () => {
  expect(parseClientHello(hello)).toMatchObject({ kind: 'hello', tickets: [] })
  for (let length = 0; length < hello.length; length += 1)
    expect(parseClientHello(hello.subarray(0, length)), `${length} bytes`).toEqual({ kind: 'incomplete' })
  const body = hello.subarray(5)
  const records = [body.subarray(0, 3), body.subarray(3, 90), body.subarray(90)].flatMap(part => {
    const head = Buffer.from([22, 3, 1, 0, 0])
    head.writeUInt16BE(part.length, 3)
    return [head, part]
  })
  expect(parseClientHello(Buffer.concat(records))).toEqual(parseClientHello(hello))
})

test('anything else is something else, and nothing is read beyond its end', () => {
  for (const text of ['GET / HTTP/1.1\r\n\r\n', '\x16\x04\x01', '\x16\x03\x01\0\0', '\x16\x03\x01\0\x04\x02\0\0\0'])
    expect(parseClientHello(Buffer.from(text, 'latin1')), JSON.stringify(text)).toEqual({ kind: 'other' })
  for (let at = 5; at < hello.length; at += 1) {
    const broken = Buffer.from(hello)
    broken[at] = (broken[at] ?? 0) ^ 0xff
    expect(['hello', 'incomplete', 'other'], `byte ${at}`).toContain(parseClientHello(broken).kind)
  }
})

test.each([
  ['a ticket', 35, [1, 2, 3], [[1, 2, 3]]],
  ['no ticket yet', 35, [], []],
  [
    'keys shared before',
    41,
    [0, 16, 0, 2, 7, 8, 0, 0, 0, 0, 0, 2, 9, 9, 0, 0, 0, 0],
    [
      [7, 8],
      [9, 9],
    ],
  ],
  ['a key without a name', 41, [0, 6, 0, 0, 0, 0, 0, 0], []],
])('what a ClientHello wants to resume by is in its extensions: %s', (_, type, data, tickets) => {
  const extension = Buffer.from([0, type, 0, data.length, ...data])
  const body = Buffer.concat([
    Buffer.alloc(34, 3),
    Buffer.from([2, 5, 6, 0, 2, 0x13, 1, 1, 0]),
    Buffer.from([0, extension.length]),
    extension,
  ])
  const message = Buffer.concat([Buffer.from([1, 0, 0, body.length]), body])
  expect(parseClientHello(Buffer.concat([Buffer.from([22, 3, 1, 0, message.length]), message]))).toEqual({
    kind: 'hello',
    tickets: tickets.map(ticket => Buffer.from(ticket)),
    sessionId: Buffer.from([5, 6]),
  })
})
