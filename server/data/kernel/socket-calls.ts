/** What the kernel does with a connection at once, by calls of the C library: Node needs a request and another turn of the event loop for it. */
import type { Socket } from 'node:net'
import { constants } from 'node:os'
import { type Library, loadLibrary, type NativeCall } from './native.ts'

/** By descriptors of connections in which nothing of Node's own waits to be written. None of them waits. */
export interface SocketCalls {
  /**
   * Puts bytes into the connection, as many as fit, and returns how many: 0 where it is lost as well, which writing in the usual way tells.
   * With `more`, they may wait for `end`, and for others to follow.
   */
  send(descriptor: number, bytes: Uint8Array, then: 'more' | 'nothing'): number
  /** Takes bytes that have come, and returns how many: 0 at the end. */
  receive(descriptor: number, into: Uint8Array): number | 'nothing yet' | 'lost'
  /** Ends our half; false where the connection is lost. */
  end(descriptor: number): boolean
  /** Another descriptor of the same; undefined where there is none to be had. */
  duplicate(descriptor: number): number | undefined
}

/** Undefined where it can't be had, as `sendfile` can't. */
export function loadSocketCalls(): SocketCalls | undefined {
  try {
    return createSocketCalls(loadLibrary())
  } catch {
    return undefined
  }
}

// asm-generic/socket.h, linux/socket.h, linux/fcntl.h
const withoutWaiting = 0x40
const withoutSignal = 0x4000
/** So that FIN comes in the same packet, and the client wakes up once. */
const moreFollows = 0x8000
const ourHalf = 1
const duplicateCloseOnExec = 1030

function createSocketCalls(library: Library): SocketCalls {
  const send = library.func('long send(int fd, const void *bytes, size_t count, int flags)')
  const receive = library.func('long recv(int fd, void *bytes, size_t count, int flags)')
  const shutdown = library.func('int shutdown(int fd, int how)')
  const fcntl: NativeCall = library.func('int fcntl(int fd, int command, ...)')
  return {
    send(descriptor, bytes, then) {
      if (bytes.length === 0) return 0
      const flags = withoutWaiting | withoutSignal | (then === 'more' ? moreFollows : 0)
      return Math.max(0, send(descriptor, bytes, bytes.length, flags))
    },
    receive(descriptor, into) {
      const count = receive(descriptor, into, into.length, withoutWaiting)
      if (count >= 0) return count
      const { EAGAIN, EINTR } = constants.errno
      const errno = library.errno()
      return errno === EAGAIN || errno === EINTR ? 'nothing yet' : 'lost'
    },
    end: descriptor => shutdown(descriptor, ourHalf) === 0,
    duplicate(descriptor) {
      const own = fcntl(descriptor, duplicateCloseOnExec, 'int', 0)
      return own < 0 ? undefined : own
    },
  }
}

/** Nothing can close it before a call in place returns. */
export function descriptorOf(socket: Socket): number | undefined {
  if (socket.destroyed) return undefined
  const descriptor: unknown = Reflect.get(Object(Reflect.get(socket, '_handle')), 'fd')
  return typeof descriptor === 'number' && descriptor >= 0 ? descriptor : undefined
}
