/** What the client sent and nobody has answered yet: a bounded queue between the socket and the command loop. */
import type { Duplex } from 'node:stream'
import { setImmediate } from 'node:timers/promises'
import type { ControlInput } from './control-input.ts'
import { LineReader } from './line.ts'
import { parseRequest, type Request } from './request.ts'

export type Incoming =
  | { readonly kind: 'request'; readonly request: Request }
  | { readonly kind: 'too-long' }
  /** TLS where clear text should be. */
  | { readonly kind: 'tls' }
  | { readonly kind: 'end' }

/** Bytes of a line, without its end. */
const lineLimitBytes = 4096
/** Requests read ahead while one is being answered; the socket is not read beyond that. */
const maxQueued = 32
/** Requests given in a row before other connections get a turn: a chunk can hold 20,000 of them. */
const maxInARow = 16
/** How long a verb without LF waits for it: see LineReader.awaitsUrgentLineFeed. */
const urgentWaitMilliseconds = 100

export type QueueEvents = {
  /** Handles a request out of turn; one for which it returns false is queued. */
  readonly takeAtOnce: (request: Request) => boolean
  /** The client has closed its side. */
  readonly onEnd: () => void
}

export class RequestQueue {
  readonly #reader = new LineReader(lineLimitBytes)
  readonly #queue: Incoming[] = []
  readonly #events: QueueEvents
  #stream: Duplex | undefined
  #input: ControlInput | undefined
  #waiting: ((incoming: Incoming) => void) | undefined
  #ended = false
  #urgentTimer: NodeJS.Timeout | undefined
  #inARow = 0

  constructor(events: QueueEvents) {
    this.#events = events
  }

  /** Reads from a stream until it ends or detach is called; by its input, where it has one. */
  attach(stream: Duplex, input: ControlInput | undefined): void {
    this.#stream = stream
    this.#input = input
    stream.once('end', this.#onEnd)
    stream.once('close', this.#onEnd)
    if (input === undefined) stream.on('data', this.#onData)
    else input.begin(this.#onData)
  }

  /** Stops reading and leaves the stream paused. */
  detach(): void {
    clearTimeout(this.#urgentTimer)
    this.#input?.end()
    this.#stream?.off('data', this.#onData)
    this.#stream?.off('end', this.#onEnd)
    this.#stream?.off('close', this.#onEnd)
    this.#stream?.pause()
    this.#stream = undefined
    this.#input = undefined
  }

  /** Whether the client sent nothing beyond what was taken. */
  get isEmpty(): boolean {
    return this.#queue.length === 0 && this.#reader.pending === 0
  }

  /** Whether QUIT is among what waits: then a closed connection is no reason to abort. */
  get quits(): boolean {
    return this.#queue.some(incoming => incoming.kind === 'request' && incoming.request.verb === 'QUIT')
  }

  /** Offers what waits to be taken out of turn, since a transfer has begun. */
  offerAgain(): void {
    const waiting = this.#queue.splice(0)
    this.#queue.push(
      ...waiting.filter(incoming => incoming.kind !== 'request' || !this.#events.takeAtOnce(incoming.request)),
    )
  }

  /** The next request, in order. `end` once the client has closed its side and everything before that was taken. */
  async next(): Promise<Incoming> {
    const first = this.#queue.shift()
    this.#fill()
    if (first !== undefined) {
      this.#inARow += 1
      if (this.#inARow % maxInARow === 0) await setImmediate()
      return first
    }
    if (this.#ended) return { kind: 'end' }
    return new Promise(resolve => {
      this.#waiting = resolve
    })
  }

  /** Ends the queue: what waits in it is dropped. */
  stop(): void {
    this.#queue.length = 0
    this.#ended = true
    this.detach()
    this.#wake()
  }

  readonly #onData = (chunk: Buffer): void => {
    clearTimeout(this.#urgentTimer)
    this.#reader.push(chunk)
    this.#fill()
    // The memory of a chunk is that of the next one, maybe of another connection.
    this.#reader.keep()
    if (!this.#reader.awaitsUrgentLineFeed) return
    this.#urgentTimer = setTimeout(
      () => this.#accept(this.#parse(this.#reader.takeWithoutLineFeed())),
      urgentWaitMilliseconds,
    )
  }

  readonly #onEnd = (): void => {
    if (this.#ended) return
    this.#ended = true
    this.#events.onEnd()
    this.#wake()
  }

  #fill(): void {
    while (this.#queue.length < maxQueued) {
      const line = this.#reader.next()
      if (line === undefined) {
        this.#stream?.resume()
        break
      }
      this.#accept(this.#parse(line))
    }
    if (this.#queue.length >= maxQueued) this.#stream?.pause()
    const answers = this.#reader.takeTelnetAnswers()
    if (answers !== undefined && this.#stream?.writable === true) this.#stream.write(answers)
  }

  #parse(line: ReturnType<LineReader['takeWithoutLineFeed']>): Incoming {
    return line.kind === 'line' ? { kind: 'request', request: parseRequest(line.bytes) } : line
  }

  #accept(incoming: Incoming): void {
    if (incoming.kind === 'request' && this.#events.takeAtOnce(incoming.request)) return
    this.#queue.push(incoming)
    this.#wake()
  }

  #wake(): void {
    const wake = this.#waiting
    if (wake === undefined) return
    const first = this.#queue.shift()
    if (first === undefined && !this.#ended) return
    this.#waiting = undefined
    wake(first ?? { kind: 'end' })
  }
}
