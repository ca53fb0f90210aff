/** Transfers of one session: 150, the data connection, the bytes, and the reply that tells how it ended. */
import type { Configuration } from '../config/configuration.ts'
import type { DataChannel } from '../data/data-channel.ts'
import { DataChannelError } from '../data/error.ts'
import type { TransferMeans } from '../data/means.ts'
import { runTransfer, type Transfer, type TransferResult } from '../data/transfer.ts'
import type { Telemetry, TransferRecord } from '../telemetry/telemetry.ts'
import type { Context, Outcome } from './command.ts'
import { dataChannelReply, type Reply, reply, storageReply, transferReply } from './reply.ts'
import type { Session } from './session.ts'

export type TransferOwner = {
  readonly data: DataChannel
  readonly telemetry: Telemetry
  readonly means: TransferMeans
  readonly configuration: () => Configuration
  readonly session: () => Session
  readonly send: (answer: Reply) => Promise<void> | undefined
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

export class SessionTransfers {
  readonly #owner: TransferOwner
  #running: Running | undefined

  constructor(owner: TransferOwner) {
    this.#owner = owner
  }

  get running(): Context['transfer'] {
    return this.#running
  }

  /** Runs a transfer to its end; resolves to the code of its last reply. Never rejects. */
  async run(order: TransferOrder, verb: string): Promise<number> {
    const abort = new AbortController()
    const { promise: ended, resolve } = Promise.withResolvers<number>()
    const running: Running = { verb, path: order.transfer.path, progress: { bytes: 0 }, abort, ended }
    this.#running = running
    this.#owner.onStart()
    const answer = await this.#perform(order, running).catch(error => {
      this.#owner.telemetry.fault(error, this.#owner.session())
      return storageReply('failed')
    })
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
    const record = {
      verb,
      direction: directions[transfer.kind],
      path: transfer.path,
      user: userName(session()),
      protection,
      mode,
    } as const
    telemetry.transferEnded(session(), { ...result, durationSeconds, ...record, code: answer.code })
    return answer
  }

  async #move(
    transfer: Transfer,
    protection: Session['dataProtection'],
    signal: AbortSignal,
    progress: { bytes: number },
  ): Promise<Omit<TransferResult, 'durationSeconds'> & { readonly answer: Reply }> {
    const { server } = this.#owner.configuration()
    const tell = (bytes: number): void => {
      this.#owner.telemetry.transferMoved(directions[transfer.kind], bytes - progress.bytes)
      progress.bytes = bytes
    }
    try {
      const connection = await this.#owner.data.open(
        protection,
        signal,
        transfer.kind === 'receive-file' ? 'receive' : 'send',
      )
      const result = await runTransfer(transfer, connection, {
        signal,
        stallTimeoutSeconds: server.limits.transferStallTimeoutSeconds,
        rejectTruncated: server.tls.truncatedUploads === 'reject',
        onProgress: tell,
        means: this.#owner.means,
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
