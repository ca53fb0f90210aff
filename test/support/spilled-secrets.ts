/** Secrets that a test gives away on purpose, to look for them where they must not come up. */
import { randomBytes } from 'node:crypto'

export type SpilledSecrets = {
  /** A new secret: letters and digits, so that it stands in any syntax. */
  readonly make: (name: string) => string
  /** A secret that was made elsewhere. */
  readonly add: (secret: string) => void
  readonly get: (name: string) => string
  /** Names of those that are in a text: as they are, half of one, or in base64 or hexadecimal digits. */
  readonly foundIn: (text: string) => readonly string[]
}

export function spilledSecrets(): SpilledSecrets {
  const secrets = new Map<string, string>()
  return {
    make(name) {
      const secret = `canary${randomBytes(12).toString('hex')}`
      secrets.set(name, secret)
      return secret
    },
    add: secret => void secrets.set(secret, secret),
    get: name => secrets.get(name) ?? '',
    foundIn(text) {
      const lowerCase = text.toLowerCase()
      const found = [...secrets].filter(([, secret]) => shapesOf(secret).some(shape => lowerCase.includes(shape)))
      return found.map(([name]) => name)
    },
  }
}

// Shorter pieces may be there by accident.
const tellingLength = 14

/** Ways in which a secret may be told, in lower case. */
function shapesOf(secret: string): readonly string[] {
  const bytes = Buffer.from(secret)
  // Base64 of what stands within another text begins at any of three places.
  const inBase64 = [0, 1, 2].map(shift => {
    const encoded = Buffer.concat([Buffer.alloc(shift), bytes]).toString('base64')
    return encoded.slice(shift === 0 ? 0 : 4, Math.floor(((shift + bytes.length) * 4) / 3) - 1)
  })
  const middle = Math.floor(secret.length / 2)
  const halves = middle >= tellingLength ? [secret.slice(0, middle), secret.slice(middle)] : []
  return [secret, ...halves, ...inBase64, bytes.toString('hex')].map(shape => shape.toLowerCase())
}
