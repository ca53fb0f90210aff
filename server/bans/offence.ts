/** What counts against a client, and how much. */

/** Points by offence; with the default threshold of 10, one point is a tenth of a ban. */
export const offencePoints = {
  /** Also a certificate that is missing or another's. */
  'wrong-password': 1,
  // Who has a right to be here rarely gets the own name wrong.
  'unknown-user': 2,
  /** Each tenth in a session: clients try out a few commands. */
  'unknown-commands': 1,
  /** So many that the connection was ended: `limits.maxErrorsBeforeLogin`. */
  'errors-before-login': 1,
  'line-too-long': 2,
  /** HTTP, SMTP and the like: a scanner, or a browser that was led here (ALPACA). */
  'other-protocol': 5,
  /** Commands behind AUTH, before the handshake (CVE-2011-1575): no client does that by mistake. */
  'data-after-auth': 5,
  /** A data connection to a third party (RFC 2577 section 3). */
  'bounce-attempt': 3,
} as const satisfies Record<string, number>

export type Offence = keyof typeof offencePoints

export const offences = Object.keys(offencePoints) as readonly Offence[]

/** How many unknown commands make one offence. */
export const unknownCommandsAllowed = 10
