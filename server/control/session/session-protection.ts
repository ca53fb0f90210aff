/** TLS on the control connection of a session: begun and ended between two commands. */
import { hostNamed } from '../../config/hosts.ts'
import type { ControlChannel } from '../control-channel.ts'
import type { RequestQueue } from '../input/request-queue.ts'
import type { Reply } from '../reply.ts'
import type { Services } from '../services.ts'
import { dataAfterAuth, dataBeforeClearText, type Ending } from './ending.ts'
import type { SessionState } from './session-state.ts'

interface Parts {
  readonly services: Services
  readonly state: SessionState
  readonly channel: ControlChannel
  readonly queue: RequestQueue
  end(ending: Ending): Promise<void> | undefined
  hangUp(reason: string): void
}

export class SessionProtection {
  readonly #parts: Parts

  constructor(parts: Parts) {
    this.#parts = parts
  }

  /** AUTH: nothing that was sent in clear text may be taken for something said under TLS (CVE-2011-1575). The session begins anew before the handshake. */
  async secure(answer: Reply, reset: () => Promise<void>): Promise<void> {
    const { channel, queue } = this.#parts
    if (!queue.isEmpty) return this.#parts.end(dataAfterAuth)
    queue.detach()
    await channel.sendAll(answer)
    await reset()
    await this.start()
  }

  async start(): Promise<void> {
    const { channel, queue, services, state } = this.#parts
    const { configuration } = state
    try {
      const tls = services.createSessionTls(this.#parts)
      const { clientCertificate, serverName } = await channel.startTls(tls)
      const host = state.session.host ?? hostNamed(configuration, serverName)?.name
      state.change({ protection: 'tls', clientCertificate, serverName, host })
    } catch (error) {
      // RFC 4217 section 10.1: after a broken handshake there is no common language left to answer in.
      return this.#lose(error, 'TLS handshake failed')
    }
    queue.attach(channel.source)
  }

  /** After the reply, which is protected still. */
  async stop(answer: Reply, protection: 'clear' | 'cleared'): Promise<void> {
    const { channel, queue } = this.#parts
    if (!queue.isEmpty) return this.#parts.end(dataBeforeClearText)
    queue.detach()
    try {
      await channel.stopTls(answer)
    } catch (error) {
      return this.#lose(error, 'TLS could not be ended')
    }
    this.forget(protection)
    queue.attach(channel.source)
  }

  /** The certificate spoke for what was said under TLS only. After CCC data connections go on under it. */
  forget(protection: 'clear' | 'cleared'): void {
    const { channel, state } = this.#parts
    if (protection === 'clear') channel.forgetTls()
    const serverName = protection === 'clear' ? undefined : state.session.serverName
    state.change({ protection, clientCertificate: undefined, serverName })
  }

  #lose(error: unknown, reason: string): void {
    const { services, state } = this.#parts
    services.telemetry.tlsFailed(state.session, 'control', error instanceof Error ? error.message : 'unknown')
    this.#parts.hangUp(reason)
  }
}
