/** Requests to an API server that is slow, busy, gone, or none. */
import { once } from 'node:events'
import { type AddressInfo, createServer as createTcpServer } from 'node:net'
import { setImmediate } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { TransportError } from '../../operator/kubernetes/api-error.ts'
import { type Cluster, createCluster } from '../../operator/kubernetes/cluster.ts'
import type { Credentials } from '../../operator/kubernetes/credentials.ts'
import { kinds } from '../../operator/kubernetes/kinds.ts'
import { createTransport, type Transport } from '../../operator/kubernetes/transport.ts'
import { type FakeApiServer, startFakeApiServer } from '../support/control-plane/fake-api-server.ts'
import { eventually } from '../support/eventually.ts'
import { fastClock } from '../support/fake-clock.ts'

let api: FakeApiServer
let transport: Transport
let cluster: Cluster
let codes: string[]
let sockets: Set<unknown>
const name = { namespace: 'default', name: 'a' }
const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: name }

beforeEach(async () => {
  api = await startFakeApiServer()
  codes = []
  sockets = new Set()
  use(api.credentials)
})

afterEach(async () => {
  await transport.close()
  await api.close()
})

function use(credentials: Credentials): void {
  const clock = fastClock(20)
  transport = createTransport({
    credentials,
    clock,
    random: () => 0,
    userAgent: 'test/1',
    onAttempt: ({ method, code }) => codes.push(`${method} ${code}`),
  })
  cluster = createCluster({ transport, clock, kinds: Object.values(kinds) })
}

/** Answers in turn: a status, an object, or a connection that is destroyed; the last one from then on. */
function answer(...answers: (number | 'object' | 'cut' | 'silence' | 'html')[]): void {
  api.handler = (request, response) => {
    sockets.add(request.socket)
    const next = answers.length > 1 ? answers.shift() : answers[0]
    request.resume()
    if (next === 'silence') return
    if (next === 'cut') return void request.socket.destroy()
    if (next === 'html') return void response.end('<html>')
    const code = typeof next === 'number' ? next : 200
    response.writeHead(code, { 'content-type': 'application/json', ...(code === 429 && { 'retry-after': '1' }) })
    response.end(JSON.stringify(code === 200 ? object : { kind: 'Status', code, message: 'no' }))
  }
}

test('connections serve request after request', async () => {
  answer('object')
  for (let count = 0; count < 20; count += 1) await cluster.get(kinds.configMap, name)
  // Not one a request: a second at most, for when the first has not quite ended its answer.
  expect(sockets.size).toBeLessThanOrEqual(2)
})

test('a busy server, a failing one and a cut are tried again', async () => {
  answer(429, 503, 'cut', 'object')
  expect(await cluster.get(kinds.configMap, name)).toMatchObject({ kind: 'ConfigMap' })
  expect(codes).toEqual(['GET 429', 'GET 503', 'GET <error>', 'GET 200'])
})

test('a creation that may have happened is not tried again', async () => {
  answer('cut', 'object')
  await expect(cluster.create(object)).rejects.toMatchObject({ name: 'TransportError', kind: 'cut' })
  expect(codes).toEqual(['POST <error>'])
})

test('after some attempts the last answer is the answer', async () => {
  answer(503)
  await expect(cluster.get(kinds.configMap, name)).rejects.toMatchObject({ status: 503, reason: 'ServiceUnavailable' })
  expect(codes).toHaveLength(5)
})

test('a caller that tries again itself gets the first answer', async () => {
  answer(503)
  await expect(cluster.get(kinds.configMap, name, { retry: false })).rejects.toMatchObject({ status: 503 })
  expect(codes).toHaveLength(1)
})

test('silence ends with the deadline, and one silent connection leaves time for another attempt', async () => {
  answer('silence', 'object')
  expect(await cluster.get(kinds.configMap, name)).toMatchObject({ kind: 'ConfigMap' })
  answer('silence')
  const call = { deadlineSeconds: 4, retry: false }
  await expect(cluster.get(kinds.configMap, name, call)).rejects.toMatchObject({ kind: 'timeout' })
})

