/** The certificate of a server that was given none. */
import { hostname } from 'node:os'
import type { CertificateFiles } from '../config/configuration.ts'

export async function createFallbackCertificate(): Promise<CertificateFiles> {
  // Most servers are given a certificate: they start without the library that makes one.
  const { createSelfSignedCertificate } = await import('./self-signed.ts')
  const name = hostname()
  const options = { commonName: name, dnsNames: [name, 'localhost'], addresses: ['127.0.0.1', '::1'] }
  return {
    ...(await createSelfSignedCertificate({ ...options, validDays: 825, now: Date.now() })),
    authority: undefined,
  }
}
