/** A data connection under TLS without a socket of Node's: OpenSSL itself reads and writes it. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { keepKind } from '../kinds.ts'
import type { FileSending, TlsConnection } from '../tls/openssl/tls-connection.ts'
import type { DataConnection, ReceivedEnd, ReceiveOptions } from './data-connection.ts'
import type { KernelSocket, Sendfile } from './kernel/sendfile.ts'
import type { SocketCalls } from './kernel/socket-calls.ts'
import { TurnClock } from './kernel/turn-clock.ts'
import { closedByOther } from './moving/bare-transfer.ts'
import { type Consumer, Intake } from './moving/intake.ts'

/** How long the client may take to close after the last byte; its slowness costs it this much, but not its transfer. */
const lingerMilliseconds = 5000

/** What is decrypted at once, to begin with: records may have a byte each. */
const leastAtOnce = 4096
const mostAtOnce = 1_048_576
const slowMilliseconds = 2
/** Those of TLS itself. Then others have their turn. */
const mostEmptyRecords = 16

/** The kernel is asked so often, while nobody has seen anything move, in the time after which a client counts as stalled. */
const looks = 8

/** What is encrypted at once in place. */
const pieceBytes = 65_536
/** Then it is the turn of other connections. */
const turnBytes = 524_288
/** Less is done with before a thread has begun. */
const worthThreadBytes = 4_194_304

export class TlsDataConnection implements DataConnection {
  readonly protection: 'TLSv1.2' | 'TLSv1.3'
  readonly #tls: TlsConnection
  #tickets: 'sent' | 'due'
  #bytesRead = 0
  #quietLooks = 0
  #mostAtOnce = leastAtOnce
  /** Written since others had their turn. */
  #turnBytes = 0
  #bytesWritten = 0
  #onLoss: (() => void) | undefined

  /** `tickets`: whether the handshake has left them to be sent. */
  constructor(tls: TlsConnection, tickets: 'sent' | 'due') {
    this.#tls = tls
    this.#tickets = tickets
    this.protection = tls.protocol
  }

  get bytesRead(): number {
    return this.#bytesRead
  }

  get bytesWritten(): number {
    return this.#bytesWritten
  }

  get closed(): boolean {
    return this.#tls.bare.closed
  }

