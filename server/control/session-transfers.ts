/** Transfers of one session: 150, the data connection, the bytes, and the reply that tells how it ended. Tasks take their place. */
import type { Configuration } from '../config/configuration.ts'
import type { Bandwidth } from '../data/bandwidth.ts'
import type { DataChannel } from '../data/data-channel.ts'
import { DataChannelError } from '../data/error.ts'
import type { TransferMeans } from '../data/means.ts'
import type { Pace } from '../data/pace.ts'
import { runTransfer, type Transfer, type TransferResult } from '../data/transfer.ts'
import type { Telemetry, TransferRecord } from '../telemetry/telemetry.ts'
import type { Context, Outcome } from './command.ts'
import { dataChannelReply, type Reply, reply, storageReply, transferReply } from './reply.ts'
import { encodingOf } from './representation.ts'
import type { Session } from './session.ts'
import { type Direction, SessionBandwidth } from './session-bandwidth.ts'
import { runTask, type Task } from './session-task.ts'
import type { Moved } from './transfer-limits.ts'

export type TransferOwner = {
  readonly data: DataChannel
  readonly telemetry: Telemetry
  readonly means: TransferMeans
  readonly bandwidth: Bandwidth
  readonly configuration: () => Configuration
  readonly session: () => Session
  readonly send: (answer: Reply) => Promise<void> | undefined
  /** The same for a line that others of the reply follow. */
  readonly sendLine: (line: Reply) => Promise<void> | undefined
  /** Called as soon as `running` tells of a transfer. */
  readonly onStart: () => void
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

type Told = Pick<TransferRecord, 'verb' | 'mode' | 'code'> & { readonly transfer: Transfer }

export class SessionTransfers {
  readonly #owner: TransferOwner
  #running: Running | undefined
  #bandwidth: SessionBandwidth | undefined
  #moved: Moved = { files: 0, bytes: 0 }

  constructor(owner: TransferOwner) {
    this.#owner = owner
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
    const { configuration, sendLine } = this.#owner
    return this.#occupy(verb, task.path, ({ abort: { signal }, progress }) => {
      const { transferStallTimeoutSeconds: stallTimeoutSeconds } = configuration().server.limits
      return runTask(task, { signal, progress, stallTimeoutSeconds, sendLine })
    })
  }

  async #occupy(verb: string, path: string, perform: (running: Running) => Promise<Reply>): Promise<number> {
    const abort = new AbortController()
    const { promise: ended, resolve } = Promise.withResolvers<number>()
    const running: Running = { verb, path, progress: { bytes: 0 }, abort, ended }
    this.#running = running
    this.#owner.onStart()
    const answer = await perform(running).catch(error => this.#failed(error))
    this.#running = undefined
    await this.#owner.send(answer)
    resolve(answer.code)
    return answer.code
  }

  /** Ends the running transfer, if there is one, and waits until its reply was sent. */
  async abort(): Promise<void> {
    this.#running?.abort.abort()
    await this.#running?.ended
  }

  #paceOf(direction: Direction): Pace {
    this.#bandwidth ??= new SessionBandwidth(this.#owner)
    return this.#bandwidth.of(direction)
  }

  #failed(error: unknown): Reply {
    this.#owner.telemetry.fault(error, this.#owner.session())
    return storageReply('failed')
  }

  async #perform({ transfer, opening }: TransferOrder, { abort, progress, verb }: Running): Promise<Reply> {
    const { data, telemetry, session, send } = this.#owner
    const mode = data.state === 'active' ? 'active' : 'passive'
    const protection = session().dataProtection
    const started = performance.now()
    telemetry.transferStarted(session())
    // RFC 4217 section 10.2: before the handshake, which clients begin only after they have read this.
    await send(reply(150, opening))
    const { answer, ...result } = await this.#move(transfer, protection, abort.signal, progress)
    const durationSeconds = (performance.now() - started) / 1000
    const told = this.#tell({ ...result, durationSeconds }, { transfer, verb, mode, code: answer.code })
    if (told !== undefined) await told
    return answer
  }

  /** RFC 959 section 4.2, word for word. */
  #tellMarker(theirs: string, offset: number): Promise<void> | undefined {
    return this.#owner.send(reply(110, `MARK ${theirs} = ${offset}`))
  }

  #tell(result: TransferResult, { transfer, ...record }: Told): Promise<void> | undefined {
    const { telemetry, session } = this.#owner
    const { dataProtection: protection } = session()
    const { kind, path } = transfer
    if (kind !== 'send-listing') this.#moved = { files: this.#moved.files + 1, bytes: this.#moved.bytes + result.bytes }
    const more = { direction: directions[kind], path, user: userName(session()), protection }
    return telemetry.transferEnded(session(), { ...result, ...record, ...more })
  }

  async #move(
    transfer: Transfer,
    protection: Session['dataProtection'],
    signal: AbortSignal,
    progress: { bytes: number },
  ): Promise<Omit<TransferResult, 'durationSeconds'> & { readonly answer: Reply }> {
    const { server } = this.#owner.configuration()
    const encoding = encodingOf(this.#owner.session(), { server })
    const tell = (bytes: number): void => {
      this.#owner.telemetry.transferMoved(directions[transfer.kind], bytes - progress.bytes)
      progress.bytes = bytes
    }
    const pace = this.#paceOf(transfer.kind === 'receive-file' ? 'upload' : 'download')
    try {
      const direction = transfer.kind === 'receive-file' ? 'receive' : 'send'
      const connection = await this.#owner.data.open(protection, signal, direction)
      const result = await runTransfer(transfer, connection, {
        signal,
        stallTimeoutSeconds: server.limits.transferStallTimeoutSeconds,
        rejectTruncated: server.tls.truncatedUploads === 'reject',
        onProgress: tell,
        means: this.#owner.means,
        pace,
        ...(encoding && { encoding, onMarker: (...marker) => this.#tellMarker(...marker) }),
      })
      tell(result.bytes)
      return { ...result, answer: transferReply(result) }
    } catch (error) {
      await release(transfer)
      if (!(error instanceof DataChannelError)) throw error
      return {
        outcome: error.kind === 'aborted' ? 'aborted' : 'connection-lost',
        bytes: 0,
        answer: dataChannelReply(error.kind),
      }
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

/** Closes what a transfer that never began has open. */
export async function release(transfer: Transfer): Promise<void> {
  if (transfer.kind === 'send-file') await transfer.file.close()
  if (transfer.kind === 'receive-file') await transfer.file.abandon()
}

function userName({ login }: Session): string {
  return login.state === 'logged-in' ? login.user.name : ''
}
