/** A way for connections from one process to another: their descriptors, each with a few words, by sendmsg(2). Node's own takes a message each way for every one, and one in a turn of the event loop. */
import { Socket } from 'node:net'
import { type Library, loadLibrary } from '../data/kernel/native.ts'

/** Undefined where there is none to be had, as on a system that is not Linux. */
export function tryDescriptorChannel(): DescriptorChannel | undefined {
  try {
    return openDescriptorChannel(loadLibrary())
  } catch {
    return undefined
  }
}

export type DescriptorChannel = { readonly near: DescriptorSender; readonly far: FarEnd }

function openDescriptorChannel(library: Library): DescriptorChannel {
  const pair = new Int32Array(2)
  const socketpair = library.func('int socketpair(int domain, int type, int protocol, _Out_ int *pair)')
  if (socketpair(unixDomain, streamClosedOnExec, 0, pair) !== 0) throw new Error('socketpair failed')
  const [near = -1, far = -1] = pair
  return { near: new DescriptorSender(near, library), far: { descriptor: far, close: () => closeWith(library)(far) } }
}

/** For the other process, in which it gets another number; closed here once that has it. */
export type FarEnd = { readonly descriptor: number; close(): void }

export class DescriptorSender {
  readonly #descriptor: number
  readonly #message: Message
  readonly #send: ReturnType<Library['func']>
  readonly #close: (descriptor: number) => void
  #closed = false

  constructor(descriptor: number, library: Library) {
    this.#descriptor = descriptor
    this.#message = new Message(library)
    this.#send = library.func('long sendmsg(int fd, const void *message, int flags)')
    this.#close = closeWith(library)
  }

  /** The other process has a descriptor of its own then. False if it takes no more just now, or none any more, or the words are too many: nothing was sent then. */
  send(descriptor: number, words: string): boolean {
    if (this.#closed) return false
    const message = this.#message.fill(descriptor, words)
    return message !== undefined && this.#send(this.#descriptor, message, withoutWaiting | withoutSignal) > 0
  }

  close(): void {
    if (!this.#closed) this.#close(this.#descriptor)
    this.#closed = true
  }
}

/** Told of what comes; of words whose descriptor the process has no room for as well. */
export type OnArrival = (descriptor: number | undefined, words: string) => void

/** Undefined where it can't be watched: whoever sends learns that nobody listens. */
export function tryReceiving(descriptor: number, onArrival: OnArrival): DescriptorReceiver | undefined {
  try {
    return new DescriptorReceiver(descriptor, onArrival)
  } catch {
    closeWith(loadLibrary())(descriptor)
    return undefined
  }
}

/** Takes what comes, for as long as the process runs. */
class DescriptorReceiver {
  readonly #descriptor: number
  readonly #message: Message
  readonly #receive: ReturnType<Library['func']>
  readonly #onArrival: OnArrival
  readonly #watched: Socket

  /** Throws where the handles of Node are other than they were. */
  constructor(descriptor: number, onArrival: OnArrival) {
    const library = loadLibrary()
    this.#descriptor = descriptor
    this.#message = new Message(library)
    this.#receive = library.func('long recvmsg(int fd, void *message, int flags)')
    this.#onArrival = onArrival
    this.#watched = new Socket({ fd: descriptor, readable: true, writable: false, manualStart: true } as object)
    const handle = Reflect.get(this.#watched, '_handle') as Watched
    // Without room to read into, the handle tells of each time it could read, and the descriptors stay.
    handle.useUserBuffer(new Uint8Array(0))
    handle.onread = () => {
      if (this.take() === 'over') this.#watched.destroy()
    }
    handle.readStart()
  }

  /** All that have come until now, before what came another way. */
  take(): 'all' | 'over' {
    if (this.#watched.destroyed) return 'over'
    for (;;) {
      const length = this.#receive(this.#descriptor, this.#message.empty(), withoutWaiting | closedOnExec)
      if (length < 0) return 'all'
      if (length === 0) return 'over'
      this.#onArrival(this.#message.descriptor, this.#message.words(length))
    }
  }
}

/** A struct msghdr of 64 bits, with one piece of memory and room for one descriptor (cmsg(3)). */
class Message {
  readonly #words = Buffer.allocUnsafeSlow(longestWords)
  readonly #piece = Buffer.allocUnsafeSlow(16)
  readonly #control = Buffer.allocUnsafeSlow(controlBytes).fill(0)
  readonly #header = Buffer.allocUnsafeSlow(56).fill(0)

  constructor({ address }: Library) {
    this.#piece.writeBigUInt64LE(address(this.#words), 0)
    this.#piece.writeBigUInt64LE(BigInt(longestWords), 8)
    this.#header.writeBigUInt64LE(address(this.#piece), 16)
    this.#header.writeUInt32LE(1, 24)
    this.#header.writeBigUInt64LE(address(this.#control), 32)
  }

  fill(descriptor: number, words: string): Uint8Array | undefined {
    const length = this.#words.write(words)
    // What fills it may be cut off.
    if (length > longestWords - 4) return undefined
    this.#piece.writeUInt32LE(length, 8)
    this.#control.writeUInt32LE(filledBytes, 0)
    this.#control.writeInt32LE(socketLevel, 8)
    this.#control.writeInt32LE(descriptorsFollow, 12)
    this.#control.writeInt32LE(descriptor, 16)
    this.#header.writeUInt32LE(controlBytes, 40)
    return this.#header
  }

  empty(): Uint8Array {
    this.#header.writeUInt32LE(controlBytes, 40)
    return this.#header
  }

  /** That has come. */
  get descriptor(): number | undefined {
    return this.#header.readUInt32LE(40) < filledBytes ? undefined : this.#control.readInt32LE(16)
  }

  words(length: number): string {
    return this.#words.toString('utf8', 0, length)
  }
}

/** Of a socket that is a stream: each message comes by itself, since a receiver stops at descriptors. */
type Watched = {
  readonly useUserBuffer: (buffer: Uint8Array) => void
  readonly readStart: () => number
  onread: () => void
}

function closeWith(library: Library): (descriptor: number) => void {
  const close = library.func('int close(int fd)')
  return descriptor => void close(descriptor)
}

const longestWords = 4096
/** CMSG_SPACE and CMSG_LEN of one descriptor. */
const controlBytes = 24
const filledBytes = 20
// <sys/socket.h> of Linux.
const unixDomain = 1
const streamClosedOnExec = 1 | 0o2000000 | 0o4000
const socketLevel = 1
const descriptorsFollow = 1
const withoutWaiting = 0x40
const withoutSignal = 0x4000
const closedOnExec = 0x4000_0000
