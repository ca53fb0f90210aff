/** What the client sent and nobody has answered yet: a bounded queue between the socket and the command loop. */
import { LineReader } from './line.ts'
import type { LineSource, LineTaker } from './line-source.ts'
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
/** How long a verb without LF waits for it: see LineReader.awaitsUrgentLineFeed. */
const urgentWaitMilliseconds = 100

export interface QueueOwner {
  /** Handles a request out of turn; one for which it returns false is queued. */
  takeAtOnce(request: Request): boolean
  /** There is something to take. May be told of the same more than once. */
  onIncoming(): void
  /** The client has closed its side. */
  onClientEnd(): void
}

export class RequestQueue implements LineTaker {
  readonly #reader = new LineReader(lineLimitBytes)
  readonly #owner: QueueOwner
  /** Undefined while nothing waits, as in all sessions at rest. */
  #queue: Incoming[] | undefined
  #source: LineSource | undefined
  #ended = false
  #urgentTimer: NodeJS.Timeout | undefined

  constructor(owner: QueueOwner) {
    this.#owner = owner
  }

  /** Reads from a source until it ends or detach is called. */
  attach(source: LineSource): void {
    this.#source = source
    source.begin(this)
  }

  /** Stops reading and leaves the source paused. */
  detach(): void {
    clearTimeout(this.#urgentTimer)
    this.#source?.release()
    this.#source = undefined
  }

  /** Whether the client sent nothing beyond what was taken. */
  get isEmpty(): boolean {
    return this.#queue === undefined && this.#reader.pending === 0
  }

  /** Whether QUIT is among what waits: then a closed connection is no reason to abort. */
  get quits(): boolean {
    return this.#queue?.some(incoming => incoming.kind === 'request' && incoming.request.verb === 'QUIT') === true
  }

  /** Offers what waits to be taken out of turn, since a transfer has begun. */
  offerAgain(): void {
    const waiting = this.#queue
    if (waiting === undefined) return
    const left = waiting.filter(incoming => incoming.kind !== 'request' || !this.#owner.takeAtOnce(incoming.request))
    this.#queue = left.length === 0 ? undefined : left
  }

  /** The next request, in order; undefined until the owner is told of one. `end` once the client has closed its side and everything before that was taken. */
  take(): Incoming | undefined {
    const first = this.#queue?.shift()
    if (this.#queue?.length === 0) this.#queue = undefined
    this.#fill()
    return first ?? (this.#ended ? ended : undefined)
  }

  /** Ends the queue: what waits in it is dropped. */
  stop(): void {
    this.#queue = undefined
    this.#ended = true
    this.detach()
    this.#owner.onIncoming()
  }

  receive(chunk: Buffer): void {
    clearTimeout(this.#urgentTimer)
    this.#reader.push(chunk)
    this.#fill()
    // The memory of a chunk is that of the next one, maybe of another connection.
    this.#reader.keep()
    if (this.#reader.awaitsUrgentLineFeed)
      this.#urgentTimer = setTimeout(() => {
        this.#accept(this.#parse(this.#reader.takeWithoutLineFeed()))
        this.#tell()
      }, urgentWaitMilliseconds)
    this.#tell()
  }

  end(): void {
    if (this.#ended) return
    this.#ended = true
    this.#owner.onClientEnd()
    this.#owner.onIncoming()
  }

  #tell(): void {
    if (this.#queue !== undefined) this.#owner.onIncoming()
  }

  #fill(): void {
    while ((this.#queue?.length ?? 0) < maxQueued) {
      const line = this.#reader.next()
      if (line === undefined) {
        this.#source?.resume()
        break
      }
      this.#accept(this.#parse(line))
    }
    if ((this.#queue?.length ?? 0) >= maxQueued) this.#source?.pause()
    const answers = this.#reader.takeTelnetAnswers()
    if (answers !== undefined) this.#source?.write(answers)
  }

  #parse(line: ReturnType<LineReader['takeWithoutLineFeed']>): Incoming {
    return line.kind === 'line' ? { kind: 'request', request: parseRequest(line.bytes) } : line
  }

  #accept(incoming: Incoming): void {
    if (incoming.kind === 'request' && this.#owner.takeAtOnce(incoming.request)) return
    if (this.#queue === undefined) this.#queue = [incoming]
    else this.#queue.push(incoming)
  }
}

const ended: Incoming = { kind: 'end' }
