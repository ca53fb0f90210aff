/** From what arrives of a file to its bytes: the framing of the mode, records, and line ends. */
import { fromNetwork, type LineEndConverter } from '../moving/ascii.ts'
import { BlockReader } from './block.ts'
import { CompressedReader } from './compressed.ts'
import { type Encoding, EncodingError } from './encoding.ts'
import type { Elements, FrameReader } from './framing.ts'
import { Gathered } from './gathered.ts'
import { StreamRecordReader } from './stream-records.ts'

export type IncomingTarget = {
  /** Bytes that are valid until it is done. */
  readonly write: (bytes: Uint8Array) => Promise<void> | undefined
  /** All before the marker has been written. */
  readonly mark: (marker: string) => Promise<void> | undefined
}

/** In MODE C, so many bytes are a MiB at most. */
const sliceBytes = 16_384

export class Incoming {
  readonly #target: IncomingTarget
  readonly #converter: LineEndConverter | undefined
  readonly #reader: FrameReader | undefined
  readonly #elements: Elements
  readonly #gathered = new Gathered()
  /** What comes before what is gathered: bytes, and markers as text. */
  #pieces: (Uint8Array | string)[] = []

  constructor(
    { mode, structure }: Pick<Encoding, 'mode' | 'structure'>,
    type: 'ascii' | 'image',
    target: IncomingTarget,
  ) {
    this.#target = target
    this.#converter = type === 'ascii' ? fromNetwork() : undefined
    this.#reader = readerFor(mode, structure, type)
    const gathered = this.#gathered
    this.#elements = {
      data: bytes => gathered.add(bytes),
      // Files without structure have no records, whatever is said of them.
      endRecord: () => structure === 'record' && gathered.addBytes(lineFeed),
      mark: marker => this.#pieces.push(Uint8Array.from(gathered.take()), marker),
    }
  }

  /** Whether the end of the file was told. */
  get isOver(): boolean {
    return this.#reader?.isOver === true
  }

  /** Resolves when the bytes are written. Rejects with an EncodingError, or with what the target rejects with. One call at a time. */
  async take(bytes: Uint8Array): Promise<void> {
    if (this.#reader === undefined) return await this.#write(bytes)
    for (let at = 0; at < bytes.length; at += sliceBytes) {
      this.#reader.read(bytes.subarray(at, at + sliceBytes), this.#elements)
      await this.#flush()
    }
  }

  /** After the last byte. */
  async end(): Promise<void> {
    // RFC 959 section 3.4 would let the end of the connection stand for it, and a file that was cut off with it.
    if (this.#reader?.isOver === false) throw new EncodingError('incomplete')
    const rest = this.#converter?.end()
    if (rest !== undefined && rest.length > 0) await this.#target.write(rest)
  }

  async #flush(): Promise<void> {
    const pieces = this.#pieces
    this.#pieces = []
    for (const piece of pieces) {
      if (typeof piece !== 'string') await this.#write(piece)
      // Who goes on from it must find all that came before: a CR that is held back would be lost.
      else if (this.#converter?.isAfterCarriageReturn !== true) await this.#target.mark(piece)
    }
    await this.#write(this.#gathered.take())
  }

  async #write(bytes: Uint8Array): Promise<void> {
    const converted = this.#converter?.convert(bytes) ?? bytes
    if (converted.length > 0) await this.#target.write(converted)
  }
}

const lineFeed = 10

function readerFor(
  mode: Encoding['mode'],
  structure: Encoding['structure'],
  type: 'ascii' | 'image',
): FrameReader | undefined {
  if (mode === 'block') return new BlockReader()
  if (mode === 'compressed') return new CompressedReader(type === 'ascii' ? 0x20 : 0)
  return structure === 'record' ? new StreamRecordReader() : undefined
}
