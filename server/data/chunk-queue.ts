/** Chunks that wait for a slower consumer, given to it as few large ones. */

/** Worth a system call; more than this is not read ahead. */
const fullBytes = 262_144

export class ChunkQueue {
  /** Called once, as soon as the consumer has failed. */
  onFailure: (error: Error) => void = () => {}
  readonly #consume: (bytes: Uint8Array) => Promise<void>
  readonly #onRoom: () => void
  #chunks: Uint8Array[] = []
  #bytes = 0
  #full = false
  #running: Promise<void> | undefined
  #failure: { readonly error: unknown } | undefined
  #joined: Uint8Array | undefined

  /** The second argument is called when there is room again after `add` said `full`. */
  constructor(consume: (bytes: Uint8Array) => Promise<void>, onRoom: () => void) {
    this.#consume = consume
    this.#onRoom = onRoom
  }

  add(chunk: Uint8Array): 'room' | 'full' {
    if (this.#failure !== undefined) return 'full'
    this.#chunks.push(chunk)
    this.#bytes += chunk.length
    this.#running ??= this.#run()
    this.#full = this.#bytes >= fullBytes
    return this.#full ? 'full' : 'room'
  }

  /** Forgets what waits. */
  drop(): void {
    this.#chunks = []
    this.#bytes = 0
  }

  /** Resolves when nothing waits or runs. */
  async idle(): Promise<void> {
    await this.#running
  }

  throwIfFailed(): void {
    if (this.#failure !== undefined) throw this.#failure.error
  }

  async #run(): Promise<void> {
    try {
      while (this.#chunks.length > 0) {
        const bytes = this.#take()
        if (this.#full) {
          this.#full = false
          this.#onRoom()
        }
        await this.#consume(bytes)
      }
    } catch (error) {
      this.#failure = { error }
      this.drop()
      this.onFailure(error instanceof Error ? error : new Error('consumer failed', { cause: error }))
    } finally {
      this.#running = undefined
    }
  }

  #take(): Uint8Array {
    const chunks = this.#chunks
    const bytes = this.#bytes
    this.drop()
    const [only] = chunks
    if (chunks.length === 1 && only !== undefined) return only
    if (this.#joined === undefined || this.#joined.length < bytes) {
      this.#joined = Buffer.allocUnsafeSlow(Math.max(bytes, fullBytes + 65_536))
    }
    let at = 0
    for (const chunk of chunks) {
      this.#joined.set(chunk, at)
      at += chunk.length
    }
    return this.#joined.subarray(0, bytes)
  }
}
