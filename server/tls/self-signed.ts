/** Certificates for servers that were given none. */
import { generateKeyPair, sign } from 'node:crypto'
import { isIP } from 'node:net'
import { promisify } from 'node:util'
import forge from 'node-forge'

export type SelfSignedOptions = {
  readonly commonName: string
  readonly dnsNames: readonly string[]
  /** IPv4 and IPv6 addresses. */
  readonly addresses: readonly string[]
  readonly validDays: number
  /** Milliseconds since the epoch. */
  readonly now: number
}

export type SelfSignedCertificate = {
  /** PEM. */
  readonly certificate: string
  /** PEM, PKCS #8. */
  readonly key: string
}

/** Makes an RSA-2048 key and a certificate for it that nobody else has signed. Rejects where an address is none. */
export async function createSelfSignedCertificate(options: SelfSignedOptions): Promise<SelfSignedCertificate> {
  const { publicKey, privateKey } = await generateKey('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  })
  const subject = [{ name: 'commonName', value: options.commonName }]
  const certificate = forge.pki.createCertificate()
  certificate.publicKey = forge.pki.publicKeyFromPem(publicKey)
  certificate.serialNumber = serialNumber()
  certificate.validity.notBefore = new Date(options.now - clockSkewMilliseconds)
  certificate.validity.notAfter = new Date(options.now + options.validDays * dayMilliseconds)
  certificate.setSubject(subject)
  certificate.setIssuer(subject)
  certificate.setExtensions([
    { name: 'basicConstraints', cA: false, critical: true },
    { name: 'keyUsage', critical: true, digitalSignature: true, keyEncipherment: true },
    { name: 'extKeyUsage', serverAuth: true },
    { name: 'subjectAltName', altNames: [...options.dnsNames.map(dnsName), ...options.addresses.map(ipAddress)] },
    { name: 'subjectKeyIdentifier' },
  ])
  certificate.sign(signerOf(certificate, privateKey), forge.md.sha256.create())
  return { certificate: forge.pki.certificateToPem(certificate), key: privateKey }
}

// node:crypto makes the key in a thread; node-forge would hold the event loop for about a second. node-forge knows RSA only.
const generateKey = promisify(generateKeyPair)

/** A key of node-forge that leaves the arithmetic to node:crypto: its own takes 50 ms, in the event loop. */
function signerOf(certificate: forge.pki.Certificate, privateKey: string): forge.pki.rsa.PrivateKey {
  const signer: Pick<forge.pki.rsa.PrivateKey, 'sign'> = {
    sign() {
      const signed = forge.asn1.toDer(certificate.tbsCertificate).getBytes()
      return sign('sha256', Buffer.from(signed, 'latin1'), privateKey).toString('latin1')
    },
  }
  return signer as forge.pki.rsa.PrivateKey
}

const dayMilliseconds = 86_400_000
/** A certificate is valid so long before it is made. */
export const clockSkewMilliseconds = 300_000

/** RFC 5280 section 4.1.2.2: a positive integer of at most 20 octets. */
function serialNumber(): string {
  return `01${forge.util.bytesToHex(forge.random.getBytesSync(15))}`
}

function dnsName(value: string) {
  return { type: 2, value }
}

function ipAddress(ip: string) {
  if (isIP(ip) === 0) throw new TypeError(`not an IP address: ${ip}`)
  return { type: 7, ip }
}
