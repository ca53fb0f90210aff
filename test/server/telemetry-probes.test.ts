import { connect } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { createMetrics } from '../../server/telemetry/metrics.ts'
import { createProbes, type ProbesOptions, type Readiness } from '../../server/telemetry/probes.ts'
import type { ServerStatus } from '../../server/telemetry/status.ts'

const status: ServerStatus = {
  version: '1.2.3',
  hash: 'abc',
  loadedAt: '2026-01-01T00:00:00.000Z',
  users: { accepted: 1, rejected: [], rejectedCount: 0 },
  problems: [],
  problemCount: 0,
  listeners: [],
  sessions: [],
  sessionCount: 0,
  workers: [],
  bans: [],
  banCount: 0,
  stalledVolumes: [],
  removedHomes: [],
  certificate: undefined,
}

async function start(options: Partial<ProbesOptions> = {}) {
  const { registry } = createMetrics({ version: '1.2.3', runtime: 'v26', verbs: [] })
  const probes = createProbes({
    port: 0,
    addresses: ['127.0.0.1'],
    registry,
    readiness: () => ({ ready: true, reason: 'ready' }),
    status: () => status,
    onFault: () => {},
    ...options,
  })
  onTestFinished(() => probes.close())
  await probes.listen()
  const port = probes.port() ?? 0
  return { probes, port, url: `http://127.0.0.1:${port}` }
}

test('a server that drains is not ready, but serves the sessions it has', async () => {
  let readiness: Readiness = { ready: false, reason: 'starting' }
  const { url } = await start({ readiness: () => readiness })
  const statuses = async () => [(await fetch(`${url}/readyz`)).status, (await fetch(`${url}/serving`)).status]
  expect(await statuses()).toEqual([503, 503])
  readiness = { ready: true, reason: 'ready' }
  expect(await statuses()).toEqual([200, 200])
  readiness = { ready: false, reason: 'draining' }
  expect(await statuses()).toEqual([503, 200])
})

test('a server that turns is alive, also while it is not ready', async () => {
  let readiness: Readiness = { ready: false, reason: 'starting' }
  const { url } = await start({ readiness: () => readiness })
  expect((await fetch(`${url}/livez`)).status).toBe(200)
  const notReady = await fetch(`${url}/readyz`)
  expect([notReady.status, await notReady.text()]).toEqual([503, 'starting\n'])
  readiness = { ready: true, reason: 'ready' }
  expect((await fetch(`${url}/readyz`)).status).toBe(200)
})

test('metrics come as Prometheus reads them', async () => {
  const { url } = await start()
  const response = await fetch(`${url}/metrics`)
  expect(response.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/)
  expect(await response.text()).toContain('# TYPE ftp_transfer_duration_seconds histogram')
})

test('status is a JSON document', async () => {
  const { url } = await start()
  const response = await fetch(`${url}/status?pretty`)
  expect(response.headers.get('content-type')).toBe('application/json')
  expect(await response.json()).toMatchObject({ version: '1.2.3', hash: 'abc', users: { accepted: 1 } })
})

test('HEAD has headers without a body', async () => {
  const { url } = await start()
  const response = await fetch(`${url}/status`, { method: 'HEAD' })
  expect([response.status, await response.text()]).toEqual([200, ''])
  expect(Number(response.headers.get('content-length'))).toBeGreaterThan(100)
})

test('other paths are 404 and other methods 405', async () => {
  const { url } = await start()
  expect((await fetch(`${url}/users`)).status).toBe(404)
  expect((await fetch(`${url}//livez/..%2f`)).status).toBe(404)
  const posted = await fetch(`${url}/status`, { method: 'POST', body: 'x'.repeat(100_000) })
  expect([posted.status, posted.headers.get('allow')]).toEqual([405, 'GET, HEAD'])
})

test('a failure while answering is a 500 without details, and is told', async () => {
  const faults: unknown[] = []
  const { url } = await start({
    status: () => {
      throw new Error('secret detail')
    },
    onFault: error => faults.push(error),
  })
  const response = await fetch(`${url}/status`)
  expect([response.status, await response.text()]).toEqual([500, 'internal error\n'])
  expect(faults).toEqual([new Error('secret detail')])
})

test.for([
  { name: 'a header that is too large', sent: `GET /livez HTTP/1.1\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`, code: 431 },
  { name: 'no HTTP at all', sent: '\x16\x03\x01\x00\xff garbage\r\n\r\n', code: 400 },
  { name: 'a header that never ends', sent: 'GET /livez HTTP/1.1\r\nX: ', code: 408 },
])('$name ends with $code and the connection is closed', async ({ sent, code }) => {
  const { port } = await start()
  expect(await exchange(port, sent)).toMatch(new RegExp(`^HTTP/1.1 ${code} `))
})

test('connections that say nothing keep no probe out, however many they are', async () => {
  const { port, url } = await start()
  const silent = Array.from({ length: 300 }, () => connect(port, '127.0.0.1'))
  onTestFinished(() => {
    for (const socket of silent) socket.destroy()
  })
  await Promise.all(
    silent.map(socket => {
      socket.on('error', () => {})
      return new Promise(resolve => socket.once('connect', resolve))
    }),
  )
  for (const path of ['livez', 'readyz']) expect((await fetch(`${url}/${path}`)).status).toBe(200)
})

test('an address that is in use is an error, and nothing stays open', async () => {
  const { port } = await start()
  await expect(start({ port })).rejects.toThrow(/EADDRINUSE/)
})

test('closing ends connections that are open and frees the port', async () => {
  const { probes, port } = await start()
  const socket = connect(port, '127.0.0.1')
  const closed = new Promise(resolve => socket.on('close', resolve))
  await new Promise(resolve => socket.on('connect', resolve))
  socket.on('error', () => {})
  await probes.close()
  await closed
  await expect(start({ port })).resolves.toMatchObject({ port })
})

/** What the server says until it closes the connection. */
function exchange(port: number, sent: string): Promise<string> {
  return new Promise(resolve => {
    let received = ''
    const socket = connect(port, '127.0.0.1', () => socket.write(sent))
    socket.on('data', data => {
      received += data.toString()
    })
    socket.on('error', () => {})
    socket.on('close', () => resolve(received))
  })
}
