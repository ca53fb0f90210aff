/** MODE C, RFC 959 section 3.4.3: strings, runs of one byte, runs of the filler, and descriptors after an escape. */
import { EncodingError } from './encoding.ts'
import { descriptors, type Elements, type FrameReader, type FrameWriter, longestMarker, markerOf } from './framing.ts'
import { Gathered } from './gathered.ts'

/** RFC 959: space for ASCII, zero for image. */
export type Filler = 0x20 | 0

const longestString = 127
const longestRun = 63
const run = 0x80
const fillers = 0xc0
const escape = 0
/** A descriptor is about the string after it, for which this does: fillers, none of them. */
const emptyString = fillers

export function compressedWriter(filler: Filler): FrameWriter {
  const describe = (descriptor: number, to: Gathered) => to.addBytes(escape, descriptor, emptyString)
  return {
    data: (bytes, to) => compress(bytes, filler, to),
    endRecord: to => describe(descriptors.endOfRecord, to),
    mark(marker, to) {
      to.addBytes(escape, descriptors.restartMarker, marker.length)
      to.add(Buffer.from(marker, 'latin1'))
    },
    end: to => describe(descriptors.endOfFile, to),
  }
}

/** Shorter runs within a string cost no more as they are. */
const leastRun = 4

function compress(bytes: Uint8Array, filler: Filler, to: Gathered): void {
  let first = 0
  for (let at = 0; at < bytes.length; ) {
    const length = runAt(bytes, at)
    if (length < leastRun) {
      at += length
      continue
    }
    addStrings(bytes.subarray(first, at), to)
    addRuns(bytes[at] ?? 0, length, filler, to)
    at += length
    first = at
  }
  addStrings(bytes.subarray(first), to)
}

function runAt(bytes: Uint8Array, at: number): number {
  let end = at + 1
  while (end < bytes.length && bytes[end] === bytes[at]) end++
  return end - at
}

function addStrings(bytes: Uint8Array, to: Gathered): void {
  for (let at = 0; at < bytes.length; at += longestString) {
    const string = bytes.subarray(at, at + longestString)
    to.addBytes(string.length)
    to.add(string)
  }
}

function addRuns(byte: number, length: number, filler: Filler, to: Gathered): void {
  for (let left = length; left > 0; left -= longestRun) {
    const count = Math.min(left, longestRun)
    if (byte === filler) to.addBytes(fillers | count)
    else to.addBytes(run | count, byte)
  }
}

type Expected =
  | { readonly kind: 'control' }
  | { readonly kind: 'descriptor' }
  | { readonly kind: 'string'; left: number }
  | { readonly kind: 'repeated'; readonly count: number }

const control: Expected = { kind: 'control' }

export class CompressedReader implements FrameReader {
  readonly #filler: Filler
  readonly #repeated = new Gathered()
  #expected: Expected = control
  /** About the string that comes next; 0 for none. */
  #descriptor = 0
  #marker: number[] = []
  #isOver = false

  constructor(filler: Filler) {
    this.#filler = filler
  }

  get isOver(): boolean {
    return this.#isOver
  }

  read(chunk: Uint8Array, elements: Elements): void {
    for (let at = 0; at < chunk.length; ) {
      if (this.#isOver) throw new EncodingError('malformed')
      if (this.#expected.kind !== 'string') {
        this.#readByte(chunk[at++] ?? 0, elements)
        continue
      }
      const part = chunk.subarray(at, at + this.#expected.left)
      at += part.length
      this.#expected.left -= part.length
      this.#take(part, elements)
      if (this.#expected.left === 0) this.#endString(elements)
    }
  }

  #readByte(byte: number, elements: Elements): void {
    const { kind } = this.#expected
    if (kind === 'descriptor') this.#describe(byte)
    else if (kind === 'repeated') this.#repeat(byte, this.#expected.count, elements)
    else if (byte >= fillers) this.#repeat(this.#filler, byte & longestRun, elements)
    else if (byte >= run) this.#expected = { kind: 'repeated', count: byte & longestRun }
    else this.#expected = byte === escape ? { kind: 'descriptor' } : { kind: 'string', left: byte }
  }

  #describe(descriptor: number): void {
    const isMarker = (this.#descriptor | descriptor) & descriptors.restartMarker
    if ((descriptor & 0x0f) !== 0 || (isMarker && (this.#descriptor | descriptor) !== descriptors.restartMarker))
      throw new EncodingError('malformed')
    this.#descriptor |= descriptor
    this.#expected = control
  }

  #repeat(byte: number, count: number, elements: Elements): void {
    this.#repeated.addRun(byte, count)
    this.#take(this.#repeated.take(), elements)
    this.#endString(elements)
  }

  #take(bytes: Uint8Array, elements: Elements): void {
    if (this.#descriptor !== descriptors.restartMarker) {
      if (bytes.length > 0) elements.data(bytes)
    } else if (this.#marker.length + bytes.length > longestMarker) {
      throw new EncodingError('malformed')
    } else {
      this.#marker.push(...bytes)
    }
  }

  #endString(elements: Elements): void {
    const descriptor = this.#descriptor
    this.#descriptor = 0
    this.#expected = control
    if (descriptor === descriptors.restartMarker) {
      const marker = markerOf(Uint8Array.from(this.#marker))
      this.#marker = []
      if (marker === undefined) throw new EncodingError('malformed')
      elements.mark(marker)
    }
    if ((descriptor & descriptors.endOfRecord) !== 0) elements.endRecord()
    this.#isOver = (descriptor & descriptors.endOfFile) !== 0
  }
}
