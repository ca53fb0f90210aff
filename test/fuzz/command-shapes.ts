/** Inputs for test/fuzz/command-targets.ts and import-targets.ts that are nearly right. */
import fc from 'fast-check'
import { clientHello } from '../support/client-hello.ts'
import { made } from './made.ts'

const hello = clientHello()

/** A real one, with bytes changed, bytes behind it, or cut into records anew. */
const hellos: fc.Arbitrary<string> = fc
  .tuple(
    fc.array(fc.tuple(fc.nat(hello.length - 1), fc.nat(255)), { maxLength: 4 }),
    fc.option(fc.nat(hello.length - 6)),
    made(3, '\x17\x03\x03\0\x01', '\x14\x03\x03\0\x01\x01', '\x16\x03\x03\0\0', '\x16'),
    fc.option(fc.nat(hello.length)),
  )
  .map(([changes, cut, behind, end]) => {
    const bytes = Buffer.from(hello)
    for (const [at, value] of changes) bytes[at] = value
    const body = bytes.subarray(5)
    const records = cut === null ? [bytes] : [body.subarray(0, cut), body.subarray(cut)].map(record)
    return `${Buffer.concat(records)
      .subarray(0, end ?? undefined)
      .toString('latin1')}${behind}`
  })

function record(content: Buffer): Buffer {
  const head = Buffer.from([22, 3, 1, 0, 0])
  head.writeUInt16BE(content.length, 3)
  return Buffer.concat([head, content])
}

const sha = `$6$saltsalt$${'x'.repeat(86)}`

export const commandShapes: Readonly<Record<string, fc.Arbitrary<string>>> = {
  'client-hellos': hellos,
  hosts: fc.oneof(
    made(8, 'ftp', '.', 'example.com', '-', '[', ']', 'IPv6:', '192.0.2.1', '::1', '::ffff:', '%lo', ':21', '\xc3\xa4'),
    fc.tuple(fc.constantFrom('[', '[IPv6:', ''), fc.ipV6(), fc.constantFrom(']', '')).map(parts => parts.join('')),
  ),
  'new-facts': made(
    10,
    'Modify=20260101000000;',
    'Modify=20260101000000.123;',
    'UNIX.mode=0644;',
    'unix.mode=7777;',
    'Size=1;',
    'modify',
    '=',
    ';',
    ' ',
    ' name',
    '\xed\xa0\x80',
    '\xf0\x9f\x98\x80',
    '\r',
  ),
  'quoted-names': made(10, '"', '""', 'a b', ' ', ',', ', ', '7', ' 12', '999999999999999', '\xff'),
  'one-time-codes': fc
    .tuple(made(4, 'JBSWY3DPEHPK3PXP', 'jbsw y3dp', '-', '=', '\xff'), made(4, 'secret', '123456', '12345', '\xd9\xa0'))
    .map(parts => parts.join('\0')),
  messages: made(10, 'Welcome', '\n', '\r\n', '\r', '230 done', '220-', '\x1b[2J', '\0', '\x9b', '\xe2\x80\xa8', ' '),
  'pure-ftpd': made(
    24,
    'joe:',
    `joe:${sha}:1:1::/home/joe/./:`,
    ':',
    '::',
    '/home/joe/./',
    '10240',
    '0',
    '192.0.2.0/24',
    ',',
    'host.example',
    '0900-1800',
    '\n',
    '#',
    '"',
  ),
  proftpd: made(
    14,
    `joe:${sha}:1:10::/home:/bin/sh`,
    'joe',
    ':',
    'x',
    '!',
    '10',
    '/',
    '..',
    '\n',
    '\0staff:x:10:',
    ',',
  ),
  vsftpd: made(
    16,
    'write_enable=YES',
    'anon_upload_enable=YES',
    'guest_enable=NO',
    'hide_file={a*,b?}',
    'deny_file=',
    'user_sub_token=$USER',
    'local_root=/srv/$USER',
    'userlist_enable=YES',
    'userlist_deny=NO',
    'constructor=1',
    '\n',
    '\0',
    '\0joe\nsecret\n',
    `joe:${sha}`,
    'joe:x:1:1::/home/joe:/bin/sh',
    'VERSION=3\nHEADER=END\n joe\n p\\c3\\a4\nDATA=END\n',
  ),
}
