/** A data connection, in clear text or under TLS, as transfers see it: moves bytes with backpressure, and ends well. */
import type { BufferPool } from './kernel/buffer-pool.ts'
import type { KernelSocket, Sendfile } from './kernel/sendfile.ts'
import type { SocketCalls } from './kernel/socket-calls.ts'
import type { Splice } from './kernel/splice.ts'
import type { TurnClock } from './kernel/turn-clock.ts'
import type { Absorb } from './moving/direct-intake.ts'
import type { Consumer } from './moving/intake.ts'

/** How the client ended TLS: with close_notify or not (undefined in clear text), or in the middle of a record. */
export type ReceivedEnd = { readonly closeNotify: boolean | undefined; readonly broken: boolean }

export type ReceiveOptions = {
  readonly buffers: BufferPool
  readonly clock?: TurnClock
  /** With what follows: for the kernel to take bytes to a file by itself, which it can in clear text. */
  readonly splice?: Splice | undefined
  /** Undefined where the file has no descriptor. */
  readonly absorb?: Absorb | undefined
  /** Some bytes went that way. */
  readonly onProgress?: () => void
}

export interface DataConnection {
  /** What protects it: nothing, or a version of TLS. */
  readonly protection: 'clear' | 'TLSv1.2' | 'TLSv1.3'
  /** Bytes received, without those of TLS. */
  readonly bytesRead: number
  /** Bytes sent, without those of TLS. */
  readonly bytesWritten: number
  /** Whether it is closed on both sides. */
  readonly closed: boolean

  /** Resolves when the kernel has the bytes: the buffer may be used again then. Rejects when the connection is lost. They may wait for `more`. */
  write(bytes: Uint8Array, then?: 'more' | 'nothing'): Promise<void>

  /**
   * After the last byte, in either direction: close_notify, FIN, and a bounded wait for the client to close as well (RFC 959
   * section 5.2: the reply comes after the data connection is closed). Rejects when the connection is lost before all is sent.
   */
  end(): Promise<void>

  /** The same without the wait, where the client may have one of its own: for the reply. */
  shut(): Promise<void>

  /** Sends as many of the bytes as can be sent now, and returns how many; more must follow, or `endAtOnce`. */
  sendAtOnce(bytes: Uint8Array, calls: SocketCalls): number

  /** After the last byte: close_notify and FIN. False if that can't be done now, or the connection is lost. */
  endAtOnce(calls: SocketCalls): boolean

  /** After that: a bounded wait for the client to close as well, as `end` has it. */
  closedByClient(): Promise<void>

  /** For so many bytes of a file to be sent by the kernel itself, which it can in clear text, or by a thread. Close it before the connection. */
  kernelSocket(sendfile: Sendfile | undefined, bytes: number): KernelSocket | undefined

  /** Counts what is sent that way: `send` resolves to bytes, 0 or less for none, and so does this. Rejects when the connection is lost. */
  transmit(send: () => Promise<number>): Promise<number>

  /**
   * Reads to the end. The bytes are valid until `consume` is done with them; one call runs at a time, while more is read.
   * Resolves after the last call. Rejects, after the running call has settled, when the connection is lost or with what `consume`
   * rejected with.
   */
  receive(consume: Consumer, options: ReceiveOptions): Promise<ReceivedEnd>

  /** Calls back once no byte has moved for so long, however slowly they do; 0 seconds end the watch. */
  watchStall(seconds: number, onStall: () => void, calls?: SocketCalls): void

  /** Something moves, or has to wait, that the connection has not seen. */
  noteActivity(): void

  /** Closes at once. Whatever runs rejects. */
  destroy(): void

  /** Closes at once with RST, so that nobody takes what was sent for the whole. */
  reset(): void
}
