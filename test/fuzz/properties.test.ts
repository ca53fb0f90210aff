/** The promises of test/fuzz/targets.ts, for inputs that are nearly right: what a random byte never is. The corpus is tried as well. */
import { readdir } from 'node:fs/promises'
import { deflateSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { commandShapes } from './command-shapes.ts'
import { readCorpus } from './corpus.ts'
import { Coverage } from './coverage.ts'
import { fuzz } from './fuzz.ts'
import { made } from './made.ts'
import { randomFrom } from './mutate.ts'
import { type Target, targets } from './targets.ts'

function expectPromisesOf(name: string, bytes: Uint8Array): void | Promise<void> {
  const target = targets[name]
  if (target === undefined) throw new Error(`no target ${name}`)
  return target(bytes)
}

const latin1 = (text: string) => Buffer.from(text, 'latin1')
const number = fc
  .oneof(
    { weight: 6, arbitrary: fc.nat(255) },
    fc.constantFrom(0, 1, 256, 257, 65_535, 65_536, -1, 2 ** 32, 2 ** 53, 2 ** 64),
  )
  .map(String)

const shapes: Readonly<Record<string, fc.Arbitrary<string>>> = {
  ...commandShapes,
  'control-lines': made(
    16,
    'NOOP',
    '\r\n',
    '\n',
    '\r',
    '\0',
    '\xff\xfb\x01',
    '\xff',
    '\xf2',
    '\xf4',
    'ABOR\r',
    'x'.repeat(23),
    '\x16\x03',
  ),
  requests: made(8, 'retr', 'SITE', ' ', '  ', '\xe4', '\xc3\xa4', '\xff', 'a/b'),
  addresses: fc.oneof(
    fc
      .oneof(fc.constant(6), fc.nat(8))
      .chain(count => fc.array(number, { minLength: count, maxLength: count }))
      .map(numbers => numbers.join(',')),
    fc
      .tuple(
        fc.constantFrom('|', '!', '1', ' '),
        number,
        fc.oneof(fc.ipV4(), fc.ipV6(), fc.constantFrom('::ffff:1.2.3.4', '1.2.3', 'fe80::1%lo')),
        number,
      )
      .map(([mark, family, address, port]) => `${mark}${family}${mark}${address}${mark}${port}${mark}`),
    fc.tuple(fc.oneof(fc.ipV4(), fc.ipV6()), fc.nat(140)).map(([address, prefix]) => `${address}/${prefix}`),
  ),
  names: made(8, '\xc3', '\xa4', '\xf0\x9f', '\x98\x80', '\xed\xa0\x80', 'a', '\r', '\n', '\0', '\x7f'),
  paths: made(16, '/', '..', '.', 'a', '\0', '\xff', '//', '\\', 'x'.repeat(250)),
  globs: made(10, '*', '?', '[', ']', '!', '-', '\\', 'a', 'b', '\0', '\xc3\xa4'),
  'listing-flags': made(8, '-', '-l', '-aR', '--', ' ', '  ', 'dir', '1'),
  times: fc.oneof(
    fc
      .date({ min: new Date(0), max: new Date(253_402_300_799_000), noInvalidDate: true })
      .map(date => date.toISOString().replace(/[-T:Z]/g, '')),
    made(6, '2026', '0229', '235960', '.', '123', 'type;', 'UNIX.mode;', ';'),
  ),
  'restart-offsets': made(5, '0', '9', '-', '+', '.', 'e', 'x', ' ', '9007199254740991'),
  'tls-records': made(10, '\x16\x03\x01\0\x02', '\x17\x03\x03\0\x01', '\x15', '\x14', '\0', 'NOOP\r\n'),
  'server-yaml': made(
    14,
    'listeners:',
    'limits:',
    ' ',
    '\n',
    '  ',
    '- ',
    'name: ftp',
    'port: 21',
    '{',
    '}',
    '[',
    ']',
    '&a',
    '*a',
    'storage:',
    'symlinks:',
    ': ',
    '!!',
    '"',
    '#',
    '|',
  ),
  'proxy-headers': made(
    10,
    'PROXY ',
    'TCP4 ',
    'TCP6 ',
    'UNKNOWN',
    '192.0.2.7 ',
    '2001:db8::7 ',
    '21 ',
    '40000',
    '\r\n',
    '\r\n\r\n\0\r\nQUIT\n',
    '\x21\x11\0\x0c',
    '\x21\x21\0\x24',
    '\x20\0\0\0',
    '\0'.repeat(12),
    '\x04\0\x01',
    '\x03\0\x04',
  ),
  'plain-yaml': made(
    12,
    'users:',
    '\n',
    '  - ',
    'name: a',
    '    ',
    '- ',
    '{ ',
    ' }',
    '[',
    ']',
    ', ',
    "'",
    '"',
    ': ',
    ' #',
    '---\n',
    '0',
    'true',
    'a: b',
  ),
  'user-lists': made(
    14,
    'users:',
    '\n',
    '  - ',
    'name: a',
    '    ',
    'role: read-only',
    'paths:',
    '[',
    ']',
    '{',
    '}',
    'passwordFile: x',
    ': ',
    '"users"',
    ',',
  ),
  htpasswd: made(8, 'alice', ':', '\n', '$2b$10$', '$6$salt$', '$argon2id$v=19$', 'a'.repeat(53), '#', ' '),
  formats: made(
    8,
    '/',
    '..',
    'a',
    '10.0.0.0',
    '/8',
    ':',
    '::',
    '$',
    'm=64,t=1,p=1',
    '2026-01-01',
    'T',
    'Z',
    '$scrypt$',
    'ln=1',
  ),
  'encoded-data': fc
    .tuple(
      fc.nat(255),
      fc.nat(40),
      made(
        12,
        '\0\0\x02ab',
        '\x80\0\0',
        '\x40\0\0',
        '\x10\0\x01m',
        '\xff\x01',
        '\xff\x02',
        '\xff\xff',
        '\0\x40\xc0',
        '\0\x10',
        '\x02ab',
        '\xc4',
        '\x83a',
        '\r',
        '\n',
      ),
    )
    .map(([which, at, rest]) => String.fromCharCode(which, at) + rest),
  deflated: fc
    .tuple(
      fc.nat(40),
      made(3, deflatedText('a'), deflatedText('some words, some words'), deflatedText(''), '\x78\x9c', '\0\0\0\0'),
    )
    .map(([at, rest]) => String.fromCharCode(at) + rest),
  'tls-conversations': fc
    .tuple(
      fc.nat(1),
      fc.nat(2),
      made(
        8,
        // Data, cut or whole; then what is named beside each.
        '\0\x03abc\x02',
        '\0\x03abc\xff',
        '\x01\x15\x02\x01\0\xff', // close_notify
        '\x01\x16\x04\x01\0\0\0\xff', // a renegotiation
        '\x02\x01\xff', // a KeyUpdate
        '\x03\x17\x01a\x08\x01\xff', // a record with a bit flipped
        '\x04\x05\x17\x03\x03\x40\0\xff', // a header in clear text
        '\x05', // the end of the connection
        '\x06',
        '\x07\x02ok',
        '\x08',
        '\x09\x03bye',
      ),
    )
    .map(([version, purpose, rest]) => String.fromCharCode(version, purpose, 0) + rest),
}

function deflatedText(text: string): string {
  return deflateSync(text).toString('latin1')
}

describe('Whatever it reads', () => {
  it('each target has a corpus and a shape, and no corpus is without target', async () => {
    const files = await readdir(new URL('corpus/', import.meta.url))
    expect(files.toSorted()).toEqual(
      Object.keys(targets)
        .map(name => `${name}.json`)
        .toSorted(),
    )
    expect(Object.keys(shapes).toSorted()).toEqual(Object.keys(targets).toSorted())
  })

  it.each(Object.keys(targets))('keeps its promises for the corpus: %s', async name => {
    for (const input of await readCorpus(name)) await expectPromisesOf(name, input)
  })

  it.each(Object.entries(shapes))('keeps its promises for what is nearly right: %s', async (name, shape) => {
    await fc.assert(
      fc.asyncProperty(shape, async text => {
        await expectPromisesOf(name, latin1(text))
      }),
      { numRuns: 500 },
    )
  })

  it.each(Object.keys(targets))('keeps its promises for any bytes: %s', async name => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async bytes => {
        await expectPromisesOf(name, bytes)
      }),
      { numRuns: 200 },
    )
  })
})

describe('The fuzzer', () => {
  it('finds what random bytes never would, by the code they reach', { timeout: 60_000 }, async () => {
    const coverage = new Coverage(import.meta.url.replace(/[^/]*$/, ''))
    try {
      const options = { corpus: [], coverage, random: randomFrom(7), milliseconds: 30_000 }
      const { failure } = await fuzz(hidden, options)
      expect(Buffer.from(failure?.input ?? []).toString('latin1')).toMatch(/^\r\*f/)
    } finally {
      coverage.close()
    }
  })

  it('tells of an input that takes too long', async () => {
    const coverage = new Coverage('file:///nowhere/')
    const slow: Target = () => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1100)
    const { failure } = await fuzz(slow, { corpus: [], coverage, random: randomFrom(1), milliseconds: 10 })
    coverage.close()
    expect(String(failure?.error)).toMatch(/took \d+ ms/)
  })
})

/** Three bytes in a row: 2^24 tries without a sense of direction. */
function hidden(bytes: Uint8Array): void {
  if (bytes[0] !== 0x0d) return
  if (bytes[1] !== 0x2a) return
  if (bytes[2] !== 0x66) return
  throw new Error('found')
}
