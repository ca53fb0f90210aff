/** Who may log in: the rules, which are pure, and the check of a password, which always takes its time. */
import { isDeepStrictEqual } from 'node:util'
import { after } from '../at-once.ts'
import type { Configuration, Credential, User } from '../config/configuration.ts'
import { type Place, takesUser } from '../config/hosts.ts'
import { roles } from '../config/schema/permissions.ts'
import type { Protection, Session } from '../control/session/session.ts'
import type { DummyVerdict, PasswordVerifier, Verdict } from './password.ts'
import { parsePasswordHash } from './password-hash.ts'
import { splitCode, totpStep } from './totp.ts'

export type LoginRefusal =
  | 'disabled'
  | 'expired'
  | 'outside-schedule'
  | 'host-not-allowed'
  | 'network-not-allowed'
  | 'tls-required'

/** Where a login comes from, and when. */
export type Situation = {
  /** IP address of the client. */
  readonly address: string
  readonly protection: Protection
  readonly place: Place
  /** Milliseconds since the epoch. */
  readonly now: number
}

export type ClientCertificate = Session['clientCertificate']

export type LoginAttempt = {
  readonly name: string
  readonly password: string
  readonly address: string
  readonly protection: Protection
  readonly place: Place
  readonly clientCertificate: ClientCertificate
}

export type LoginResult =
  | {
      readonly accepted: true
      readonly user: User
      readonly method: 'password' | 'anonymous' | 'certificate'
      /** Of the one-time code, where the user needs one. It must not have been taken before. */
      readonly codeStep?: number
    }
  /** All is right so far. */
  | { readonly accepted: false; readonly reason: 'code-required'; readonly user: User }
  | {
      readonly accepted: false
      /** For the log. A refusal other than a wrong password is given only to who knows the password. */
      readonly reason:
        | LoginRefusal
        | 'unknown-user'
        | 'wrong-password'
        | 'wrong-code'
        /** Whoever has the password has tried so many that no code is taken for a while. */
        | 'too-many-codes'
        | 'certificate-required'
        | 'overloaded'
    }

export interface Authenticator {
  /**
   * Never rejects. Costs one hash whatever the result, two while any user has a previous password that counts; but for
   * anonymous users, whose name is no secret.
   */
  authenticate(attempt: LoginAttempt, configuration: Configuration, now: number): LoginResult | Promise<LoginResult>
}

/** Does not own the verifier. */
export function createAuthenticator(verifier: PasswordVerifier): Authenticator {
  const typicalCredentials = new WeakMap<Configuration, { readonly credential: Credential | undefined }>()
  const overlapEnds = new WeakMap<Configuration, number>()

  function typical(configuration: Configuration): Credential | undefined {
    const known = typicalCredentials.get(configuration)
    if (known !== undefined) return known.credential
    const credential = typicalCredential(configuration)
    typicalCredentials.set(configuration, { credential })
    return credential
  }

  function check(credential: Credential | undefined, password: string, like: Credential | undefined) {
    if (credential?.kind === 'password-hash' || credential?.kind === 'any-password') {
      return verifier.verify(credential, password)
    }
    return after<DummyVerdict, Verdict>(verifier.verifyDummy(password, like), dummy => {
      if (dummy === 'overloaded' || credential?.kind !== 'password') return dummy
      return verifier.verify(credential, password)
    })
  }

  /** Until when any of the users has two passwords. */
  function overlapEnd(configuration: Configuration): number {
    const end = overlapEnds.get(configuration) ?? lastExpiry(configuration)
    overlapEnds.set(configuration, end)
    return end
  }

  function checkAll(user: User | undefined, password: string, configuration: Configuration, now: number) {
    const like = typical(configuration)
    const first = check(user?.credential, password, like)
    if (now >= overlapEnd(configuration) || user?.credential.kind === 'any-password') return first
    // Also for users without a second one, and after a match: the time would tell who has two, or that one is right.
    const previous = user?.previous !== undefined && now < user.previous.expires ? user.previous.credential : undefined
    return after(first, verdict =>
      after(check(previous, password, like), second => (verdict === 'mismatch' ? second : verdict)),
    )
  }

  return {
    authenticate(attempt, configuration, now) {
      const user = configuration.users.get(attempt.name) ?? anonymousUser(attempt.name, configuration)
      const secret = user?.totpSecret
      if (secret === undefined) {
        const checked = checkAll(user, attempt.password, configuration, now)
        return after(checked, verdict => decide(user, verdict, attempt, now))
      }
      // One hash, as for everybody: what ends in six digits ends in a code.
      const { password, code } = splitCode(attempt.password)
      return after(checkAll(user, password, configuration, now), verdict => {
        const result = decide(user, verdict, attempt, now)
        return result.accepted ? confirmCode(result, secret, code, now) : result
      })
    },
  }
}

/** Why the user may not log in from there and now, whatever the password; undefined if allowed. Also tells whether a running session is to end after the configuration has changed. */
export function whyNotAllowed(user: User, situation: Situation): LoginRefusal | undefined {
  if (user.disabled) return 'disabled'
  if (user.expires !== undefined && situation.now >= user.expires) return 'expired'
  if (user.schedule?.isOpen(situation.now) === false) return 'outside-schedule'
  if (!takesUser(situation.place, user)) return 'host-not-allowed'
  const { allowedNetworks } = user
  if (allowedNetworks.length > 0 && !allowedNetworks.some(network => network.contains(situation.address))) {
    return 'network-not-allowed'
  }
  // After CCC (`cleared`, RFC 4217 section 5) the password has gone over TLS already, and who forbids CCC does so elsewhere.
  if (user.tls === 'required' && situation.protection === 'clear') return 'tls-required'
  return undefined
}

