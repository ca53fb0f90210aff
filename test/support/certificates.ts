/** Certificates for tests: small keys of elliptic curves would be quicker, but node-forge signs with RSA only. */
import { createSelfSignedCertificate, type SelfSignedCertificate } from '../../server/tls/self-signed.ts'

/** A certificate for `localhost`, valid for 30 days unless told. A negative number makes one that has expired. */
export function selfSigned(commonName: string, validDays = 30): Promise<SelfSignedCertificate> {
  const dayMilliseconds = 86_400_000
  // One that has expired was valid for a day, long ago.
  const now = validDays < 0 ? Date.now() + (validDays - 1) * dayMilliseconds : Date.now()
  return createSelfSignedCertificate({
    commonName,
    dnsNames: ['localhost'],
    addresses: ['127.0.0.1', '::1'],
    validDays: Math.max(1, validDays),
    now,
  })
}
