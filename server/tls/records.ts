/** TLS records as they lie on the wire (RFC 8446 section 5.1): only their type and length are looked at. */

const headerLength = 5
const applicationData = 0x17

/** Follows a stream of records over chunks that are cut anywhere. */
export class RecordScanner {
  /** Whether a record of type application_data has begun. In TLS 1.3 the first one is the client's Finished or its certificate. */
  applicationDataSeen = false
  #headerBytes = 0
  /** Of the payload, as far as the header has come. */
  #length = 0
  #payloadLeft = 0

  /** Whether everything so far is whole records. */
  get atBoundary(): boolean {
    return this.#headerBytes === 0 && this.#payloadLeft === 0
  }

  /** Goes on with a chunk. Returns how many bytes of it belong to TLS: fewer than all where something else begins in place of a record. */
  scan(chunk: Uint8Array): number {
    let at = 0
    while (at < chunk.length) {
      if (this.#payloadLeft > 0) {
        const skipped = Math.min(this.#payloadLeft, chunk.length - at)
        this.#payloadLeft -= skipped
        at += skipped
        continue
      }
      const byte = chunk[at] ?? 0
      if (this.#headerBytes === 0) {
        if (!isRecordType(byte)) return at
        if (byte === applicationData) this.applicationDataSeen = true
      }
      // Its last two bytes are the length.
      if (this.#headerBytes >= headerLength - 2) this.#length = (this.#length << 8) | byte
      this.#headerBytes++
      at++
      if (this.#headerBytes === headerLength) {
        this.#headerBytes = 0
        this.#payloadLeft = this.#length
        this.#length = 0
      }
    }
    return at
  }
}

/** change_cipher_spec, alert, handshake, application_data. No FTP command begins with one of these bytes. */
export function isRecordType(byte: number): boolean {
  return byte >= 0x14 && byte <= applicationData
}
