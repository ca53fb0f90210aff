/** The hash of a configuration: anyone who has the files can compute it and compare it with what a server says is in force. */
import { createHash } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'

/** A file in force. The path is relative to the configuration directory, with `/`; the digest is that of fileDigest. */
export type DigestedFile = { readonly path: string; readonly digest: string }

/**
 * SHA-256, as hexadecimal digits, over one line a file: path, NUL, digest of the content, LF; the lines sorted by the
 * bytes of the path. The files are `server.yaml`, `tls/tls.crt`, `tls/tls.key`, `tls/ca.crt`, `tls.crt` and
 * `tls.key` of each directory below `tls/` and every file below `users/`, as far as they exist; names that begin with a dot do not count. Where the newest content of a file is
 * refused, the content last in force counts in its place, but for an order to remove homes, which then counts for nothing. A password file that lies outside `users/` counts by its
 * absolute path, and that of `relay.secretFile` by its path as it is written.
 */
export function configurationHash(files: Iterable<DigestedFile>): string {
  const hash = createHash('sha256')
  const sorted = [...files].toSorted((one, other) => comparePaths(one.path, other.path))
  for (const { path, digest } of sorted) hash.update(`${path}\0${digest}\n`)
  return hash.digest('hex')
}

/** SHA-256 of a file's bytes, as hexadecimal digits. */
export function fileDigest(content: Uint8Array): string {
  return createHash('sha256').update(content).digest('hex')
}

/** The same, part by part with time for other work in between. */
export async function digestOf(content: Uint8Array): Promise<string> {
  const hash = createHash('sha256')
  for (let start = 0; start < content.length; start += partBytes) {
    if (start > 0) await setImmediate()
    hash.update(content.subarray(start, start + partBytes))
  }
  return hash.digest('hex')
}

const partBytes = 1_048_576

/** Order of the bytes in UTF-8: the same on every machine, whatever its language. */
export function comparePaths(one: string, other: string): number {
  return Buffer.compare(Buffer.from(one), Buffer.from(other))
}
