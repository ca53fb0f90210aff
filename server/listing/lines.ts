/** Lines in the making, as bytes: a listing makes no strings for their parts, which would have to be collected again. */
import { Buffer } from 'node:buffer'
import { keepKind } from '../kinds.ts'
import { encodeName } from '../storage/name.ts'
import { printableName } from './printable-name.ts'

/** What many lines of a listing have in common: encoded when it is added for the second time in a row. */
export class SharedText {
  #text = ''
  #bytes: Uint8Array | undefined
  #isFresh = true

  set(text: string): void {
    this.#text = text
    this.#bytes = undefined
    this.#isFresh = true
  }

  /** For one more line: as it is the first time, as bytes from then on. */
  take(): string | Uint8Array {
    if (!this.#isFresh) return (this.#bytes ??= encodeName(printableName(this.#text)))
    this.#isFresh = false
    return this.#text
  }
}

const firstBytes = 1024
const digitZero = 0x30
const space = 0x20
const lastPrintable = 0x7e

export class Lines {
  #bytes: Uint8Array
  #length = 0

  /** Room for so many bytes at first. */
  constructor(bytes = firstBytes) {
    this.#bytes = Buffer.allocUnsafeSlow(bytes)
  }

  /** Bytes so far. */
  get length(): number {
    return this.#length
  }

  /** Names are encoded by encodeName, and can't end a line. */
  add(text: string): void {
    const { length } = text
    this.#reserve(length)
    const bytes = this.#bytes
    const start = this.#length
    for (let index = 0; index < length; index++) {
      const unit = text.charCodeAt(index)
      if (unit < space || unit > lastPrintable) return this.#addEncoded(encodeName(printableName(text)))
      bytes[start + index] = unit
    }
    this.#length = start + length
  }

  /** The same for text that was, as a rule, added for the line before as well. */
  addShared(shared: SharedText): void {
    const taken = shared.take()
    if (typeof taken === 'string') this.add(taken)
    else this.#addEncoded(taken)
  }

  /** A number that is 0 or more, in decimal, with spaces before it up to the width. */
  addNumber(value: number, width = 0): void {
    // Quicker than a string where it is no more than 32 bits.
    if ((value | 0) !== value || value < 0) return this.add(String(value).padStart(width))
    const room = Math.max(width, mostDigits)
    this.#reserve(room)
    const bytes = this.#bytes
    let digits = 1
    for (let rest = value; rest >= 10; rest = (rest / 10) | 0) digits += 1
    const start = this.#length
    const end = start + Math.max(width, digits)
    this.#length = end
    let rest = value
    for (let at = end - 1; at >= end - digits; at--) {
      const tenth = (rest / 10) | 0
      bytes[at] = digitZero + rest - tenth * 10
      rest = tenth
    }
    for (let at = start; at < end - digits; at++) bytes[at] = space
  }

  endLine(): void {
    this.#reserve(2)
    this.#bytes[this.#length] = 0x0d
    this.#bytes[this.#length + 1] = 0x0a
    this.#length += 2
  }

  /** What was added since it was called last; valid until more is added. */
  take(): Uint8Array {
    const taken = this.#bytes.subarray(0, this.#length)
    this.#length = 0
    return taken
  }

  #addEncoded(encoded: Uint8Array): void {
    this.#reserve(encoded.length)
    this.#bytes.set(encoded, this.#length)
    this.#length += encoded.length
  }

  #reserve(bytes: number): void {
    const needed = this.#length + bytes
    if (needed <= this.#bytes.length) return
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.#bytes.length * 2))
    larger.set(this.#bytes.subarray(0, this.#length))
    this.#bytes = larger
  }
}

/** Of a number of 32 bits. */
const mostDigits = 10

keepKind(() => new Lines(0))
keepKind(() => new SharedText())