  async write(bytes: Uint8Array): Promise<void> {
    await this.#beginWriting()
    for (let at = 0; at < bytes.length; at += pieceBytes) {
      const piece = bytes.subarray(at, at + pieceBytes)
      await this.#sent(this.#tls.write(piece))
      this.#bytesWritten += piece.length
      this.#turnBytes += piece.length
    }
    if (this.#turnBytes < turnBytes) return
    // A quick client would never let the event loop go on.
    this.#turnBytes = 0
    await nextTurn()
  }

  async end(): Promise<void> {
    await this.shut()
    await this.closedByClient()
  }

  async shut(): Promise<void> {
    // Who has ended the connection and not TLS does not listen any more, and TLS says nothing to it.
    if (this.#tls.ended !== 'cut') {
      await this.#beginWriting()
      await this.#sent(this.#tls.writeEnd(undefined, 'more'))
    }
    if (!this.#tls.bare.end()) throw lost()
  }

  sendAtOnce(bytes: Uint8Array): number {
    if (this.#tickets === 'due' || this.#tls.write(bytes, 'more') === 'lost') return 0
    this.#bytesWritten += bytes.length
    return bytes.length
  }

  endAtOnce(): boolean {
    return this.#tls.writeEnd(undefined, 'more') === 'sent' && this.#tls.bare.end()
  }

  closedByClient(): Promise<void> {
    // What it has for us is of no interest any more.
    this.#tls.close()
    return closedByOther(this.#tls.bare, lingerMilliseconds)
  }

  kernelSocket(_sendfile: Sendfile | undefined, bytes: number): KernelSocket | undefined {
    if (bytes < worthThreadBytes || this.closed) return undefined
    return {
      send: (file, position, most, waiting) =>
        this.#sendFile({ file, position, bytes: most, waiting: waiting && 'briefly' }),
      // To close the connection does that.
      stop: () => {},
      close: () => {},
    }
  }

  async transmit(send: () => Promise<number>): Promise<number> {
    const taken = this.closed ? 0 : await send()
    if (taken > 0) this.#bytesWritten += taken
    if (this.closed) throw lost()
    return taken
  }

  async receive(consume: Consumer, { buffers, clock = new TurnClock() }: ReceiveOptions): Promise<ReceivedEnd> {
    let onRoom = (): void => {}
    const intake = new Intake(consume, buffers, () => onRoom(), clock)
    let end: 'end' | 'cut'
    try {
      end = await this.#untilEnd(intake, {
        set: goOn => {
          onRoom = goOn
        },
        // Unless it is over by then.
        soon: () => void setImmediate(() => onRoom()),
      })
    } finally {
      this.#onLoss = undefined
      onRoom = () => {}
      this.#tls.bare.ignore()
      // What arrived is kept even if the rest is lost: the client may resume.
      await intake.idle()
      intake.close()
    }
    intake.throwIfFailed()
    return { closeNotify: end === 'end', broken: end === 'cut' && this.#tls.endsWithinRecord }
  }

  watchStall(seconds: number, onStall: () => void, calls?: SocketCalls): void {
    const { bare } = this.#tls
    if (calls === undefined || seconds === 0) return bare.watchStall(seconds * 1000, onStall)
    let movement: bigint | undefined
    const look = (): void => {
      const { descriptor } = bare
      const now = descriptor === undefined ? undefined : calls.movement(descriptor)
      this.#quietLooks = now === movement ? this.#quietLooks + 1 : 0
      movement = now
      if (this.#quietLooks >= looks) onStall()
      else bare.watchStall((seconds * 1000) / looks, look)
    }
    this.#quietLooks = 0
    bare.watchStall((seconds * 1000) / looks, look)
  }

  noteActivity(): void {
    this.#quietLooks = 0
    this.#tls.bare.noteActivity()
  }

  destroy(): void {
    this.#tls.close()
    this.#tls.bare.close()
    this.#onLoss?.()
  }

  reset(): void {
    this.#tls.close()
    this.#tls.bare.reset()
    this.#onLoss?.()
  }

  /** `next` gets what is to be called when the intake has room again. */
  #untilEnd(
    intake: Intake,
    next: { readonly set: (goOn: () => void) => void; readonly soon: () => void },
  ): Promise<'end' | 'cut'> {
    const { bare } = this.#tls
    return new Promise((resolve, reject) => {
      const onLoss = (): void => reject(lost())
      this.#onLoss = onLoss
      intake.onFailure = error => {
        bare.ignore()
        reject(error)
      }
      let isWatched = false
      const goOn = (): void => {
        const state = this.#take(intake)
        const waits = state === 'nothing yet'
        if (waits && !isWatched) bare.watch(goOn, onLoss)
        else if (!waits && isWatched) bare.ignore()
        isWatched = waits
        if (state === 'later') next.soon()
        if (state === 'lost') onLoss()
        else if (state === 'end' || state === 'cut') resolve(state)
      }
      next.set(goOn)
      if (bare.closed) onLoss()
      else goOn()
    })
  }

  /** Takes what has come, as long as there is room for it. */
  #take(intake: Intake): 'full' | 'later' | Exclude<ReturnType<TlsConnection['read']>, number> {
    for (let emptyRecords = 0; emptyRecords < mostEmptyRecords; ) {
      const room = intake.room().subarray(0, this.#mostAtOnce)
      const started = performance.now()
      const read = this.#tls.readAll(room)
      if (typeof read !== 'number') return read
      this.#bytesRead += read
      // The contents of many small records take a hundred times as long as those of large ones.
      if (performance.now() - started > slowMilliseconds) this.#mostAtOnce = leastAtOnce
      else if (read === room.length) this.#mostAtOnce = Math.min(this.#mostAtOnce * 2, mostAtOnce)
      if (read === 0) emptyRecords++
      else if (intake.added(read) === 'full') return 'full'
    }
    return 'later'
  }

  async #sendFile(sending: FileSending): Promise<number> {
    await this.#beginWriting()
    return await this.#tls.sendFile(sending)
  }

  /** From now on the client has to read: nothing is held back. */
  async #beginWriting(): Promise<void> {
    if (this.#tickets === 'sent') return
    this.#tickets = 'sent'
    await this.#sent(this.#tls.sendTickets())
  }

  async #sent(sent: ReturnType<TlsConnection['write']>): Promise<void> {
    if (sent === 'waiting') await this.#tls.untilSent()
    if (sent === 'lost' || this.#tls.bare.closed) throw lost()
  }
}

function lost(): Error {
  return new Error('connection lost')
}

keepKind(() => new TlsDataConnection({ protocol: 'TLSv1.3' } as TlsConnection, 'sent'))
