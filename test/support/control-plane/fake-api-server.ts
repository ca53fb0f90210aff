/** An API server over HTTP that holds ConfigMaps of one namespace and misbehaves as it is told. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { setImmediate } from 'node:timers/promises'
import type { Credentials } from '../../../operator/kubernetes/credentials.ts'

/** What happens to one watch. */
export type WatchFault =
  | { readonly fault: 'status'; readonly code: number; readonly retryAfterSeconds?: number }
  /** HTTP 200, and then an event that is an error. */
  | { readonly fault: 'error-event'; readonly code: number }
  /** The connection is destroyed, in the middle of the line after so many events. */
  | { readonly fault: 'cut'; readonly afterEvents: number }
  /** Connected, and never a byte. */
  | { readonly fault: 'silence' }
  | { readonly fault: 'no-answer' }
  /** All as it should be, in pieces of a few bytes. */
  | { readonly fault: 'shredded' }
  /** Each event twice, and the one before once more. */
  | { readonly fault: 'repeated' }
  /** Each two events of different objects in the wrong order, and then a cut. */
  | { readonly fault: 'swapped' }
  | { readonly fault: 'garbage' }
  | { readonly fault: 'ended' }

/** What happens to one list. */
export type ListFault =
  | { readonly fault: 'status'; readonly code: number; readonly retryAfterSeconds?: number }
  | { readonly fault: 'cut' }
  | { readonly fault: 'no-answer' }
  /** The second page is of a moment that is forgotten. */
  | { readonly fault: 'expired-page' }

export type FakeApiServer = {
  readonly credentials: Credentials
  readonly watchFaults: WatchFault[]
  readonly listFaults: ListFault[]
  readonly counts: { lists: number; watches: number; openWatches: number; mostOpenWatches: number }
  /** Path, query and headers of each request. */
  readonly requests: { readonly method: string; readonly url: string; readonly authorization: string | undefined }[]
  /** Answers other requests than list and watch. */
  handler: ((request: IncomingMessage, response: ServerResponse) => void) | undefined
  /** Makes or changes an object. */
  put(name: string): void
  remove(name: string): void
  /** Versions by name, as they are now. */
  state(): Record<string, string>
  /** The version of each change so far, in order. */
  history(): string[]
  /** Forgets the past: watches from older versions get 410. */
  compact(): void
  bookmark(): void
  /** Destroys the connections of all open watches. */
  cutWatches(): void
  close(): Promise<void>
}

