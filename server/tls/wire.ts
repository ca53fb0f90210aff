/** What lies between net.Socket and TLSSocket, where one sees and steers what TLSSocket hides: records, tickets, the end of the stream. */
import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { readInto } from '../data/kernel/read-into.ts'
import { RecordScanner } from './records.ts'

export type TlsWireKind = 'control' | 'data'

/** Who reads the socket of a control connection. The bytes it hands on are valid during the call only. */
export interface WireInput {
  begin(consumer: (bytes: Buffer) => void): void
  end(): void
}

/** How long the client may take to close after we have. */
const lingerMilliseconds = 5000

/** What is read at once of an upload. It is decrypted before the next is read, and passed by a processor's cache. */
const readBytes = 65_536

/**
 * What is passed on at once of a control connection. Node keeps the input of TLS in a ring of buffers: the first has 1024 bytes, and as
 * soon as one is full to the last byte it adds one of 16 KiB, which stays with the connection.
 */
const controlPieceBytes = 1000

/** Tickets and alerts are a few hundred bytes; a client that makes us collect more is up to no good. */
const longestHeldOutput = 65_536

export class TlsWire extends Duplex {
  readonly #socket: Socket
  readonly #allowHalfOpen: boolean
  readonly #scanner = new RecordScanner()
  #mode: TlsWireKind | 'writing' | 'unwrapping'
  #held: Buffer[] = []
  #heldLength = 0
  #inputComplete = false
  #outputComplete = false
  #detached = false
  #onClearText = () => {}
  readonly #input: WireInput | undefined
  #release: (() => void) | undefined

