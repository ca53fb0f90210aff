/** One session's claim to a passive port: waits for the connection of its client, whoever else connects. */
import type { Socket } from 'node:net'
import { callIn, type Deadline } from '../../deadlines.ts'
import { keepKind } from '../../kinds.ts'
import { FirstBytes } from '../../proxy-protocol/first-bytes.ts'
import type { BareConnection } from '../bare-connection.ts'
import { DataChannelError } from '../error.ts'
import type { ClientHello } from './client-hello.ts'

export type PassivePortOptions = {
  /** The address of the client, or undefined where connections come from others: then nobody's address tells anything. */
  readonly client: string | undefined
  /** Whether a connection from this address may be the client's, now. */
  readonly isExpected: (address: string) => boolean
  /** Told of each connection from somebody else; it is closed and uses nothing up. */
  readonly onStray: (address: string, port: number) => void
  readonly acceptTimeoutSeconds: number
  /** Proxies that say first whom they speak for; without this there are none. */
  readonly proxies?: { readonly include: (address: string) => boolean; readonly headerTimeoutSeconds: number }
  /** `first` of those expected is the client, and the port is free again as soon as it has come. `several` may come until one of them has proved to be. */
  readonly claimants?: 'first' | 'several'
  /** Whether who begins TLS so goes on with a session of the client's. Where it is given nobody else is the client, and sessions that can tell share a port, whatever their address. */
  readonly owns?: ((hello: ClientHello & { readonly kind: 'hello' }) => boolean) | undefined
  /** Whose session it is: several of one may belong to one program, which goes on with whichever TLS session it got last. */
  readonly user?: string | undefined
}

/** How long to wait for somebody to speak, in milliseconds: once some are there, and for some to come; undefined for what is left of the port's time. */
type Patience = { readonly silent: number; readonly absent: number | undefined }

/** Connections that have not said whose they are, and may be this client's: those that can be nobody else's, and others. */
export type Undecided = { readonly own: readonly FirstBytes[]; readonly anybodys: readonly FirstBytes[] }

/** Where ports are waited on. */
export interface PassivePortHost {
  readonly number: number
  /** The port is free again; called once. Where its client has not come, it may be on its way. */
  release(port: PassivePort, client: 'came' | 'absent'): void
  undecidedFor(port: PassivePort): Undecided
}

/** Those that are there at once, and proxies that have not said whom they speak for. */
export const mostClaimants = 8

export class PassivePort {
  readonly options: PassivePortOptions
  readonly #host: PassivePortHost
  #deadline: Deadline
  #state: 'listening' | 'connected' | 'expired' | 'closed' = 'listening'
  readonly #claimants: FirstBytes[] = []
  /** The client, where nothing has to be read to know that it is. */
  #bare: BareConnection | undefined
  #hasCome = false
  #listensToClaimants = false
  /** When its time was over: those who were there and had not spoken. Who comes later is another's client, or too late. */
  #awaited: readonly FirstBytes[] | undefined
  #onChange: (() => void) | undefined

  constructor(options: PassivePortOptions, host: PassivePortHost) {
    this.options = options
    this.#host = host
    this.#deadline = this.#endTimeIn(options.acceptTimeoutSeconds * 1000)
  }

  get port(): number {
    return this.#host.number
  }

  /** Whether nobody came in time: the port is free again then. */
  get expired(): boolean {
    return this.#state === 'expired'
  }

  get clientHasCome(): boolean {
    return this.#bare !== undefined
  }

