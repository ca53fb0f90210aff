/** What an upload brings, gathered until it is worth a system call. */
import type { BufferPool } from '../kernel/buffer-pool.ts'
import { TurnClock } from '../kernel/turn-clock.ts'

/** Takes bytes, which are valid until it is done; `undefined` where it is done at once. */
export type Consumer = (bytes: Uint8Array) => Promise<void> | undefined

/** A connection under TLS may bring this much after it was told to stop. */
const leastRoomBytes = 65_536
/** Worth a call of its own. Less waits for the rest of what comes in the same turn of the event loop. */
const largeBytes = 262_144
/** Then it is the turn of other connections: a fast client could go on for as long as it sends. */
const turnBytes = 524_288
/** The same with what passes by, which takes less time. */
const passingTurnBytes = 1_048_576

/**
 * Two buffers, filled and consumed in order; nothing is read ahead beyond them. Who fills asks where to after each piece, and keeps to the answer
 * until the next one: so the place moves in `added` only.
 */
export class Intake {
  /** Called once, as soon as the consumer has failed. */
  onFailure: (error: Error) => void = () => {}
  readonly #consume: Consumer
  readonly #pool: BufferPool
  readonly #onRoom: () => void
  readonly #clock: TurnClock
  #filling: Buffer
  /** A small one, until more has come than small files have. */
  #first: Buffer | undefined
  /** Where in it begins what nobody consumes yet, and where the next bytes go. */
  #start = 0
  #end = 0
  #other: Buffer | undefined
  /** Takes what comes though all is full. */
  #beside: Buffer | undefined
  #isBeside = false
  /** The rest of the other one, which comes first. */
  #behind: Uint8Array | undefined
  #running: { readonly of: Buffer | undefined; readonly done: Promise<void> } | undefined
  #turn: NodeJS.Immediate | undefined
  #turnBytes = 0
  #full = false
  #failure: { readonly error: unknown } | undefined

  /** `onRoom` is called when there is room again after `full`. Close it. */
  constructor(consume: Consumer, pool: BufferPool, onRoom: () => void, clock = new TurnClock()) {
    this.#consume = consume
    this.#pool = pool
    this.#onRoom = onRoom
    this.#clock = clock
    this.#first = pool.takeSmall()
    this.#filling = this.#first
  }

