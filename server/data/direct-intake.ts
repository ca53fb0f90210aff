/** The part of an upload that goes from the connection to the file without passing through our memory. */
import type { Socket } from 'node:net'
import type { Intake } from './intake.ts'
import type { Splice, SplicedSocket } from './splice.ts'
import type { TurnClock } from './turn-clock.ts'

/** Lets `move` put bytes at the file's next position, and returns what it returns; undefined where that would have to wait. */
export type Absorb = (move: (descriptor: number, position: number) => number) => number | undefined

export type DirectIntakeOptions = {
  readonly splice: Splice
  readonly socket: Socket
  readonly absorb: Absorb
  /** What is read in the usual way, and comes first. */
  readonly intake: Intake
  /** Bytes that have come so far. */
  readonly received: () => number
  readonly onMoved: (bytes: number) => void
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
    if (this.#state === 'unused' && received() < worthwhileBytes) return state
    for (let next = state; ; ) {
      if (this.#state === 'over' || !intake.flush()) return next
      const moved = absorb((descriptor, position) => this.#moveTo(descriptor, position))
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

  get #isOver(): boolean {
    return this.#state === 'over'
  }

  #moveTo(descriptor: number, position: number): number {
    this.#kernel ??= this.#options.splice.join(this.#options.socket)
    if (this.#kernel === undefined) {
      this.#state = 'over'
      return 0
    }
    this.#state = 'used'
    return this.#kernel.move(descriptor, position, this.#options.clock.isLong() ? waitingBytes : moveBytes)
  }
}
