/** Why there is no data connection: a closed set, answered with reply codes by the control connection. */

export const dataChannelErrorKinds = [
  /** The advertised address is not known yet. */
  'no-address',
  /** No passive port is free. */
  'no-port',
  /** PASV over IPv6, or another address family than the control connection's. */
  'wrong-family',
  /** Neither PASV nor PORT came before. */
  'not-set-up',
  /** The client did not connect, could not be reached or did not finish its handshake in time. */
  'timeout',
  /** The client's port could not be reached. */
  'refused',
  /** The TLS handshake failed. */
  'tls-failed',
  /** The TLS session of the control connection was not resumed, and had to be. */
  'not-resumed',
  /** The signal came first. */
  'aborted',
] as const
export type DataChannelErrorKind = (typeof dataChannelErrorKinds)[number]

export class DataChannelError extends Error {
  override readonly name = 'DataChannelError'
  readonly kind: DataChannelErrorKind
  constructor(kind: DataChannelErrorKind, options?: { cause?: unknown }) {
    super(kind, options)
    this.kind = kind
  }
}
