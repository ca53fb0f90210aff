/** One handshake of the server's side on a bare connection: until it is done, has failed, takes too long or is not wanted any more. */
import type { BareConnection } from '../../data/bare-connection.ts'
import { TlsError } from '../handshake.ts'
import { TlsConnection, type TlsConnectionOptions } from './tls-connection.ts'

/** To close the bare connection ends it as well: that is for whoever has no signal. */
export type BareHandshake = TlsConnectionOptions & {
  readonly signal: AbortSignal | undefined
  readonly timeoutSeconds: number
}

/** Resolves with nobody watching the bare connection; what has come behind the handshake is to be read. Rejects with TlsError, with it closed. */
export function shakeHandsBare(options: BareHandshake): Promise<TlsConnection> {
  const { bare, signal, timeoutSeconds } = options
  const connection = connectionOn(bare, options)
  if (connection === undefined) return Promise.reject(new TlsError('failed', ended))
  return new Promise((resolve, reject) => {
    const settle = (): void => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', onAbort)
      bare.ignore()
    }
    const fail = (error: TlsError): void => {
      settle()
      connection.close()
      bare.close()
      reject(error)
    }
    const onAbort = (): void => fail(new TlsError('aborted', 'aborted', { cause: signal?.reason }))
    const goOn = (): void => {
      const step = connection.shakeHands()
      if (step === 'nothing yet') return
      if (step === 'failed') return fail(new TlsError('failed', connection.failure))
      settle()
      resolve(connection)
    }
    const timer = setTimeout(() => fail(new TlsError('timeout', 'handshake timed out')), timeoutSeconds * 1000)
    signal?.addEventListener('abort', onAbort)
    if (signal?.aborted === true) return onAbort()
    bare.watch(goOn, () => fail(new TlsError('failed', ended)))
    // What was read before is there already, and nothing tells of it.
    if (options.early !== undefined && !bare.closed) goOn()
  })
}

const ended = 'connection ended during the handshake'

function connectionOn(bare: BareConnection, options: TlsConnectionOptions): TlsConnection | undefined {
  try {
    return new TlsConnection(options)
  } catch {
    bare.close()
    return undefined
  }
}
