/** Linux's sendfile(2): the kernel moves a file to a connection by itself, for less than half of what reading and writing it costs. */
import type { Socket } from 'node:net'
import { type Library, loadLibrary, type NativeCall } from './native.ts'

export interface Sendfile {
  /** Takes part in a connection: whatever becomes of the socket meanwhile, the descriptor stays ours. Undefined where there is none. */
  join(socket: Socket): KernelSocket | undefined
}

export interface KernelSocket {
  /**
   * Has up to so many bytes of a file taken. Does not wait for the client: resolves to 0 or less where nothing was taken, because nothing
   * fits now, because the file ends there, or for a failure; writing the next bytes in the usual way tells which.
   */
  send(file: number, position: number, bytes: number): Promise<number>
  /** Leaves the connection, as soon as no call runs any more. */
  close(): void
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
    close: library.func('int close(int fd)'),
  }
  return {
    join(socket) {
      const descriptor: unknown = Reflect.get(Object(Reflect.get(socket, '_handle')), 'fd')
      if (typeof descriptor !== 'number' || descriptor < 0) return undefined
      const own = calls.fcntl(descriptor, duplicateCloseOnExec, 'int', 0)
      return own < 0 ? undefined : new JoinedSocket(own, calls)
    },
  }
}

type Calls = { readonly sendfile: NativeCall; readonly fcntl: NativeCall; readonly close: NativeCall }

// fcntl.h: F_DUPFD_CLOEXEC
const duplicateCloseOnExec = 1030

class JoinedSocket implements KernelSocket {
  readonly #descriptor: number
  readonly #calls: Calls
  readonly #offset = new BigInt64Array(new ArrayBuffer(8))
  #running = false
  #state: 'open' | 'closing' | 'closed' = 'open'

  constructor(descriptor: number, calls: Calls) {
    this.#descriptor = descriptor
    this.#calls = calls
  }

  async send(file: number, position: number, bytes: number): Promise<number> {
    if (this.#state !== 'open' || this.#running) return 0
    this.#running = true
    try {
      return await this.#call(file, position, bytes)
    } finally {
      this.#running = false
      if (this.#isClosing) this.close()
    }
  }

  close(): void {
    if (this.#state === 'closed') return
    // The number may be another connection's a moment later: no call may run with it.
    this.#state = this.#running ? 'closing' : 'closed'
    if (!this.#running) this.#calls.close(this.#descriptor)
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
