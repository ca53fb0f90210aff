import { describe, expect, it } from 'vitest'
import type { User } from '../config/configuration.ts'
import { validateServer } from '../config/validate.ts'
import { initialSettings, type Session } from '../control/session/session.ts'
import type { TransferRecord } from './telemetry.ts'
import { TransferLog, xferlogLine } from './xferlog.ts'

const listener = {
  name: 'ftp',
  port: 21,
  addresses: ['::'],
  tls: 'explicit',
  proxyProtocol: { trustedNetworks: [] },
} as const
const session = {
  id: 's1',
  listener: { ...listener, addresses: [], proxyProtocol: { trustedNetworks: [] } },
  peer: { address: '192.0.2.7', port: 5000 },
  local: { address: '192.0.2.1', port: 21 },
  started: 0,
  protection: 'clear',
  clientCertificate: undefined,
  serverName: undefined,
  ...initialSettings({ ...listener, addresses: [], proxyProtocol: { trustedNetworks: [] } }),
  type: 'image',
} satisfies Session
const record: TransferRecord = {
  outcome: 'complete',
  bytes: 1234,
  durationSeconds: 4.6,
  verb: 'STOR',
  direction: 'upload',
  path: '/in/report.csv',
  user: 'ann',
  protection: 'clear',
  mode: 'passive',
  code: 226,
}
const anonymous = {
  state: 'logged-in',
  user: { name: 'anonymous', credential: { kind: 'any-password' } } as User,
} as unknown as Session['login']
const time = Date.UTC(1999, 8, 9, 1, 46, 40)

describe('a line of xferlog', () => {
  it.each<[string, Partial<Session>, Partial<TransferRecord>, number, string]>([
    ['an upload', {}, {}, time, 'Thu Sep  9 01:46:40 1999 5 192.0.2.7 1234 /in/report.csv b _ i r ann ftp 0 * c'],
    [
      'a download in ASCII',
      { type: 'ascii' },
      { direction: 'download', verb: 'RETR' },
      Date.UTC(2026, 10, 22, 23, 59, 59),
      'Sun Nov 22 23:59:59 2026 5 192.0.2.7 1234 /in/report.csv a _ o r ann ftp 0 * c',
    ],
    [
      'one that broke off at once',
      {},
      { outcome: 'connection-lost', bytes: 0, durationSeconds: 0.01 },
      Date.UTC(2000, 1, 29),
      'Tue Feb 29 00:00:00 2000 1 192.0.2.7 0 /in/report.csv b _ i r ann ftp 0 * i',
    ],
    [
      'an anonymous user, by IPv6',
      { login: anonymous, peer: { address: '2001:db8::7', port: 1 } },
      { user: 'anonymous', direction: 'download' },
      Date.UTC(2026, 0, 1),
      'Thu Jan  1 00:00:00 2026 5 2001:db8::7 1234 /in/report.csv b _ o a anonymous ftp 0 * c',
    ],
    [
      'a name that would be several fields, or lines',
      {},
      { path: '/a b\t\r\nc\u2028d\u00a0e/ü\u0007' },
      time,
      'Thu Sep  9 01:46:40 1999 5 192.0.2.7 1234 /a_b___c_d_e/ü_ b _ i r ann ftp 0 * c',
    ],
  ])('of %s', (_, ofSession, ofRecord, at, line) => {
    expect(xferlogLine({ ...session, ...ofSession }, { ...record, ...ofRecord }, at)).toBe(line)
    expect(line.split(' ').filter(word => word !== '')).toHaveLength(18)
  })
})

describe('the log of transfers', () => {
  const configuration = (value: unknown) => {
    const result = validateServer(value)
    if (!result.valid) throw new Error(JSON.stringify(result.violations))
    return result.value
  }

  it('writes lines of files while that is asked for, by the time zone of listings', () => {
    const lines: string[] = []
    const log = new TransferLog({ write: text => lines.push(text) }, configuration({}))
    expect(log.write(session, record, time)).toBe(false)
    log.configure(configuration({ logging: { transfers: 'xferlog' }, listing: { timeZone: 'Asia/Tokyo' } }))
    expect(log.write(session, record, time)).toBe(true)
    expect(log.write(session, { ...record, direction: 'listing' }, time)).toBe(false)
    log.configure(configuration({}))
    expect(log.write(session, record, time)).toBe(false)
    expect(lines).toEqual(['Thu Sep  9 10:46:40 1999 5 192.0.2.7 1234 /in/report.csv b _ i r ann ftp 0 * c\n'])
  })
})
