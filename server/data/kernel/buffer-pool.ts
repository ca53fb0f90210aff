/** Buffers of transfers: large ones that are used again and, once there are enough of those, small ones. */

const largeBytes = 1_048_576
/** What uploads begin with, and what transfers get when all large ones are in use: slower for each, but hundreds of them fit in memory. */
const smallBytes = 131_072
const mostLarge = 32
/** More than these are left to the garbage collector. */
const mostKept = { large: 8, small: 16 } as const

export class BufferPool {
  readonly #kept: Buffer[] = []
  readonly #smallKept: Buffer[] = []
  readonly #lent = new Set<Buffer>()

  /** Whatever was in it before. Give it back, or forget it, exactly once. */
  take(): Buffer {
    if (this.#lent.size >= mostLarge) return this.takeSmall()
    const buffer = this.#kept.pop() ?? Buffer.allocUnsafeSlow(largeBytes)
    this.#lent.add(buffer)
    return buffer
  }

  /** For what may turn out to be small. */
  takeSmall(): Buffer {
    return this.#smallKept.pop() ?? Buffer.allocUnsafeSlow(smallBytes)
  }

  /** Nothing may write to it or read from it any more. */
  give(buffer: Buffer): void {
    const [kept, most] = buffer.length === smallBytes ? [this.#smallKept, mostKept.small] : [this.#kept, mostKept.large]
    if ((this.#lent.delete(buffer) || kept === this.#smallKept) && kept.length < most) kept.push(buffer)
  }

  /** In place of giving it back, where something may still use it. */
  forget(buffer: Buffer): void {
    this.#lent.delete(buffer)
  }
}
