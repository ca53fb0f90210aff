import { expect, test } from 'vitest'
import type { Session } from '../control/session/session.ts'
import { createLog } from './logger.ts'
import { createMetrics } from './metrics.ts'
import { createTelemetry } from './recorder.ts'
import type { TransferRecord } from './telemetry.ts'

const session: Session = {
  id: 's1',
  listener: { name: 'ftp', port: 2121, addresses: ['::'], tls: 'explicit', proxyProtocol: { trustedNetworks: [] } },
  peer: { address: '192.0.2.7', port: 40_000 },
  local: { address: '192.0.2.1', port: 2121 },
  started: 0,
  protection: 'tls',
  clientCertificate: undefined,
  serverName: undefined,
  host: undefined,
  language: undefined,
  login: { state: 'awaiting-user' },
  failedLogins: 0,
  cwd: '/',
  type: 'image',
  mode: 'stream',
  deflateLevel: undefined,
  structure: 'file',
  restartOffset: 0,
  rangeEnd: undefined,
  renameFrom: undefined,
  copyFrom: undefined,
  protectionBufferSet: false,
  dataProtection: 'clear',
  extendedPassiveOnly: false,
  facts: [],
  hashAlgorithm: 'SHA-256',
  umask: undefined,
  idleTimeoutSeconds: undefined,
  client: undefined,
}

const record: TransferRecord = {
  verb: 'STOR',
  direction: 'upload',
  path: '/in/a.txt',
  user: 'ann',
  protection: 'private',
  mode: 'passive',
  code: 226,
  outcome: 'complete',
  bytes: 1234,
  durationSeconds: 0.5,
}

function setUp(level: 'debug' | 'info' = 'info') {
  const clock = { now: 1_000_000 }
  const lines: Record<string, unknown>[] = []
  const { logger } = createLog({ level, format: 'json' }, { write: text => lines.push(JSON.parse(text)) })
  const metrics = createMetrics({ version: '1.2.3', runtime: 'v26', verbs: ['STOR', 'RETR'] })
  const telemetry = createTelemetry({ logger, metrics, now: () => clock.now })
  return { clock, lines, telemetry, metrics, scrape: () => metrics.registry.metrics() }
}

test('a login and a failed one are one line each, with address and user name', () => {
  const { telemetry, lines } = setUp()
  telemetry.loggedIn(session, 'ann', 'password')
  telemetry.loginFailed(session, 'bob', 'wrong-password')
  expect(lines).toMatchObject([
    { level: 'info', msg: 'logged in', user: 'ann', address: '192.0.2.7', session: 's1', method: 'password' },
    { level: 'warn', msg: 'login failed', user: 'bob', address: '192.0.2.7', reason: 'wrong-password' },
  ])
})

test('a transfer is one line with user, path, bytes, duration and result', async () => {
  const { telemetry, lines, scrape } = setUp()
  telemetry.transferStarted(session)
  expect(await scrape()).toContain('ftp_transfers_active 1')
  telemetry.transferMoved(session, 'upload', 1000)
  expect(await scrape()).toContain('ftp_transfer_bytes_total{direction="upload"} 1000')
  telemetry.transferMoved(session, 'upload', 234)
  void telemetry.transferEnded(session, record)
  expect(lines).toMatchObject([
    {
      msg: 'transfer ended',
      session: 's1',
      user: 'ann',
      path: '/in/a.txt',
      bytes: 1234,
      durationSeconds: 0.5,
      result: 'complete',
      verb: 'STOR',
      protection: 'private',
      mode: 'passive',
    },
  ])
  const metrics = await scrape()
  expect(metrics).toContain('ftp_transfers_active 0')
  expect(metrics).toContain('ftp_transfers_total{direction="upload",result="complete"} 1')
  expect(metrics).toContain('ftp_transfer_bytes_total{direction="upload"} 1234')
  expect(metrics).toContain('ftp_transfer_result_bytes_total{direction="upload",result="complete"} 1234')
})

test('names are logged well-formed and not longer than a path may be', () => {
  const { telemetry, lines } = setUp()
  void telemetry.transferEnded(session, { ...record, path: `/\udcff${'x'.repeat(10_000)}`, user: 'u'.repeat(10_000) })
  const [line] = lines
  expect(String(line?.path)).toMatch(/^\/\\xffx+…$/)
  expect(String(line?.path).length).toBeLessThan(4200)
  expect(String(line?.user).length).toBeLessThan(300)
})

test('sessions are counted by listener while they are open', async () => {
  const { telemetry, scrape } = setUp()
  telemetry.sessionOpened(session)
  telemetry.sessionOpened(session)
  telemetry.sessionClosed(session, 'client quit')
  const metrics = await scrape()
  expect(metrics).toContain('ftp_sessions{listener="ftp"} 1')
  expect(metrics).toContain('ftp_sessions_total{listener="ftp"} 2')
})

test('a session that never logged in leaves no line at the level info', () => {
  const { telemetry, lines } = setUp()
  telemetry.sessionOpened(session)
  telemetry.sessionClosed(session, 'client quit')
  expect(lines).toEqual([])
})

test('commands that the table does not have make no series of their own', async () => {
  const { telemetry, scrape } = setUp()
  telemetry.command(session, 'STOR', 226, 0.1)
  telemetry.command(session, 'EVIL1', 500, 0.1)
  telemetry.command(session, 'EVIL2', 500, 0.1)
  const metrics = await scrape()
  expect(metrics).toContain('ftp_commands_total{verb="STOR",code="226"} 1')
  expect(metrics).toContain('ftp_commands_total{verb="unknown",code="500"} 2')
})

