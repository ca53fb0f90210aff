import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { dataChannelErrorKinds } from '../data/error.ts'
import { type StorageErrorKind, storageErrorKinds } from '../storage/storage.ts'
import {
  dataChannelReply,
  formatReply,
  greeting,
  quotePath,
  reply,
  storageReply,
  transferReply,
  writeReply,
} from './reply.ts'

describe('formatReply', () => {
  it('writes one line, or several of which only the last has the code and a space', () => {
    expect(formatReply(reply(200, 'OK.'))).toBe('200 OK.\r\n')
    expect(formatReply(reply(211, 'First', ' inner', 'End'))).toBe('211-First\r\n inner\r\n211 End\r\n')
    expect(formatReply(reply(214, 'First', 'Last'))).toBe('214-First\r\n214 Last\r\n')
  })

  it('pads inner lines that begin with a digit', () => {
    expect(formatReply(reply(212, 'First', '212 not the end', '7', 'End'))).toBe(
      '212-First\r\n 212 not the end\r\n 7\r\n212 End\r\n',
    )
  })

  it('lets no text end a line', () => {
    expect(formatReply(reply(257, '"a\r\n230 b\0" made'))).toBe('257 "a  230 b " made\r\n')
  })
})

describe('writeReply', () => {
  const text = fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary-ascii' }), fc.string())

  it('writes what formatReply gives, or nothing', () => {
    fc.assert(
      fc.property(fc.integer({ min: 100, max: 659 }), text, fc.array(text), (code, first, others) => {
        const memory = Buffer.alloc(64)
        const answer = reply(code, first, ...others)
        const length = writeReply(answer, memory)
        if (length !== undefined) expect(memory.toString('latin1', 0, length)).toBe(formatReply(answer))
      }),
    )
  })

  it.each([
    [reply(226, 'Transfer complete.'), 24],
    [reply(200, ''), 6],
    [reply(200, 'x'.repeat(26)), 32],
    [reply(200, 'x'.repeat(27)), undefined],
    [reply(257, '"/é" made.'), undefined],
    [reply(257, '"/a\r\nb" made.'), undefined],
    [reply(214, 'First', 'Last'), undefined],
  ])('of %j', (answer, length) => {
    expect(writeReply(answer, Buffer.alloc(32))).toBe(length)
  })
})

describe('greeting', () => {
  it.each([
    ['Hello.', '220 Hello.\r\n'],
    ['Hello.\nWelcome.\n', '220-Hello.\r\n220 Welcome.\r\n'],
    ['a\nb\n220 c\nd', '220-a\r\n220-b\r\n220-220 c\r\n220 d\r\n'],
    ['', '220 Ready.\r\n'],
  ])('of %j', (banner, text) => {
    expect(formatReply(greeting(banner))).toBe(text)
  })
})

describe('quotePath', () => {
  it('doubles quotes', () => {
    expect(quotePath('/a "b"')).toBe('"/a ""b"""')
  })
})

describe('failures', () => {
  it('of the storage have the codes of RFC 959 section 5.4 and RFC 1123 section 4.1.3.4', () => {
    const codes: Record<StorageErrorKind, number> = {
      'not-found': 550,
      forbidden: 550,
      exists: 550,
      'not-a-file': 550,
      'not-a-directory': 550,
      'not-empty': 550,
      'name-not-allowed': 553,
      busy: 450,
      'no-space': 452,
      'over-quota': 552,
      'read-only': 550,
      'not-answering': 451,
      'too-many-open': 451,
      'bad-offset': 554,
      'not-supported': 504,
      failed: 451,
    }
    expect(Object.fromEntries(storageErrorKinds.map(kind => [kind, storageReply(kind).code]))).toEqual(codes)
  })

  it('do not tell what is missing from what is forbidden', () => {
    expect(storageReply('forbidden')).toBe(storageReply('not-found'))
  })

  it('of the data connection are 425 before it stands, 522 for its TLS, 426 when it was aborted', () => {
    const codes = Object.fromEntries(dataChannelErrorKinds.map(kind => [kind, dataChannelReply(kind).code]))
    expect(codes).toEqual({
      'no-address': 425,
      'no-port': 425,
      'wrong-family': 425,
      'not-set-up': 425,
      timeout: 425,
      refused: 425,
      'tls-failed': 522,
      'not-resumed': 522,
      aborted: 426,
    })
  })

  it('of a transfer are those of the storage where it failed', () => {
    const result = { bytes: 0, durationSeconds: 0 }
    expect(transferReply({ ...result, outcome: 'complete' }).code).toBe(226)
    expect(transferReply({ ...result, outcome: 'truncated' }).code).toBe(426)
    expect(transferReply({ ...result, outcome: 'storage-failed', storageError: 'no-space' }).code).toBe(452)
  })

  it('are told in ASCII, with a text', () => {
    const replies = [...storageErrorKinds.map(storageReply), ...dataChannelErrorKinds.map(dataChannelReply)]
    for (const { lines } of replies) expect(lines.join()).toMatch(/^[ -~]+$/)
  })
})
