/** TLS on the control connection of a session: begun and ended between two commands. */
import type { Configuration } from '../config/configuration.ts'
import { hostNamed } from '../config/hosts.ts'
import type { ControlChannel } from './control-channel.ts'
import { dataAfterAuth, dataBeforeClearText, type Ending } from './ending.ts'
import type { Reply } from './reply.ts'
import type { RequestQueue } from './request-queue.ts'
import type { Services } from './services.ts'
import type { Session } from './session.ts'

export type ProtectedSession = {
  readonly channel: ControlChannel
  readonly queue: RequestQueue
  readonly services: Pick<Services, 'createSessionTls' | 'telemetry'>
  readonly configuration: () => Configuration
  readonly session: () => Session
  readonly change: (change: Partial<Pick<Session, 'protection' | 'clientCertificate' | 'serverName' | 'host'>>) => void
  readonly end: (ending: Ending) => Promise<void>
  readonly hangUp: (reason: string) => void
}

export class SessionProtection {
  readonly #session: ProtectedSession

  constructor(session: ProtectedSession) {
    this.#session = session
  }

  /** AUTH: nothing that was sent in clear text may be taken for something said under TLS (CVE-2011-1575). The session begins anew before the handshake. */
  async secure(answer: Reply, reset: () => Promise<void>): Promise<void> {
    const { channel, queue, end } = this.#session
    if (!queue.isEmpty) return end(dataAfterAuth)
    queue.detach()
    await channel.sendAll(answer)
    await reset()
    await this.start()
  }

  async start(): Promise<void> {
    const { channel, queue, services, session, change } = this.#session
    const configuration = this.#session.configuration()
    try {
      const tls = services.createSessionTls(configuration, session)
      const { clientCertificate, serverName } = await channel.startTls(tls)
      const host = session().host ?? hostNamed(configuration, serverName)?.name
      change({ protection: 'tls', clientCertificate, serverName, host })
    } catch (error) {
      // RFC 4217 section 10.1: after a broken handshake there is no common language left to answer in.
      return this.#lose(error, 'TLS handshake failed')
    }
    queue.attach(channel.stream, channel.input)
  }

  /** After the reply, which is protected still. */
  async stop(answer: Reply, protection: 'clear' | 'cleared'): Promise<void> {
    const { channel, queue, end } = this.#session
    if (!queue.isEmpty) return end(dataBeforeClearText)
    queue.detach()
    try {
      await channel.stopTls(answer)
    } catch (error) {
      return this.#lose(error, 'TLS could not be ended')
    }
    this.forget(protection)
    queue.attach(channel.stream, channel.input)
  }

  /** The certificate spoke for what was said under TLS only. After CCC data connections go on under it. */
  forget(protection: 'clear' | 'cleared'): void {
    const { channel, session, change } = this.#session
    if (protection === 'clear') channel.forgetTls()
    const serverName = protection === 'clear' ? undefined : session().serverName
    change({ protection, clientCertificate: undefined, serverName })
  }

  #lose(error: unknown, reason: string): void {
    const { services, session, hangUp } = this.#session
    services.telemetry.tlsFailed(session(), 'control', error instanceof Error ? error.message : 'unknown')
    hangUp(reason)
  }
}
