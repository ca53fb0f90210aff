/** What a client is told at the address of a server: whether a user gets in, and which certificate is shown. */
import { pbkdf2Sync } from 'node:crypto'
import { FtpClient } from '../ftp-client.ts'
import type { Place } from './sessions.ts'

/** A user as lists have it, with a hash that costs next to nothing. */
export function listedUser(name: string, password: string): Record<string, unknown> {
  const salt = Buffer.from('0123456789abcdef')
  const hash = pbkdf2Sync(password, salt, 1, 32, 'sha256')
  const [saltText, hashText] = [salt, hash].map(bytes => bytes.toString('base64').replaceAll('=', ''))
  return { name, passwordHash: `$pbkdf2-sha256$i=1$${saltText}$${hashText}`, home: '/' }
}

/** Whether the user gets in; the session ends at once. Rejects where the server can't be reached. */
export async function getsIn(place: Place, user: string, password: string): Promise<boolean> {
  const client = await FtpClient.connect(place.port, place.host)
  try {
    await client.send(`USER ${user}`)
    return (await client.send(`PASS ${password}`)).code === 230
  } finally {
    client.close()
  }
}

/** SHA-256 fingerprint of the certificate that a new handshake shows, as `AB:CD:…`. */
export async function fingerprintAt(place: Place): Promise<string> {
  const client = await FtpClient.connect(place.port, place.host)
  try {
    await client.startTls()
    return client.tls?.getPeerCertificate().fingerprint256 ?? ''
  } finally {
    client.close()
  }
}
