/** The mounted certificate: whether its parts are what they must be, and belong together. */
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import { createSecureContext } from 'node:tls'
import type { CertificateFiles, Problem } from './configuration.ts'
import { decodeText } from './text.ts'

export type CheckedCertificate = {
  readonly files: CertificateFiles
  /** From when and until when it is valid, in milliseconds since the epoch. */
  readonly begins: number
  readonly expires: number
}

export type CertificateCheck =
  | { readonly accepted: true; readonly certificate: CheckedCertificate | undefined }
  | { readonly accepted: false; readonly problems: readonly Problem[] }

/** Checks `tls.crt`, `tls.key` and `ca.crt`; without any of them there is none, and that is fine. The directory is told in problems. */
export function checkCertificate(
  certificate: Uint8Array | undefined,
  key: Uint8Array | undefined,
  authority: Uint8Array | undefined,
  directory = 'tls',
): CertificateCheck {
  const problem = (name: string, message: string): Problem => problemIn(directory, name, message)
  // cert-manager leaves `ca.crt` empty where it does not know the authority.
  const hasAuthority = authority !== undefined && authority.length > 0
  if (certificate === undefined && key === undefined && (!hasAuthority || directory !== 'tls'))
    return { accepted: true, certificate: undefined }
  const chain = certificate && parseChain(certificate)
  const privateKey = key && parseKey(key)
  const leaf = chain?.[0]
  const problems = [
    ...(certificate === undefined
      ? [problem('tls.crt', `must be there beside the other files of \`${directory}/\`, with the certificate`)]
      : []),
    ...(key === undefined
      ? [problem('tls.key', `must be there beside the other files of \`${directory}/\`, with the private key`)]
      : []),
    ...(certificate !== undefined && leaf === undefined
      ? [problem('tls.crt', 'must be one or more certificates in PEM, the server’s own first')]
      : []),
    ...(key !== undefined && privateKey === undefined
      ? [problem('tls.key', 'must be a private key in PEM, without passphrase')]
      : []),
    ...(hasAuthority && parseChain(authority) === undefined
      ? [problemIn('tls', 'ca.crt', 'must be one or more certificates in PEM')]
      : []),
  ]
  if (problems.length > 0 || !certificate || !key || !leaf || !privateKey) return { accepted: false, problems }
  if (!leaf.checkPrivateKey(privateKey)) {
    return {
      accepted: false,
      problems: [problem('tls.key', `must be the private key of the first certificate in \`${directory}/tls.crt\``)],
    }
  }
  const files = {
    certificate: decodeText(certificate) ?? '',
    key: decodeText(key) ?? '',
    authority: hasAuthority ? decodeText(authority) : undefined,
  }
  if (!isUsable(files)) {
    return {
      accepted: false,
      problems: [problem('tls.crt', 'must be a certificate with a key that is strong enough for TLS')],
    }
  }
  const begins = leaf.validFromDate.getTime()
  return { accepted: true, certificate: { files, begins, expires: leaf.validToDate.getTime() } }
}

/** What is wrong with a certificate that is in force all the same. */
export function validityProblems(
  { begins, expires }: CheckedCertificate,
  now: number,
  directory: string,
): readonly Problem[] {
  const problem = (message: string): readonly Problem[] => [problemIn(directory, 'tls.crt', message)]
  if (now < begins) {
    return problem(
      `must be valid by now: it is from ${new Date(begins).toISOString()} on, and clients may refuse it until then`,
    )
  }
  if (now < expires) return []
  return problem(
    `must be renewed: it expired at ${new Date(expires).toISOString()}, and stays in use until there is another`,
  )
}

/** When that is different; never is Infinity. */
export function validityChangesAt({ begins, expires }: CheckedCertificate, now: number): number {
  return [begins, expires].find(moment => now < moment) ?? Infinity
}

function problemIn(directory: string, name: string, message: string): Problem {
  return { file: `${directory}/${name}`, path: '', message }
}

function parseChain(bytes: Uint8Array): readonly X509Certificate[] | undefined {
  const blocks = decodeText(bytes)?.match(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g)
  if (blocks === undefined || blocks === null) return undefined
  try {
    return blocks.map(block => new X509Certificate(block))
  } catch {
    return undefined
  }
}

function parseKey(bytes: Uint8Array): KeyObject | undefined {
  const text = decodeText(bytes)
  if (text === undefined) return undefined
  try {
    return createPrivateKey(text)
  } catch {
    return undefined
  }
}

/** OpenSSL has its own opinion on key sizes and digests: better heard now than at the first handshake. */
function isUsable({ certificate, key, authority }: CertificateFiles): boolean {
  try {
    createSecureContext({ cert: certificate, key, ca: authority })
    return true
  } catch {
    return false
  }
}
