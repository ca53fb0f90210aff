/** What a probe has found. */
import type { DialFailure } from './dial.ts'

/** How the same port fared nearer the server; undefined where it could not be tried. */
export type Hops = {
  readonly pod: 'open' | DialFailure | undefined
  readonly service: 'open' | DialFailure | undefined
}

export type PortResult = {
  /** As the server has it. */
  readonly port: number
  /** As clients are told it. */
  readonly outside: number
} & (
  | { readonly kind: 'works'; readonly resumed: boolean | undefined }
  /** Nothing was to be had there. */
  | { readonly kind: DialFailure; readonly hops: Hops }
  /** Something answers, and the server has seen nobody. */
  | { readonly kind: 'lost' }
  | { readonly kind: 'tls' | 'not-resumed' | 'empty' }
  /** The server gives out a port that is none of its own. */
  | { readonly kind: 'unknown-port' }
)

/** What PASV has told, and how a connection there fared; `untried`: it is nowhere that the server is known to be. */
export type PassiveAnswer = { readonly told: string; readonly outcome: PortResult['kind'] | 'untried' }

/** A pod that does not hand connections on to another one, and why: as its metrics have it, or those of the other. */
export type RelayFault = {
  /** Replica that gets the connection. */
  readonly from: number
  /** Replica whose it is. */
  readonly to: number
  /** At which that one takes it. */
  readonly port: number
  readonly reason: 'owner-refused' | 'owner-silent' | 'owner-unknown' | 'no-secret' | 'unsigned' | 'stale'
}

export type Outcome =
  /** The control connection could not be had. */
  | { readonly kind: 'unreachable'; readonly address: string; readonly port: number; readonly message: string }
  /** It could, and the probe was not let in, or was not answered. */
  | { readonly kind: 'refused'; readonly address: string; readonly message: string }
  | {
      readonly kind: 'tried'
      /** Where the server was reached. */
      readonly address: string
      readonly results: readonly PortResult[]
      /** Replicas that no connection came to. */
      readonly missed: readonly number[]
      /** The IP address that the control connection had at the other end. */
      readonly reached: string
      /** Of each replica that tells one. */
      readonly pasv: readonly PassiveAnswer[]
      readonly relayFaults: readonly RelayFault[]
    }