  /** Takes a connection that may be the client's; `no` where there is no place for it. */
  offer(claimant: FirstBytes): 'taken' | 'no' {
    if (this.#state !== 'listening' || this.#claimants.length >= mostClaimants) return 'no'
    this.#claimants.push(claimant)
    if (this.#listensToClaimants) this.#listenTo(claimant)
    if (this.options.claimants === 'several') {
      this.#onChange?.()
    } else {
      this.#hasCome = true
      this.#settle('connected')
    }
    return 'taken'
  }

  /** The same for a connection without a socket, which is the client for certain. */
  offerBare(connection: BareConnection): 'taken' | 'no' {
    const { owns, claimants } = this.options
    if (this.#state !== 'listening' || owns !== undefined || claimants === 'several') return 'no'
    this.#bare = connection
    this.#hasCome = true
    this.#settle('connected')
    return 'taken'
  }

  /** Resolves to the first connection that can be the client's, paused. Rejects with DataChannelError `timeout` or `aborted`. Call it once: the port is closed then. */
  async accept(signal: AbortSignal): Promise<Socket | BareConnection> {
    try {
      while (this.#state === 'listening' && this.#claimants.length === 0 && !signal.aborted) {
        await this.#change(signal, undefined)
      }
      const bare = signal.aborted ? undefined : this.acceptAtOnce()
      return bare ?? this.#take(this.#claimants[0], signal).giveBack()
    } finally {
      this.close()
    }
  }

  /** The client, where it has come and nothing has to be read to know that it is: the port is closed then. */
  acceptAtOnce(): BareConnection | undefined {
    const bare = this.#bare
    if (bare === undefined) return undefined
    this.#bare = undefined
    this.close()
    return bare
  }

  /** Whether somebody is there whom nobody has taken. */
  get isClaimed(): boolean {
    return this.#claimants.length > 0 || (this.#state === 'listening' && this.#host.undecidedFor(this).own.length > 0)
  }

  /**
   * Resolves to the next connection on which the other side has said something, and to a closed one where it has ended without; the
   * port stays as it is. Who connects and is silent holds nobody up. Undefined if nobody speaks in time. Rejects with DataChannelError
   * `aborted`.
   */
  async acceptSpeaking(signal: AbortSignal, patience: Patience): Promise<Socket | undefined> {
    this.#listensToClaimants = true
    if (this.#bare !== undefined) this.#claimants.push(new FirstBytes(this.#bare.socket()))
    this.#bare = undefined
    for (const claimant of this.#claimants) this.#listenTo(claimant)
    if (patience.absent !== undefined) this.#hurry(patience.absent)
    let since: number | undefined
    for (;;) {
      const speaking = this.#claimants.find(({ bytes, ended }) => bytes.length > 0 || ended)
      if (speaking !== undefined || signal.aborted || this.#state === 'closed')
        return speaker(this.#take(speaking, signal))
      if (this.#state !== 'listening' && !this.isClaimed) return undefined
      // Others who come meanwhile make it no longer: on a port that many share they never cease.
      const isThere = this.isClaimed || this.#awaited !== undefined
      since = isThere ? (since ?? performance.now()) : undefined
      const milliseconds = since === undefined ? undefined : since + patience.silent - performance.now()
      if ((await this.#change(signal, milliseconds)) === 'none') return undefined
    }
  }

  /** Somebody has come who may be the client, or is known to be another's. */
  noteUndecided(): void {
    if (this.#awaited !== undefined) this.#expireUnlessAwaited(this.#awaited)
    this.#onChange?.()
  }

  /** Frees the port, and closes connections that nobody has taken. */
  close(): void {
    this.#settle('closed')
    for (const { socket } of this.#claimants.splice(0)) socket.destroy()
    this.#bare?.close()
  }

  #hurry(milliseconds: number): void {
    if (this.#state !== 'listening' || this.#awaited !== undefined) return
    this.#deadline.end()
    this.#deadline = this.#endTimeIn(milliseconds)
  }

  /** A process that was not let run for long finds the time over before it sees who has come meanwhile: those come first. */
  #endTimeIn(milliseconds: number): Deadline {
    return callIn(milliseconds, () => setImmediate(() => this.#endTime()))
  }

  #endTime(): void {
    if (this.#state !== 'listening') return
    if (this.#claimants.length > 0) return this.#settle('connected')
    // The client may be among those that have not spoken; they are not asked to before the transfer.
    const { own, anybodys } = this.#host.undecidedFor(this)
    this.#awaited = [...own, ...anybodys]
    this.#expireUnlessAwaited(this.#awaited)
    this.#onChange?.()
  }

  #expireUnlessAwaited(awaited: readonly FirstBytes[]): void {
    const { own, anybodys } = this.#host.undecidedFor(this)
    const isAwaited = awaited.some(each => own.includes(each) || anybodys.includes(each))
    if (!isAwaited) this.#settle(this.#claimants.length > 0 ? 'connected' : 'expired')
  }

  #take(claimant: FirstBytes | undefined, signal: AbortSignal): FirstBytes {
    if (signal.aborted) {
      this.close()
      throw new DataChannelError('aborted', { cause: signal.reason })
    }
    if (claimant === undefined) throw new DataChannelError(this.#state === 'closed' ? 'aborted' : 'timeout')
    this.#claimants.splice(this.#claimants.indexOf(claimant), 1)
    this.#hasCome = true
    return claimant
  }

  /** Resolves to `none` after so many milliseconds without one. */
  #change(signal: AbortSignal, milliseconds: number | undefined): Promise<'some' | 'none'> {
    return new Promise(resolve => {
      let over: NodeJS.Immediate | undefined
      const settle = (change: 'some' | 'none'): void => {
        clearTimeout(timer)
        clearImmediate(over)
        signal.removeEventListener('abort', onChange)
        this.#onChange = undefined
        resolve(change)
      }
      const onChange = (): void => settle('some')
      const onTime = (): void => void (over = setImmediate(() => settle('none')))
      const timer = milliseconds === undefined ? undefined : setTimeout(onTime, milliseconds)
      signal.addEventListener('abort', onChange)
      this.#onChange = onChange
    })
  }

  #listenTo(claimant: FirstBytes): void {
    claimant.read(bytes => bytes.length > 0).then(() => this.#onChange?.(), ignore)
  }

  #settle(state: 'connected' | 'expired' | 'closed'): void {
    if (this.#state !== 'listening') {
      if (this.#state === 'connected' && state === 'closed') this.#state = state
      return
    }
    this.#state = state
    this.#deadline.end()
    this.#host.release(this, this.#hasCome ? 'came' : 'absent')
    this.#onChange?.()
  }
}

function speaker(claimant: FirstBytes): Socket {
  // Whoever reads it later would wait for an end that has passed.
  return claimant.bytes.length === 0 && claimant.ended ? claimant.socket.destroy() : claimant.giveBack()
}

function ignore(): void {}

const nowhere: PassivePortHost = {
  number: 0,
  release: ignore,
  undecidedFor: () => ({ own: [], anybodys: [] }),
}

keepKind(() => {
  const options = { client: undefined, isExpected: () => false, onStray: ignore, acceptTimeoutSeconds: 1 }
  const port = new PassivePort(options, nowhere)
  port.close()
  return port
})
