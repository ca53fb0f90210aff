/** MODE B, RFC 959 section 3.4.2: blocks, each with a header of a descriptor and a count of 16 bits. */
import { EncodingError } from './encoding.ts'
import { descriptors, type Elements, type FrameReader, type FrameWriter, longestMarker, markerOf } from './framing.ts'
import type { Gathered } from './gathered.ts'

const longestBlock = 0xffff

export const blockWriter: FrameWriter = {
  data(bytes, to) {
    for (let at = 0; at < bytes.length; at += longestBlock) block(to, 0, bytes.subarray(at, at + longestBlock))
  },
  endRecord: to => block(to, descriptors.endOfRecord, nothing),
  mark: (marker, to) => block(to, descriptors.restartMarker, Buffer.from(marker, 'latin1')),
  end: to => block(to, descriptors.endOfFile, nothing),
}

const nothing = new Uint8Array(0)

function block(to: Gathered, descriptor: number, bytes: Uint8Array): void {
  to.addBytes(descriptor, bytes.length >> 8, bytes.length & 255)
  to.add(bytes)
}

export class BlockReader implements FrameReader {
  #isOver = false
  /** Bytes of a header that are there: two at most. */
  #header: number[] = []
  #descriptor = 0
  /** Bytes of the block that are to come. */
  #left = 0
  #marker: number[] = []

  get isOver(): boolean {
    return this.#isOver
  }

  read(chunk: Uint8Array, elements: Elements): void {
    for (let at = 0; at < chunk.length; ) {
      if (this.#isOver) throw new EncodingError('malformed')
      if (this.#left > 0) {
        const part = chunk.subarray(at, at + this.#left)
        at += part.length
        this.#left -= part.length
        if (this.#isMarker) this.#marker.push(...part)
        else elements.data(part)
        if (this.#left === 0) this.#end(elements)
        continue
      }
      this.#header.push(chunk[at++] ?? 0)
      if (this.#header.length === 3) this.#begin(elements)
    }
  }

  get #isMarker(): boolean {
    return this.#descriptor === descriptors.restartMarker
  }

  #begin(elements: Elements): void {
    const [descriptor = 0, high = 0, low = 0] = this.#header
    this.#header = []
    this.#descriptor = descriptor
    this.#left = high * 256 + low
    const isKnown = (descriptor & 0x0f) === 0 && (this.#isMarker || (descriptor & descriptors.restartMarker) === 0)
    if (!isKnown || (this.#isMarker && this.#left > longestMarker)) throw new EncodingError('malformed')
    if (this.#left === 0) this.#end(elements)
  }

  #end(elements: Elements): void {
    if (this.#isMarker) {
      const marker = markerOf(Uint8Array.from(this.#marker))
      this.#marker = []
      if (marker === undefined) throw new EncodingError('malformed')
      elements.mark(marker)
    }
    if ((this.#descriptor & descriptors.endOfRecord) !== 0) elements.endRecord()
    this.#isOver = (this.#descriptor & descriptors.endOfFile) !== 0
  }
}
