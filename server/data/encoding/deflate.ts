/** MODE Z of draft-preston-ftpext-deflate: all that goes over the connection is one stream of zlib (RFC 1950). The work is done by other threads. */
import type { Transform } from 'node:stream'
import { createDeflate, createInflate } from 'node:zlib'
import { EncodingError } from './encoding.ts'

/** Takes bytes, which are valid until it is done. */
export type Output = (bytes: Uint8Array) => Promise<void> | undefined

/** The thread that does it is not kept from others for longer than this takes. */
const sliceBytes = 65_536
const outputBytes = 65_536
/** So little may be as compressible as it likes. */
const freeBytes = 16_777_216

/** Bytes in, and deflated to the output. Close it. */
export class Deflater {
  readonly #pipe: Pipe

  constructor(level: number, output: Output) {
    this.#pipe = new Pipe(createDeflate({ level, chunkSize: outputBytes }), output)
  }

  /** Resolves when the bytes are not needed any more. Rejects with what the output rejects with. One call at a time. */
  write(bytes: Uint8Array): Promise<void> {
    return this.#pipe.write(bytes)
  }

  /** After the last byte; resolves when all is with the output. */
  async end(): Promise<void> {
    await this.#pipe.end()
  }

  close(): void {
    this.#pipe.close()
  }
}

/** The way back. Never holds more than two pieces of 64 KiB, whatever a few bytes may become. Close it. */
export class Inflater {
  readonly #pipe: Pipe
  #taken = 0
  #given = 0

  /** `maxRatio`: how many times as long as what came the output may be, beyond the first 16 MiB. */
  constructor(maxRatio: number, output: Output) {
    this.#pipe = new Pipe(createInflate({ chunkSize: outputBytes }), bytes => {
      this.#given += bytes.length
      if (this.#given > freeBytes + maxRatio * this.#taken) throw new EncodingError('inflated')
      return output(bytes)
    })
  }

  /** Rejects with an EncodingError, or with what the output rejects with. One call at a time. */
  async write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length; at += sliceBytes) {
      const slice = bytes.subarray(at, at + sliceBytes)
      this.#taken += slice.length
      await this.#pipe.write(slice)
    }
  }

  async end(): Promise<void> {
    await this.#pipe.end()
    // What follows the end of the stream was not looked at.
    if (this.#pipe.consumed < this.#taken) throw new EncodingError('malformed')
  }

  close(): void {
    this.#pipe.close()
  }
}

type ZlibStream = Transform & { readonly bytesWritten: number }
type Settled = { readonly resolve: () => void; readonly reject: (error: unknown) => void }

/** A stream of zlib, and who carries away what it gives. */
class Pipe {
  readonly #stream: ZlibStream
  readonly #drained: Promise<void>
  #writing: Settled | undefined
  #isOver = false

  constructor(stream: ZlibStream, output: Output) {
    this.#stream = stream
    this.#drained = this.#drain(output)
    // Whoever writes or ends is told.
    this.#drained.catch(() => {})
  }

  /** Bytes that were looked at. */
  get consumed(): number {
    return this.#stream.bytesWritten
  }

  write(bytes: Uint8Array): Promise<void> {
    // What comes after the end is not looked at.
    if (this.#isOver) return Promise.resolve()
    if (this.#stream.destroyed) return this.#drained
    return new Promise((resolve, reject) => {
      this.#writing = { resolve, reject }
      this.#stream.write(bytes, error => {
        // Who drains tells of errors.
        if (error) return
        this.#writing = undefined
        resolve()
      })
    })
  }

  async end(): Promise<void> {
    if (!this.#isOver && !this.#stream.destroyed) this.#stream.end()
    await this.#drained
  }

  close(): void {
    this.#stream.destroy()
  }

  async #drain(output: Output): Promise<void> {
    try {
      for await (const chunk of this.#stream) if (chunk instanceof Uint8Array) await output(chunk)
      this.#isOver = true
      this.#writing?.resolve()
    } catch (error) {
      const failure = encodingErrorOf(error) ?? error
      this.#writing?.reject(failure)
      throw failure
    }
  }
}

function encodingErrorOf(cause: unknown): EncodingError | undefined {
  if (!(cause instanceof Error) || !('code' in cause)) return undefined
  if (cause.code === 'Z_BUF_ERROR') return new EncodingError('incomplete', { cause })
  if (cause.code === 'Z_DATA_ERROR' || cause.code === 'Z_NEED_DICT') return new EncodingError('malformed', { cause })
  return undefined
}