  constructor(socket: Socket, kind: TlsWireKind, input?: WireInput) {
    super({ allowHalfOpen: true })
    this.#socket = socket
    this.#input = input
    this.#mode = kind
    // net.Socket would close its side as soon as the client has closed its own, and close_notify could not be sent any more.
    this.#allowHalfOpen = socket.allowHalfOpen
    socket.allowHalfOpen = true
    if (input === undefined && (kind === 'control' || !this.#readWithoutCopies())) socket.on('data', this.#onData)
    socket.on('end', this.#onEnd)
    socket.on('error', this.#onError)
    socket.on('close', this.#onClose)
    socket.pause()
    input?.begin(this.#onData)
  }

  /** Whether what came so far ends within a record: then something is missing, whatever the client meant. */
  get endsWithinRecord(): boolean {
    return !this.#scanner.atBoundary
  }

  /** From now on the client has to read: nothing is held back, and what cannot be sent is an error. */
  beginWriting(): void {
    if (this.#mode !== 'data') return
    this.#mode = 'writing'
    this.#flushHeld()
  }

  /** The client has sent close_notify: what happens to the socket later takes nothing away from what it sent. */
  completeInput(): void {
    this.#inputComplete = true
  }

  /** From now on the socket outlives this wire; calls back when clear text begins in place of a record. */
  beginUnwrapping(onClearText: () => void): void {
    this.#mode = 'unwrapping'
    this.#onClearText = onClearText
  }

  // What is passed on directly is unknown to Duplex, which would wait for it.
  override resume(): this {
    if ((this.#release ?? this.#input) !== undefined && !this.#detached && !this.#socket.destroyed)
      this.#socket.resume()
    return super.resume()
  }

  override _read(): void {
    if (!this.#detached && !this.#socket.destroyed) this.#socket.resume()
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    // A client that writes and closes without reading makes its kernel answer our tickets with RST and drop what it has not sent yet.
    // So what TLS has to say after the client's first application data waits until the client is done (or until we send data).
    if (this.#mode === 'data' && this.#scanner.applicationDataSeen) {
      this.#held.push(chunk)
      this.#heldLength += chunk.length
      done(this.#heldLength > longestHeldOutput ? new Error('too much TLS output without data') : null)
      return
    }
    this.#send(chunk, done)
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#flushHeld()
    this.#outputComplete = true
    if (this.#mode === 'unwrapping') return done()
    if (this.#socket.destroyed) return done(this.#lossMatters ? new Error('connection lost') : null)
    this.#socket.end((error?: Error | null) => done(this.#lossMatters ? error : null))
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    const socket = this.#socket
    this.#detach()
    socket.off('close', this.#onClose)
    if (this.#mode === 'unwrapping' && error === null) {
      socket.off('error', this.#onError)
      socket.allowHalfOpen = this.#allowHalfOpen
      // Nobody listens until the caller does; what comes meanwhile must stay in the socket.
      socket.pause()
    } else if (this.#outputComplete && error === null && !socket.destroyed) {
      this.#linger()
    } else {
      socket.destroy()
    }
    done(error)
  }

  #send(chunk: Buffer, done: (error?: Error | null) => void): void {
    if (this.#socket.destroyed) return done(this.#lossMatters ? new Error('connection lost') : null)
    this.#socket.write(chunk, error => done(this.#lossMatters ? error : null))
  }

  /** A client that has sent everything may be gone when we say goodbye. */
  get #lossMatters(): boolean {
    return !(this.#inputComplete && this.#mode === 'data')
  }

  #flushHeld(): void {
    const held = this.#held
    this.#held = []
    this.#heldLength = 0
    if (held.length > 0 && !this.#socket.destroyed) this.#socket.write(Buffer.concat(held))
  }

  /** An upload is read into the same memory again and again: TLSSocket has copied it by the time the event is over. */
  #readWithoutCopies(): boolean {
    // What was read to see who it is.
    const early: unknown = this.#socket.readableLength > 0 ? this.#socket.read() : undefined
    if (early instanceof Buffer) this.#onData(early)
    const reused = Buffer.allocUnsafeSlow(readBytes)
    this.#release = readInto(this.#socket, {
      room: () => reused,
      onBytes: count => {
        const chunk = reused.subarray(0, count)
        this.#scanner.scan(chunk)
        this.#passOn(chunk)
        return this.readableFlowing === true ? 'room' : 'full'
      },
    })
    return this.#release !== undefined
  }

  readonly #onData = (chunk: Buffer): void => {
    const scanned = this.#scanner.scan(chunk)
    const length = this.#mode === 'unwrapping' ? scanned : chunk.length
    const pieceBytes = this.#mode === 'data' || this.#mode === 'writing' ? chunk.length : controlPieceBytes
    for (let at = 0; at < length && !this.destroyed; at += pieceBytes) {
      this.#passOn(chunk.subarray(at, Math.min(length, at + pieceBytes)))
    }
    if (length === chunk.length) return
    this.#detach()
    this.#socket.pause()
    // At once: a socket with nothing to read may end meanwhile.
    this.#socket.unshift(Buffer.from(chunk.subarray(length)))
    this.#onClearText()
  }

  /** TLSSocket has copied what it is given by the time the event is over. */
  #passOn(chunk: Buffer): void {
    if (this.readableFlowing === true && this.readableLength === 0) this.emit('data', chunk)
    else if (!this.push(Buffer.from(chunk))) this.#socket.pause()
  }

  readonly #onEnd = (): void => {
    // Whether it was close_notify or a bare FIN is told by what TLSSocket has made of the bytes before.
    if (this.#mode === 'data') this.#inputComplete = true
    this.push(null)
  }

  readonly #onError = (error: Error): void => {
    if (this.#lossMatters) this.destroy(error)
  }

  readonly #onClose = (): void => {
    if (this.#lossMatters) this.destroy()
  }

  #detach(): void {
    this.#detached = true
    this.#release?.()
    this.#input?.end()
    this.#socket.off('data', this.#onData)
    this.#socket.off('end', this.#onEnd)
  }

  #linger(): void {
    const socket = this.#socket
    const timer = setTimeout(() => socket.destroy(), lingerMilliseconds)
    socket.once('close', () => clearTimeout(timer))
    socket.resume()
  }
}
