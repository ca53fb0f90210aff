/** What is to happen, one thing after the other, as the bytes of an input say. */

/** Where there are no more, it reads zeros. */
export class Script {
  readonly #bytes: Uint8Array
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  get isOver(): boolean {
    return this.#at >= this.#bytes.length
  }

  byte(): number {
    return this.#bytes[this.#at++] ?? 0
  }

  choice<Value>(values: readonly [Value, ...Value[]]): Value {
    return values[this.byte() % values.length] ?? values[0]
  }

  /** So many as the next one says. */
  some(): Buffer {
    const length = this.byte()
    this.#at += length
    return Buffer.from(this.#bytes.subarray(this.#at - length, this.#at))
  }
}
