/** Signatures of requests, as the specification Standard Webhooks has them: HMAC-SHA256 over id, time and body. Pure. */
import { createHmac } from 'node:crypto'

/** Secrets of a file: a line each. One that begins with `whsec_` is Base64 of the key, any other is the key. */
export function parseSecrets(text: string): readonly Buffer[] {
  return text.split(/\r?\n/).flatMap(line => {
    const secret = line.trim()
    if (secret === '') return []
    return [
      secret.startsWith(encodedPrefix)
        ? Buffer.from(secret.slice(encodedPrefix.length), 'base64')
        : Buffer.from(secret),
    ]
  })
}

const encodedPrefix = 'whsec_'

/** The headers that sign a body. The time is in seconds since the epoch. */
export function signatureHeaders(
  secrets: readonly Buffer[],
  { id, seconds, body }: { readonly id: string; readonly seconds: number; readonly body: string },
): Readonly<Record<string, string>> {
  const signatures = secrets.map(
    secret => `v1,${createHmac('sha256', secret).update(`${id}.${seconds}.${body}`).digest('base64')}`,
  )
  return {
    'webhook-id': id,
    'webhook-timestamp': String(seconds),
    'webhook-signature': signatures.join(' '),
  }
}
