/** Relaying between servers behind one address: both ends of it, as the configuration in force says. */
import type { Configuration } from '../config/configuration.ts'
import type { Violation } from '../config/validate.ts'
import { Handovers, type TakeRelayed } from './handovers.ts'
import { Ports, type WantedPort } from './ports.ts'
import { Relays } from './relays.ts'
import type { RelayTelemetry } from './telemetry.ts'

export type RelayingOptions = {
  readonly configuration: Configuration
  readonly telemetry: RelayTelemetry
  readonly take: TakeRelayed
  /** Other ports can be listened on than before. */
  readonly onChange: () => void
  readonly onFault: (error: unknown) => void
}

/** It begins with the first follow(). Close it. */
export class Relaying {
  readonly #handovers: Handovers
  readonly #relays: Relays
  readonly #own: Ports
  readonly #others: Ports
  #configuration: Configuration

  constructor({ configuration, telemetry, take, onChange, onFault }: RelayingOptions) {
    this.#configuration = configuration
    const secrets = (): readonly string[] => this.#configuration.relaySecrets ?? []
    this.#handovers = new Handovers({
      secrets,
      timeoutSeconds: () => this.#configuration.server.limits.proxyHeaderTimeoutSeconds,
      take,
      telemetry,
    })
    this.#relays = new Relays({ configuration: () => this.#configuration.server, secrets, telemetry })
    this.#own = new Ports({
      onConnection: socket => {
        this.#handovers.receive(socket).catch(onFault)
      },
      onChange,
      onFault,
    })
    this.#others = new Ports({
      onConnection: (socket, port) => {
        this.#relays.relay(socket, port).catch(onFault)
      },
      onChange,
      onFault,
    })
  }

  /** What can't be listened on. */
  get violations(): readonly Violation[] {
    return [...this.#own.violations, ...this.#others.violations]
  }

  async follow(configuration: Configuration): Promise<void> {
    this.#configuration = configuration
    const { port, ports, addresses } = configuration.server.relay
    const own = port === undefined ? [] : addresses.map(address => ({ port, address, path: 'relay.port' }))
    await Promise.all([
      this.#own.follow(own),
      this.#others.follow(addresses.flatMap(address => portsAt(address, ports))),
    ])
    this.#relays.follow()
  }

  /** Resolves when nothing is relayed to others, or after so long. New connections are taken still. */
  idle(graceMilliseconds: number): Promise<void> {
    return this.#relays.idle(graceMilliseconds)
  }

  close(): void {
    this.#own.close()
    this.#others.close()
    this.#handovers.close()
    this.#relays.close()
  }
}

function portsAt(address: string, ranges: Configuration['server']['relay']['ports']): readonly WantedPort[] {
  return ranges.flatMap(({ first, last }, index) =>
    Array.from({ length: last - first + 1 }, (_, at) => ({ port: first + at, address, path: `relay.ports[${index}]` })),
  )
}
