/** The control connection's bytes, cut into lines: CRLF, Telnet, the length limit. */

/** What is held while nothing waits: not an empty view, which would keep a whole chunk alive. */
const nothing = new Uint8Array(0)

export type Line =
  | { readonly kind: 'line'; readonly bytes: Uint8Array }
  /** Longer than the limit; its bytes are gone. */
  | { readonly kind: 'too-long' }
  /** A TLS record where the first command should be. */
  | { readonly kind: 'tls' }

const LF = 10
const CR = 13
const NUL = 0
const IAC = 0xff
const telnet = { DM: 0xf2, IP: 0xf4, firstCommand: 0xf0, WILL: 0xfb, WONT: 0xfc, DO: 0xfd, DONT: 0xfe } as const

/** Type of the records of a TLS handshake (RFC 8446 section 5.1). A ClientHello may hold no LF, and so never become a line. */
const handshakeRecord = 0x16

/** Verbs that clients send as urgent data, whose last byte (the LF) then never arrives in the stream. */
const urgent = /^(?:ABOR|STAT|QUIT)$/i

/** Takes bytes as they come and gives lines one at a time, so that a flood of lines never becomes a flood of objects. */
export class LineReader {
  readonly #limit: number
  #buffer: Uint8Array = nothing
  #skipping = false
  #began: 'text' | 'tls' | undefined
  #swallowLineFeed = false
  /** To Telnet negotiation. */
  #answers: number[] | undefined

  /** The limit is in bytes as sent, without the end of line. */
  constructor(limit: number) {
    this.#limit = limit
  }

  /** The bytes may change once `keep` was called. */
  push(bytes: Uint8Array): void {
    this.#buffer = this.#buffer.length === 0 ? bytes : Buffer.concat([this.#buffer, bytes])
  }

  /** Copies what is left over of the bytes that were pushed. */
  keep(): void {
    if (this.#buffer.length > 0) this.#buffer = Uint8Array.from(this.#buffer)
  }

  /** Bytes that are not yet part of a line that was given; of a line too long to keep at least one. */
  get pending(): number {
    return Math.max(this.#buffer.length, this.#skipping ? 1 : 0)
  }

  /** The next whole line, or undefined until more bytes come. Bare LF ends a line too (people's Telnet); bare CR does not. */
  next(): Line | undefined {
    if (this.#swallowLineFeed && this.#buffer.length > 0) {
      this.#swallowLineFeed = false
      if (this.#buffer[0] === LF) this.#take(1)
    }
    if (this.#began === undefined && this.#buffer.length > 0) {
      this.#began = this.#buffer[0] === handshakeRecord ? 'tls' : 'text'
      if (this.#began === 'tls') return { kind: 'tls' }
    }
    // What follows is TLS as well, and nobody's command.
    if (this.#began === 'tls') this.#buffer = nothing
    const end = indexOf(this.#buffer, LF)
    if (end === -1) {
      if (this.#buffer.length > this.#limit + 1) {
        this.#skipping = true
        this.#buffer = nothing
      }
      return undefined
    }
    const raw = this.#take(end + 1)
    const stop = end > 0 && raw[end - 1] === CR ? end - 1 : end
    if (this.#skipping || stop > this.#limit) {
      this.#skipping = false
      return { kind: 'too-long' }
    }
    return { kind: 'line', bytes: this.#plain(raw, stop) }
  }

  /**
   * A verb whose LF was sent as urgent data and lost: Python's ftplib aborts so. True if all that is here is such a verb and CR;
   * the caller waits a moment for the LF, then takes the line as it is.
   */
  get awaitsUrgentLineFeed(): boolean {
    return (
      !this.#skipping &&
      this.#buffer.length > 0 &&
      this.#buffer.length < 16 &&
      this.#buffer.at(-1) === CR &&
      urgent.test(this.#urgentVerb())
    )
  }

  takeWithoutLineFeed(): Line {
    const bytes = Buffer.from(this.#urgentVerb(), 'latin1')
    this.#buffer = nothing
    this.#swallowLineFeed = true
    return { kind: 'line', bytes }
  }

  /** Answers to Telnet negotiation that are to be sent: every option is refused (RFC 1123 section 4.1.2.12). */
  takeTelnetAnswers(): Uint8Array | undefined {
    const answers = this.#answers
    if (answers === undefined) return undefined
    this.#answers = undefined
    return Uint8Array.from(answers)
  }

  #urgentVerb(): string {
    return Buffer.from(this.#buffer.subarray(0, -1))
      .toString('latin1')
      .replace(/^[\xff\xf2\xf4]+/, '')
  }

  #take(length: number): Uint8Array {
    const all = this.#buffer
    if (length === all.length) {
      this.#buffer = nothing
      return all
    }
    this.#buffer = all.subarray(length)
    return all.subarray(0, length)
  }

  /** Without Telnet commands; CR NUL is a CR (RFC 2640 section 3.1), IAC IAC a byte 255 (RFC 3659 section 2.2). */
  #plain(raw: Uint8Array, stop: number): Uint8Array {
    let start = 0
    // Of an urgent IAC IP IAC DM, what remains in the stream depends on which byte was the urgent one: drop any rest of it before the verb.
    while (start < stop && (raw[start] === telnet.DM || raw[start] === telnet.IP)) start += 1
    const line = raw.subarray(start, stop)
    if (!hasEither(line, IAC, NUL)) return line
    const plain: number[] = []
    for (let index = 0; index < line.length; index += 1) {
      const byte = line[index] ?? 0
      const following = line[index + 1]
      if (byte === CR && following === NUL) {
        plain.push(CR)
        index += 1
      } else if (byte !== IAC) {
        if (plain.length > 0 || (byte !== telnet.DM && byte !== telnet.IP)) plain.push(byte)
      } else if (following === IAC) {
        plain.push(IAC)
        index += 1
      } else if (following !== undefined && following >= telnet.WILL) {
        this.#refuse(following, line[index + 2])
        index += 2
      } else if (following !== undefined && following >= telnet.firstCommand) {
        index += 1
      }
    }
    return Uint8Array.from(plain)
  }

  #refuse(request: number, option: number | undefined): void {
    // Bounded: a peer that negotiates without end gets no more answers until these are sent.
    if (option === undefined || (this.#answers?.length ?? 0) >= 96) return
    if (request !== telnet.WILL && request !== telnet.DO) return
    this.#answers ??= []
    this.#answers.push(IAC, request === telnet.WILL ? telnet.DONT : telnet.WONT, option)
  }
}

// Lines are short: to ask the native code of Node, as Buffer does, costs more than to look.
function indexOf(bytes: Uint8Array, byte: number): number {
  for (let index = 0; index < bytes.length; index += 1) if (bytes[index] === byte) return index
  return -1
}

function hasEither(bytes: Uint8Array, one: number, other: number): boolean {
  for (let index = 0; index < bytes.length; index += 1) {
    const byte = bytes[index]
    if (byte === one || byte === other) return true
  }
  return false
}
