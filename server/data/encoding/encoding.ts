/** How data goes over a data connection where it is more than the bytes of the file: MODE and STRU of RFC 959 section 3, and MODE Z. */

export type TransmissionMode = 'stream' | 'block' | 'compressed' | 'deflate'
export type FileStructure = 'file' | 'record'

export type Encoding = {
  readonly mode: TransmissionMode
  /** Records are the lines of a file: each ends where the file has LF. */
  readonly structure: FileStructure
  /** Of MODE Z. */
  readonly deflate: DeflateLimits
}

export type DeflateLimits = {
  /** 0 to 9. */
  readonly level: number
  /** How much longer than what arrived an upload may become, beyond the first 16 MiB. */
  readonly maxRatio: number
  /** How many transfers may be in this mode at once. */
  readonly maxTransfers: number
}

export type EncodingErrorKind =
  /** The connection has ended, and the data has not. */
  | 'incomplete'
  /** What came is not what the mode and the structure demand. */
  | 'malformed'
  /** More than an upload may become. */
  | 'inflated'
  | 'too-many-deflated'

export class EncodingError extends Error {
  override readonly name = 'EncodingError'
  readonly kind: EncodingErrorKind
  constructor(kind: EncodingErrorKind, options?: { cause?: unknown }) {
    super(kind, options)
    this.kind = kind
  }
}
