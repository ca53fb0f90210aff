/** Certificates for tests: small keys of elliptic curves would be quicker, but node-forge signs with RSA only. */
import {
  clockSkewMilliseconds,
  createSelfSignedCertificate,
  type SelfSignedCertificate,
} from '../../server/tls/self-signed.ts'

const dayMilliseconds = 86_400_000

/** A certificate for `localhost`, valid for 30 days unless told. A negative number makes one that has expired. */
export function selfSigned(commonName: string, validDays = 30): Promise<SelfSignedCertificate> {
  // One that has expired was valid for a day, long ago.
  const now = validDays < 0 ? Date.now() + (validDays - 1) * dayMilliseconds : Date.now()
  return forLocalhost(commonName, Math.max(1, validDays), now)
}

/** One that is valid between two moments, to the second. */
export function selfSignedBetween(begins: number, expires: number): Promise<SelfSignedCertificate> {
  const now = begins + clockSkewMilliseconds
  return forLocalhost('localhost', (expires - now) / dayMilliseconds, now)
}

function forLocalhost(commonName: string, validDays: number, now: number): Promise<SelfSignedCertificate> {
  return createSelfSignedCertificate({
    commonName,
    dnsNames: ['localhost'],
    addresses: ['127.0.0.1', '::1'],
    validDays,
    now,
  })
}
