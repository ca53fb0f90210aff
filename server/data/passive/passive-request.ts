/** What a session wants of the passive ports, and what the configuration lets it have. */
import type { PassivePortOptions } from './passive-port.ts'
import type { PortRange } from './port-order.ts'

export type PassivePolicy = {
  readonly ports: PortRange
  /** `auto`: ports stay open and are shared by all sessions whose clients can be told apart. `off`: each is one session's alone, and open only for it. */
  readonly sharing: 'auto' | 'off'
  /** How long to wait for a port while others of the same client have all of them. */
  readonly portWaitSeconds: number
}

export type PassiveListenOptions = PassivePortOptions &
  PassivePolicy & {
    /** Local address to bind to: that of the control connection. */
    readonly address: string
    /** Whether the port would be of use still. */
    readonly isWanted?: () => boolean
    /** Ports that come last, if others are to come first. */
    readonly avoided?: ReadonlySet<number> | undefined
  }
