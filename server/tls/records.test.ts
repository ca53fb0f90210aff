import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { RecordScanner } from './records.ts'

function record(type: number, length: number): Buffer {
  return Buffer.concat([Buffer.of(type, 3, 3, length >> 8, length & 255), Buffer.alloc(length, 0x41)])
}

describe('RecordScanner', () => {
  it('notices the first record of application data, wherever the chunks are cut', () => {
    const bytes = Buffer.concat([record(0x16, 300), record(0x14, 1), record(0x17, 20)])
    fc.assert(
      fc.property(fc.array(fc.nat(bytes.length), { maxLength: 6 }), cuts => {
        const scanner = new RecordScanner()
        const at = [0, ...cuts.sort((a, b) => a - b), bytes.length]
        for (let index = 1; index < at.length; index++) {
          const chunk = bytes.subarray(at[index - 1], at[index])
          expect(scanner.scan(chunk)).toBe(chunk.length)
          expect(scanner.applicationDataSeen).toBe((at[index] ?? 0) > 311)
        }
        expect(scanner.atBoundary).toBe(true)
      }),
    )
  })

  it('stops where something else begins in place of a record, and nowhere else', () => {
    const scanner = new RecordScanner()
    const first = record(0x17, 5)
    expect(scanner.scan(first.subarray(0, 8))).toBe(8)
    expect(scanner.atBoundary).toBe(false)
    expect(scanner.scan(Buffer.concat([first.subarray(8), record(0x15, 2), Buffer.from('NOOP\r\n')]))).toBe(9)
    expect(scanner.scan(Buffer.from('NOOP\r\n'))).toBe(0)
  })

  it('takes an empty record for one', () => {
    const scanner = new RecordScanner()
    expect(scanner.scan(Buffer.concat([record(0x17, 0), record(0x17, 0)]))).toBe(10)
    expect(scanner.atBoundary).toBe(true)
  })
})
