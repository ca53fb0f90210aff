/** Linux's splice(2): the kernel moves what a connection brings into a file by itself, by way of a pipe and with one copy less. */
import type { Socket } from 'node:net'
import { constants } from 'node:os'
import { type Library, loadLibrary, type NativeCall } from './native.ts'
import { descriptorOf } from './socket-calls.ts'

export interface Splice {
  /** Undefined where there is no pipe to be had. Close it. */
  join(socket: Socket): SplicedSocket | undefined
}

export interface SplicedSocket {
  /**
   * Moves up to so many bytes to a position of a file, at once, and returns how many: 0 where nothing has come yet, at the end of the
   * connection or for a failure, which closes the socket; reading in the usual way tells which. Waits for the file's volume, never for the client.
   */
  move(file: number, position: number, bytes: number): number
  /** Bytes that have come and nobody has read. */
  arrived(): number
  /** What has left the connection and did not get into the file: writing it in the usual way tells why. Nothing is moved any more after it. */
  takeRest(): Uint8Array | undefined
  close(): void
}

/** Undefined where it can't be had, as `sendfile` can't. */
export function loadSplice(): Splice | undefined {
  try {
    return createSplice(loadLibrary())
  } catch {
    return undefined
  }
}

/** Linux lets a user have 64 MiB in pipes, in all processes and containers, before it makes them small. */
const mostPipes = 8
const pipeBytes = 1_048_576

// fcntl.h
const closeOnExec = 0o2000000
const nonBlocking = 0o4000
const setPipeSize = 1031
const moveWithoutWaiting = 0x01 | 0x02
// asm-generic/ioctls.h: FIONREAD
const countUnread = 0x541b

type Calls = {
  readonly splice: NativeCall
  readonly read: NativeCall
  readonly close: NativeCall
  readonly ioctl: NativeCall
  readonly errno: () => number
  /** It can't be done here: nothing else is to try it. */
  readonly giveUp: () => void
}
type Pipe = { readonly from: number; readonly to: number }

/** Where a container does not allow the call, or its kernel has none for connections. A connection that is lost has others. */
const { EACCES, EINVAL, ENOMEM, ENOSYS, EOPNOTSUPP, EPERM } = constants.errno
const impossible: ReadonlySet<number> = new Set([EACCES, EINVAL, ENOMEM, ENOSYS, EOPNOTSUPP, EPERM])

function createSplice(library: Library): Splice {
  let isPossible = true
  const calls: Calls = {
    splice: library.func(
      'long splice(int in, int64_t *offsetIn, int out, int64_t *offsetOut, size_t count, unsigned int flags)',
    ),
    read: library.func('long read(int fd, void *buffer, size_t count)'),
    close: library.func('int close(int fd)'),
    ioctl: library.func('int ioctl(int fd, unsigned long request, ...)'),
    errno: library.errno,
    giveUp: () => {
      isPossible = false
    },
  }
  const makePipe = library.func('int pipe2(int *descriptors, int flags)')
  const fcntl = library.func('int fcntl(int fd, int command, ...)')
  const open = new Set<Pipe>()
  const closePipe = (pipe: Pipe) => {
    if (!open.delete(pipe)) return
    calls.close(pipe.from)
    calls.close(pipe.to)
  }
  return {
    join(socket) {
      if (!isPossible || open.size >= mostPipes) return undefined
      const descriptors = new Int32Array(2)
      if (makePipe(descriptors, closeOnExec | nonBlocking) !== 0) return undefined
      const pipe = { from: descriptors[0] ?? -1, to: descriptors[1] ?? -1 }
      open.add(pipe)
      if (fcntl(pipe.to, setPipeSize, 'int', pipeBytes) >= pipeBytes)
        return new JoinedSocket(socket, pipe, calls, () => closePipe(pipe))
      closePipe(pipe)
      return undefined
    },
  }
}

class JoinedSocket implements SplicedSocket {
  readonly #socket: Socket
  readonly #pipe: Pipe
  readonly #calls: Calls
  readonly #closePipe: () => void
  readonly #position = new BigInt64Array(1)
  readonly #count = new Int32Array(1)
  /** Bytes in the pipe. */
  #left = 0
  #state: 'open' | 'stuck' | 'closed' = 'open'

  constructor(socket: Socket, pipe: Pipe, calls: Calls, closePipe: () => void) {
    this.#socket = socket
    this.#pipe = pipe
    this.#calls = calls
    this.#closePipe = closePipe
  }

  move(file: number, position: number, bytes: number): number {
    const connection = descriptorOf(this.#socket)
    if (this.#state !== 'open' || connection === undefined) return 0
    const { from, to } = this.#pipe
    const { splice } = this.#calls
    const taken = splice(connection, null, to, null, bytes, moveWithoutWaiting)
    if (taken <= 0) {
      if (taken < 0) this.#noteFailure()
      return 0
    }
    this.#left = taken
    this.#position[0] = BigInt(position)
    while (this.#left > 0) {
      const moved = splice(from, null, file, this.#position, this.#left, 0)
      if (moved <= 0) {
        this.#state = 'stuck'
        break
      }
      this.#left -= moved
    }
    return taken - this.#left
  }

  #noteFailure(): void {
    const errno = this.#calls.errno()
    if (errno === constants.errno.EAGAIN) return
    if (impossible.has(errno)) {
      this.#state = 'stuck'
      return this.#calls.giveUp()
    }
    // Linux tells of a reset once: whoever reads after this would see an ordinary end.
    this.#socket.destroy(new Error('connection lost'))
  }

  arrived(): number {
    const connection = descriptorOf(this.#socket)
    if (connection === undefined) return 0
    return this.#calls.ioctl(connection, countUnread, 'void *', this.#count) === 0 ? (this.#count[0] ?? 0) : 0
  }

  takeRest(): Uint8Array | undefined {
    if (this.#left === 0 || this.#state !== 'stuck') return undefined
    const rest = Buffer.allocUnsafeSlow(this.#left)
    let filled = 0
    while (filled < rest.length) {
      const part = rest.subarray(filled)
      const count = this.#calls.read(this.#pipe.from, part, part.length)
      if (count <= 0) throw new Error('a pipe gave less than was put into it')
      filled += count
    }
    this.#left = 0
    return rest
  }

  close(): void {
    if (this.#state === 'closed') return
    this.#state = 'closed'
    this.#closePipe()
  }
}
