/** Transfers of one session: 150, the data connection, the bytes, and the reply that tells how it ended. Tasks take their place. */
import type { DataChannel } from '../../data/data-channel.ts'
import { DataChannelError, type DataChannelErrorKind } from '../../data/error.ts'
import { runTransfer } from '../../data/moving/run-transfer.ts'
import type { Transfer, TransferOptions, TransferResult } from '../../data/moving/transfer.ts'
import type { Pace } from '../../data/rate/pace.ts'
import { keepKind } from '../../kinds.ts'
import type { TransferRecord } from '../../telemetry/telemetry.ts'
import type { Context, Outcome } from '../command.ts'
import type { ControlChannel } from '../control-channel.ts'
import type { RequestQueue } from '../input/request-queue.ts'
import { dataChannelReply, type Reply, reply, storageReply, transferReply } from '../reply.ts'
import type { Services } from '../services.ts'
import { encodingOf } from './representation.ts'
import type { Session } from './session.ts'
import { type Direction, SessionBandwidth } from './session-bandwidth.ts'
import type { SessionState } from './session-state.ts'
import { runTask, type Task } from './session-task.ts'
import type { Moved } from './transfer-limits.ts'

type Parts = {
  readonly services: Services
  readonly state: SessionState
  readonly channel: ControlChannel
  readonly queue: RequestQueue
  readonly data: DataChannel
}

type TransferOrder = Outcome & { readonly kind: 'transfer' }

type Running = {
  readonly verb: string
  readonly path: string
  readonly progress: { bytes: number }
  readonly abort: AbortController
  /** Resolves when the last reply was sent. */
  readonly ended: Promise<unknown>
}

type Told = Pick<TransferRecord, 'verb' | 'mode' | 'code' | 'durationSeconds'> & { readonly transfer: Transfer }

const nothing: Moved = { files: 0, bytes: 0 }

export class SessionTransfers {
  readonly #parts: Parts
  #running: Running | undefined
  #bandwidth: SessionBandwidth | undefined
  #moved = nothing

  constructor(parts: Parts) {
    this.#parts = parts
  }

  get running(): Context['transfer'] {
    return this.#running
  }

  /** By transfers that are over. */
  get moved(): Moved {
    return this.#moved
  }

  /** Runs a transfer to its end; resolves to the code of its last reply. Never rejects. */
  run(order: TransferOrder, verb: string): Promise<number> {
    return this.#occupy(verb, order.transfer.path, running => this.#perform(order, running))
  }

