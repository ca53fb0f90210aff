/** What a connection is for, and the names that its protocol has in ALPN. */

/** As the server sees it. */
export type Purpose = 'control' | 'send' | 'receive'

/** Names of FTP: a client that means another protocol was sent here by an attacker (ALPACA). */
const protocolNames = {
  control: ['ftp', 'x-filezilla-ftp'],
  send: ['ftp-data', 'ftp', 'x-filezilla-ftp'],
  receive: ['ftp-data', 'ftp', 'x-filezilla-ftp'],
} as const satisfies Record<Purpose, readonly string[]>

/** The one that is taken of those a client offers, if any. */
export function protocolOf(purpose: Purpose, offered: readonly string[]): string | undefined {
  return protocolNames[purpose].find(name => offered.includes(name))
}
