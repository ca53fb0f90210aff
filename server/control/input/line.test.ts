import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { LineReader } from './line.ts'

const limit = 20

function read(...chunks: readonly (string | Uint8Array)[]): { lines: string[]; answers: number[]; reader: LineReader } {
  const reader = new LineReader(limit)
  const lines: string[] = []
  const answers: number[] = []
  for (const chunk of chunks) {
    reader.push(typeof chunk === 'string' ? Buffer.from(chunk, 'latin1') : chunk)
    for (let line = reader.next(); line !== undefined; line = reader.next()) {
      lines.push(line.kind === 'line' ? Buffer.from(line.bytes).toString('latin1') : '(too long)')
    }
    answers.push(...(reader.takeTelnetAnswers() ?? []))
  }
  return { lines, answers, reader }
}

describe('LineReader', () => {
  it('ends lines at CRLF and at LF, never at CR', () => {
    expect(read('NOOP\r\nPWD\nA\rB\r\n\r\n').lines).toEqual(['NOOP', 'PWD', 'A\rB', ''])
  })

  it('keeps what is no whole line yet', () => {
    const { lines, reader } = read('NOOP\r\nPW')
    expect([lines, reader.pending]).toEqual([['NOOP'], 2])
  })

  it('needs nothing of the bytes it was given once it keeps what is left of them', () => {
    const reader = new LineReader(limit)
    const memory = Buffer.from('NOOP\r\nPW')
    reader.push(memory)
    expect(reader.next()).toMatchObject({ kind: 'line' })
    reader.keep()
    memory.fill('x')
    reader.push(Buffer.from('D\r\n'))
    expect(reader.next()).toEqual({ kind: 'line', bytes: Buffer.from('PWD') })
  })

  it('gives the same lines however they are cut', () => {
    const piece = fc.constantFrom('NOOP', '\r\n', '\n', '\r', ' ', '\xff\xff', '\xff\xfd\x01', '\r\0', 'x'.repeat(21))
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), fc.array(fc.nat(200), { maxLength: 6 }), (pieces, cuts) => {
        const text = pieces.join('')
        const at = [0, ...cuts.map(cut => Math.min(cut, text.length)).toSorted((a, b) => a - b), text.length]
        const chunks = at.slice(1).map((end, index) => text.slice(at[index], end))
        const [whole, cut] = [read(text), read(...chunks)]
        expect(cut.lines).toEqual(whole.lines)
        expect(cut.answers).toEqual(whole.answers)
      }),
    )
  })

  it('takes lines up to the limit, and tells of longer ones once, without their tail', () => {
    const full = 'x'.repeat(limit)
    expect(read(`${full}\r\n`).lines).toEqual([full])
    expect(read(`${full}y\r\nPWD\r\n`).lines).toEqual(['(too long)', 'PWD'])
    expect(read('x'.repeat(500), 'x'.repeat(500), 'tail', '\r\nPWD\r\n').lines).toEqual(['(too long)', 'PWD'])
  })

  it('holds no more than a line of a flood without end of line', () => {
    const reader = new LineReader(limit)
    for (let count = 0; count < 1000; count += 1) {
      reader.push(Buffer.alloc(1000, 'x'))
      expect(reader.next()).toBeUndefined()
      expect(reader.pending).toBeLessThanOrEqual(limit + 1)
    }
  })

  it('turns CR NUL into CR and IAC IAC into byte 255', () => {
    expect(read('MKD a\r\0b\r\n', 'MKD a\xff\xffb\r\n').lines).toEqual(['MKD a\rb', 'MKD a\xffb'])
  })

  it('drops Telnet commands, and refuses options', () => {
    const { lines, answers } = read('\xff\xfb\x01\xff\xfd\x18NO\xff\xf1OP\r\n\xff\xfc\x01\xff\xfe\x01PWD\r\n')
    expect(lines).toEqual(['NOOP', 'PWD'])
    expect(answers).toEqual([0xff, 0xfe, 0x01, 0xff, 0xfc, 0x18])
  })

  it('bounds the answers to a peer that negotiates without end', () => {
    const reader = new LineReader(4096)
    reader.push(Buffer.from(`${'\xff\xfd\x01'.repeat(1000)}\r\n`, 'latin1'))
    reader.next()
    expect(reader.takeTelnetAnswers()?.length).toBe(96)
    expect(reader.takeTelnetAnswers()).toBeUndefined()
  })

  it.each(['\xff\xf4\xf2', '\xff\xf4\xff', '\xff\xf4\xff\xf2', '\xf2', '\xf4\xf2'])(
    'drops what is left of a Synch before the verb: %j',
    rest => {
      expect(read(`${rest}ABOR\r\n`).lines).toEqual(['ABOR'])
    },
  )

  it('keeps bytes like those of a Synch within a name', () => {
    expect(read('MKD \xf2\xf4\r\n').lines).toEqual(['MKD \xf2\xf4'])
  })
})

describe('a verb whose LF was lost as urgent data', () => {
  it.each(['ABOR\r', 'abor\r', 'STAT\r', 'QUIT\r', '\xff\xf4\xf2ABOR\r', '\xff\xf4\xffABOR\r'])('%j waits', text => {
    expect(read(text).reader.awaitsUrgentLineFeed).toBe(true)
  })

  it.each(['ABOR', 'NOOP\r', 'STAT x\r', ' ABOR\r', 'DELE f\rABOR\r', 'ABOR\r\n', '', '\r'])('%j does not', text => {
    expect(read(text).reader.awaitsUrgentLineFeed).toBe(false)
  })

  it('is not seen in the tail of a line that was too long', () => {
    expect(read('x'.repeat(limit + 2), 'QUIT\r').reader.awaitsUrgentLineFeed).toBe(false)
  })

  it('is taken as a line, and one late LF is swallowed', () => {
    const { reader } = read('\xf2ABOR\r')
    const line = reader.takeWithoutLineFeed()
    expect(line.kind === 'line' && Buffer.from(line.bytes).toString()).toBe('ABOR')
    reader.push(Buffer.from('\n\nNOOP\r\n'))
    const texts = [reader.next(), reader.next()].map(
      next => next?.kind === 'line' && Buffer.from(next.bytes).toString(),
    )
    expect(texts).toEqual(['', 'NOOP'])
  })

  it('swallows nothing but a LF', () => {
    const { reader } = read('ABOR\r')
    reader.takeWithoutLineFeed()
    reader.push(Buffer.from('NOOP\r\n'))
    const line = reader.next()
    expect(line?.kind === 'line' && Buffer.from(line.bytes).toString()).toBe('NOOP')
  })
})