test('whoever aborts is told at once, with the reason given', async () => {
  answer('silence')
  const controller = new AbortController()
  const asked = cluster.get(kinds.configMap, name, { signal: controller.signal })
  await eventually(() => sockets.size === 1, 'the request is there')
  controller.abort(new Error('enough'))
  await expect(asked).rejects.toThrow('enough')
  await expect(cluster.get(kinds.configMap, name, { signal: controller.signal })).rejects.toThrow('enough')
  answer(503)
  const late = new AbortController()
  const retried = cluster.get(kinds.configMap, name, { signal: late.signal })
  await eventually(() => codes.includes('GET 503'), 'the first attempt failed')
  late.abort(new Error('in between'))
  await expect(retried).rejects.toThrow('in between')
})

test('what is no API is no answer', async () => {
  answer('html')
  await expect(cluster.get(kinds.configMap, name)).rejects.toMatchObject({ kind: 'malformed' })
  expect(codes).toHaveLength(1)
})

test('credentials that are refused are renewed once', async () => {
  let renewed = 0
  const { server } = await api.credentials.access()
  await transport.close()
  use({
    async access(renew) {
      if (renew !== undefined) renewed += 1
      return { server, headers: { authorization: `Bearer ${renewed}` }, tls: {} }
    },
  })
  answer(401, 'object')
  expect(await cluster.get(kinds.configMap, name)).toMatchObject({ kind: 'ConfigMap' })
  expect(api.requests.map(({ authorization }) => authorization)).toEqual(['Bearer 0', 'Bearer 1'])
  answer(401)
  await expect(cluster.get(kinds.configMap, name)).rejects.toMatchObject({ status: 401, reason: 'Unauthorized' })
  expect(renewed).toBe(2)
})

test('a server that is not there is no connection, as often as it is tried', async () => {
  const server = createTcpServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  await transport.close()
  use({ access: async () => ({ server: new URL(`http://127.0.0.1:${port}`), headers: {}, tls: {} }) })
  await expect(cluster.create(object)).rejects.toMatchObject({ kind: 'unsent' })
  expect(codes).toHaveLength(5)
})

test('credentials that can not be read are told as such', async () => {
  await transport.close()
  use({ access: () => Promise.reject(new Error('no token file')) })
  await expect(cluster.get(kinds.configMap, name, { retry: false })).rejects.toThrow('no credentials: no token file')
})

test('who may not write does not', async () => {
  answer('object')
  const guarded = createCluster({
    transport,
    clock: fastClock(1),
    kinds: Object.values(kinds),
    beforeWrite() {
      throw new Error('not the leader')
    },
  })
  const options = { fieldManager: 'm', force: true }
  const writes = [
    () => guarded.apply(object, options),
    () => guarded.applyStatus(object, options),
    () => guarded.create(object),
    () => guarded.replace(object),
    () => guarded.patchMerge(kinds.configMap, name, {}),
    () => guarded.delete(kinds.configMap, name),
  ]
  for (const write of writes) await expect(write()).rejects.toThrow('not the leader')
  expect(await guarded.get(kinds.configMap, name)).toBeDefined()
  expect(api.requests).toHaveLength(1)
})

test('who may not write any more does not try again either', async () => {
  answer(503)
  let mayWrite = true
  const guarded = createCluster({
    transport,
    clock: fastClock(1),
    kinds: Object.values(kinds),
    beforeWrite() {
      if (!mayWrite) throw new Error('not the leader')
      mayWrite = false
    },
  })
  await expect(guarded.patchMerge(kinds.configMap, name, {})).rejects.toThrow('not the leader')
  expect(codes).toEqual(['PATCH 503'])
})

test('a kind that nobody told of is refused before anything is sent', async () => {
  await expect(cluster.create({ ...object, kind: 'Unknown' })).rejects.toThrow('no such kind here: v1 Unknown')
  expect(api.requests).toEqual([])
})

test('closing cuts what still runs', async () => {
  answer('silence')
  const asked = cluster.get(kinds.configMap, name, { retry: false }).catch((error: unknown) => error)
  await eventually(() => sockets.size === 1, 'the request is there')
  await transport.close()
  expect(await asked).toBeInstanceOf(TransportError)
  await setImmediate()
})
