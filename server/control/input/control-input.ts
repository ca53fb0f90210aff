/** What comes on control connections, read into memory that all those of a process share: each for itself would be given 64 KiB for a line. */
import { Socket } from 'node:net'
import { type ReadFields, readFields, readIntoOne } from '../../data/kernel/read-into.ts'
import { type Reply, writeReply } from '../reply.ts'

/** Longer than a line and most first messages of TLS; what is longer comes in parts. */
const memoryBytes = 16_384

/** Most replies are shorter. */
const outputBytes = 1024

/** For replies as well, while they are given to the kernel. Nothing to close. */
export class InputMemory {
  readonly bytes = Buffer.allocUnsafeSlow(memoryBytes)
  readonly #output = Buffer.allocUnsafeSlow(outputBytes)
  #fields: ReadFields | undefined

  /** Whether sockets can be read into it. */
  get isShared(): boolean {
    return this.fields(new Socket()) !== undefined
  }

  /** Of sockets, as they were found on the first one. */
  fields(socket: Socket): ReadFields | undefined {
    this.#fields ??= readFields(socket)
    return this.#fields
  }

  /** The bytes of a reply, valid until the next one; undefined if it is not that simple. */
  format(answer: Reply): Uint8Array | undefined {
    const length = writeReply(answer, this.#output)
    return length === undefined ? undefined : this.#output.subarray(0, length)
  }

  /** The same of one that is text already; undefined if it does not fit, or is no text. */
  encode(reply: string): Uint8Array | undefined {
    // Each character takes three bytes at most.
    if (reply.length * 3 > outputBytes || !reply.isWellFormed()) return undefined
    return this.#output.subarray(0, this.#output.write(reply, 'utf8'))
  }
}

/** Called with what was read; the bytes are valid during the call only. */
export type InputConsumer = (bytes: Buffer) => void

/** Reads one socket for its whole life, for one consumer after the other. Pause the socket while there is none. */
export class ControlInput {
  readonly #socket: Socket
  readonly #isShared: boolean
  #consumer: InputConsumer | undefined

  /** Takes a socket that is paused. */
  constructor(socket: Socket, memory: InputMemory) {
    this.#socket = socket
    const fields = memory.fields(socket)
    this.#isShared = fields !== undefined && readIntoOne(socket, memory.bytes, passRead, fields)
    if (this.#isShared) Reflect.set(socket, inputOf, this)
  }

  /** Hands everything to a consumer from now on, beginning with what was read before. */
  begin(consumer: InputConsumer): void {
    this.#consumer = consumer
    if (!this.#isShared) return void this.#socket.on('data', consumer)
    while (this.#socket.readableLength > 0) {
      const early: unknown = this.#socket.read()
      if (!(early instanceof Buffer)) break
      this.pass(early)
    }
  }

  /** Ends that. What was not consumed may be put back into the socket: it comes first for the next consumer. */
  end(): void {
    if (this.#consumer !== undefined) this.#socket.off('data', this.#consumer)
    this.#consumer = undefined
  }

  /** Hands on what was read, or puts it back where nobody wants it yet. */
  pass(bytes: Buffer): void {
    if (this.#consumer === undefined) this.#socket.unshift(Buffer.from(bytes))
    else this.#consumer(bytes)
  }
}

/** By which a socket knows its input. */
const inputOf = Symbol('control input')

/** One function for all sockets, of which each would otherwise have its own. */
function passRead(this: Socket, count: number, memory: Buffer): void {
  const input: unknown = Reflect.get(this, inputOf)
  if (input instanceof ControlInput) input.pass(memory.subarray(0, count))
}
