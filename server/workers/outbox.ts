/** What a worker has to say to the supervisor: what one turn of the event loop says is one message, and what nobody waits for goes with the next, if it has to go at all. */
import type { Claim, FromWorker } from './messages.ts'
import type { ClaimKind } from './shared-state.ts'

export class Outbox {
  readonly #send: (messages: readonly FromWorker[]) => void
  #messages: FromWorker[] = []
  /** Sessions of which only this is left to be said. */
  #ended: number[] = []
  /** Places that are taken without a limit, and not told yet: one that is given back meanwhile need not be told at all. */
  readonly #counted = new Map<string, Claim[]>()
  /** Logins not told yet, by client and user: a second one changes nothing. */
  readonly #logins = new Set<string>()
  #isSpeaking = false
  #later: NodeJS.Timeout | undefined

  constructor(send: (messages: readonly FromWorker[]) => void) {
    this.#send = send
  }

  say(message: FromWorker): void {
    if (message.kind === 'claim' && message.limit === undefined) return this.#count(message)
    if (message.kind === 'release') return this.#release(message)
    if (message.kind === 'logged-in') return this.#logIn(message)
    // A login after it makes up for it.
    if (message.kind === 'offended') this.#logins.clear()
    this.#messages.push(message)
    this.#speakSoon()
  }

  /** The end of a session; at once where somebody may wait for its place. */
  ended(session: number, when: 'at once' | 'later'): void {
    this.#ended.push(session)
    if (when === 'at once') this.#speakSoon()
    else this.#speakLater()
  }

  #count(claim: Claim): void {
    const place = placeOf(claim.claim, claim.key)
    const others = this.#counted.get(place)
    if (others === undefined) this.#counted.set(place, [claim])
    else others.push(claim)
    this.#speakLater()
  }

  #release(message: Extract<FromWorker, { kind: 'release' }>): void {
    if (this.#counted.get(placeOf(message.claim, message.key))?.pop() !== undefined) return
    this.#messages.push(message)
    // The end of the session follows, as a rule.
    if (message.claim === 'session-of-user') this.#speakLater()
    else this.#speakSoon()
  }

  #logIn(message: Extract<FromWorker, { kind: 'logged-in' }>): void {
    const login = `${message.address} ${message.user}`
    if (this.#logins.has(login)) return
    this.#logins.add(login)
    this.#messages.push(message)
    this.#speakLater()
  }

  #speakSoon(): void {
    if (this.#isSpeaking) return
    this.#isSpeaking = true
    setImmediate(() => this.#speak())
  }

  #speakLater(): void {
    this.#later ??= setTimeout(() => this.#speak(), laterMilliseconds)
  }

  #speak(): void {
    clearTimeout(this.#later)
    this.#later = undefined
    this.#isSpeaking = false
    // Before whatever may ask for a place of the same.
    const messages: FromWorker[] = [...[...this.#counted.values()].flat(), ...this.#messages]
    if (this.#ended.length > 0) messages.push({ kind: 'ended', sessions: this.#ended })
    this.#counted.clear()
    this.#logins.clear()
    this.#messages = []
    this.#ended = []
    if (messages.length > 0) this.#send(messages)
  }
}

function placeOf(claim: ClaimKind, key: string): string {
  return `${claim} ${key}`
}

/** A message costs as much as a short command. */
const laterMilliseconds = 20
