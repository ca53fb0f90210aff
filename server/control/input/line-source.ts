/** What lines are read from: a stream, or a connection that has none yet. */
import type { Duplex } from 'node:stream'
import type { ControlInput } from './control-input.ts'

export interface LineSource {
  /** Hands on what comes, until it is released. */
  begin(taker: LineTaker): void
  /** Leaves it paused. */
  release(): void
  pause(): void
  resume(): void
  /** Sends what is no reply, at once or never. */
  write(bytes: Uint8Array): void
}

export interface LineTaker {
  /** The bytes are valid during the call only. */
  receive(bytes: Buffer): void
  /** Nothing more will come. May be told of twice. */
  end(): void
}

/** A stream, read by its input where it has one. */
export class StreamSource implements LineSource {
  readonly #stream: Duplex
  readonly #input: ControlInput | undefined
  #taker: LineTaker | undefined

  constructor(stream: Duplex, input?: ControlInput) {
    this.#stream = stream
    this.#input = input
  }

  begin(taker: LineTaker): void {
    this.#taker = taker
    this.#stream.on('end', this.#onEnd)
    this.#stream.on('close', this.#onEnd)
    if (this.#input === undefined) this.#stream.on('data', this.#onData)
    else this.#input.begin(this.#onData)
  }

  release(): void {
    this.#taker = undefined
    this.#input?.end()
    this.#stream.off('data', this.#onData)
    this.#stream.off('end', this.#onEnd)
    this.#stream.off('close', this.#onEnd)
    this.#stream.pause()
  }

  pause(): void {
    this.#stream.pause()
  }

  resume(): void {
    this.#stream.resume()
  }

  write(bytes: Uint8Array): void {
    if (this.#stream.writable) this.#stream.write(bytes)
  }

  readonly #onData = (bytes: Buffer): void => this.#taker?.receive(bytes)
  readonly #onEnd = (): void => this.#taker?.end()
}
