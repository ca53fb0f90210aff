/** What accepted connections have: no delay, and control connections signs of life. */
import type { Server, Socket } from 'node:net'
import { platform } from 'node:os'

const keepAliveMilliseconds = 30_000

/** How long a connection may have waited that came before the server had the options. */
const earlyMilliseconds = 1000

/**
 * Sees to the connections of a server that listens; what it returns is to be called with each of them. Linux gives a connection the
 * options of the listening socket (tcp(7)): that saves five calls. Node has them only on its handle, which is not documented: where
 * they are missing, and elsewhere, each connection is asked for them.
 */
export function acceptedOptions(server: Server, earlyFor = earlyMilliseconds): (socket: Socket) => void {
  const handle: unknown = Reflect.get(server, '_handle')
  if (platform() !== 'linux' || !hasOptions(handle)) return setOptions
  const failed = handle.setNoDelay(true) !== 0 || handle.setKeepAlive(true, keepAliveMilliseconds / 1000) !== 0
  if (failed) return setOptions
  const began = performance.now()
  return socket => {
    if (performance.now() - began < earlyFor) setOptions(socket)
  }
}

/**
 * Sees to the connections of a server that has just begun to listen on a passive port: nobody was told of the port yet, so none comes
 * early that matters. They need no signs of life: a transfer that stands still has a deadline. Undefined where nothing is left to do.
 */
export function acceptUndelayed(server: Server): ((socket: Socket) => void) | undefined {
  const handle: unknown = Reflect.get(server, '_handle')
  if (platform() === 'linux' && hasOptions(handle) && handle.setNoDelay(true) === 0) return undefined
  return socket => void socket.setNoDelay(true)
}

function setOptions(socket: Socket): void {
  socket.setNoDelay(true)
  socket.setKeepAlive(true, keepAliveMilliseconds)
}

type TcpHandle = {
  readonly setNoDelay: (on: boolean) => number
  readonly setKeepAlive: (on: boolean, seconds: number) => number
}

function hasOptions(handle: unknown): handle is TcpHandle {
  const has = (name: string): boolean => typeof Reflect.get(Object(handle), name) === 'function'
  return has('setNoDelay') && has('setKeepAlive')
}
