/** STRU R in stream mode, RFC 959 section 3.4.1: control codes of two bytes, of which the first is all ones. */
import { EncodingError } from './encoding.ts'
import type { Elements, FrameReader, FrameWriter } from './framing.ts'

const escape = 0xff
const endOfRecord = 1
const endOfFile = 2

export const streamRecordWriter: FrameWriter = {
  data(bytes, to) {
    let first = 0
    for (let at = bytes.indexOf(escape); at !== -1; at = bytes.indexOf(escape, at + 1)) {
      to.add(bytes.subarray(first, at + 1))
      to.addBytes(escape)
      first = at + 1
    }
    to.add(bytes.subarray(first))
  },
  endRecord: to => to.addBytes(escape, endOfRecord),
  mark: undefined,
  end: to => to.addBytes(escape, endOfFile),
}

export class StreamRecordReader implements FrameReader {
  #afterEscape = false
  #isOver = false

  get isOver(): boolean {
    return this.#isOver
  }

  read(chunk: Uint8Array, elements: Elements): void {
    for (let at = 0; at < chunk.length; ) {
      if (this.#isOver) throw new EncodingError('malformed')
      if (this.#afterEscape) {
        this.#control(chunk[at++] ?? 0, elements)
        continue
      }
      const next = chunk.indexOf(escape, at)
      const end = next === -1 ? chunk.length : next
      if (end > at) elements.data(chunk.subarray(at, end))
      this.#afterEscape = next !== -1
      at = end + 1
    }
  }

  #control(code: number, elements: Elements): void {
    this.#afterEscape = false
    if (code === escape) return elements.data(data)
    if (code < endOfRecord || code > (endOfRecord | endOfFile)) throw new EncodingError('malformed')
    if ((code & endOfRecord) !== 0) elements.endRecord()
    this.#isOver = (code & endOfFile) !== 0
  }
}

/** The code is a byte of data itself. */
const data = Uint8Array.of(escape)
