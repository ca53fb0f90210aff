/** What a data connection needs to know of the session that it is for. */
import { plainAddress } from '../../config/network.ts'
import type { DataChannelOptions } from '../../data/data-channel.ts'
import { isProbeSession } from './session.ts'
import type { SessionParts } from './session-parts.ts'

type Parts = Pick<SessionParts, 'services' | 'state' | 'channel'>

export class SessionData implements DataChannelOptions {
  readonly #parts: Parts

  constructor(parts: Parts) {
    this.#parts = parts
  }

  get session(): DataChannelOptions['session'] {
    return this.#parts.state.session
  }

  get passivePorts(): DataChannelOptions['passivePorts'] {
    return this.#parts.services.passivePorts
  }

  get advertisedAddresses(): DataChannelOptions['advertisedAddresses'] {
    return this.#parts.services.advertisedAddresses
  }

  // Not that of the session, which may be a proxy's.
  boundAddress(): string {
    return plainAddress(this.#parts.channel.localAddress)
  }

  configuration(): ReturnType<DataChannelOptions['configuration']> {
    return this.#parts.services.configuration()
  }

  tls(): ReturnType<DataChannelOptions['tls']> {
    return this.#parts.channel.tls
  }

  isPrivate(): boolean {
    return this.#parts.state.session.dataProtection === 'private'
  }

  user(): string | undefined {
    const { login } = this.#parts.state.session
    return login.state === 'logged-in' ? login.user.name : undefined
  }

  inTurn(): boolean {
    return isProbeSession(this.#parts.state.session)
  }

  onStray(address: string, port: number): void {
    this.#parts.services.telemetry.strayDataConnection(this.#parts.state.session, address, port)
  }

  onTlsFailure(message: string): void {
    this.#parts.services.telemetry.tlsFailed(this.#parts.state.session, 'data', message)
  }
}
