/** A client under TLS whose records are made by hand behind the handshake: with whatever in them, as no library of clients does. */
import { createCipheriv, createHmac } from 'node:crypto'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { type ConnectionOptions, connect } from 'node:tls'
import type { TlsVersion } from './data-connections.ts'
import { StreamOver } from './reversible-tls.ts'

/** RFC 8446 section 5.1 */
export const recordTypes = { alert: 21, handshake: 22, applicationData: 23 } as const

export type HandmadeRecords = {
  /** The next record of the client; they are to be sent in this order. */
  readonly sealed: (type: number, content: Uint8Array) => Buffer
  /** What follows is under the next key, as behind a KeyUpdate. In TLS 1.2 there is none. */
  readonly nextKey: () => void
}

/**
 * Does the handshake on a connection, of which nothing is read any more after it, and says nothing under TLS itself. It goes over the stream
 * `below`; the end of the connection is not noticed.
 */
export async function handmadeRecordsOver(
  socket: Socket,
  version: TlsVersion,
  options: ConnectionOptions = {},
  below: Duplex & { release(): void } = new StreamOver(socket),
): Promise<HandmadeRecords> {
  const received: Buffer[] = []
  const listen = (bytes: Buffer): void => void received.push(bytes)
  socket.on('data', listen)
  const tls = connect({
    socket: below,
    rejectUnauthorized: false,
    minVersion: version,
    maxVersion: version,
    ciphers: ciphers[version],
    ...options,
  })
  const secrets = new Map<string, Secret>()
  tls.on('keylog', (line: Buffer) => {
    const [name = '', random = '', secret = ''] = String(line).trim().split(' ')
    secrets.set(name, { random: Buffer.from(random, 'hex'), secret: Buffer.from(secret, 'hex') })
  })
  tls.on('error', () => undefined)
  await once(tls, 'secureConnect')
  // Its Finished may still be on its way through the stream.
  await new Promise(resolve => setImmediate(resolve))
  socket.off('data', listen)
  below.release()
  socket.pause()
  if (version === 'TLSv1.3') return recordsOfTls13(known(secrets, 'CLIENT_TRAFFIC_SECRET_0').secret)
  return recordsOfTls12(known(secrets, 'CLIENT_RANDOM'), serverRandomOf(Buffer.concat(received)))
}

type Secret = { readonly random: Buffer; readonly secret: Buffer }

const ciphers: Readonly<Record<TlsVersion, string>> = {
  'TLSv1.2': 'ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256',
  'TLSv1.3': 'TLS_AES_128_GCM_SHA256',
}

const keyBytes = 16
const vectorBytes = 12
const tagBytes = 16

function known(secrets: ReadonlyMap<string, Secret>, name: string): Secret {
  const secret = secrets.get(name)
  if (secret === undefined) throw new Error(`The handshake has told no ${name}.`)
  return secret
}

/** RFC 8446 sections 5.2, 5.3 and 7.2. */
function recordsOfTls13(first: Buffer): HandmadeRecords {
  let secret = first
  let sequence = 0n
  let key = expand(secret, 'key', keyBytes)
  let vector = expand(secret, 'iv', vectorBytes)
  return {
    sealed(type, content) {
      const message = Buffer.concat([content, Buffer.of(type)])
      const header = headerOf(recordTypes.applicationData, message.length + tagBytes)
      const nonce = Buffer.from(vector)
      nonce.writeBigUInt64BE(nonce.readBigUInt64BE(4) ^ sequence, 4)
      sequence += 1n
      return Buffer.concat([header, seal({ key, nonce, additional: header, message })])
    },
    nextKey() {
      secret = expand(secret, 'traffic upd', 32)
      sequence = 0n
      key = expand(secret, 'key', keyBytes)
      vector = expand(secret, 'iv', vectorBytes)
    },
  }
}

/** RFC 8446 section 7.1, where one block of the hash is enough. */
function expand(secret: Buffer, label: string, length: number): Buffer {
  const name = Buffer.from(`tls13 ${label}`)
  const info = Buffer.concat([Buffer.of(0, length, name.length), name, Buffer.of(0, 1)])
  return createHmac('sha256', secret).update(info).digest().subarray(0, length)
}

/** RFC 5246 section 6.2.3.3, RFC 5288 section 3. */
function recordsOfTls12({ random, secret }: Secret, serverRandom: Buffer): HandmadeRecords {
  const block = pseudoRandom(secret, Buffer.concat([Buffer.from('key expansion'), serverRandom, random]), 40)
  const key = block.subarray(0, keyBytes)
  const vector = block.subarray(2 * keyBytes, 2 * keyBytes + 4)
  // The client's Finished was the first record under these keys.
  let sequence = 1n
  return {
    sealed(type, content) {
      const number = Buffer.alloc(8)
      number.writeBigUInt64BE(sequence)
      sequence += 1n
      const additional = Buffer.concat([number, headerOf(type, content.length)])
      const sealed = seal({ key, nonce: Buffer.concat([vector, number]), additional, message: content })
      return Buffer.concat([headerOf(type, number.length + sealed.length), number, sealed])
    },
    nextKey: () => undefined,
  }
}

/** RFC 5246 section 5. */
function pseudoRandom(secret: Buffer, seed: Buffer, length: number): Buffer {
  const hash = (bytes: Buffer): Buffer => createHmac('sha256', secret).update(bytes).digest()
  let made = Buffer.alloc(0)
  for (let block = hash(seed); made.length < length; block = hash(block)) {
    made = Buffer.concat([made, hash(Buffer.concat([block, seed]))])
  }
  return made
}

/** The ServerHello is the first record of the server: its random lies behind the headers of record and message, and the version. */
function serverRandomOf(received: Buffer): Buffer {
  return received.subarray(11, 43)
}

function headerOf(type: number, length: number): Buffer {
  return Buffer.of(type, 3, 3, length >> 8, length & 255)
}

type Sealing = { readonly [Name in 'key' | 'nonce' | 'additional' | 'message']: Uint8Array }

function seal({ key, nonce, additional, message }: Sealing): Buffer {
  const cipher = createCipheriv('aes-128-gcm', key, nonce).setAAD(additional)
  return Buffer.concat([cipher.update(message), cipher.final(), cipher.getAuthTag()])
}
