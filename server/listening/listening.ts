/** All that the server listens on, control connections and probes: as the configuration says, and tried again while somebody else has a port. */
import { isDeepStrictEqual } from 'node:util'
import type { Configuration } from '../config/configuration.ts'
import type { Violation } from '../config/validate.ts'
import type { FtpServer } from '../server.ts'
import type { Probes } from '../telemetry/probes.ts'
import { ListenError } from './listen.ts'

type ProbeSettings = Configuration['server']['probes']

export type ListeningOptions = {
  readonly server: FtpServer
  readonly createProbes: (settings: ProbeSettings) => Probes
  /** Trying again has changed what can't be listened on. */
  readonly onChange: () => void
  readonly onFault: (error: unknown) => void
}

const retryMilliseconds = 2000

export class Listening {
  readonly #options: ListeningOptions
  #probes: { readonly settings: ProbeSettings; readonly opened: Probes } | undefined
  #violations: readonly Violation[] = []
  #retryTimer: NodeJS.Timeout | undefined
  #work: Promise<unknown> = Promise.resolve()
  #closed = false

  constructor(options: ListeningOptions) {
    this.#options = options
  }

  /** What can't be listened on, by its place in the configuration. */
  get violations(): readonly Violation[] {
    return this.#violations
  }

  /** The port of the probes, if there are any. */
  get probesPort(): number | undefined {
    return this.#probes?.opened.port()
  }

  /** Opens and closes what the configuration in force has changed; what can't be opened is in `violations` and is tried again until it can, or is not wanted any more. */
  async follow(): Promise<void> {
    clearTimeout(this.#retryTimer)
    // One thing at a time: reloads and retries never overlap.
    const opened = this.#work.then(() => this.#open())
    this.#work = opened.catch(() => {})
    await opened
  }

  /** Stops trying, and closes the probes. The listeners are the server's to close. */
  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#retryTimer)
    await this.#work
    await this.#probes?.opened.close()
  }

  async #open(): Promise<void> {
    if (this.#closed) return
    const { server } = this.#options
    this.#violations = [
      ...(await server.listen()),
      ...(await probeViolations(this.#openProbes(server.configuration.server.probes))),
    ]
    if (this.#violations.length === 0 || this.#closed) return
    clearTimeout(this.#retryTimer)
    this.#retryTimer = setTimeout(() => this.#retry(), retryMilliseconds)
  }

  #retry(): void {
    const { onChange, onFault } = this.#options
    const before = this.#violations
    const after = async (): Promise<void> => {
      await this.follow()
      if (!isDeepStrictEqual(before, this.#violations)) onChange()
    }
    after().catch(onFault)
  }

  async #openProbes(settings: ProbeSettings): Promise<void> {
    const old = this.#probes
    if (isDeepStrictEqual(settings, old?.settings)) return
    if (!settings.enabled) {
      this.#probes = undefined
      return old?.opened.close()
    }
    const opened = this.#options.createProbes(settings)
    if (old === undefined) await opened.listen()
    else await replace(old, { settings, opened })
    this.#probes = { settings, opened }
  }
}

type OpenProbes = { readonly settings: ProbeSettings; readonly opened: Probes }

/** Opens the new ones before it closes the old: Kubernetes takes a server without probes for dead. Rejects if they can't be opened; the old ones stay then. */
async function replace(old: OpenProbes, next: OpenProbes): Promise<void> {
  try {
    await next.opened.listen()
  } catch (error) {
    // On the same port, at other addresses, the old ones may be what is in the way.
    if (old.settings.port !== next.settings.port) throw error
    await old.opened.close()
    try {
      await next.opened.listen()
    } catch (again) {
      await old.opened.listen()
      throw again
    }
  }
  await old.opened.close()
}

async function probeViolations(opening: Promise<void>): Promise<readonly Violation[]> {
  try {
    await opening
    return []
  } catch (error) {
    if (!(error instanceof ListenError)) throw error
    return [error.violation('probes')]
  }
}