/** The user whom the certificate logs in without a password (RFC 4217 section 12.2, reply 232). */
export function certificateUser(
  name: string,
  clientCertificate: ClientCertificate,
  configuration: Configuration,
  situation: Situation,
): User | undefined {
  const user = configuration.users.get(name)
  if (user === undefined || !matchesCertificate(user.credential, clientCertificate)) return undefined
  // The code comes by PASS.
  if (user.totpSecret !== undefined) return undefined
  return whyNotAllowed(user, situation) === undefined ? user : undefined
}

/** What a logged-in user is in another configuration; undefined if there is no such user any more. */
export function currentUser(user: User, configuration: Configuration): User | undefined {
  // Nobody who came without a password may become a configured user of the same name.
  if (user.credential.kind === 'any-password') return anonymousUser(user.name, configuration)
  return configuration.users.get(user.name)
}

/** RFC 1635. Both names give one user, so that limits per user hold for them together. */
function anonymousUser(name: string, configuration: Configuration): User | undefined {
  const { anonymous } = configuration.server
  if (!anonymous.enabled || (name !== 'anonymous' && name !== 'ftp')) return undefined
  return {
    name: 'anonymous',
    credential: { kind: 'any-password' },
    home: anonymous.home,
    permissions: new Set(anonymous.permissions ?? roles[anonymous.role ?? 'read-only']),
    paths: [],
    limits: {},
    allowedNetworks: [],
    tls: 'optional',
    disabled: false,
    expires: undefined,
  }
}

/** A code that comes by itself, for a user who has proved all else and is still the same. */
export function checkCode(proved: User, code: string, configuration: Configuration, situation: Situation): LoginResult {
  const user = currentUser(proved, configuration)
  const isSame = isDeepStrictEqual([user?.credential, user?.certificate], [proved.credential, proved.certificate])
  if (user?.totpSecret === undefined || !isSame) return { accepted: false, reason: 'wrong-code' }
  const refusal = whyNotAllowed(user, situation)
  if (refusal !== undefined) return { accepted: false, reason: refusal }
  const method = user.credential.kind === 'certificate' ? 'certificate' : 'password'
  return confirmCode({ accepted: true, user, method }, user.totpSecret, code, situation.now)
}

/** The same with a one-time code beside what was right already. */
function confirmCode(
  result: Extract<LoginResult, { readonly accepted: true }>,
  secret: string,
  code: string | undefined,
  now: number,
): LoginResult {
  if (code === undefined) return { accepted: false, reason: 'code-required', user: result.user }
  const codeStep = totpStep(secret, code, now)
  return codeStep === undefined ? { accepted: false, reason: 'wrong-code' } : { ...result, codeStep }
}

function decide(user: User | undefined, verdict: Verdict, attempt: LoginAttempt, now: number): LoginResult {
  if (verdict === 'overloaded') return { accepted: false, reason: 'overloaded' }
  if (user === undefined) return { accepted: false, reason: 'unknown-user' }
  const byCertificate = user.credential.kind === 'certificate'
  if (byCertificate && !matchesCertificate(user.credential, attempt.clientCertificate)) {
    return { accepted: false, reason: 'certificate-required' }
  }
  if (!byCertificate && verdict === 'mismatch') return { accepted: false, reason: 'wrong-password' }
  if (user.certificate !== undefined && !matchesCertificate(user.certificate, attempt.clientCertificate)) {
    return { accepted: false, reason: 'certificate-required' }
  }
  const { address, protection, place } = attempt
  const refusal = whyNotAllowed(user, { address, protection, place, now })
  if (refusal !== undefined) return { accepted: false, reason: refusal }
  if (byCertificate) return { accepted: true, user, method: 'certificate' }
  return { accepted: true, user, method: user.credential.kind === 'any-password' ? 'anonymous' : 'password' }
}

function matchesCertificate(credential: Credential, certificate: ClientCertificate): boolean {
  if (credential.kind !== 'certificate' || certificate === undefined) return false
  if (credential.field === 'commonName') return certificate.commonName === credential.value
  return certificate.fingerprint.toLowerCase() === credential.value.toLowerCase()
}

/** When the last previous password stops to count; -Infinity if there is none. */
function lastExpiry({ users }: Configuration): number {
  let last = Number.NEGATIVE_INFINITY
  for (const { previous } of users.values()) if (previous !== undefined) last = Math.max(last, previous.expires)
  return last
}

/** The credential that costs what most users' cost, as far as the first users tell. */
function typicalCredential(configuration: Configuration): Credential | undefined {
  const counts = new Map<string, { readonly credential: Credential; count: number }>()
  let seen = 0
  for (const { credential } of configuration.users.values()) {
    if (seen++ === 1000) break
    if (credential.kind !== 'password-hash') continue
    const cost = costOf(credential.hash)
    const entry = counts.get(cost)
    if (entry === undefined) counts.set(cost, { credential, count: 1 })
    else entry.count++
  }
  return [...counts.values()].toSorted((a, b) => b.count - a.count)[0]?.credential
}

/** A text that is the same for hashes that cost the same. */
function costOf(text: string): string {
  return JSON.stringify(parsePasswordHash(text), (key, value) => (distinct.includes(key) ? undefined : value)) ?? ''
}

const distinct: readonly string[] = ['salt', 'hash', 'setting']
