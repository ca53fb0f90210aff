/** What the first message of TLS says of the session it goes on with: RFC 8446 section 4.1.2, RFC 5077 section 3.2. */
import { keepKind } from '../../kinds.ts'

export type ClientHello =
  | { readonly kind: 'incomplete' }
  /** Something else, or longer than clients make it. */
  | { readonly kind: 'other' }
  /** What it wants to resume by, as it came: tickets and a session ID; empty ones are left out. */
  | { readonly kind: 'hello'; readonly tickets: readonly Buffer[]; readonly sessionId: Buffer }

const incomplete: ClientHello = { kind: 'incomplete' }
const other: ClientHello = { kind: 'other' }

/** Reads it from the first bytes of a connection. Decides nothing: who resumes has to be able to. */
export function parseClientHello(bytes: Buffer): ClientHello {
  if (bytes.length >= mostBytes) return other
  const message = handshakeBytes(bytes)
  if (message === undefined) return other
  if (message.length < 4) return message.length > 0 && message[0] !== clientHello ? other : incomplete
  if (message[0] !== clientHello) return other
  const length = message.readUIntBE(1, 3)
  if (length > mostBytes) return other
  if (message.length < 4 + length) return incomplete
  try {
    return parseBody(new Fields(message.subarray(4, 4 + length)))
  } catch (error) {
    if (error instanceof RangeError) return other
    throw error
  }
}

/** More than a key exchange with large keys and several tickets take. */
const mostBytes = 32_768

const handshakeRecord = 22
const clientHello = 1
const sessionTicket = 35
const preSharedKey = 41

/** The handshake messages in the records so far, which may cut a message anywhere; undefined where there are none. */
function handshakeBytes(bytes: Buffer): Buffer | undefined {
  const parts: Buffer[] = []
  for (let at = 0; at < bytes.length; ) {
    if (bytes[at] !== handshakeRecord || (bytes[at + 1] ?? 3) !== 3) return parts.length === 0 ? undefined : join(parts)
    if (bytes.length < at + 5) break
    const length = bytes.readUInt16BE(at + 3)
    if (length === 0 || length > 16_384) return undefined
    parts.push(bytes.subarray(at + 5, at + 5 + length))
    at += 5 + length
  }
  return join(parts)
}

function join(parts: readonly Buffer[]): Buffer {
  return parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts)
}

function parseBody(body: Fields): ClientHello {
  // Version and random.
  body.take(34)
  const sessionId = body.vector(1)
  body.vector(2)
  body.vector(1)
  const tickets: Buffer[] = []
  const extensions = new Fields(body.isEmpty ? Buffer.alloc(0) : body.vector(2))
  while (!extensions.isEmpty) {
    const type = extensions.number(2)
    const data = extensions.vector(2)
    if (type === sessionTicket && data.length > 0) tickets.push(data)
    if (type === preSharedKey) tickets.push(...identitiesOf(new Fields(data)))
  }
  return { kind: 'hello', tickets, sessionId }
}

function identitiesOf(keys: Fields): readonly Buffer[] {
  const list = new Fields(keys.vector(2))
  const identities: Buffer[] = []
  while (!list.isEmpty) {
    const identity = list.vector(2)
    if (identity.length > 0) identities.push(identity)
    // Its age.
    list.take(4)
  }
  return identities
}

/** Reads one field after the other; throws a RangeError where there are too few bytes. */
class Fields {
  #rest: Buffer

  constructor(bytes: Buffer) {
    this.#rest = bytes
  }

  get isEmpty(): boolean {
    return this.#rest.length === 0
  }

  take(count: number): Buffer {
    if (count > this.#rest.length) throw new RangeError('a field ends early')
    const taken = this.#rest.subarray(0, count)
    this.#rest = this.#rest.subarray(count)
    return taken
  }

  number(bytes: number): number {
    return this.take(bytes).readUIntBE(0, bytes)
  }

  /** Bytes behind a length of so many bytes. */
  vector(lengthBytes: number): Buffer {
    return this.take(this.number(lengthBytes))
  }
}

keepKind(() => new Fields(Buffer.alloc(0)))
