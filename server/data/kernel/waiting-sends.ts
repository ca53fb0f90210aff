/** Connections that are written to by calls in threads: what such a call waits for, and for how long. */
import type { Library } from './native.ts'

/** A client that takes nothing for so long is waited for without a thread: one on a busy machine may have to wait for its own processor. */
const waitMilliseconds = 100

export type WaitingSends = {
  /** Each piece of a file would be followed by the packet that it does not fill: a third of the processor time. The last one goes with FIN. */
  readonly fillPackets: (connection: number) => void
  /** Whether a call that waits for room will not do so for long. To be asked before `wait`. */
  readonly limitWaiting: (connection: number) => boolean
  /** From now on a call waits for room: the kernel goes on the moment there is some. */
  readonly wait: (connection: number) => void
  readonly waitNoMore: (connection: number) => void
  /** Ends a connection under a call that runs, which returns soon. */
  readonly end: (connection: number) => void
}

/** Throws where there are no such calls. */
export function createWaitingSends({ func }: Pick<Library, 'func'>): WaitingSends {
  const fcntl = func('int fcntl(int fd, int command, ...)')
  const setsockopt = func('int setsockopt(int fd, int level, int option, const void *value, unsigned int bytes)')
  const shutdown = func('int shutdown(int fd, int how)')
  return {
    fillPackets: connection => void setsockopt(connection, tcpLevel, noDelay, off, off.byteLength),
    limitWaiting(connection) {
      const timeout = BigInt64Array.of(0n, BigInt(waitMilliseconds * 1000))
      return setsockopt(connection, socketLevel, sendTimeout, timeout, timeout.byteLength) === 0
    },
    wait: connection => void fcntl(connection, setFlags, 'int', 0),
    waitNoMore: connection => void fcntl(connection, setFlags, 'int', nonBlocking),
    end: connection => void shutdown(connection, bothHalves),
  }
}

// fcntl.h: F_SETFL, O_NONBLOCK
const setFlags = 4
const nonBlocking = 0o4000
// sys/socket.h: SHUT_RDWR; asm-generic/socket.h: SOL_SOCKET, SO_SNDTIMEO
const bothHalves = 2
const socketLevel = 1
const sendTimeout = 21
// netinet/tcp.h: SOL_TCP, TCP_NODELAY
const tcpLevel = 6
const noDelay = 1
const off = new Int32Array(1)
