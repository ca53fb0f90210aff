import { describe, expect, test } from 'vitest'
import { replyWithText, textOfFile } from './message-text.ts'
import { formatReply } from './reply.ts'

describe('A text before the last line', () => {
  test.each([
    ['Hello.', '230-Hello.\r\n230 Done.\r\n'],
    ['Hello.\r\nWelcome.\n\n', '230-Hello.\r\n230-Welcome.\r\n230 Done.\r\n'],
    ['a\n230 forged\n550 forged', '230-a\r\n230-230 forged\r\n230-550 forged\r\n230 Done.\r\n'],
    ['\u001b[2J\u0007a\0b\rc', '230- [2J a b c\r\n230 Done.\r\n'],
    ['\nsecond', '230- \r\n230-second\r\n230 Done.\r\n'],
  ])('%j', (text, expected) => {
    expect(formatReply(replyWithText(230, text, 'Done.'))).toBe(expected)
  })

  test('has at most 40 lines', () => {
    expect(replyWithText(230, 'line\n'.repeat(100), 'Done.').lines).toHaveLength(41)
  })
})

test('text of a file is UTF-8, or shows where it is not', () => {
  expect(textOfFile(Buffer.from('Grüße\n'))).toBe('Grüße')
  expect(textOfFile(Uint8Array.of(0x61, 0xff, 0x62))).toBe('a\ufffdb')
  expect(textOfFile(Uint8Array.of(10, 32, 10))).toBeUndefined()
})
