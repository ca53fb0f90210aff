/** Sessions that wait for a passive port because others of the same client have all of them. */
import { DataChannelError } from '../error.ts'
import type { PassivePort } from './passive-port.ts'
import type { PassiveListenOptions } from './passive-request.ts'

type Waiter = {
  readonly options: PassiveListenOptions
  readonly settle: (outcome: PassivePort | DataChannelError) => void
}

/** Those of one client, in the order they came. */
type Line = { readonly waiters: Waiter[]; state: 'idle' | 'trying' | 'again' }

/** Undefined where there is none now. */
type Choose = (options: PassiveListenOptions) => PassivePort | undefined | Promise<PassivePort | undefined>

/** For what nobody tells of, such as the end of the time in which somebody may come late. */
const retryMilliseconds = 250

/** Sessions have one command each: there are never more than sessions. Close it. */
export class PassiveQueue {
  readonly #choose: Choose
  readonly #lines = new Map<string | undefined, Line>()
  #timer: NodeJS.Timeout | undefined

  constructor(choose: Choose) {
    this.#choose = choose
  }

  isEmptyFor(client: string | undefined): boolean {
    return !this.#lines.has(client)
  }

  /** Rejects with DataChannelError: `no-port` where there is none in time, `aborted` when it is not wanted any more. */
  wait(options: PassiveListenOptions, seconds: number): Promise<PassivePort> {
    const { client } = options
    const line: Line = this.#lines.get(client) ?? { waiters: [], state: 'idle' }
    this.#lines.set(client, line)
    this.#timer ??= setInterval(() => this.retry(), retryMilliseconds)
    return new Promise((resolve, reject) => {
      const settle: Waiter['settle'] = outcome => {
        clearTimeout(timer)
        const at = line.waiters.indexOf(waiter)
        if (at !== -1) line.waiters.splice(at, 1)
        else if (!(outcome instanceof DataChannelError)) return outcome.close()
        if (line.waiters.length === 0) this.#remove(client, line)
        if (outcome instanceof DataChannelError) reject(outcome)
        else resolve(outcome)
      }
      const waiter: Waiter = { options, settle }
      const timer = setTimeout(() => settle(new DataChannelError('no-port')), seconds * 1000)
      line.waiters.push(waiter)
    })
  }

  retry(): void {
    for (const line of this.#lines.values()) this.#retryLine(line)
  }

  /** A session of this client has left a port. */
  retryFor(client: string | undefined): void {
    if (this.#lines.size === 0) return
    if (client === undefined) return this.retry()
    for (const line of [this.#lines.get(client), this.#lines.get(undefined)]) if (line) this.#retryLine(line)
  }

  close(): void {
    for (const { waiters } of this.#lines.values())
      for (const { settle } of [...waiters]) settle(new DataChannelError('aborted'))
  }

  #retryLine(line: Line): void {
    if (line.state === 'idle') void this.#serve(line)
    else line.state = 'again'
  }

  async #serve(line: Line): Promise<void> {
    do {
      line.state = 'trying'
      while (await this.#serveFirst(line)) continue
    } while (isToTryAgain(line))
    line.state = 'idle'
  }

  /** Whether the next one can be tried. */
  async #serveFirst({ waiters: [first] }: Line): Promise<boolean> {
    if (first === undefined) return false
    const { options, settle } = first
    if (options.isWanted?.() === false) {
      settle(new DataChannelError('aborted'))
      return true
    }
    try {
      const port = await this.#choose(options)
      if (port !== undefined) settle(port)
      return port !== undefined
    } catch (error) {
      settle(error instanceof DataChannelError ? error : new DataChannelError('no-port', { cause: error }))
      return true
    }
  }

  #remove(client: string | undefined, line: Line): void {
    if (this.#lines.get(client) === line) this.#lines.delete(client)
    if (this.#lines.size > 0) return
    clearInterval(this.#timer)
    this.#timer = undefined
  }
}

function isToTryAgain({ state }: Line): boolean {
  return state === 'again'
}
