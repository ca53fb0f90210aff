/** Linux's sendfile(2): the kernel moves a file to a connection by itself, for less than half of what reading and writing it costs. */
import type { Socket } from 'node:net'
import { type Library, loadLibrary, type NativeCall } from './native.ts'
import { createWaitingSends, type WaitingSends } from './waiting-sends.ts'

export interface Sendfile {
  /** Takes part in a connection: whatever becomes of the socket meanwhile, the descriptor stays ours. Undefined where there is none. */
  join(socket: Socket): KernelSocket | undefined
}

export interface KernelSocket {
  /**
   * Has up to so many bytes of a file taken: those that fit now, or with a short wait for the client as often as it is needed, as far as
   * that can be had; nobody else may write meanwhile. Resolves to 0 or less where nothing was taken, because nothing fits, because the file
   * ends there, or for a failure; writing the next bytes in the usual way tells which.
   */
  send(file: number, position: number, bytes: number, waiting?: Waiting): Promise<number>
  /** Ends the connection, whatever becomes of the socket, or resets it: a call that runs returns soon, and one that comes later takes nothing. */
  stop(how: 'end' | 'reset'): void
  /** Leaves the connection, as soon as no call runs any more. */
  close(): void
}

/** How a call waits for the client. */
export type Waiting = {
  /** Whether somebody else wants the thread: then it waits no more. */
  readonly isWanted: () => boolean
}

/** Why it can't be used here, in words. */
export type NoSendfile = { readonly reason: string }

export function loadSendfile(): Sendfile | NoSendfile {
  try {
    return createSendfile(loadLibrary())
  } catch (error) {
    return { reason: error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error) }
  }
}

function createSendfile(library: Library): Sendfile {
  const calls: Calls = {
    sendfile: library.func('long sendfile(int out, int in, int64_t *offset, size_t count)'),
    fcntl: library.func('int fcntl(int fd, int command, ...)'),
    connect: library.func('int connect(int fd, const void *address, unsigned int bytes)'),
    close: library.func('int close(int fd)'),
    sends: createWaitingSends(library),
  }
  return {
    join(socket) {
      const descriptor: unknown = Reflect.get(Object(Reflect.get(socket, '_handle')), 'fd')
      if (typeof descriptor !== 'number' || descriptor < 0) return undefined
      const own = calls.fcntl(descriptor, duplicateCloseOnExec, 'int', 0)
      if (own < 0) return undefined
      calls.sends.fillPackets(own)
      return new JoinedSocket(own, socket, calls)
    },
  }
}

type Calls = {
  readonly sendfile: NativeCall
  readonly fcntl: NativeCall
  readonly connect: NativeCall
  readonly close: NativeCall
  readonly sends: WaitingSends
}

// fcntl.h: F_DUPFD_CLOEXEC
const duplicateCloseOnExec = 1030
// connect(2): AF_UNSPEC dissolves a connection, which TCP does with RST
const nowhere = new Uint8Array(16)

/** So often a call that waits looks whether somebody else wants its thread. */
const lookMilliseconds = 250
/** And it is not held much longer than this for any client. */
const holdMilliseconds = 2000

class JoinedSocket implements KernelSocket {
  readonly #descriptor: number
  readonly #socket: Socket
  readonly #calls: Calls
  #hasTimeout: boolean | undefined
  readonly #offset = new BigInt64Array(new ArrayBuffer(8))
  #running = false
  #state: 'open' | 'closing' | 'closed' = 'open'

  constructor(descriptor: number, socket: Socket, calls: Calls) {
    this.#descriptor = descriptor
    this.#socket = socket
    this.#calls = calls
  }

  async send(file: number, position: number, bytes: number, waiting?: Waiting): Promise<number> {
    if (this.#state !== 'open' || this.#running) return 0
    this.#running = true
    // The call itself waits then, and the kernel goes on the moment there is room: with its end, and another thread, that costs twice as much.
    const waits = waiting !== undefined && this.#mayWait()
    if (waits) this.#calls.sends.wait(this.#descriptor)
    const look = waits ? this.#lookAfter(waiting) : undefined
    try {
      return await this.#call(file, position, bytes)
    } finally {
      this.#running = false
      clearInterval(look)
      if (waits) this.#calls.sends.waitNoMore(this.#descriptor)
      if (this.#isClosing) this.close()
    }
  }

  stop(how: 'end' | 'reset'): void {
    if (this.#state === 'closed') return
    const { connect, sends } = this.#calls
    // It is refused while a call waits for room, which the other does not mind.
    if (how === 'reset' && connect(this.#descriptor, nowhere, nowhere.byteLength) === 0) return
    sends.end(this.#descriptor)
  }

  close(): void {
    if (this.#state === 'closed') return
    // The number may be another connection's a moment later: no call may run with it.
    this.#state = this.#running ? 'closing' : 'closed'
    if (!this.#running) this.#calls.close(this.#descriptor)
  }

  /** Not while Node reads from it, which would wait then as well, and with it everybody. */
  #mayWait(): boolean {
    const isReading: unknown = Reflect.get(Object(Reflect.get(this.#socket, '_handle')), 'reading')
    if (isReading !== false) return false
    this.#hasTimeout ??= this.#calls.sends.limitWaiting(this.#descriptor)
    return this.#hasTimeout
  }

  #lookAfter({ isWanted }: Waiting): NodeJS.Timeout {
    const began = performance.now()
    return setInterval(() => {
      if (isWanted() || performance.now() - began >= holdMilliseconds) this.#calls.sends.waitNoMore(this.#descriptor)
    }, lookMilliseconds)
  }

  get #isClosing(): boolean {
    return this.#state === 'closing'
  }

  #call(file: number, position: number, bytes: number): Promise<number> {
    this.#offset[0] = BigInt(position)
    return new Promise((resolve, reject) => {
      this.#calls.sendfile.async(this.#descriptor, file, this.#offset, bytes, (error: unknown, taken: number) => {
        if (error) reject(new Error('sendfile could not be called', { cause: error }))
        else resolve(taken)
      })
    })
  }
}
