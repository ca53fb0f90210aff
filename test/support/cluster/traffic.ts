/** Clients that are at work while something happens to the server. */

import { eventually } from '../eventually.ts'
import { ClusterSession, type Mode, type Place } from './sessions.ts'

/** A session that makes one passive transfer after the other until it is told to stop. */
export class Batch {
  readonly session: ClusterSession
  /** Rounds of transfers that went well: an upload, a listing, a download. */
  rounds = 0
  #stopped = false
  readonly #done: Promise<void>

  constructor(session: ClusterSession, name: string) {
    this.session = session
    this.#done = this.#run(name)
    // Whoever awaits it later still learns of it.
    this.#done.catch(() => undefined)
  }

  /** Ends with the round that runs. Rejects if anything went wrong before. */
  async stop(): Promise<void> {
    this.#stopped = true
    await this.#done
  }

  /** Resolves when so many more rounds went well; rejects as soon as anything goes wrong. */
  async goesOn(rounds: number): Promise<void> {
    const goal = this.rounds + rounds
    const wrong = this.#done.then(() => Promise.reject(new Error('It was stopped')))
    await Promise.race([eventually(() => this.rounds >= goal, `${rounds} more rounds`, 60_000), wrong])
  }

  async #run(name: string): Promise<void> {
    while (!this.#stopped) {
      await this.session.roundTrip(name)
      this.rounds += 1
    }
  }
}

/** New sessions, one after the other, each with one round of transfers. */
export class Visitors {
  /** Passive ports of each of them. */
  readonly visits: (readonly number[])[] = []
  #stopped = false
  readonly #done: Promise<void>

  constructor(place: Place, mode: Mode, name: string) {
    this.#done = this.#run(place, mode, name)
    this.#done.catch(() => undefined)
  }

  /** Rejects if anything went wrong, be it that somebody was not let in. */
  async stop(): Promise<void> {
    this.#stopped = true
    await this.#done
  }

  async #run(place: Place, mode: Mode, name: string): Promise<void> {
    while (!this.#stopped) {
      const session = await ClusterSession.open(place, mode)
      try {
        await session.roundTrip(name)
        await session.command('QUIT', 221)
        this.visits.push(session.ports)
      } finally {
        session.close()
      }
    }
  }
}
