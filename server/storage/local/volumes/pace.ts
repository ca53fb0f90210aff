/** Whether files are read and written so quickly that handing a call to a thread costs more than the call. */
import type { StatsFs } from 'node:fs'
import { statfs } from '../kernel/system.ts'
import type { VolumeKind } from './volume.ts'
import { inTurn, type VolumeGate } from './volume-gate.ts'

/** Half a megabyte in memory takes a twentieth of it, the rest is for a busy processor. With a thread, waiting for one and coming back counts as well. */
const quickMilliseconds = { here: 12, thread: 25 }
const quickInARow = 32
/** Eight transfers take eight times as long in each turn of the event loop. */
const quickOnAverageMilliseconds = 2
const averagedCalls = 16
/** Smaller calls say little. */
const leastBytes = 65_536
const shortestPauseMilliseconds = 4000
const longestPauseMilliseconds = 64_000
/** So sessions wait for slow calls for half a percent of the time. Linux holds up writers for up to 0.2 s when a disk is behind. */
const pausePerSlow = 200
/** After so many quick calls, which take a while, what was slow is forgotten. */
const quickAgain = 10_000

/**
 * Learns from every call of a server. A call made in place costs a third less, but while it lasts all sessions wait: so that is done only
 * after many quick ones, and a slow one ends it for a while, longer each time.
 */
export class Pace {
  readonly #now: () => number
  #quick = 0
  #average = 0
  #pause = shortestPauseMilliseconds
  #pausedUntil = 0

  /** The clock gives milliseconds. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now
  }

  /** Whether the next call may be waited for. */
  get isQuick(): boolean {
    return this.#quick >= quickInARow
  }

  /** How long a call took, and where it was made. */
  note(where: 'here' | 'thread', milliseconds: number, bytes: number): void {
    if (where === 'here') this.#average += (milliseconds - this.#average) / averagedCalls
    if (milliseconds <= quickMilliseconds[where] && this.#average <= quickOnAverageMilliseconds) {
      if (bytes >= leastBytes && this.#now() >= this.#pausedUntil) this.#quick++
      if (this.#quick === quickAgain) this.#pause = shortestPauseMilliseconds
    } else if (where === 'here') {
      this.#quick = 0
      this.#average = 0
      this.#pausedUntil =
        this.#now() + Math.min(Math.max(this.#pause, milliseconds * pausePerSlow), longestPauseMilliseconds)
      this.#pause = Math.min(2 * this.#pause, longestPauseMilliseconds)
    } else if (!this.isQuick) this.#quick = 0
  }
}

/** The same for one file: its first calls are made in threads, and all where its file system may hang for reasons that lie beyond this machine. */
export class FilePace {
  readonly #pace: Pace
  readonly #descriptor: number
  readonly #volume: VolumeKind | undefined
  readonly #gate: VolumeGate | undefined
  #calls = 0
  #isLocal = false

  /** Where the kind of the volume is known, the file system need not be asked. */
  constructor(pace: Pace, descriptor: number, volume: VolumeKind | undefined, gate: VolumeGate | undefined) {
    this.#pace = pace
    this.#descriptor = descriptor
    this.#volume = volume
    this.#gate = gate
  }

  get isQuick(): boolean {
    return this.#isLocal && this.#pace.isQuick
  }

  /** Not after the file was closed. */
  note(where: 'here' | 'thread', milliseconds: number, bytes: number): void {
    this.#pace.note(where, milliseconds, bytes)
    if (++this.#calls !== callsInThreads) return
    if (this.#volume === undefined) void this.#ask()
    else this.#isLocal = true
  }

  async #ask(): Promise<void> {
    const asking = inTurn(this.#gate, () => statfs(`/proc/self/fd/${this.#descriptor}`), 'transfer')
    this.#isLocal = await asking.then(isLocal, () => false)
  }
}

const callsInThreads = 4

/** linux/magic.h: tmpfs, ramfs, overlayfs, ext2 to ext4, XFS, Btrfs, F2FS, ZFS. */
const localTypes = new Set([0x01021994, 0x858458f6, 0x794c7630, 0xef53, 0x58465342, 0x9123683e, 0xf2f52010, 0x2fc12fc1])

// Some types do not fit into a signed number of 32 bits.
function isLocal({ type }: StatsFs): boolean {
  return localTypes.has(type >>> 0)
}
