/** RFC 959 TYPE A: line ends of the network and of files. Chunks may be cut anywhere. */

/** Bytes in, bytes out; `end` gives what was held back. What comes back may be the chunk that went in. */
export interface LineEndConverter {
  convert(chunk: Uint8Array): Uint8Array
  end(): Uint8Array
  /** Whether the last byte was a CR: what becomes of it, or of the next one, is not known yet. */
  readonly isAfterCarriageReturn: boolean
}

/** LF becomes CRLF; a CRLF stays as it is. */
export function toNetwork(): LineEndConverter {
  let afterCarriageReturn = false
  return {
    convert(chunk) {
      const added = countAdded(chunk, afterCarriageReturn)
      const first = afterCarriageReturn
      if (chunk.length > 0) afterCarriageReturn = chunk[chunk.length - 1] === carriageReturn
      return added === 0 ? chunk : insert(chunk, first, added)
    },
    end: () => nothing,
    get isAfterCarriageReturn() {
      return afterCarriageReturn
    },
  }
}

/** CRLF becomes LF; a CR alone stays. */
export function fromNetwork(): LineEndConverter {
  let held = false
  return {
    convert(chunk) {
      if (chunk.length === 0) return nothing
      if (!held && chunk.indexOf(carriageReturn) === -1) return chunk
      const output = new Uint8Array(chunk.length + 1)
      let length = 0
      let pending = held
      for (const byte of chunk) {
        if (pending && byte !== lineFeed) output[length++] = carriageReturn
        pending = byte === carriageReturn
        if (!pending) output[length++] = byte
      }
      held = pending
      return output.subarray(0, length)
    },
    end() {
      const rest = held ? Uint8Array.of(carriageReturn) : nothing
      held = false
      return rest
    },
    get isAfterCarriageReturn() {
      return held
    },
  }
}

const carriageReturn = 13
const lineFeed = 10
const nothing = new Uint8Array(0)

function countAdded(chunk: Uint8Array, afterCarriageReturn: boolean): number {
  let count = 0
  for (let at = chunk.indexOf(lineFeed); at !== -1; at = chunk.indexOf(lineFeed, at + 1)) {
    if (!(at === 0 ? afterCarriageReturn : chunk[at - 1] === carriageReturn)) count++
  }
  return count
}

function insert(chunk: Uint8Array, afterCarriageReturn: boolean, added: number): Uint8Array {
  const output = new Uint8Array(chunk.length + added)
  let length = 0
  let previous = afterCarriageReturn ? carriageReturn : 0
  for (const byte of chunk) {
    if (byte === lineFeed && previous !== carriageReturn) output[length++] = carriageReturn
    output[length++] = byte
    previous = byte
  }
  return output
}
