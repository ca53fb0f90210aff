import { createPrivateKey, X509Certificate } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { createSelfSignedCertificate } from './self-signed.ts'

const now = Date.UTC(2026, 0, 15)
const options = {
  commonName: 'ftp.example',
  dnsNames: ['ftp.example', 'localhost'],
  addresses: ['127.0.0.1', '::1'],
  validDays: 30,
  now,
}

describe('createSelfSignedCertificate', () => {
  it('makes a certificate for all names and addresses, with its key', async () => {
    const { certificate, key } = await createSelfSignedCertificate(options)
    const parsed = new X509Certificate(certificate)
    expect(parsed.checkHost('ftp.example')).toBe('ftp.example')
    expect(parsed.checkHost('localhost')).toBe('localhost')
    expect(parsed.checkIP('127.0.0.1')).toBe('127.0.0.1')
    expect(parsed.checkIP('::1')).toBe('::1')
    expect(parsed.checkHost('other.example')).toBeUndefined()
    expect(parsed.checkPrivateKey(createPrivateKey(key))).toBe(true)
    expect(parsed.verify(parsed.publicKey)).toBe(true)
    expect(parsed.ca).toBe(false)
  })

  it('is valid for the days asked for, from a little before now', async () => {
    const parsed = new X509Certificate((await createSelfSignedCertificate(options)).certificate)
    expect(Date.parse(parsed.validTo)).toBe(now + 30 * 86_400_000)
    expect(Date.parse(parsed.validFrom)).toBeLessThan(now)
  })

  it('gives each certificate its own serial number', async () => {
    const [one, other] = await Promise.all([createSelfSignedCertificate(options), createSelfSignedCertificate(options)])
    expect(new X509Certificate(one.certificate).serialNumber).not.toBe(
      new X509Certificate(other.certificate).serialNumber,
    )
  })

  it('refuses an address that is none', async () => {
    await expect(createSelfSignedCertificate({ ...options, addresses: ['localhost'] })).rejects.toThrow(
      'not an IP address',
    )
  })
})
