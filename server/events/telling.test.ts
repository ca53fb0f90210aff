import { expect, it } from 'vitest'
import { validateServer } from '../config/validate.ts'
import { initialSettings, type Session } from '../control/session/session.ts'
import { createLog } from '../telemetry/logger.ts'
import { createMetrics } from '../telemetry/metrics.ts'
import { createTelemetry } from '../telemetry/recorder.ts'
import type { TransferRecord } from '../telemetry/telemetry.ts'
import type { CloudEvent } from './event.ts'
import { EventMaker } from './event-maker.ts'
import { tellingTelemetry } from './telling.ts'

const validated = validateServer({
  events: { durability: 'spooled', sinks: [{ name: 'a', url: 'http://sink.example' }] },
})
if (!validated.valid) throw new Error('unreachable')
const configuration = validated.value
const [listener] = configuration.listeners
if (listener === undefined) throw new Error('unreachable')

const session: Session = {
  id: 's1',
  listener,
  peer: { address: '192.0.2.7', port: 5000 },
  local: { address: '192.0.2.1', port: 21 },
  started: 0,
  protection: 'tls',
  clientCertificate: undefined,
  serverName: undefined,
  ...initialSettings(listener),
}
const upload: TransferRecord = {
  outcome: 'complete',
  bytes: 3,
  durationSeconds: 1,
  closeNotify: true,
  verb: 'STOR',
  direction: 'upload',
  path: '/a',
  user: 'ann',
  protection: 'private',
  mode: 'active',
  code: 226,
}

function setUp() {
  const lines: string[] = []
  const { logger } = createLog({ level: 'info', format: 'json' }, { write: text => lines.push(text) })
  const metrics = createMetrics({ version: '1', runtime: 'v26', verbs: [] })
  const put: CloudEvent[] = []
  const stored = Promise.withResolvers<void>()
  const outlet = {
    put: (event: CloudEvent) => {
      put.push(event)
      return stored.promise
    },
  }
  const events = new EventMaker({ outlet, configuration })
  return { telemetry: tellingTelemetry(createTelemetry({ logger, metrics }), events), put, lines, stored }
}

it('tells both the log and the sinks, and lets the client wait for what is stored', async () => {
  const { telemetry, put, lines, stored } = setUp()
  const waits = [
    telemetry.transferEnded(session, upload),
    telemetry.transferEnded(session, { ...upload, direction: 'download', verb: 'RETR' }),
    telemetry.fileChanged(session, 'ann', { kind: 'removed', path: '/a', entry: 'file' }),
    telemetry.fileChanged(session, 'ann', { kind: 'renamed', from: '/a', to: '/b' }),
    telemetry.fileChanged(session, 'ann', { kind: 'copied', from: '/b', to: '/c' }),
  ]
  expect(waits.every(wait => wait instanceof Promise)).toBe(true)
  expect(put.map(({ type }) => type.split('.').at(-1))).toEqual(['upload', 'download', 'delete', 'rename', 'copy'])
  expect(put[0]?.data).toMatchObject({ protocol: 'ftps', closeNotify: true, dataConnection: 'active' })
  expect(lines).toHaveLength(2)
  stored.resolve()
  for (const wait of waits) await expect(wait).resolves.toBeUndefined()
})

it('lets nobody wait for what strangers cause', () => {
  const { telemetry, put, lines } = setUp()
  telemetry.loginFailed(session, 'mallory', 'wrong-password')
  telemetry.banned({ client: '192.0.2.7', from: 0, until: 1000, count: 1, offence: 'wrong-password' })
  expect(put.map(({ subject }) => subject)).toEqual(['mallory', '192.0.2.7'])
  expect(lines).toHaveLength(2)
})

it.each<Partial<TransferRecord>>([
  { outcome: 'aborted' },
  { outcome: 'storage-failed', storageError: 'no-space' },
  { direction: 'listing', verb: 'LIST' },
])('makes no event of %j', change => {
  const { telemetry, put } = setUp()
  expect(telemetry.transferEnded(session, { ...upload, ...change })).toBeUndefined()
  expect(put).toEqual([])
})
