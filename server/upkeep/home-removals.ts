/** Carries out the order to remove homes: one after the other, again after a failure, and never a home that somebody has. */
import { setTimeout as delay } from 'node:timers/promises'
import type { Configuration } from '../config/configuration.ts'
import type { RemovedHome } from '../config/schema/removed-homes.ts'
import { directoriesInUse } from '../config/users/directories-in-use.ts'
import { directoriesOf } from '../config/users/removed-homes.ts'
import type { RemovedHomeStatus } from '../telemetry/status.ts'
import type { Telemetry } from '../telemetry/telemetry.ts'

export type HomeRemovalsOptions = {
  /** Removes a directory, given as a virtual path below the server's root; resolves when it is gone. */
  readonly remove: (directory: string, watch: RemovalWatch, configuration: Configuration) => Promise<void>
  /** Whether sessions of a user are there, in any process. */
  readonly isLoggedIn: (user: string) => boolean
  readonly telemetry: Pick<Telemetry, 'homeRemoved' | 'homeNotRemoved' | 'fault'>
  /** After which a home that could not be removed is tried again; 30,000 unless told. */
  readonly retryMilliseconds?: number
}

export type RemovalWatch = { readonly signal: AbortSignal; readonly progress: { bytes: number } }

type Order = RemovedHome & {
  state: RemovedHomeStatus['state']
  /** Counts what is removed. */
  readonly progress: { bytes: number }
  message: string | undefined
  /** By the clock of `performance.now`. */
  retryAt: number
}

export class HomeRemovals {
  readonly #options: HomeRemovalsOptions
  readonly #closing = new AbortController()
  #orders: ReadonlyMap<string, Order> = new Map()
  #configuration: Configuration | undefined
  /** Aborted by another configuration: what is removed next is decided anew. */
  #round = new AbortController()
  #running: Promise<void> | undefined

  constructor(options: HomeRemovalsOptions) {
    this.#options = options
  }

  /** Begins, goes on or ends, as the configuration has it. What is gone of a home stays gone. */
  follow(configuration: Configuration): void {
    const before = this.#orders
    this.#configuration = configuration
    this.#orders = new Map(
      (configuration.removedHomes ?? []).map(home => {
        const known = before.get(home.id)
        return [home.id, known !== undefined && isSame(known, home) ? known : newOrder(home)]
      }),
    )
    for (const order of this.#orders.values()) if (order.state !== 'removed') order.retryAt = 0
    this.#round.abort()
    if (this.#orders.size > 0) this.#running ??= this.#run()
  }

  /** In the order in which they were asked for. */
  status(): readonly RemovedHomeStatus[] {
    return [...this.#orders.values()].map(({ id, user, home, state, progress, message }) => ({
      id,
      user,
      home,
      state,
      removed: progress.bytes,
      ...(message !== undefined && { message }),
    }))
  }

  /** A volume that hangs is not waited for. */
  async close(): Promise<void> {
    this.#closing.abort()
    this.#round.abort()
    await Promise.race([this.#running, delay(closeMilliseconds, undefined, { ref: false })])
  }

  async #run(): Promise<void> {
    try {
      while (!this.#closing.signal.aborted && this.#orders.size > 0) await this.#goThrough()
    } catch (error) {
      this.#options.telemetry.fault(error)
    } finally {
      this.#running = undefined
    }
  }

  /** Once through all that is due, with one configuration; then waits until there is something to do. */
  async #goThrough(): Promise<void> {
    const configuration = this.#configuration
    if (configuration === undefined) return
    const round = new AbortController()
    this.#round = round
    const { signal } = round
    const inUse = await directoriesInUse(configuration)
    for (const order of this.#orders.values()) {
      if (signal.aborted) return
      if (order.state !== 'removed' && order.retryAt <= performance.now()) {
        await this.#carryOut(order, { configuration, ownerOf: inUse.ownerOf, signal })
      }
    }
    const open = [...this.#orders.values()].filter(({ state }) => state !== 'removed')
    const dueAt = Math.min(...open.map(({ retryAt }) => retryAt), performance.now() + longestMilliseconds)
    const wait = Math.max(1, dueAt - performance.now())
    await delay(wait, undefined, { signal, ref: false }).catch(() => undefined)
  }

  async #carryOut(order: Order, { configuration, ownerOf, signal }: Round): Promise<void> {
    const { user, home, progress } = order
    const directories = directoriesOf(order, configuration)
    const refusal = directories.map(each => refusalOf(each, ownerOf)).find(each => each !== undefined)
    if (refusal !== undefined) return this.#fail(order, 'refused', refusal)
    order.state = 'removing'
    order.message = undefined
    try {
      await this.#loggedOut(user, signal)
      for (const directory of directories) await this.#options.remove(directory, { signal, progress }, configuration)
    } catch (error) {
      if (!signal.aborted) this.#fail(order, 'failed', describe(error))
      return
    }
    // It was decided anew meanwhile; then it is gone at once.
    if (signal.aborted) return
    order.state = 'removed'
    this.#options.telemetry.homeRemoved(user, home, progress.bytes)
  }

  #fail(order: Order, state: 'refused' | 'failed', message: string): void {
    const isNew = order.state !== state || order.message !== message
    order.state = state
    order.message = message
    order.retryAt = performance.now() + (this.#options.retryMilliseconds ?? 30_000)
    if (isNew) this.#options.telemetry.homeNotRemoved(order.user, order.home, message)
  }

  /** The user is in no list any more, which ends all sessions within a second. Of another user who has the name by now they stay. */
  async #loggedOut(user: string, signal: AbortSignal): Promise<void> {
    const deadline = performance.now() + logoutMilliseconds
    while (this.#options.isLoggedIn(user) && performance.now() < deadline) {
      await delay(pollMilliseconds, undefined, { signal, ref: false })
    }
  }
}

type Round = {
  readonly configuration: Configuration
  readonly ownerOf: (directory: string) => string | undefined
  readonly signal: AbortSignal
}

const closeMilliseconds = 1000
const logoutMilliseconds = 10_000
const pollMilliseconds = 50
const longestMilliseconds = 600_000

function newOrder(home: RemovedHome): Order {
  return { ...home, state: 'waiting', progress: { bytes: 0 }, message: undefined, retryAt: 0 }
}

function isSame(one: RemovedHome, { user, home, hosts }: RemovedHome): boolean {
  return one.user === user && one.home === home && String(one.hosts) === String(hosts)
}

function refusalOf(directory: string, ownerOf: Round['ownerOf']): string | undefined {
  if (directory === '/') return 'it is all of the server’s files'
  const owner = ownerOf(directory)
  return owner === undefined ? undefined : `${directory} or something below it is of ${owner}`
}

function describe(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : undefined
  const kind = error instanceof Error && 'kind' in error ? String(error.kind) : undefined
  return explanations.get(kind ?? '') ?? `the volume says ${code ?? kind ?? 'nothing that is known'}`
}

const explanations: ReadonlyMap<string, string> = new Map([
  ['not-found', 'there is a link on the way to it, and links are not followed'],
  ['not-a-directory', 'it is no directory, or a link to one'],
  ['not-empty', 'it is more than 200 directories deep'],
  ['busy', 'somebody writes to a file in it, or it is the top of a volume'],
])
