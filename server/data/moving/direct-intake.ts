/** The part of an upload that goes from the connection to the file without passing through our memory. */
import type { Socket } from 'node:net'
import type { WritableFile } from '../../storage/storage.ts'
import type { Splice, SplicedSocket } from '../kernel/splice.ts'
import type { TurnClock } from '../kernel/turn-clock.ts'
import type { Intake } from './intake.ts'

/** `absorb` of a file: see storage/storage.ts. */
export type Absorb = NonNullable<WritableFile['absorb']>

export type DirectIntakeOptions = {
  readonly splice: Splice
  readonly socket: Socket
  readonly absorb: Absorb
  /** What is read in the usual way, and comes first. */
  readonly intake: Intake
  /** Bytes that have come so far. */
  readonly received: () => number
  readonly onMoved: (bytes: number) => void
  /** Called where `move` had to wait for the file and more may come now. */
  readonly onReady: () => void
  readonly clock: TurnClock
}

/** Less is done with before a pipe is made. */
const worthwhileBytes = 262_144
/** What fits into a pipe of the usual pages. */
const moveBytes = 1_048_576
/** While the kernel moves the rest, only so much is read to learn that something has come; and moved where others have waited long. */
const waitingBytes = 65_536

/**
 * The connection is still read in the usual way, which waits for bytes, and tells its end and its failure. After each such read, what has come
 * meanwhile is moved; and what can't be moved into the file is written in the usual way, which tells why.
 */
export class DirectIntake {
  readonly #options: DirectIntakeOptions
  #kernel: SplicedSocket | undefined
  #state: 'unused' | 'used' | 'over' = 'unused'
  /** What the intake has said last, while the file is waited for. */
  #waiting: 'room' | 'full' | undefined

  constructor(options: DirectIntakeOptions) {
    this.#options = options
  }

  /** Where the next bytes are to be read to. */
  room(): Uint8Array {
    const room = this.#options.intake.room()
    return this.#state === 'used' ? room.subarray(0, waitingBytes) : room
  }

  /** Moves what has come, if all that was read before is in the file. Returns whether more may come now, as the intake does. */
  move(state: 'room' | 'full'): 'room' | 'full' {
    const { intake, absorb, received, onMoved } = this.#options
    if (this.#waiting !== undefined) {
      this.#waiting = state
      return 'full'
    }
    if (this.#state === 'unused' && received() < worthwhileBytes) return state
    for (let next = state; ; ) {
      if (this.#state === 'over') return next
      if (!intake.flush()) return intake.isBusy && this.#isWorthWaiting ? this.#wait(intake.idle(), next) : next
      const moved = absorb(
        (descriptor, position, most) => this.#moveTo(descriptor, position, most),
        () => this.#arrived(),
      )
      if (moved instanceof Promise) return this.#wait(moved, next)
      if (moved === undefined || this.#isOver) return next
      if (moved > 0) {
        onMoved(moved)
        next = intake.passed(moved)
      }
      const rest = this.#kernel?.takeRest()
      if (rest !== undefined) {
        this.close()
        onMoved(rest.length)
        return intake.addApart(rest)
      }
      if (moved <= 0 || next === 'full') return next
    }
  }

  close(): void {
    this.#state = 'over'
    this.#kernel?.close()
    this.#kernel = undefined
  }

  /** What is written is only waiting for room, as a quota gives it: the next bytes can be moved then. */
  get #isWorthWaiting(): boolean {
    return this.#options.absorb(nothing, nothing) === 0
  }

  get #isOver(): boolean {
    return this.#state === 'over'
  }

  /** Nothing is read meanwhile: it would have to be written first. */
  #wait(file: Promise<void>, state: 'room' | 'full'): 'full' {
    this.#waiting = state
    const goOn = () => {
      // Where the intake was full, it tells when it is not.
      const isReady = this.#waiting === 'room'
      this.#waiting = undefined
      if (isReady) this.#options.onReady()
    }
    file.then(goOn, () => {
      // Writing tells why.
      this.close()
      goOn()
    })
    return 'full'
  }

  #moveTo(descriptor: number, position: number, most = moveBytes): number {
    const kernel = this.#joined()
    if (kernel === undefined) return 0
    return kernel.move(descriptor, position, Math.min(most, this.#options.clock.isLong() ? waitingBytes : moveBytes))
  }

  #arrived(): number {
    return Math.min(this.#joined()?.arrived() ?? 0, moveBytes)
  }

  #joined(): SplicedSocket | undefined {
    if (this.#isOver) return undefined
    this.#kernel ??= this.#options.splice.join(this.#options.socket)
    this.#state = this.#kernel === undefined ? 'over' : 'used'
    return this.#kernel
  }
}

const nothing = () => 0
