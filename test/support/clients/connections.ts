/** The table: every kind of connection that FTP has. */
import { type Connection, type DataCommand, protections } from './client.ts'

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