  /** Where the next bytes belong; never empty, though nothing may come. */
  room(): Uint8Array {
    this.#isBeside = this.#end === this.#filling.length
    if (!this.#isBeside) return this.#filling.subarray(this.#end)
    this.#beside ??= Buffer.allocUnsafeSlow(leastRoomBytes)
    return this.#beside
  }

  /** So many bytes were put there. */
  added(count: number): 'room' | 'full' {
    if (this.#failure !== undefined) return 'full'
    if (this.#isBeside) this.#bringIn(count)
    this.#end += count
    this.#turnBytes += count
    this.#turn ??= setImmediate(() => this.#endTurn())
    if (this.#end - this.#start >= largeBytes || this.#lacksRoom) this.#flush()
    this.#move()
    this.#full = this.#lacksRoom || this.#turnBytes >= turnBytes || this.#failure !== undefined || this.#clock.isLong()
    return this.#full ? 'full' : 'room'
  }

  /** The same for bytes that lie elsewhere. */
  add(chunk: Uint8Array): 'room' | 'full' {
    let state: 'room' | 'full' = 'room'
    for (let at = 0; at < chunk.length; ) {
      const room = this.room()
      const part = chunk.subarray(at, at + room.length)
      room.set(part)
      state = this.added(part.length)
      at += part.length
    }
    return state
  }

  /** Has everything consumed that is there; whether nothing is left. */
  flush(): boolean {
    this.#flush()
    return this.#running === undefined && this.#failure === undefined
  }

  /** Whether something is being consumed. */
  get isBusy(): boolean {
    return this.#running !== undefined
  }

  /** Takes bytes of which the caller leaves the memory alone from now on. Only after `flush` has said that nothing is left. */
  addApart(bytes: Uint8Array): 'room' | 'full' {
    this.#begin(bytes, undefined)
    return this.#failure === undefined ? 'room' : 'full'
  }

  /** So many bytes went another way: that counts for the turn of others. */
  passed(count: number): 'room' | 'full' {
    this.#turnBytes += count
    this.#turn ??= setImmediate(() => this.#endTurn())
    this.#full = this.#turnBytes >= passingTurnBytes || this.#clock.isLong()
    return this.#full ? 'full' : 'room'
  }

  /** Resolves when everything so far is consumed, or never will be. Nothing may be added meanwhile. */
  async idle(): Promise<void> {
    this.#flush()
    while (this.#running !== undefined) await this.#running.done
  }

  throwIfFailed(): void {
    if (this.#failure !== undefined) throw this.#failure.error
  }

  /** Once it is idle and nothing is added any more. */
  close(): void {
    clearImmediate(this.#turn)
    this.#pool.give(this.#filling)
    if (this.#other !== undefined) this.#pool.give(this.#other)
  }

  get #lacksRoom(): boolean {
    return this.#filling.length - this.#end < leastRoomBytes
  }

  get #otherIsFree(): boolean {
    return this.#behind === undefined && (this.#other === undefined || this.#running?.of !== this.#other)
  }

  /** To the beginning if all is consumed, or to the other buffer if this one has little room. */
  #move(): void {
    if (this.#start === this.#end && this.#running?.of !== this.#filling) {
      if (this.#lacksRoom && this.#filling === this.#first) this.#filling = this.#inPlaceOfFirst(this.#filling)
      this.#start = 0
      this.#end = 0
    } else if (this.#lacksRoom && this.#otherIsFree) {
      if (this.#end > this.#start) this.#behind = this.#filling.subarray(this.#start, this.#end)
      const other =
        this.#other !== undefined && this.#other !== this.#first ? this.#other : this.#inPlaceOfFirst(this.#other)
      this.#other = this.#filling
      this.#filling = other
      this.#start = 0
      this.#end = 0
    }
  }

  /** A large one; the first is given back if it is what is replaced. */
  #inPlaceOfFirst(replaced: Buffer | undefined): Buffer {
    if (replaced !== undefined) {
      this.#first = undefined
      this.#pool.give(replaced)
    }
    return this.#pool.take()
  }

  #flush(): void {
    while (this.#running === undefined && this.#failure === undefined) {
      const isBehind = this.#behind !== undefined
      const bytes = this.#behind ?? this.#filling.subarray(this.#start, this.#end)
      if (bytes.length === 0) return
      const of = isBehind ? this.#other : this.#filling
      this.#behind = undefined
      if (!isBehind) this.#start = this.#end
      this.#begin(bytes, of)
    }
  }

  #begin(bytes: Uint8Array, of: Buffer | undefined): void {
    try {
      const done = this.#consume(bytes)
      if (done === undefined) return
      this.#running = {
        of,
        done: done.then(
          () => this.#consumed(),
          (error: unknown) => this.#fail(error),
        ),
      }
    } catch (error) {
      this.#fail(error)
    }
  }

  #consumed(): void {
    this.#running = undefined
    this.#flush()
    if (this.#turn === undefined) this.#goOn()
  }

  #endTurn(): void {
    this.#turn = undefined
    this.#turnBytes = 0
    this.#flush()
    this.#goOn()
  }

  #goOn(): void {
    if (!this.#full || this.#failure !== undefined || (this.#lacksRoom && !this.#otherIsFree)) return
    this.#full = false
    this.#onRoom()
  }

  #fail(error: unknown): void {
    this.#running = undefined
    this.#behind = undefined
    this.#start = this.#end
    this.#failure = { error }
    this.onFailure(error instanceof Error ? error : new Error('consumer failed', { cause: error }))
  }

  #bringIn(count: number): void {
    this.#isBeside = false
    this.#move()
    if (this.#filling.length - this.#end < count) this.#grow()
    if (this.#beside !== undefined) this.#filling.set(this.#beside.subarray(0, count), this.#end)
  }

  #grow(): void {
    const larger = Buffer.allocUnsafeSlow(this.#filling.length * 2)
    larger.set(this.#filling)
    // Something of it may still be consumed.
    this.#pool.forget(this.#filling)
    if (this.#filling === this.#first) this.#first = undefined
    this.#filling = larger
  }
}
