/** Ports that are listened on as a configuration says, and tried again while somebody else has one. */
import { createServer, type Server, type Socket } from 'node:net'
import type { Violation } from '../config/validate.ts'
import { acceptedOptions } from '../listening/accepted-options.ts'
import { ListenError, listenOn } from '../listening/listen.ts'

export type WantedPort = {
  readonly port: number
  readonly address: string
  /** Where it is in the configuration. */
  readonly path: string
}

export type PortsOptions = {
  readonly onConnection: (socket: Socket, port: number) => void
  readonly onFault: (error: unknown) => void
  /** Trying again has opened one. */
  readonly onChange: () => void
}

const retryMilliseconds = 2000
const atOnce = 64

/** Close it. */
export class Ports {
  readonly #options: PortsOptions
  readonly #open = new Map<string, Server>()
  #wanted: readonly WantedPort[] = []
  #violations: readonly Violation[] = []
  #retry: NodeJS.Timeout | undefined
  #work: Promise<void> = Promise.resolve()
  #closed = false

  constructor(options: PortsOptions) {
    this.#options = options
  }

  /** What can't be listened on. */
  get violations(): readonly Violation[] {
    return this.#violations
  }

  /** Resolves when each port is open, or has been tried. */
  async follow(wanted: readonly WantedPort[]): Promise<void> {
    this.#wanted = wanted
    this.#work = this.#work.then(() => this.#apply())
    await this.#work
  }

  close(): void {
    this.#closed = true
    clearTimeout(this.#retry)
    for (const server of this.#open.values()) server.close()
    this.#open.clear()
  }

  async #apply(): Promise<void> {
    clearTimeout(this.#retry)
    const wanted = new Map(this.#wanted.map(each => [`${each.address} ${each.port}`, each]))
    for (const [key, server] of this.#open) {
      if (wanted.has(key)) continue
      server.close()
      this.#open.delete(key)
    }
    const missing = [...wanted].filter(([key]) => !this.#open.has(key))
    const violations: Violation[] = []
    for (let at = 0; at < missing.length && !this.#closed; at += atOnce) {
      const results = await Promise.all(missing.slice(at, at + atOnce).map(([key, each]) => this.#listen(key, each)))
      violations.push(...results.flatMap(result => result ?? []))
    }
    this.#violations = violations
    if (violations.length === 0 || this.#closed) return
    this.#retry = setTimeout(() => {
      this.#tryAgain().catch(this.#options.onFault)
    }, retryMilliseconds)
  }

  async #tryAgain(): Promise<void> {
    const before = this.#violations.length
    await this.follow(this.#wanted)
    if (this.#violations.length !== before) this.#options.onChange()
  }

  async #listen(key: string, { port, address, path }: WantedPort): Promise<Violation | undefined> {
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true })
    try {
      await listenOn(server, port, address)
    } catch (error) {
      if (error instanceof ListenError) return { path, message: error.message }
      this.#options.onFault(error)
      return { path, message: `port ${port} can’t be listened on` }
    }
    if (this.#closed) return void server.close()
    this.#open.set(key, server)
    const accepted = acceptedOptions(server)
    server.on('connection', socket => {
      if (!accepted.areInherited()) accepted.set(socket)
      this.#options.onConnection(socket, port)
    })
    server.on('error', this.#options.onFault)
    return undefined
  }
}
