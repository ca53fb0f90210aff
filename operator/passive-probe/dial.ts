/** A TCP connection within a time, and why there is none. */
import { connect, type Socket } from 'node:net'

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

/** Rejects with a DialError, or with the signal's reason. */
export function dial(
  host: string,
  port: number,
  signal: AbortSignal,
  milliseconds = dialMilliseconds,
): Promise<Socket> {
  signal.throwIfAborted()
  const { promise, resolve, reject } = Promise.withResolvers<Socket>()
  const socket = connect({ host, port, noDelay: true })
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
    ;(await dial(host, port, signal, tryMilliseconds)).destroy()
    return 'open'
  } catch (error) {
    if (error instanceof DialError) return error.failure
    throw error
  }
}

// Within the cluster.
const tryMilliseconds = 2000

function failureOf(code: string | undefined): DialFailure {
  if (code === 'ECONNREFUSED' || code === 'ECONNRESET') return 'refused'
  return code === 'ETIMEDOUT' ? 'timeout' : 'unreachable'
}
