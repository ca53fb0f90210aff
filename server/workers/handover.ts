/** What goes with the descriptor of a control connection: who it is for, in a few words. Pure. */
import type { ListenerConfiguration } from '../config/schema.ts'
import type { ToWorker } from './messages.ts'

export type Handover = Extract<ToWorker, { readonly kind: 'session' }>

/** Listeners are few, and each is put into words once. */
export class HandoverWriter {
  readonly #listeners = new WeakMap<ListenerConfiguration, string>()

  /** Of a connection that no proxy has announced. */
  words({ session, sessionsInAll, isScarce, listener }: Handover): string {
    return `${session} ${sessionsInAll} ${isScarce ? 1 : 0} ${this.#textOf(listener)}`
  }

  #textOf(listener: ListenerConfiguration): string {
    const known = this.#listeners.get(listener)
    if (known !== undefined) return known
    const text = JSON.stringify(listener)
    this.#listeners.set(listener, text)
    return text
  }
}

/** Reads what a writer wrote; a text that it knows is a listener that it has. */
export class HandoverReader {
  readonly #listeners = new Map<string, ListenerConfiguration>()

  read(words: string): Handover {
    const [session = '', sessionsInAll = ''] = words.split(' ', 2)
    const at = session.length + sessionsInAll.length + 2
    return {
      kind: 'session',
      session: Number(session),
      sessionsInAll: Number(sessionsInAll),
      isScarce: words[at] === '1',
      listener: this.#listener(words.slice(at + 2)),
      proxied: undefined,
    }
  }

  #listener(text: string): ListenerConfiguration {
    const known = this.#listeners.get(text)
    if (known !== undefined) return known
    const listener = JSON.parse(text) as ListenerConfiguration
    if (this.#listeners.size >= mostListeners) this.#listeners.clear()
    this.#listeners.set(text, listener)
    return listener
  }
}

/** Reloads change listeners. */
const mostListeners = 100
