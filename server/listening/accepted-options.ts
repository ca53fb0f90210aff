/** What accepted connections have: no delay, and control connections signs of life. */
import type { Server, Socket } from 'node:net'
import { platform } from 'node:os'

const keepAliveMilliseconds = 30_000

/** How long a connection may have waited that came before the server had the options. */
const earlyMilliseconds = 1000

export type AcceptedOptions = {
  /** Whether a connection that comes now has them by itself. */
  readonly areInherited: () => boolean
  /** Gives them to one that has not. */
  readonly set: (connection: HasOptions) => void
}

/**
 * Sees to the connections of a server that listens. Linux gives a connection the options of the listening socket (tcp(7)): that saves
 * five calls. Node has them only on its handle, which is not documented: where they are missing, and elsewhere, each connection is
 * asked for them.
 */
export function acceptedOptions(server: Server, earlyFor = earlyMilliseconds): AcceptedOptions {
  const handle: unknown = Reflect.get(server, '_handle')
  const areSet =
    platform() === 'linux' &&
    hasOptions(handle) &&
    handle.setNoDelay(true) === 0 &&
    handle.setKeepAlive(true, keepAliveMilliseconds / 1000) === 0
  const began = performance.now()
  let isEarly = true
  const areInherited = (): boolean => {
    if (isEarly) isEarly = performance.now() - began < earlyFor
    return areSet && !isEarly
  }
  return { areInherited, set: setOptions }
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

type HasOptions = {
  readonly setNoDelay: (on: boolean) => unknown
  readonly setKeepAlive: (on: boolean, milliseconds: number) => unknown
}

function setOptions(connection: HasOptions): void {
  connection.setNoDelay(true)
  connection.setKeepAlive(true, keepAliveMilliseconds)
}

type TcpHandle = {
  readonly setNoDelay: (on: boolean) => number
  readonly setKeepAlive: (on: boolean, seconds: number) => number
}

function hasOptions(handle: unknown): handle is TcpHandle {
  const has = (name: string): boolean => typeof Reflect.get(Object(handle), name) === 'function'
  return has('setNoDelay') && has('setKeepAlive')
}
