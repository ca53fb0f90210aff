/** Bytes that a codec puts together. */

const leastBytes = 1024

/** Grows with what is added; `take` gives it all, which is valid until something is added again. */
export class Gathered {
  #buffer = Buffer.allocUnsafeSlow(leastBytes)
  #length = 0

  get length(): number {
    return this.#length
  }

  add(bytes: Uint8Array): void {
    this.#makeRoom(bytes.length)
    this.#buffer.set(bytes, this.#length)
    this.#length += bytes.length
  }

  addBytes(...values: readonly number[]): void {
    this.#makeRoom(values.length)
    for (const value of values) this.#buffer[this.#length++] = value
  }

  addRun(value: number, count: number): void {
    this.#makeRoom(count)
    this.#buffer.fill(value, this.#length, this.#length + count)
    this.#length += count
  }

  take(): Uint8Array {
    const bytes = this.#buffer.subarray(0, this.#length)
    this.#length = 0
    return bytes
  }

  #makeRoom(count: number): void {
    const needed = this.#length + count
    if (needed <= this.#buffer.length) return
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.#buffer.length * 2))
    larger.set(this.#buffer.subarray(0, this.#length))
    this.#buffer = larger
  }
}
