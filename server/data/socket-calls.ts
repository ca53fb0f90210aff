/** What the kernel does with a socket at once, by calls of the C library: Node needs a request and another turn of the event loop for it. */
import type { Socket } from 'node:net'
import { type Library, loadLibrary } from './native.ts'

/** For connected sockets in which nothing of Node's own waits to be written. */
export interface SocketCalls {
  /**
   * Puts bytes into the connection, as many as fit, and returns how many: 0 where it is lost as well, which writing in the usual way tells. They
   * may wait for `end`, and for others to follow.
   */
  send(socket: Socket, bytes: Uint8Array): number
  /** Ends our half; false where the connection is lost. */
  end(socket: Socket): boolean
}

/** Undefined where it can't be had, as `sendfile` can't. */
export function loadSocketCalls(): SocketCalls | undefined {
  try {
    return createSocketCalls(loadLibrary())
  } catch {
    return undefined
  }
}

// asm-generic/socket.h, linux/socket.h
const withoutWaiting = 0x40
const withoutSignal = 0x4000
/** So that FIN comes in the same packet, and the client wakes up once. */
const moreFollows = 0x8000
const ourHalf = 1

function createSocketCalls(library: Library): SocketCalls {
  const send = library.func('long send(int fd, const void *bytes, size_t count, int flags)')
  const shutdown = library.func('int shutdown(int fd, int how)')
  return {
    send(socket, bytes) {
      const descriptor = descriptorOf(socket)
      if (descriptor === undefined || bytes.length === 0) return 0
      return Math.max(0, send(descriptor, bytes, bytes.length, withoutWaiting | withoutSignal | moreFollows))
    },
    end(socket) {
      const descriptor = descriptorOf(socket)
      return descriptor !== undefined && shutdown(descriptor, ourHalf) === 0
    },
  }
}

/** Nothing can close it before a call in place returns. */
export function descriptorOf(socket: Socket): number | undefined {
  if (socket.destroyed) return undefined
  const descriptor: unknown = Reflect.get(Object(Reflect.get(socket, '_handle')), 'fd')
  return typeof descriptor === 'number' && descriptor >= 0 ? descriptor : undefined
}
