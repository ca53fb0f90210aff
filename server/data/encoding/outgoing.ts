/** From the bytes of a file or a listing to what is sent of them: line ends, records, and the framing of the mode. */
import { fromNetwork, type LineEndConverter, toNetwork } from '../moving/ascii.ts'
import { blockWriter } from './block.ts'
import { compressedWriter } from './compressed.ts'
import type { Encoding } from './encoding.ts'
import type { FrameWriter } from './framing.ts'
import { Gathered } from './gathered.ts'
import { streamRecordWriter } from './stream-records.ts'

/** `lines`: text with ends of lines as the network has them already. */
export type Content = 'ascii' | 'image' | 'lines'

/** What it gives is valid until the next call, and may be what it was given. */
export interface Outgoing {
  encode(chunk: Uint8Array): Uint8Array
  /** Tells where it is, for REST; undefined where that can't be told, or not here. */
  mark(marker: string): Uint8Array | undefined
  end(): Uint8Array
}

export function outgoing({ mode, structure }: Pick<Encoding, 'mode' | 'structure'>, content: Content): Outgoing {
  const converter = converterFor(content, structure)
  const convert = (chunk: Uint8Array) => converter?.convert(chunk) ?? chunk
  const writer = writerFor(mode, structure, content)
  if (writer === undefined) return { encode: convert, mark: () => undefined, end: () => converter?.end() ?? nothing }
  const gathered = new Gathered()
  const write = structure === 'record' ? writeRecords : writeData
  return {
    encode(chunk) {
      write(convert(chunk), writer, gathered)
      return gathered.take()
    },
    mark(marker) {
      if (writer.mark === undefined || converter?.isAfterCarriageReturn === true) return undefined
      writer.mark(marker, gathered)
      return gathered.take()
    },
    end() {
      if (converter !== undefined) write(converter.end(), writer, gathered)
      writer.end(gathered)
      return gathered.take()
    },
  }
}

const nothing = new Uint8Array(0)
const lineFeed = 10

/** RFC 959 section 3.4: with records, the end of one takes the place of CRLF. */
function converterFor(content: Content, structure: Encoding['structure']): LineEndConverter | undefined {
  if (content === 'image') return undefined
  if (structure === 'record') return fromNetwork()
  return content === 'ascii' ? toNetwork() : undefined
}

function writerFor(
  mode: Encoding['mode'],
  structure: Encoding['structure'],
  content: Content,
): FrameWriter | undefined {
  if (mode === 'block') return blockWriter
  if (mode === 'compressed') return compressedWriter(content === 'image' ? 0 : 0x20)
  return structure === 'record' ? streamRecordWriter : undefined
}

function writeData(bytes: Uint8Array, writer: FrameWriter, to: Gathered): void {
  if (bytes.length > 0) writer.data(bytes, to)
}

/** What follows the last LF goes on in the next chunk, or is the end of a file that does not end with one: then no record ends there, so that none is added. */
function writeRecords(bytes: Uint8Array, writer: FrameWriter, to: Gathered): void {
  let first = 0
  for (let end = bytes.indexOf(lineFeed); end !== -1; end = bytes.indexOf(lineFeed, first)) {
    writeData(bytes.subarray(first, end), writer, to)
    writer.endRecord(to)
    first = end + 1
  }
  writeData(bytes.subarray(first), writer, to)
}
