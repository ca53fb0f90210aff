/** One sink: takes its events from the spool in their order and sends each until the sink has it. */
import { setTimeout as delay } from 'node:timers/promises'
import type { ServerConfiguration } from '../config/schema.ts'
import { type CloudEvent, eventType } from './event.ts'
import { requestOf } from './http-binding.ts'
import { signatureHeaders } from './signature.ts'
import type { Spool } from './spool.ts'
import type { SinkTelemetry } from './telemetry.ts'

export type SinkSettings = ServerConfiguration['events']['sinks'][number]

export type SinkOptions = {
  readonly settings: SinkSettings
  readonly spool: Spool
  readonly telemetry: SinkTelemetry
  /** Secrets of a file, as it is now. Rejects if there are none. */
  readonly readSecrets: (file: string) => Promise<readonly Buffer[]>
  readonly onFault: (error: unknown) => void
  /** From 0 to 1, for jitter. */
  readonly random?: () => number
}

const firstPauseSeconds = 0.5

export class Sink {
  readonly #options: SinkOptions
  #settings: SinkSettings
  readonly #stop = new AbortController()
  /** Ends a pause: something may be different now. */
  #wake = new AbortController()
  readonly #done: Promise<void>

  constructor(options: SinkOptions) {
    this.#options = options
    this.#settings = options.settings
    this.#done = this.#run()
  }

  get name(): string {
    return this.#settings.name
  }

  get settings(): SinkSettings {
    return this.#settings
  }

  follow(settings: SinkSettings): void {
    this.#settings = settings
    this.#wake.abort()
    this.#wake = new AbortController()
  }

  /** Ends a request that is under way; its event stays. */
  async close(): Promise<void> {
    this.#stop.abort()
    await this.#done
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop
    while (!signal.aborted) {
      try {
        for (const { record, next } of await this.#options.spool.next(this.name, signal)) {
          if (record !== undefined && this.#isFor(record.event, record.only)) await this.#deliver(record.event)
          if (signal.aborted) return
          this.#options.spool.pass(this.name, next)
        }
      } catch (error) {
        if (signal.aborted) return
        this.#options.onFault(error)
        await this.#pause(firstPauseSeconds * 10)
      }
    }
  }

  #isFor({ type }: CloudEvent, only: readonly string[] | undefined): boolean {
    if (only !== undefined && !only.includes(this.name)) return false
    return this.#settings.kinds.some(kind => eventType(kind) === type)
  }

  /** Returns once the sink has it, or will never have it. */
  async #deliver(event: CloudEvent): Promise<void> {
    const { telemetry, random = Math.random } = this.#options
    for (let attempt = 0; !this.#stop.signal.aborted; attempt += 1) {
      const answer = await this.#send(event)
      if (answer.kind === 'taken') return telemetry.eventSent(this.name, attempt + 1)
      if (this.#stop.signal.aborted) return
      if (answer.kind === 'refused') return telemetry.eventFailed(this.name, answer.reason, undefined)
      const longest = Math.min(firstPauseSeconds * 2 ** Math.min(attempt, 20), this.#settings.maxRetrySeconds)
      const asked = Math.min(answer.afterSeconds ?? 0, this.#settings.maxRetrySeconds)
      // Between half and all of it: servers that failed together must not come back together.
      const seconds = Math.max(longest * (0.5 + random() / 2), asked)
      telemetry.eventFailed(this.name, answer.reason, seconds)
      await this.#pause(seconds)
    }
  }

  async #pause(seconds: number): Promise<void> {
    const signal = AbortSignal.any([this.#stop.signal, this.#wake.signal])
    await delay(seconds * 1000, undefined, { signal }).catch(() => undefined)
  }

  async #send(event: CloudEvent): Promise<Answer> {
    const { url, mode, secretFile, timeoutSeconds } = this.#settings
    const { headers, body } = requestOf(event, mode)
    try {
      const secrets = secretFile === undefined ? [] : await this.#options.readSecrets(secretFile)
      const seconds = Math.floor(Date.now() / 1000)
      const response = await fetch(url, {
        method: 'POST',
        headers: { ...headers, ...(secrets.length > 0 && signatureHeaders(secrets, { id: event.id, seconds, body })) },
        body,
        redirect: 'manual',
        signal: AbortSignal.any([this.#stop.signal, AbortSignal.timeout(timeoutSeconds * 1000)]),
      })
      await response.body?.cancel()
      return answerOf(response)
    } catch (error) {
      return { kind: 'failed', reason: reasonOf(error) }
    }
  }
}

type Answer =
  | { readonly kind: 'taken' }
  | { readonly kind: 'refused'; readonly reason: string }
  | { readonly kind: 'failed'; readonly reason: string; readonly afterSeconds?: number }

/** What is wrong with this very event will be wrong with it later; everything else may get better. */
const refusals = new Set([400, 413, 415, 422])

function answerOf({ ok, status, headers }: Response): Answer {
  if (ok) return { kind: 'taken' }
  const reason = `status ${status}`
  if (refusals.has(status)) return { kind: 'refused', reason }
  const after = headers.get('retry-after') ?? ''
  return { kind: 'failed', reason, ...(/^\d{1,6}$/.test(after) && { afterSeconds: Number(after) }) }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown'
  if (error.name === 'TimeoutError') return 'no answer in time'
  const cause = error.cause instanceof Error ? error.cause : error
  return 'code' in cause && typeof cause.code === 'string' ? cause.code : cause.message
}
