/** Clients as TLS by OpenSSL itself hears them: a handshake that may be broken, then records with anything in them, in pieces. */
import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { BareConnection } from '../../server/data/bare-connection.ts'
import { loadSocketCalls } from '../../server/data/kernel/socket-calls.ts'
import { TlsError } from '../../server/tls/handshake.ts'
import { loadOpenSslLibrary } from '../../server/tls/openssl/library.ts'
import { OpenSsl } from '../../server/tls/openssl/openssl.ts'
import type { Purpose } from '../../server/tls/protocol-names.ts'
import type { SessionTls } from '../../server/tls/session-tls.ts'
import { barePair, type TlsVersion, testCertificate, testSessionTls } from '../support/data-connections.ts'
import { handmadeRecordsOver } from '../support/handmade-records.ts'
import { StreamOver } from '../support/reversible-tls.ts'
import { Script } from './script.ts'
import { acts, type Conversation, listen } from './tls-acts.ts'

/** What stays from one conversation to the next, and what it counts. */
type Laboratory = {
  readonly openssl: OpenSsl
  readonly session: SessionTls
  readonly counts: { made: number; freed: number; sentBytes: number }
}

/** Nothing where OpenSSL can't be called. */
export function tlsConversations(): (bytes: Uint8Array) => Promise<void> {
  let laboratory: Promise<Laboratory | undefined> | undefined
  return async bytes => {
    laboratory ??= equip()
    const equipped = await laboratory
    if (equipped !== undefined) await converse(equipped, new Script(bytes))
  }
}

async function equip(): Promise<Laboratory | undefined> {
  const library = loadOpenSslLibrary()
  const calls = loadSocketCalls()
  if (library === undefined || calls === undefined) return undefined
  const counts = { made: 0, freed: 0, sentBytes: 0 }
  const openssl = new OpenSsl(
    {
      ...library,
      SSL_new(...values) {
        counts.made += 1
        return library.SSL_new(...values)
      },
      SSL_free: Object.assign(
        (...values: readonly unknown[]) => {
          counts.freed += 1
          return library.SSL_free(...values)
        },
        { async: library.SSL_free.async },
      ),
    },
    {
      ...calls,
      send(descriptor, bytes, then) {
        counts.sentBytes += bytes.length
        return calls.send(descriptor, bytes, then)
      },
    },
  )
  return { openssl, session: testSessionTls(await testCertificate(), {}, 5, openssl), counts }
}

/** Changes what a client says in its handshake, at some places. */
class BrokenStream extends StreamOver {
  readonly #changes: ReadonlyMap<number, number>
  #written = 0

  constructor(socket: Socket, changes: ReadonlyMap<number, number>) {
    super(socket)
    this.#changes = changes
  }

  override _write(chunk: Buffer, encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    const broken = Buffer.from(chunk)
    for (const [place, change] of this.#changes) {
      const at = place - this.#written
      if (at >= 0 && at < broken.length) broken[at] = (broken[at] ?? 0) ^ change
    }
    this.#written += broken.length
    super._write(broken, encoding, done)
  }
}

/** How much is sent for a handshake and the tickets behind it. */
const mostOfHandshake = 8192

async function converse(laboratory: Laboratory, script: Script): Promise<void> {
  const { openssl, counts } = laboratory
  counts.made = counts.freed = counts.sentBytes = 0
  const { client, server } = await barePair(openssl.socketCalls)
  // What is written is there at once.
  client.setNoDelay(true)
  try {
    const conversation = await begin(laboratory, script, client, server)
    expectNothingLeft(openssl)
    if (conversation !== undefined) await speak(laboratory, conversation, script)
  } finally {
    server.close()
    client.resetAndDestroy()
  }
  assert.equal(counts.freed, counts.made)
}

/** Undefined where the handshake fails. */
async function begin(
  laboratory: Laboratory,
  script: Script,
  client: Socket,
  server: BareConnection,
): Promise<Conversation | undefined> {
  const version = script.choice<TlsVersion>(['TLSv1.3', 'TLSv1.2'])
  const purpose = script.choice<Purpose>(['control', 'receive', 'send'])
  const changes = new Map<number, number>()
  for (let left = script.byte() % 4; left > 0; left -= 1)
    changes.set(script.byte() * 256 + script.byte(), script.byte())
  const abort = new AbortController()
  const { session } = laboratory
  const securing =
    purpose === 'control'
      ? session.secureBareControl(server, abort.signal)
      : session.secureBareData(server, abort.signal, purpose, { demand: 'none' })
  const ends: string[] = []
  const secured = securing.catch((error: unknown) => {
    assert(error instanceof TlsError, String(error))
  })
  const shaken = handmadeRecordsOver(client, version, {}, new BrokenStream(client, changes)).catch(() => undefined)
  void secured.then(() => ends.push('server'))
  void shaken.then(() => ends.push('client'))
  await untilQuiet(client, server, () => ends.length === 2)
  // Who waits for what will not come any more.
  if (ends.length < 2) abort.abort()
  const connection = await secured
  if (connection === undefined) return undefined
  const records = ends.includes('client') ? await shaken : undefined
  const read =
    purpose === 'receive' ? (into: Buffer) => connection.readAll(into) : (into: Buffer) => connection.read(into)
  if (records !== undefined)
    return {
      client,
      connection,
      records,
      read,
      said: nothing,
      heard: nothing,
      soundBytes: 0,
      isSound: true,
      isAnswered: false,
    }
  connection.close()
  return undefined
}

const quietTurns = 20

/** Until a condition holds, or nothing has moved for so many turns. */
async function untilQuiet(client: Socket, server: BareConnection, condition: () => boolean): Promise<void> {
  let moved = -1
  for (let turns = 0; turns < quietTurns && !condition(); turns += 1) {
    const now = client.bytesRead + client.bytesWritten + (server.closed ? 1 : 0)
    if (now !== moved) turns = 0
    moved = now
    await nextTurn()
  }
}

async function speak({ openssl, counts }: Laboratory, conversation: Conversation, script: Script): Promise<void> {
  const { connection } = conversation
  let allowed = mostOfHandshake
  while (!script.isOver) {
    const act = script.choice(acts)
    const before = connection.ended
    allowed += await act(conversation, script)
    expectNothingLeft(openssl)
    assert(before === undefined || connection.ended === before)
    assert(counts.sentBytes <= allowed, `${counts.sentBytes} bytes sent, ${allowed} allowed`)
  }
  listen(conversation)
  expectNothingLeft(openssl)
  // Whatever came behind it.
  assert(conversation.heard.length >= conversation.soundBytes, 'what was said in order is not all heard')
  connection.close()
  connection.close()
  assert.equal(connection.read(Buffer.alloc(10)), connection.ended ?? 'lost')
  assert.equal(connection.write(Buffer.alloc(10)), 'lost')
  expectNothingLeft(openssl)
}

/** Others would take for theirs what a call has left behind. */
function expectNothingLeft(openssl: OpenSsl): void {
  assert.equal(openssl.library.ERR_peek_error(), 0)
  assert.equal(openssl.takeOutput(), 0)
}

const nothing = Buffer.alloc(0)
