/** The events of a server in a running state: the spool, its sinks, and what servers before this one have left. Lives in the process that has the listeners. */
import { randomBytes } from 'node:crypto'
import { open } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { EventKind } from '../config/schema/events.ts'
import type { ServerConfiguration } from '../config/schema.ts'
import type { CloudEvent } from './event.ts'
import type { EventOutlet } from './event-maker.ts'
import { parseSecrets } from './signature.ts'
import { Sink } from './sink.ts'
import { Spool } from './spool.ts'
import type { EventsTelemetry } from './telemetry.ts'
import { removeAdopted, Tenancy, undelivered } from './tenancy.ts'

export type EventsOptions = {
  readonly configuration: ServerConfiguration
  readonly telemetry: EventsTelemetry
}

type Running = {
  readonly directory: string
  readonly tenancy: Tenancy
  readonly spool: Spool
  readonly sinks: Map<string, Sink>
}

const refreshMilliseconds = 20_000
/** Written with one fsync; the longest events must fit into what may wait. */
const adoptedTogether = 32
/** A volume that hangs must not keep a server from starting or ending. */
const volumeDeadlineMilliseconds = 3000
/** Anybody can cause them as often as they like. */
const expendable: ReadonlySet<EventKind> = new Set(['login-failed', 'ban'])

export class Events implements EventOutlet {
  readonly #options: EventsOptions
  #configuration: ServerConfiguration
  #running: Running | undefined
  #timer: NodeJS.Timeout | undefined
  /** One change after the other. */
  #changing: Promise<void> = Promise.resolve()
  #closed = false

  constructor(options: EventsOptions) {
    this.#options = options
    this.#configuration = options.configuration
  }

  /** Begins, where there are sinks. */
  async open(): Promise<void> {
    this.#timer ??= setInterval(() => this.#change(() => this.#tick()), refreshMilliseconds)
    this.#change(() => this.#apply())
    await inTime(this.#changing)
  }

  follow(configuration: ServerConfiguration): void {
    this.#configuration = configuration
    this.#change(() => this.#apply())
  }

  put(event: CloudEvent, kind: EventKind): Promise<void> {
    if (this.#running !== undefined && !this.#closed) {
      return this.#running.spool.put({ event }, expendable.has(kind) ? 'expendable' : 'kept')
    }
    this.#options.telemetry.eventsDropped('no-spool', 1, undefined)
    return Promise.resolve()
  }

  /** Lets the sinks take what is left for so long; what they don't take waits on the disk. */
  async close(graceMilliseconds: number): Promise<void> {
    clearInterval(this.#timer)
    const deadline = performance.now() + graceMilliseconds
    await inTime(this.#changing)
    const running = this.#running
    if (running !== undefined) {
      // Who is in a pause tries once more.
      for (const [name, sink] of running.sinks) sink.follow(this.#settingsOf(name) ?? sink.settings)
      await inTime(running.spool.settled())
      while (performance.now() < deadline && this.#isBehind(running)) await pause()
    }
    this.#closed = true
    this.#change(() => this.#end())
    await inTime(this.#changing)
  }

  #change(action: () => Promise<void>): void {
    this.#changing = this.#changing.then(action).catch((error: unknown) => {
      this.#options.telemetry.eventSpoolTrouble(this.#directory() ?? '', error)
    })
  }

  #directory(): string | undefined {
    const { state, events } = this.#configuration
    if (state.directory === undefined || events.sinks.length === 0 || this.#closed) return undefined
    return join(resolve(state.directory), 'events')
  }

  async #apply(): Promise<void> {
    const directory = this.#directory()
    if (this.#running !== undefined && this.#running.directory !== directory) await this.#end()
    if (directory === undefined) return
    const running = (this.#running ??= await this.#begin(directory))
    running.spool.follow(this.#configuration.events.spool)
    for (const [name, sink] of running.sinks) {
      if (this.#settingsOf(name) !== undefined) continue
      running.sinks.delete(name)
      await sink.close()
      running.spool.leave(name)
    }
    for (const settings of this.#configuration.events.sinks) {
      const sink = running.sinks.get(settings.name)
      if (sink === undefined) running.spool.enter(settings.name)
      else sink.follow(settings)
    }
    // What was left goes first: it is older than whatever comes from now on.
    await this.#adopt(running)
    for (const settings of this.#configuration.events.sinks) {
      if (!running.sinks.has(settings.name)) running.sinks.set(settings.name, this.#createSink(running.spool, settings))
    }
  }

  async #begin(directory: string): Promise<Running> {
    const { telemetry } = this.#options
    const tenancy = new Tenancy({ parent: directory, instance: randomBytes(6).toString('hex') })
    await tenancy.moveIn()
    const spool: Spool = new Spool({
      directory: tenancy.directory,
      limits: this.#configuration.events.spool,
      onDropped: (reason, count, sink) => telemetry.eventsDropped(reason, count, sink),
      onSpooled: count => telemetry.eventsSpooled(count, spool.bytes),
      onTrouble: error => telemetry.eventSpoolTrouble(directory, error),
    })
    return { directory, tenancy, spool, sinks: new Map() }
  }

  #createSink(spool: Spool, settings: Sink['settings']): Sink {
    const { telemetry } = this.#options
    return new Sink({ settings, spool, telemetry, readSecrets, onFault: error => telemetry.fault(error) })
  }

  async #tick(): Promise<void> {
    if (this.#running === undefined) return await this.#apply()
    await this.#running.tenancy.refresh()
    await this.#adopt(this.#running)
  }

  async #adopt({ tenancy, spool }: Running): Promise<void> {
    let count = 0
    for (const directory of await tenancy.adopt()) {
      let stored: Promise<void>[] = []
      for await (const record of undelivered(directory)) {
        stored.push(spool.put(record, 'kept'))
        count += 1
        if (stored.length < adoptedTogether) continue
        await Promise.all(stored)
        stored = []
      }
      await Promise.all(stored)
      await removeAdopted(directory)
    }
    if (count > 0) this.#options.telemetry.eventsTakenOver(count)
  }

  async #end(): Promise<void> {
    const running = this.#running
    this.#running = undefined
    if (running === undefined) return
    await Promise.all([...running.sinks.values()].map(sink => sink.close()))
    await running.tenancy.moveOut(await running.spool.close())
  }

  #isBehind({ spool, sinks }: Running): boolean {
    return [...sinks.keys()].some(name => spool.isBehind(name))
  }

  #settingsOf(name: string): Sink['settings'] | undefined {
    return this.#configuration.events.sinks.find(sink => sink.name === name)
  }
}

const maxSecretBytes = 65_536

async function readSecrets(path: string): Promise<readonly Buffer[]> {
  await using file = await open(path)
  const buffer = Buffer.alloc(maxSecretBytes)
  const { bytesRead } = await file.read(buffer, 0, buffer.length, 0)
  const secrets = parseSecrets(buffer.toString('utf8', 0, bytesRead))
  // Without a signature, the sink could not tell the event from one that somebody made up.
  if (secrets.length === 0) throw new Error('the file with the secret is empty')
  return secrets
}

async function inTime(promise: Promise<void>): Promise<void> {
  const { promise: late, resolve: giveUp } = Promise.withResolvers<void>()
  const timer = setTimeout(giveUp, volumeDeadlineMilliseconds)
  await Promise.race([promise, late])
  clearTimeout(timer)
}

async function pause(): Promise<void> {
  const { promise, resolve: end } = Promise.withResolvers<void>()
  setTimeout(end, pauseMilliseconds)
  await promise
}

const pauseMilliseconds = 20