export async function startFakeApiServer(): Promise<FakeApiServer> {
  const objects = new Map<string, { readonly uid: string; readonly version: number }>()
  const log: { readonly version: number; readonly name: string; readonly line: string }[] = []
  const watches = new Set<(entry: (typeof log)[number]) => void>()
  const connections = new Set<ServerResponse>()
  const counts = { lists: 0, watches: 0, openWatches: 0, mostOpenWatches: 0 }
  const watchFaults: WatchFault[] = []
  const listFaults: ListFault[] = []
  const requests: FakeApiServer['requests'] = []
  let version = 1
  let compacted = 0

  const objectOf = (name: string, uid: string, at: number) => ({
    metadata: { name, namespace: 'default', uid, resourceVersion: String(at), managedFields: [{ manager: 'test' }] },
  })
  const change = (type: string, name: string, uid: string) => {
    const event = { type, object: { kind: 'ConfigMap', apiVersion: 'v1', ...objectOf(name, uid, version) } }
    const entry = { version, name, line: `${JSON.stringify(event)}\n` }
    log.push(entry)
    for (const send of [...watches]) send(entry)
  }

  function list(request: IncomingMessage, response: ServerResponse, query: URLSearchParams): void {
    const fault = listFaults[0]
    const isContinued = query.has('continue')
    if (fault?.fault !== 'expired-page') listFaults.shift()
    if (fault?.fault === 'status') return sendStatus(response, fault.code, fault.retryAfterSeconds)
    if (fault?.fault === 'cut') return void request.socket.destroy()
    if (fault?.fault === 'no-answer') return
    if (fault?.fault === 'expired-page' && isContinued) {
      listFaults.shift()
      return sendStatus(response, 410)
    }
    counts.lists += 1
    const all = [...objects].map(([name, { uid, version: at }]) => objectOf(name, uid, at))
    const limit = Math.min(Number(query.get('limit') ?? all.length), 3)
    const start = Number(query.get('continue') ?? 0)
    const items = query.has('limit') ? all.slice(start, start + limit) : all
    const next = query.has('limit') && start + limit < all.length ? { continue: String(start + limit) } : {}
    sendJson(response, 200, { kind: 'List', metadata: { resourceVersion: String(version), ...next }, items })
  }

  function watch(response: ServerResponse, from: number): void {
    counts.watches += 1
    const fault = watchFaults.shift()
    if (fault?.fault === 'status') return sendStatus(response, fault.code, fault.retryAfterSeconds)
    if (from < compacted) return sendStatus(response, 410)
    counts.openWatches += 1
    counts.mostOpenWatches = Math.max(counts.mostOpenWatches, counts.openWatches)
    connections.add(response)
    response.once('close', () => {
      connections.delete(response)
      counts.openWatches -= 1
    })
    if (fault?.fault === 'no-answer') return
    response.writeHead(200, { 'content-type': 'application/json' })
    response.flushHeaders()
    if (fault?.fault === 'silence') return
    if (fault?.fault === 'ended') return void response.end()
    if (fault?.fault === 'garbage') return void response.write('<html>\n')
    if (fault?.fault === 'error-event') {
      return void response.write(`${JSON.stringify({ type: 'ERROR', object: statusOf(fault.code) })}\n`)
    }
    const send = deliver(response, fault)
    response.once('close', () => watches.delete(send))
    for (const entry of log) if (entry.version > from) send(entry)
    watches.add(send)
  }

  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://fake')
    requests.push({
      method: request.method ?? '',
      url: request.url ?? '',
      authorization: request.headers.authorization,
    })
    const isCollection = request.method === 'GET' && /^\/api\/v1(\/namespaces\/default)?\/configmaps$/.test(pathname)
    if (!isCollection) return fake.handler === undefined ? sendStatus(response, 404) : fake.handler(request, response)
    if (searchParams.has('watch')) return watch(response, Number(searchParams.get('resourceVersion')))
    list(request, response, searchParams)
  })
  const { promise, resolve } = Promise.withResolvers<void>()
  server.listen(0, '127.0.0.1', resolve)
  await promise
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0

  const fake: FakeApiServer = {
    credentials: {
      access: async () => ({ server: new URL(`http://127.0.0.1:${port}`), headers: {}, tls: {} }),
    },
    watchFaults,
    listFaults,
    counts,
    requests,
    handler: undefined,
    put(name) {
      version += 1
      const known = objects.get(name)
      const uid = known?.uid ?? `uid-${version}`
      objects.set(name, { uid, version })
      change(known === undefined ? 'ADDED' : 'MODIFIED', name, uid)
    },
    remove(name) {
      const known = objects.get(name)
      if (known === undefined) return
      version += 1
      objects.delete(name)
      change('DELETED', name, known.uid)
    },
    state: () => Object.fromEntries([...objects].map(([name, { version: at }]) => [name, String(at)])),
    history: () => log.map(entry => String(entry.version)),
    compact() {
      compacted = version
      log.length = 0
    },
    bookmark() {
      const event = { type: 'BOOKMARK', object: { kind: 'ConfigMap', metadata: { resourceVersion: String(version) } } }
      for (const send of [...watches]) send({ version, name: '', line: `${JSON.stringify(event)}\n` })
    },
    cutWatches() {
      for (const connection of connections) connection.destroy()
    },
    async close() {
      const closed = Promise.withResolvers<void>()
      server.close(() => closed.resolve())
      server.closeAllConnections()
      await closed.promise
    },
  }
  return fake
}

type Entry = { readonly version: number; readonly name: string; readonly line: string }

/** Writes events to a watch as its fault has it. */
function deliver(response: ServerResponse, fault: WatchFault | undefined): (entry: Entry) => void {
  let sent = 0
  let last: Entry | undefined
  let shreds = Promise.resolve()
  return entry => {
    const { line } = entry
    switch (fault?.fault) {
      case 'cut':
        if (sent < fault.afterEvents) response.write(line)
        else response.write(line.slice(0, line.length / 2), () => response.destroy())
        break
      case 'shredded':
        shreds = shreds.then(() => shred(response, line))
        break
      case 'repeated':
        response.write(`${line}${line}${last?.line ?? ''}`)
        break
      case 'swapped':
        if (last === undefined || last.name === entry.name) break
        response.write(`${line}${last.line}`, () => response.destroy())
        break
      default:
        response.write(line)
    }
    sent += 1
    last = entry
  }
}

async function shred(response: ServerResponse, line: string): Promise<void> {
  const bytes = Buffer.from(line)
  for (let start = 0; start < bytes.length; start += 23) {
    response.write(bytes.subarray(start, start + 23))
    await setImmediate()
  }
}

function statusOf(code: number) {
  return { kind: 'Status', apiVersion: 'v1', status: 'Failure', code, message: `status ${code}` }
}

function sendStatus(response: ServerResponse, code: number, retryAfterSeconds?: number): void {
  if (retryAfterSeconds !== undefined) response.setHeader('retry-after', String(retryAfterSeconds))
  sendJson(response, code, statusOf(code))
}

function sendJson(response: ServerResponse, code: number, body: unknown): void {
  response.writeHead(code, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}
