/** Large pieces under TLS are encrypted and sent in threads: the next piece is read meanwhile, and a process uses as many processors as it has threads for that. */
import { availableParallelism } from 'node:os'
import { loadLibrary, type NativeCall } from '../../data/kernel/native.ts'
import type { OpenSslLibrary, Pointer } from './library.ts'

/** More would leave too few of the runtime's threads to files. */
const mostAtOnce = 4

/** A client that takes nothing for so long is waited for without a thread. */
const waitMilliseconds = 20
/** And one that takes little: a thread is not held much longer than this for any. */
const holdMilliseconds = 250

/** What is written to a connection that a thread has for itself; `bio` is of the descriptor. */
export type ThreadWrite = {
  readonly ssl: Pointer
  readonly bio: Pointer
  readonly descriptor: number
  readonly bytes: Uint8Array
  /** For a client that is quick. */
  readonly waiting: 'briefly' | undefined
}

/** Those of a process. Nothing to close. */
export class TlsThreads {
  readonly #library: OpenSslLibrary
  readonly #calls: Calls
  #free = Math.min(mostAtOnce, availableParallelism())

  /** Throws where there are no such calls. */
  constructor(library: OpenSslLibrary) {
    this.#library = library
    const { func } = loadLibrary()
    this.#calls = {
      fcntl: func('int fcntl(int fd, int command, ...)'),
      setsockopt: func('int setsockopt(int fd, int level, int option, const void *value, unsigned int bytes)'),
      shutdown: func('int shutdown(int fd, int how)'),
    }
  }

  get areFree(): boolean {
    return this.#free > 0
  }

  /**
   * Encrypts and sends, and waits for a quick client if it is to; nobody may read from the connection meanwhile. Where the client takes too
   * little (`waiting`), the same bytes have to be given again.
   */
  async write({ ssl, bio, descriptor, bytes, waiting }: ThreadWrite): Promise<'sent' | 'waiting' | 'lost'> {
    // The call itself waits then, and the kernel goes on the moment there is room.
    const waits = waiting === 'briefly' && this.#limitWaiting(descriptor)
    if (waits) this.#setFlags(descriptor, 0)
    const held = waits ? setTimeout(() => this.#setFlags(descriptor, nonBlocking), holdMilliseconds) : undefined
    this.#free--
    try {
      const taken = await this.#call(ssl, bytes)
      if (taken === bytes.length) return 'sent'
      return this.#library.BIO_test_flags(bio, shouldRetry) === 0 ? 'lost' : 'waiting'
    } finally {
      this.#free++
      clearTimeout(held)
      if (waits) this.#setFlags(descriptor, nonBlocking)
    }
  }

  /** Ends the connection under a call that runs, which returns soon. */
  stop(descriptor: number): void {
    this.#calls.shutdown(descriptor, bothHalves)
  }

  #limitWaiting(descriptor: number): boolean {
    const timeout = BigInt64Array.of(0n, BigInt(waitMilliseconds * 1000))
    return this.#calls.setsockopt(descriptor, socketLevel, sendTimeout, timeout, timeout.byteLength) === 0
  }

  #setFlags(descriptor: number, flags: number): void {
    this.#calls.fcntl(descriptor, setFlags, 'int', flags)
  }

  #call(ssl: Pointer, bytes: Uint8Array): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#library.SSL_write.async(ssl, bytes, bytes.length, (error: unknown, taken: number) => {
        if (error) reject(new Error(`${bytes.length} bytes could not be sent in a thread`, { cause: error }))
        else resolve(taken)
      })
    })
  }
}

type Calls = { readonly fcntl: NativeCall; readonly setsockopt: NativeCall; readonly shutdown: NativeCall }

// fcntl.h: F_SETFL, O_NONBLOCK
const setFlags = 4
const nonBlocking = 0o4000
// sys/socket.h: SHUT_RDWR; asm-generic/socket.h: SOL_SOCKET, SO_SNDTIMEO
const bothHalves = 2
const socketLevel = 1
const sendTimeout = 21
// openssl/bio.h: BIO_FLAGS_SHOULD_RETRY
const shouldRetry = 8
