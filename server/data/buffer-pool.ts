/** Buffers of transfers: large ones that are used again and, once there are enough of those, small ones. */

const largeBytes = 1_048_576
/** What transfers get when all large ones are in use: slower for each, but hundreds of them fit in memory. */
const smallBytes = 131_072
const mostLarge = 32
/** More than these are left to the garbage collector. */
const mostKept = 8

export class BufferPool {
  readonly #kept: Buffer[] = []
  readonly #lent = new Set<Buffer>()

  /** Whatever was in it before. Give it back, or forget it, exactly once. */
  take(): Buffer {
    if (this.#lent.size >= mostLarge) return Buffer.allocUnsafeSlow(smallBytes)
    const buffer = this.#kept.pop() ?? Buffer.allocUnsafeSlow(largeBytes)
    this.#lent.add(buffer)
    return buffer
  }

  /** Nothing may write to it or read from it any more. */
  give(buffer: Buffer): void {
    if (this.#lent.delete(buffer) && this.#kept.length < mostKept) this.#kept.push(buffer)
  }

  /** In place of giving it back, where something may still use it. */
  forget(buffer: Buffer): void {
    this.#lent.delete(buffer)
  }
}
