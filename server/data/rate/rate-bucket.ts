/** What has a rate: gives out times at which bytes may move, in the order they are asked for. Pure but for its state; the clock is an argument. */

/** What was not used so long ago is lost. It makes good for timers that are late, and is within 3 % of the rate over two seconds. */
const creditMilliseconds = 50

export class RateBucket {
  /** When all that was taken has moved. */
  #end: number

  constructor(now: number) {
    this.#end = now
  }

  /** Takes bytes at a rate; returns the milliseconds until they may move. So nothing moves before its time. */
  take(bytes: number, bytesPerSecond: number, now: number): number {
    this.#end = Math.max(this.#end, now - creditMilliseconds) + (bytes * 1000) / bytesPerSecond
    return Math.max(0, this.#end - now)
  }

  /** Of what was taken last, bytes that did not move. */
  giveBack(bytes: number, bytesPerSecond: number): void {
    this.#end -= (bytes * 1000) / bytesPerSecond
  }

  /** Whether it is as a new one would be. */
  isIdle(now: number): boolean {
    return this.#end <= now - creditMilliseconds
  }
}
