/** Limits and timeouts of the server. */
import { Type } from 'typebox'
import { record, seconds } from './parts.ts'

const optionalCount = (description: string, maximum = 1_000_000) =>
  Type.Optional(Type.Integer({ minimum: 1, maximum, description: `${description} No limit if absent.` }))

/** Those of a session, which a user may have of its own. */
export const sessionTransferLimits = {
  maxFilesPerSession: optionalCount(
    'Files that a session may transfer, up and down together; further transfers are answered with 550.',
  ),
  maxBytesPerSession: optionalCount(
    'Bytes of files that a session may transfer, up and down together: once it has, no further transfer begins (550); one that has begun is finished.',
    Number.MAX_SAFE_INTEGER,
  ),
}

export const limits = record(
  {
    maxSessions: Type.Integer({
      minimum: 1,
      maximum: 1_000_000,
      default: 1000,
      description: 'Control connections at once.',
    }),
    maxSessionsPerAddress: Type.Integer({
      minimum: 1,
      maximum: 1_000_000,
      default: 50,
      description: 'Control connections at once from one client address; with IPv6, from one network of 64 bits.',
    }),
    maxSessionsPerUser: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 1_000_000,
        description: 'Sessions at once of one user; no limit if absent.',
      }),
    ),
    maxTransfers: optionalCount(
      'Transfers of files at once, of all users together; further ones are answered with 450.',
    ),
    maxTransfersPerUser: optionalCount('Transfers of files at once of one user; further ones are answered with 450.'),
    ...sessionTransferLimits,
    idleTimeoutSeconds: seconds(
      'A session without command or transfer for so long is closed (RFC 1123 section 4.1.3.2).',
      { default: 300 },
    ),
    loginTimeoutSeconds: seconds('A session that has not logged in after so long is closed.', { default: 60 }),
    handshakeTimeoutSeconds: seconds('Longest time for a TLS handshake.', { default: 10, maximum: 300 }),
    proxyHeaderTimeoutSeconds: seconds('Longest time for the header of the PROXY protocol, where a proxy sends one.', {
      default: 5,
      maximum: 300,
    }),
    transferStallTimeoutSeconds: seconds('A transfer in which no byte moves for so long is ended with 426.', {
      default: 120,
    }),
    passiveAcceptTimeoutSeconds: seconds('A passive port without connection for so long is closed.', {
      default: 30,
      maximum: 600,
    }),
    activeConnectTimeoutSeconds: seconds('Longest time to connect to the client’s port.', {
      default: 30,
      maximum: 600,
    }),
    maxFailedLogins: Type.Integer({
      minimum: 1,
      maximum: 100,
      default: 5,
      description: 'Failed logins after which the session is closed (RFC 2577 section 5).',
    }),
    maxErrorsBeforeLogin: Type.Integer({
      minimum: 0,
      maximum: 1000,
      default: 10,
      description:
        'Commands answered with an error (500 to 559) before login after which the session is closed with 421, refused passwords not being counted: who means another protocol, or looks for a way around the login, gets no further. What clients try out is about half of that. 0: no limit.',
    }),
    failedLoginDelayMilliseconds: Type.Integer({
      minimum: 0,
      maximum: 60_000,
      default: 2000,
      description:
        'A failed login is answered so long after PASS, or as soon after that as the password is checked (RFC 2577 section 5): the time does not tell what the check has cost. In milliseconds.',
    }),
    drainTimeoutSeconds: seconds('Time for running transfers to end when the server is told to stop.', { default: 30 }),
  },
  { default: {}, description: 'Limits and timeouts. Everything that waits or grows has one.' },
)
