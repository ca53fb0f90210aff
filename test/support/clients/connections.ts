/** The table: every kind of connection that FTP has. */
import { type Connection, type DataCommand, type Protection, protections, type RealClient } from './client.ts'

/** PASV and PORT carry an IPv4 address (RFC 959), so IPv6 has EPSV and EPRT only (RFC 2428). */
const dataCommands: Readonly<Record<Connection['family'], readonly DataCommand[]>> = {
  IPv4: ['EPSV', 'PASV', 'EPRT', 'PORT'],
  IPv6: ['EPSV', 'EPRT'],
}

export const connections: readonly Connection[] = protections.flatMap(protection =>
  (['IPv4', 'IPv6'] as const).flatMap(family => dataCommands[family].map(data => ({ protection, family, data }))),
)

export function describeConnection({ protection, data, family }: Connection): string {
  return `${protection}, ${data} over ${family}`
}

/** The passive one that a client prefers where it can. */
export function passiveConnection(client: RealClient, protection: Protection): Connection {
  const extended: Connection = { protection, data: 'EPSV', family: 'IPv4' }
  return client.limitation(extended) === undefined ? extended : { ...extended, data: 'PASV' }
}
