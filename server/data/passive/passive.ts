/** Passive ports of a process: RFC 959 PASV, RFC 2428 EPSV, RFC 2577 section 8 (random ports). */
import { randomInt } from 'node:crypto'
import { isIP } from 'node:net'
import { after } from '../../at-once.ts'
import type { FirstBytes } from '../../proxy-protocol/first-bytes.ts'
import { DataChannelError } from '../error.ts'
import type { SocketCalls } from '../kernel/socket-calls.ts'
import { openPassiveListener, type PassiveListener } from './passive-listener.ts'
import { PassivePort } from './passive-port.ts'
import { PassiveQueue } from './passive-queue.ts'
import type { PassiveListenOptions, PassivePolicy } from './passive-request.ts'
import {
  anyOwnPort,
  countOwn,
  fewOf,
  foreignPorts,
  isOwn,
  ownPorts,
  type PortRange,
  type PortShare,
  wholeRange,
} from './port-order.ts'

/** Of a wider range so many are enough; others are opened when they are needed, and closed again. */
const mostKept = 256
/** After so many in turn that another process has, it is likely to keep the very same. */
const mostTakenInTurn = 8

type Entry = { readonly opening: Promise<Opened>; listener: PassiveListener | undefined }
type Opened = PassiveListener | 'taken' | 'not-this-address'

/** Gives out ports of a range. The range is told anew each time: ports in use stay when it changes. Close it. */
export class PassivePorts {
  /** By local address and port. */
  readonly #entries = new Map<string, Map<number, Entry>>()
  readonly #queue: PassiveQueue
  readonly #onCount: (portsInUse: number) => void
  readonly #share: () => PortShare
  readonly #onExhausted: (reason: string | undefined) => void
  readonly #socketCalls: SocketCalls | undefined
  #seed = newSeed()
  #takenInTurn = 0
  /** What the system has said of the last port that could not be opened; none once one could. */
  #whyTaken: string | undefined
  /** By local addresses that can't be bound to: what is bound to in their place. */
  readonly #substitutes = new Map<string, string>()
  #policy: Pick<PassivePolicy, 'ports' | 'sharing'> | undefined
  #inUse = 0
  #closed = false

  /** Without a share all ports are this process's own. `onExhausted` is told of each session that gets none, and what the system has said where it gave none. */
  constructor(
    onCount: (portsInUse: number) => void,
    share: () => PortShare = () => wholeRange,
    onExhausted: (reason: string | undefined) => void = () => {},
    socketCalls?: SocketCalls,
  ) {
    this.#onCount = onCount
    this.#share = share
    this.#onExhausted = onExhausted
    this.#socketCalls = socketCalls
    this.#queue = new PassiveQueue(options => this.#choose(options))
  }

  /** Ports that sessions wait on now. */
  get inUse(): number {
    return this.#inUse
  }

  /** A random port on which the client's connection can be told from those of others. Fails with DataChannelError `no-port` where there is none in time. */
  listen(options: PassiveListenOptions): PassivePort | Promise<PassivePort> {
    const { ports, sharing, client } = options
    this.#policy = { ports, sharing }
    const choosing = this.#queue.isEmptyFor(client) ? this.#choose(options) : this.#join(options)
    return choosing instanceof PassivePort ? choosing : this.#listenLater(choosing, options)
  }

