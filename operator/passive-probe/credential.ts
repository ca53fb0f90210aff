/** With what the operator logs in to try the way in: a password in memory alone, and the list of users that pods get, with its hash. */
import { randomBytes, scrypt } from 'node:crypto'
import { promisify } from 'node:util'
import { stringify } from 'yaml'
import { probeUser } from '../desired/names.ts'

export type Credential = {
  readonly password: string
  /** Content of the list of users. */
  readonly list: Uint8Array
}

// A password of 256 random bits needs no costly hash, but one that costs much less than others would show which it is.
const logCost = 14
const blockSize = 8

export async function makeCredential(): Promise<Credential> {
  const password = randomBytes(32).toString('base64url')
  const salt = randomBytes(16)
  const derive = promisify<string, Buffer, number, object, Buffer>(scrypt)
  const hash = await derive(password, salt, 32, { N: 2 ** logCost, r: blockSize, p: 1, maxmem: 64 * 1024 * 1024 })
  const passwordHash = `$scrypt$ln=${logCost},r=${blockSize},p=1$${bare(salt)}$${bare(hash)}`
  const user = {
    name: probeUser,
    passwordHash,
    home: '/',
    permissions: ['list'],
    limits: { maxSessions: mostSessions },
  }
  return { password, list: Buffer.from(stringify({ users: [user] })) }
}

// One a replica, and those that have come to one that is tried already.
const mostSessions = 100

/** Base64 without padding, as PHC strings have it. */
function bare(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64').replace(/=+$/, '')
}
