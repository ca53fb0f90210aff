/** A TCP connection within a time, and why there is none. */
import { lookup } from 'node:dns/promises'
import { connect, isIP, type Socket } from 'node:net'
import { lookupWithout } from './off-limits.ts'

export type DialFailure = 'refused' | 'timeout' | 'unreachable'

export class DialError extends Error {
  override readonly name = 'DialError'
  readonly failure: DialFailure
  constructor(failure: DialFailure, options?: { cause?: unknown }) {
    super(failure, options)
    this.failure = failure
  }
}

// SYN is sent again after one second and after three.
const dialMilliseconds = 4000

export type DialOptions = {
  readonly milliseconds?: number
  /** Addresses that are not connected to, be they given or what a name stands for: `unreachable`. */
  readonly isOffLimits?: (address: string) => boolean
}

/** Rejects with a DialError, or with the signal's reason. */
export function dial(host: string, port: number, signal: AbortSignal, options: DialOptions = {}): Promise<Socket> {
  signal.throwIfAborted()
  const { milliseconds = dialMilliseconds, isOffLimits = () => false } = options
  const { promise, resolve, reject } = Promise.withResolvers<Socket>()
  if (isIP(host) !== 0 && isOffLimits(host)) return Promise.reject(new DialError('unreachable'))
  const socket = connect({ host, port, noDelay: true, lookup: lookupWithout(isOffLimits) })
  const fail = (error: unknown): void => {
    end()
    socket.destroy()
    reject(error)
  }
  const timer = setTimeout(() => fail(new DialError('timeout')), milliseconds)
  const onAbort = (): void => fail(signal.reason)
  const onError = (error: NodeJS.ErrnoException): void => fail(new DialError(failureOf(error.code), { cause: error }))
  const onConnect = (): void => {
    end()
    // Whoever takes it hears of its end by `close`.
    socket.on('error', () => undefined)
    resolve(socket)
  }
  const end = (): void => {
    clearTimeout(timer)
    signal.removeEventListener('abort', onAbort)
    socket.off('connect', onConnect)
    socket.off('error', onError)
    socket.on('error', () => undefined)
  }
  signal.addEventListener('abort', onAbort, { once: true })
  socket.once('connect', onConnect)
  socket.once('error', onError)
  return promise
}

/** How a connection there fares, without a word. Rejects with the signal's reason. */
export async function tryPort(host: string, port: number, signal: AbortSignal): Promise<'open' | DialFailure> {
  try {
    ;(await dial(host, port, signal, { milliseconds: tryMilliseconds })).destroy()
    return 'open'
  } catch (error) {
    if (error instanceof DialError) return error.failure
    throw error
  }
}

/** IPv4 addresses that a name stands for; none if that can't be known in time. */
export async function addressesOf(name: string): Promise<readonly string[]> {
  const { promise: late, resolve } = Promise.withResolvers<readonly string[]>()
  const timer = setTimeout(resolve, dialMilliseconds, [])
  const found = lookup(name, { all: true, family: 4 }).then(
    all => all.map(({ address }) => address),
    () => [],
  )
  return await Promise.race([found, late]).finally(() => clearTimeout(timer))
}

// Within the cluster.
const tryMilliseconds = 2000

function failureOf(code: string | undefined): DialFailure {
  if (code === 'ECONNREFUSED' || code === 'ECONNRESET') return 'refused'
  return code === 'ETIMEDOUT' ? 'timeout' : 'unreachable'
}
