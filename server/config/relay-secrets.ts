/** The secrets that servers share which relay connections to each other: a file of their own, and a part that fails alone. */
import { resolve } from 'node:path'
import { normalize } from 'node:path/posix'
import type { Problem } from './configuration.ts'
import { readContent } from './files.ts'
import { type DigestedFile, fileDigest } from './hash.ts'
import { decodeText } from './text.ts'

export type RelaySecretsPart = { readonly value: readonly string[]; readonly files: readonly DigestedFile[] }

export type LoadedRelaySecrets = {
  readonly part: RelaySecretsPart
  readonly problems: readonly Problem[]
  /** The file, as an absolute path. */
  readonly references: readonly string[]
}

const none: RelaySecretsPart = { value: [], files: [] }
const maxBytes = 8192
const mostSecrets = 4
/** As long as what HMAC-SHA256 makes of it. */
const fewestCharacters = 32

/** What is wrong with the file leaves the last good secrets in force. */
export async function loadRelaySecrets(
  directory: string,
  file: string | undefined,
  last: RelaySecretsPart | undefined,
): Promise<LoadedRelaySecrets> {
  if (file === undefined) return { part: none, problems: [], references: [] }
  const path = resolve(directory, file)
  const content = await readContent(path, maxBytes)
  const secrets = 'bytes' in content ? secretsIn(content.bytes) : content.fault
  if (typeof secrets !== 'string' && 'bytes' in content) {
    const files = [{ path: normalize(file), digest: fileDigest(content.bytes) }]
    return { part: { value: secrets, files }, problems: [], references: [path] }
  }
  const message = `must name a file with secrets: it ${String(secrets)}`
  const problem = { file: 'server.yaml', path: 'relay.secretFile', message }
  return { part: last ?? none, problems: [problem], references: [path] }
}

/** Or what is wrong with them. */
function secretsIn(bytes: Uint8Array): readonly string[] | string {
  const text = decodeText(bytes)
  if (text === undefined) return 'must be text in UTF-8'
  const secrets = text.split(/\r?\n/).filter(line => line !== '')
  if (secrets.length === 0 || secrets.length > mostSecrets) return `must have one to ${mostSecrets} lines`
  return secrets.every(secret => secret.length >= fewestCharacters)
    ? secrets
    : `must have at least ${fewestCharacters} characters in each line`
}