test('commands are logged at the level debug only', () => {
  const [quiet, loud] = [setUp('info'), setUp('debug')]
  for (const { telemetry } of [quiet, loud]) telemetry.command(session, 'STOR', 226, 0.1)
  expect(quiet.lines).toEqual([])
  expect(loud.lines).toMatchObject([{ msg: 'command', verb: 'STOR', code: 226 }])
})

test('a flood of refused connections is counted whole and logged once a second', async () => {
  const { telemetry, lines, clock, scrape } = setUp()
  for (let count = 0; count < 500; count++) telemetry.connectionRefused('ftp', '192.0.2.9', 'too-many-sessions')
  clock.now += 1000
  telemetry.connectionRefused('ftp', '192.0.2.9', 'too-many-sessions')
  expect(lines).toMatchObject([{ suppressed: 0 }, { suppressed: 499 }])
  expect(await scrape()).toContain('ftp_connections_refused_total{listener="ftp",reason="too-many-sessions"} 501')
})

test('a reload replaces the hash, and one that fails leaves it and counts the problems', async () => {
  const { telemetry, lines, scrape } = setUp()
  telemetry.reloaded('aaa', 2, [])
  telemetry.reloaded('bbb', 3, [])
  telemetry.reloadFailed([{ file: 'server.yaml', path: 'limits', message: 'must be an object' }])
  const metrics = await scrape()
  expect(metrics).not.toContain('hash="aaa"')
  expect(metrics).toContain('ftp_configuration_info{hash="bbb"} 1')
  expect(metrics).toContain('ftp_configuration_last_success_timestamp_seconds 1000')
  expect(metrics).toContain('ftp_configuration_reloads_total{result="success"} 2')
  expect(metrics).toContain('ftp_configuration_reloads_total{result="failure"} 1')
  expect(metrics).toContain('ftp_configuration_problems 1')
  expect(metrics).toContain('ftp_users 3')
  expect(lines.at(-1)).toMatchObject({ level: 'error', problemCount: 1, problems: [{ file: 'server.yaml' }] })
})

test('ten thousand bad users do not make a line of megabytes', () => {
  const { telemetry, lines } = setUp()
  const problem = { file: 'users/a.yaml', path: 'users[0].home', message: 'must be a path', user: 'ann' }
  telemetry.reloaded('aaa', 0, Array(10_000).fill(problem))
  expect(lines).toMatchObject([{ level: 'warn', problemCount: 10_000 }])
  expect(lines[0]?.problems).toHaveLength(100)
})

test('a fault is logged as an error with its stack, whatever was thrown', () => {
  const { telemetry, lines } = setUp()
  telemetry.fault(new Error('broken'), session)
  telemetry.fault('a string')
  expect(lines).toMatchObject([
    { level: 'error', session: 's1', err: { message: 'broken', stack: expect.stringContaining('recorder.test.ts') } },
    { level: 'error', err: { message: 'a string' } },
  ])
})

test('two servers in one process count apart', async () => {
  const [one, other] = [setUp(), setUp()]
  one.telemetry.sessionOpened(session)
  expect(await one.scrape()).toContain('ftp_sessions{listener="ftp"} 1')
  expect(await other.scrape()).not.toContain('ftp_sessions{')
})

test('metrics of the process and of the build are there', async () => {
  const { scrape } = setUp()
  const metrics = await scrape()
  expect(metrics).toContain('ftp_build_info{version="1.2.3",node="v26"} 1')
  expect(metrics).toContain('nodejs_eventloop_lag_seconds')
  expect(metrics).toContain('process_resident_memory_bytes')
})

test('a ban, its end and what becomes of shared bans are lines of the log, and are counted', async () => {
  const { telemetry, lines, scrape } = setUp()
  const ban = { client: '192.0.2.7', from: 1000, until: 601_000, count: 3, offence: 'bounce-attempt' } as const
  telemetry.offended('bounce-attempt')
  telemetry.banned(ban)
  telemetry.bansInForce(2)
  telemetry.banEnded(ban, 'lifted')
  telemetry.bansTakenOver(1)
  telemetry.banFilesIgnored('/state', ['bans-x.json'])
  telemetry.banSharing('/state', new Error('EACCES'))
  telemetry.banSharing('/state', undefined)
  expect(lines).toMatchObject([
    {
      level: 'warn',
      msg: 'client banned',
      client: '192.0.2.7',
      offence: 'bounce-attempt',
      count: 3,
      seconds: 600,
      until: '1970-01-01T00:10:01.000Z',
    },
    { level: 'info', msg: 'ban ended', client: '192.0.2.7', reason: 'lifted' },
    { level: 'info', msg: 'bans taken over', count: 1 },
    { level: 'warn', msg: 'files of bans ignored', directory: '/state', files: ['bans-x.json'] },
    { level: 'warn', msg: 'bans are kept in memory only', directory: '/state', reason: 'EACCES' },
    { level: 'info', msg: 'bans are kept and shared again' },
  ])
  const metrics = await scrape()
  expect(metrics).toContain('ftp_offences_total{offence="bounce-attempt"} 1')
  expect(metrics).toContain('ftp_bans_total{offence="bounce-attempt"} 1')
  expect(metrics).toContain('ftp_bans_active 2')
})
