/** What all ways have in common to send data with ends of records, restart markers and an end that is told. */
import type { Gathered } from './gathered.ts'

/** Writes to the end of what is gathered. */
export interface FrameWriter {
  data(bytes: Uint8Array, to: Gathered): void
  endRecord(to: Gathered): void
  /** Undefined where there are none. The marker is of printable characters, without a space. */
  readonly mark: ((marker: string, to: Gathered) => void) | undefined
  end(to: Gathered): void
}

/** What a FrameReader finds, in order. */
export interface Elements {
  /** Valid until it returns. */
  data(bytes: Uint8Array): void
  endRecord(): void
  mark(marker: string): void
}

/** Takes chunks apart, however they are cut. */
export interface FrameReader {
  /** Throws an EncodingError for what is malformed, such as bytes after the end. */
  read(chunk: Uint8Array, elements: Elements): void
  /** Whether the end was told. */
  readonly isOver: boolean
}

/** Descriptors of MODE B, and of MODE C after an escape (RFC 959 sections 3.4.2 and 3.4.3). */
export const descriptors = { endOfRecord: 128, endOfFile: 64, suspect: 32, restartMarker: 16 } as const

/** No need for longer ones is known. */
export const longestMarker = 120

/** Undefined for bytes that are no marker: RFC 959 section 3.5 has printable characters only, and no space. */
export function markerOf(bytes: Uint8Array): string | undefined {
  const isMarker = bytes.length > 0 && bytes.length <= longestMarker && bytes.every(byte => byte > 0x20 && byte < 0x7f)
  return isMarker ? Buffer.from(bytes).toString('latin1') : undefined
}
