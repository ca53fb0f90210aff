/** The form in which OpenSSL keeps a TLS session (i2d_SSL_SESSION): only its ID is looked at. */

const sequence = 0x30
const octetString = 0x04

/** The session's ID; undefined where it has none, as with tickets, or where the form is another one. */
export function sessionIdOf(session: Buffer): Buffer | undefined {
  const whole = elementAt(session, 0)
  if (whole?.tag !== sequence) return undefined
  // Version of the form, version of TLS, cipher suite.
  let at = whole.start
  for (let skipped = 0; skipped < 3; skipped += 1) {
    const element = elementAt(session, at)
    if (element === undefined) return undefined
    at = element.end
  }
  const id = elementAt(session, at)
  if (id?.tag !== octetString || id.start === id.end) return undefined
  return session.subarray(id.start, id.end)
}

/** An element of DER (X.690 section 8.1) whose length takes at most two bytes. */
function elementAt(
  bytes: Buffer,
  at: number,
): { readonly tag: number; readonly start: number; readonly end: number } | undefined {
  const [tag, first = 0x80] = bytes.subarray(at, at + 2)
  if (tag === undefined || first === 0x80 || first > 0x82) return undefined
  const lengthBytes = first > 0x80 ? first - 0x80 : 0
  const start = at + 2 + lengthBytes
  if (start > bytes.length) return undefined
  const length = lengthBytes === 0 ? first : bytes.readUIntBE(at + 2, lengthBytes)
  const end = start + length
  return end > bytes.length ? undefined : { tag, start, end }
}