  async #listenLater(
    choosing: undefined | Promise<PassivePort | undefined>,
    options: PassiveListenOptions,
  ): Promise<PassivePort> {
    try {
      const chosen = await choosing
      if (chosen !== undefined) return chosen
      const { sharing, portWaitSeconds } = options
      if (sharing === 'off' || portWaitSeconds === 0) throw new DataChannelError('no-port')
      return await this.#queue.wait(options, portWaitSeconds)
    } catch (error) {
      if (error instanceof DataChannelError && error.kind === 'no-port')
        this.#onExhausted(error.cause instanceof Error ? error.cause.message : this.#whyTaken)
      throw error
    }
  }

  /** Whether sessions wait on a port. */
  isAwaited(port: number): boolean {
    return this.#awaited(port) !== undefined
  }

  /** Takes a connection for a port that another server has relayed, as if it had come here from that address. */
  takeRelayed(port: number, first: FirstBytes, address: string): void {
    const listener = this.#awaited(port)
    if (listener === undefined) first.socket.resetAndDestroy()
    else listener.take(first, address)
  }

  #awaited(port: number): PassiveListener | undefined {
    for (const listener of this.#listeners()) if (listener.number === port && listener.count > 0) return listener
    return undefined
  }

  /** Closes what is open and not wanted any more, as soon as nobody waits there. To be called when the configuration or the share has changed. */
  follow(policy: Pick<PassivePolicy, 'ports' | 'sharing'>): void {
    this.#policy = policy
    for (const listener of this.#listeners()) this.#closeUnlessKept(listener)
    this.#queue.retry()
  }

  close(): void {
    this.#closed = true
    this.#queue.close()
    for (const listener of this.#listeners()) listener.close()
  }

  *#listeners(): Generator<PassiveListener> {
    for (const entries of this.#entries.values())
      for (const { listener } of entries.values()) if (listener !== undefined) yield listener
  }

  #choose(options: PassiveListenOptions): PassivePort | undefined | Promise<PassivePort | undefined> {
    const { ports, sharing, avoided } = options
    // Most often, it is free.
    const likely = anyOwnPort(ports, sharing === 'auto' ? this.#keptOf(ports) : this.#share())
    const reserving = likely === undefined || avoided?.has(likely) === true ? undefined : this.#reserve(likely, options)
    if (reserving instanceof Promise) return reserving.then(reserved => reserved ?? this.#search(options))
    return reserving ?? this.#search(options)
  }

  #search(options: PassiveListenOptions): PassivePort | undefined | Promise<PassivePort | undefined> {
    const { avoided } = options
    if (avoided === undefined || avoided.size === 0) return this.#tryEach(this.#inOrder(options), options)
    return after(
      this.#tryEach(this.#inOrder(options), options, avoided),
      reserved => reserved ?? this.#tryEach(this.#inOrder(options), options),
    )
  }

  /** Nothing is waited for where a port is open: there may be many that are taken. */
  #tryEach(
    ports: Iterator<number>,
    options: PassiveListenOptions,
    avoided?: ReadonlySet<number>,
  ): PassivePort | undefined | Promise<PassivePort | undefined> {
    for (let next = ports.next(); next.done !== true; next = ports.next()) {
      if (avoided?.has(next.value) === true) continue
      const reserving = this.#reserve(next.value, options)
      if (reserving instanceof Promise)
        return reserving.then(reserved => reserved ?? this.#tryEach(ports, options, avoided))
      if (reserving !== undefined) return reserving
    }
    return undefined
  }

  *#inOrder({ ports, sharing }: PassivePolicy): Generator<number> {
    const share = this.#share()
    const kept = this.#keptOf(ports)
    if (sharing === 'auto' && kept.of !== share.of) yield* ownPorts(ports, kept)
    yield* ownPorts(ports, share)
    yield* foreignPorts(ports, share)
  }

  #keptOf(ports: PortRange): PortShare {
    return fewOf(ports, this.#share(), mostKept, this.#seed)
  }

  /** While others of the client wait for a port of their own: who can share one joins those that do, and the other ports become free. */
  #join(options: PassiveListenOptions): PassivePort | undefined | Promise<PassivePort | undefined> {
    const { owns, client, ports } = options
    if (owns === undefined || countOwn(ports, this.#share()) < 2) return undefined
    let largest: { readonly port: number; readonly size: number } | undefined
    for (const listener of this.#listeners()) {
      const port = listener.number
      const size = listener.countOf(client)
      if (size > (largest?.size ?? 0) && port >= ports.first && port <= ports.last) largest = { port, size }
    }
    return largest && this.#reserve(largest.port, options)
  }

  #reserve(port: number, options: PassiveListenOptions): PassivePort | undefined | Promise<PassivePort | undefined> {
    if (this.#closed) throw new DataChannelError('aborted')
    const host = this.#substitutes.get(options.address) ?? options.address
    const known = this.#entries.get(host)?.get(port)
    // It is opened by the one who will wait there, or about to be closed.
    if (known !== undefined && options.sharing === 'off') return undefined
    const entry = known ?? this.#open(host, port)
    if (entry.listener !== undefined) return this.#reserveOn(entry.listener, options)
    return entry.opening.then(opened => {
      if (opened === 'taken') return undefined
      return opened === 'not-this-address' ? this.#reserve(port, options) : this.#reserveOn(opened, options)
    })
  }

  #reserveOn(listener: PassiveListener, options: PassiveListenOptions): PassivePort | undefined {
    const isFirst = listener.count === 0
    const reserved = listener.reserve(options)
    if (reserved !== undefined && isFirst) this.#changeInUse(1)
    return reserved
  }

  #open(host: string, port: number): Entry {
    const entries = this.#entries.get(host) ?? new Map<number, Entry>()
    this.#entries.set(host, entries)
    const options = {
      host,
      port,
      socketCalls: this.#socketCalls,
      onRelease: (client: string | undefined) => this.#released(entry, client),
      onClose: () => {
        if (this.#entries.get(host)?.get(port) === entry) this.#forget(host, port)
      },
    }
    const opening = openPassiveListener(options).then(
      listener => {
        entry.listener = listener
        this.#takenInTurn = 0
        this.#whyTaken = undefined
        if (this.#closed) listener.close()
        return listener
      },
      (error: unknown) => {
        this.#forget(host, port)
        return this.#whyNotOpen(host, error)
      },
    )
    const entry: Entry = { opening, listener: undefined }
    entries.set(port, entry)
    return entry
  }

  #forget(host: string, port: number): void {
    const entries = this.#entries.get(host)
    entries?.delete(port)
    if (entries?.size === 0) this.#entries.delete(host)
  }

  #whyNotOpen(host: string, error: unknown): 'taken' | 'not-this-address' {
    // Another process has it, or it is privileged.
    if (hasCode(error, 'EADDRINUSE', 'EACCES')) {
      this.#takenInTurn++
      this.#whyTaken = error.message
      if (this.#takenInTurn === mostTakenInTurn) this.#keepOthers()
      return 'taken'
    }
    const any = isIP(host) === 6 ? '::' : '0.0.0.0'
    // A zone is missing, or it is somebody else's behind a proxy. Any other failure (no descriptors left) is no better on the next port.
    if (host === any || !hasCode(error, 'EADDRNOTAVAIL', 'EINVAL'))
      throw new DataChannelError('no-port', { cause: error })
    this.#substitutes.set(host, any)
    return 'not-this-address'
  }

  #released({ listener }: Entry, client: string | undefined): void {
    if (listener === undefined) return
    if (listener.count === 0) this.#changeInUse(-1)
    this.#closeUnlessKept(listener)
    this.#queue.retryFor(client)
  }

  /** Else each session would try all those that are taken, again and again. */
  #keepOthers(): void {
    this.#takenInTurn = 0
    this.#seed = newSeed()
    // Later: others may just have been opened, for a session that has not reserved them yet.
    setImmediate(() => this.#policy && this.follow(this.#policy))
  }

  #closeUnlessKept(listener: PassiveListener): void {
    if (listener.count > 0) return
    const { sharing, ports } = this.#policy ?? { sharing: 'off' }
    const isKept = sharing === 'auto' && ports !== undefined && isOwn(listener.number, ports, this.#keptOf(ports))
    if (!isKept) listener.close()
  }

  #changeInUse(by: 1 | -1): void {
    this.#inUse += by
    this.#onCount(this.#inUse)
  }
}

function newSeed(): number {
  return randomInt(2 ** 31)
}

function hasCode(error: unknown, ...codes: readonly string[]): error is Error {
  return error instanceof Error && 'code' in error && codes.some(code => code === error.code)
}
