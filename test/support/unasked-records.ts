/** A client under TLS that sends what is no data: updates of keys and renegotiations. */
import type { Socket } from 'node:net'
import type { ConnectionOptions } from 'node:tls'
import type { TlsVersion } from './data-connections.ts'
import { handmadeRecordsOver, recordTypes } from './handmade-records.ts'

/** Makes the next so many records that the server has to answer; they are to be sent in this order. */
export type UnaskedRecords = (count: number) => Buffer

/** Does the handshake on a connection, of which nothing is read any more after it. */
export async function unaskedRecordsOver(
  socket: Socket,
  version: TlsVersion,
  options: ConnectionOptions = {},
): Promise<UnaskedRecords> {
  const records = await handmadeRecordsOver(socket, version, options)
  const next = (): Buffer => {
    const record = records.sealed(recordTypes.handshake, messages[version])
    records.nextKey()
    return record
  }
  return count => Buffer.concat(Array.from({ length: count }, next))
}

const messages: Readonly<Record<TlsVersion, Buffer>> = {
  // RFC 5246 section 7.4.1.2: a ClientHello, cut down to what makes the server refuse it.
  'TLSv1.2': Buffer.of(1, 0, 0, 0),
  // RFC 8446 section 4.6.3: a KeyUpdate that asks for one.
  'TLSv1.3': Buffer.of(24, 0, 0, 1, 1),
}
