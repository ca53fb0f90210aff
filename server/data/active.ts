/** Active data connections: the server connects to where PORT or EPRT said. */
import { connect, isIP, type Socket } from 'node:net'
import { type Address, canonicalAddress } from './address.ts'
import { DataChannelError } from './error.ts'

export type ActiveOptions = {
  readonly target: Address
  /** Local address of the control connection: RFC 1123 section 4.1.2.12 has the data come from there. */
  readonly local: string
  readonly timeoutSeconds: number
  readonly signal: AbortSignal
}

/** Connects, and resolves to the socket, paused. Rejects with DataChannelError `refused`, `timeout` or `aborted`. Who may be connected to is checked before (address.ts). */
export function connectActive({ target, local, timeoutSeconds, signal }: ActiveOptions): Promise<Socket> {
  if (signal.aborted) return Promise.reject(new DataChannelError('aborted', { cause: signal.reason }))
  const host = canonicalAddress(target.address)
  const localAddress = canonicalAddress(local)
  return new Promise((resolve, reject) => {
    const socket = connect({
      host,
      port: target.port,
      ...(isIP(localAddress) === isIP(host) ? { localAddress } : {}),
      allowHalfOpen: true,
      noDelay: true,
      keepAlive: true,
    })
    const settle = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', onAbort)
      socket.off('connect', onConnect)
    }
    const fail = (error: DataChannelError) => {
      settle()
      socket.destroy()
      reject(error)
    }
    const onAbort = () => fail(new DataChannelError('aborted', { cause: signal.reason }))
    const onConnect = () => {
      settle()
      resolve(socket)
    }
    const timer = setTimeout(() => fail(new DataChannelError('timeout')), timeoutSeconds * 1000)
    signal.addEventListener('abort', onAbort)
    socket.once('connect', onConnect)
    // Stays: an error after connecting must not be without a listener.
    socket.on('error', cause => fail(new DataChannelError('refused', { cause })))
    socket.pause()
  })
}