  /** The same for a task. */
  runTask(task: Task, verb: string): Promise<number> {
    const { services, channel } = this.#parts
    return this.#occupy(verb, task.path, ({ abort: { signal }, progress }) => {
      const { transferStallTimeoutSeconds: stallTimeoutSeconds } = services.configuration().server.limits
      return runTask(task, { signal, progress, stallTimeoutSeconds, sendLine: line => channel.sendLine(line) })
    })
  }

  async #occupy(verb: string, path: string, perform: (running: Running) => Promise<Reply>): Promise<number> {
    const abort = new AbortController()
    const { promise: ended, resolve } = Promise.withResolvers<number>()
    const running: Running = { verb, path, progress: { bytes: 0 }, abort, ended }
    this.#running = running
    // What came right behind the command: an ABOR must not wait for the end of what it aborts.
    this.#parts.queue.offerAgain()
    const answer = await perform(running).catch(error => this.#failed(error))
    this.#running = undefined
    await this.#parts.channel.send(answer)
    resolve(answer.code)
    return answer.code
  }

  /** Ends the running transfer; resolves when its reply was sent. Undefined if there is none. */
  abort(): Promise<unknown> | undefined {
    this.#running?.abort.abort()
    return this.#running?.ended
  }

  #paceOf(direction: Direction): Pace {
    this.#bandwidth ??= new SessionBandwidth(this.#parts)
    return this.#bandwidth.of(direction)
  }

  #failed(error: unknown): Reply {
    const { services, state } = this.#parts
    services.telemetry.fault(error, state.session)
    return storageReply('failed')
  }

  async #perform({ transfer, opening }: TransferOrder, { abort, progress, verb }: Running): Promise<Reply> {
    const { data, state, channel } = this.#parts
    const { telemetry } = this.#parts.services
    const mode = data.state === 'active' ? 'active' : 'passive'
    const protection = state.session.dataProtection
    const started = performance.now()
    telemetry.transferStarted(state.session)
    // RFC 4217 section 10.2: before the handshake, which clients begin only after they have read this.
    const announce = (): Promise<void> | undefined => channel.send(reply(150, opening))
    // A client that waits for the reply wakes up once if the bytes of a small file are there by then.
    const isEarly =
      transfer.kind === 'send-file' && protection === 'clear' && data.clientHasCome && !abort.signal.aborted
    if (!isEarly) await announce()
    const moved = await this.#move(transfer, protection, {
      signal: abort.signal,
      progress,
      announce: isEarly ? announce : undefined,
    })
    const answer = typeof moved === 'string' ? dataChannelReply(moved) : transferReply(moved)
    const result = typeof moved === 'string' ? neverBegun(moved) : moved
    const durationSeconds = (performance.now() - started) / 1000
    const told = this.#tell(result, { transfer, verb, mode, code: answer.code, durationSeconds })
    if (told !== undefined) await told
    return answer
  }

  /** RFC 959 section 4.2, word for word. */
  #tellMarker(theirs: string, offset: number): Promise<void> | undefined {
    return this.#parts.channel.send(reply(110, `MARK ${theirs} = ${offset}`))
  }

  #tell(result: TransferResult, { transfer, verb, mode, code, durationSeconds }: Told): Promise<void> | undefined {
    const { services, state } = this.#parts
    const { session } = state
    const { kind, path } = transfer
    if (kind !== 'send-listing') this.#moved = { files: this.#moved.files + 1, bytes: this.#moved.bytes + result.bytes }
    return services.telemetry.transferEnded(session, {
      outcome: result.outcome,
      storageError: result.storageError,
      bytes: result.bytes,
      fileBytes: result.fileBytes,
      durationSeconds,
      closeNotify: result.closeNotify,
      verb,
      direction: directions[kind],
      path,
      user: userName(session),
      protection: session.dataProtection,
      mode,
      code,
    })
  }

  /** The result, or why there was no connection for it. */
  async #move(
    transfer: Transfer,
    protection: Session['dataProtection'],
    { signal, progress, announce }: Pick<TransferOptions, 'signal' | 'announce'> & Pick<Running, 'progress'>,
  ): Promise<TransferResult | DataChannelErrorKind> {
    const { services, state, data } = this.#parts
    const { server } = services.configuration()
    const encoding = encodingOf(state.session, { server })
    const tell = (bytes: number): void => {
      services.telemetry.transferMoved(state.session, directions[transfer.kind], bytes - progress.bytes)
      progress.bytes = bytes
    }
    const pace = this.#paceOf(transfer.kind === 'receive-file' ? 'upload' : 'download')
    try {
      const direction = transfer.kind === 'receive-file' ? 'receive' : 'send'
      const atOnce = protection === 'clear' && !signal.aborted ? data.openAtOnce() : undefined
      const connection = atOnce ?? (await data.open(protection, signal, direction))
      const result = await runTransfer(transfer, connection, {
        signal,
        stallTimeoutSeconds: server.limits.transferStallTimeoutSeconds,
        rejectTruncated: server.tls.truncatedUploads === 'reject',
        onProgress: tell,
        means: services.transferMeans,
        pace,
        announce,
        ...(encoding && { encoding, onMarker: (...marker) => this.#tellMarker(...marker) }),
      })
      tell(result.bytes)
      return result
    } catch (error) {
      await release(transfer)
      if (!(error instanceof DataChannelError)) throw error
      return error.kind
    } finally {
      pace.end()
    }
  }
}

const directions = {
  'send-file': 'download',
  'receive-file': 'upload',
  'send-listing': 'listing',
} as const satisfies Record<Transfer['kind'], TransferRecord['direction']>

function neverBegun(reason: DataChannelErrorKind): TransferResult {
  return {
    outcome: reason === 'aborted' ? 'aborted' : 'connection-lost',
    storageError: undefined,
    bytes: 0,
    fileBytes: undefined,
    durationSeconds: 0,
    closeNotify: undefined,
  }
}

/** Closes what a transfer that never began has open. */
export async function release(transfer: Transfer): Promise<void> {
  if (transfer.kind === 'send-file') await transfer.file.close()
  if (transfer.kind === 'receive-file') await transfer.file.abandon()
}

function userName({ login }: Session): string {
  return login.state === 'logged-in' ? login.user.name : ''
}

keepKind(() => {
  const abort = new AbortController()
  abort.signal.addEventListener('abort', () => {})
  return abort
})
