/** Makes events of what happens, where somebody wants to know, and says when the answer to a client may be given. */
import { randomUUID } from 'node:crypto'
import type { EventKind } from '../config/schema/events.ts'
import type { ServerConfiguration } from '../config/schema.ts'
import { type CloudEvent, eventType, type Happening } from './event.ts'

/** Where events go: the spool, or the process that has it. */
export interface EventOutlet {
  /** Resolves when the event is stored, or never will be. Never rejects. */
  put(event: CloudEvent, kind: EventKind): Promise<void>
}

export type EventMakerOptions = {
  readonly outlet: EventOutlet
  readonly configuration: ServerConfiguration
  /** Milliseconds since the epoch. */
  readonly now?: () => number
  readonly deadlineMilliseconds?: number
}

export class EventMaker {
  readonly #outlet: EventOutlet
  readonly #now: () => number
  readonly #deadlineMilliseconds: number
  #source = ''
  #waits = false
  #wanted: ReadonlySet<EventKind> = new Set()

  constructor({ outlet, configuration, now = Date.now, deadlineMilliseconds = 5000 }: EventMakerOptions) {
    this.#outlet = outlet
    this.#now = now
    this.#deadlineMilliseconds = deadlineMilliseconds
    this.follow(configuration)
  }

  follow({ events }: ServerConfiguration): void {
    this.#source = events.source
    this.#waits = events.durability === 'spooled'
    this.#wanted = new Set(events.sinks.flatMap(({ kinds }) => kinds))
  }

  wants(kind: EventKind): boolean {
    return this.#wanted.has(kind)
  }

  /** Undefined if nobody has to wait; otherwise resolves when the event is stored, or could not be in time. Never rejects. */
  tell({ kind, subject, data }: Happening): Promise<void> | undefined {
    if (!this.wants(kind)) return undefined
    const stored = this.#outlet.put(
      {
        specversion: '1.0',
        id: randomUUID(),
        source: this.#source,
        type: eventType(kind),
        subject,
        time: new Date(this.#now()).toISOString(),
        datacontenttype: 'application/json',
        data,
      },
      kind,
    )
    return this.#waits ? this.#inTime(stored) : undefined
  }

  /** A volume that hangs must not hold up the answer for ever. */
  async #inTime(stored: Promise<void>): Promise<void> {
    const { promise: late, resolve } = Promise.withResolvers<void>()
    const timer = setTimeout(resolve, this.#deadlineMilliseconds)
    await Promise.race([stored, late])
    clearTimeout(timer)
  }
}
