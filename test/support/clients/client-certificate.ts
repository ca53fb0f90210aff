/** An authority of our own, and a client's certificate signed by it. */
import { generateKeyPair } from 'node:crypto'
import { promisify } from 'node:util'
import forge from 'node-forge'

export type ClientCertificate = {
  /** PEM, all three. */
  readonly authority: string
  readonly certificate: string
  readonly key: string
}

export async function createClientCertificate(commonName: string): Promise<ClientCertificate> {
  const [authority, client] = await Promise.all([createKey(), createKey()])
  const authorityName = [{ name: 'commonName', value: 'Authority of a test' }]
  const extensions = (isAuthority: boolean) => [{ name: 'basicConstraints', cA: isAuthority, critical: true }]
  const issue = (serialNumber: string, key: PublicKey, subject: typeof authorityName, isAuthority: boolean): string => {
    const certificate = forge.pki.createCertificate()
    certificate.serialNumber = serialNumber
    certificate.publicKey = key
    certificate.validity.notBefore = new Date(Date.now() - hourMilliseconds)
    certificate.validity.notAfter = new Date(Date.now() + hourMilliseconds)
    certificate.setSubject(subject)
    certificate.setIssuer(authorityName)
    certificate.setExtensions(extensions(isAuthority))
    certificate.sign(authority.privateKey, forge.md.sha256.create())
    return forge.pki.certificateToPem(certificate)
  }
  return {
    authority: issue('01', authority.publicKey, authorityName, true),
    certificate: issue('02', client.publicKey, [{ name: 'commonName', value: commonName }], false),
    key: client.pem,
  }
}

const hourMilliseconds = 3_600_000

type PublicKey = ReturnType<typeof forge.pki.publicKeyFromPem>

// node:crypto makes keys in a thread; node-forge, which signs, would hold the event loop.
const generateKey = promisify(generateKeyPair)

async function createKey() {
  const { publicKey, privateKey: pem } = await generateKey('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  })
  return {
    publicKey: forge.pki.publicKeyFromPem(publicKey),
    privateKey: forge.pki.privateKeyFromPem(pem),
    pem,
  }
}
