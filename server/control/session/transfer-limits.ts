/** How many transfers a session, a user and the server may have: asked before a command opens anything. */
import type { Configuration } from '../../config/configuration.ts'
import { type ClaimKind, type SharedState, SharedStateError } from '../../workers/shared-state.ts'
import type { Command } from '../command.ts'
import { type Reply, reply } from '../reply.ts'
import type { Login } from './session.ts'

/** Files and bytes of them that a session has moved; listings do not count. */
export type Moved = { readonly files: number; readonly bytes: number }

type Claim = { readonly kind: ClaimKind; readonly key: string; readonly limit: number | undefined }

const tooMany = reply(450, 'Too many transfers at once; try again later.')
const enough = reply(550, 'This session may transfer no more.')

/** Of one session, which has one transfer at a time. */
export class TransferLimits {
  readonly #shared: SharedState
  readonly #taken: Claim[] = []

  constructor(shared: SharedState) {
    this.#shared = shared
  }

  /** Why the command gets no transfer of a file now; undefined where it does. Where nothing is limited it costs nothing. Followed by `end`. */
  begin(
    command: Pick<Command, 'transfers' | 'needs'> | undefined,
    login: Login,
    { server: { limits } }: Configuration,
    moved: Moved,
  ): Reply | undefined | Promise<Reply | undefined> {
    if (command?.transfers !== true || command.needs === 'list' || login.state !== 'logged-in') return undefined
    const { user } = login
    const maxFiles = user.limits.maxFilesPerSession ?? limits.maxFilesPerSession
    const maxBytes = user.limits.maxBytesPerSession ?? limits.maxBytesPerSession
    if (moved.files >= (maxFiles ?? Number.POSITIVE_INFINITY)) return enough
    if (moved.bytes >= (maxBytes ?? Number.POSITIVE_INFINITY)) return enough
    const { maxTransfers } = limits
    const maxTransfersOfUser = user.limits.maxTransfers ?? limits.maxTransfersPerUser
    if (maxTransfers === undefined && maxTransfersOfUser === undefined) return undefined
    return this.#claim([
      { kind: 'transfer', key: 'all', limit: maxTransfers },
      { kind: 'transfer-of-user', key: user.name, limit: maxTransfersOfUser },
    ])
  }

  /** Whatever became of the transfer. */
  end(): void {
    if (this.#taken.length === 0) return
    for (const { kind, key } of this.#taken.splice(0)) this.#shared.release(kind, key)
  }

  async #claim(claims: readonly Claim[]): Promise<Reply | undefined> {
    try {
      for (const claim of claims) {
        if (claim.limit === undefined) continue
        if (!(await this.#shared.claim(claim.kind, claim.key, claim.limit))) return tooMany
        this.#taken.push(claim)
      }
      return undefined
    } catch (error) {
      if (error instanceof SharedStateError) return tooMany
      throw error
    }
  }
}
