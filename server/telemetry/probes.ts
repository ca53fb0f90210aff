/** The probes: health, metrics and status over HTTP, on a port of their own. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Registry } from 'prom-client'
import { listenOn } from '../listening/listen.ts'
import type { ServerStatus } from './status.ts'

export type Readiness =
  | { readonly ready: true; readonly reason: 'ready' }
  | { readonly ready: false; readonly reason: 'starting' | 'draining' | 'no worker' }

/** What /metrics gives. */
export type MetricsSource = Pick<Registry, 'contentType' | 'metrics'>

export type ProbesOptions = {
  readonly port: number
  readonly addresses: readonly string[]
  readonly registry: MetricsSource
  readonly readiness: () => Readiness
  readonly status: () => ServerStatus | Promise<ServerStatus>
  readonly onFault: (error: unknown) => void
}

export type Probes = {
  /** Rejects if one of the addresses can't be listened on; none is then. */
  listen(): Promise<void>
  /** The port that is listened on, which the system chose if it was to be 0. */
  port(): number | undefined
  close(): Promise<void>
}

export function createProbes({ port, addresses, onFault, ...sources }: ProbesOptions): Probes {
  const servers: Server[] = []
  const handle = (request: IncomingMessage, response: ServerResponse) => {
    answer(request, sources)
      .catch((error: unknown): Answer => {
        onFault(error)
        return text(500, 'internal error')
      })
      .then(answered => send(request, response, answered))
      .catch(onFault)
  }
  const close = async () => {
    await Promise.all(servers.splice(0).map(stop))
  }
  return {
    async listen() {
      try {
        for (const address of addresses) {
          const server = createServer(limits, handle)
          boundConnections(server)
          servers.push(server)
          await listenOn(server, port, address)
          server.on('error', onFault)
        }
      } catch (error) {
        await close()
        throw error
      }
    },
    port() {
      const bound = servers[0]?.address()
      return typeof bound === 'object' ? bound?.port : undefined
    },
    close,
  }
}

// Whoever reaches the port may be slow, large or many; the process must not suffer from it.
const limits = {
  headersTimeout: 5_000,
  requestTimeout: 10_000,
  connectionsCheckingInterval: 1_000,
  maxHeaderSize: 8_192,
  keepAliveTimeout: 1_000,
}
const maxConnections = 128
const answerTimeoutMilliseconds = 10_000

/** One more takes the place of the oldest, which is slow or says nothing: were it refused, so would the probe be that decides whether the process lives. */
function boundConnections(server: Server): void {
  const open = new Set<Socket>()
  server.on('connection', socket => {
    const [oldest] = open
    if (oldest !== undefined && open.size >= maxConnections) {
      open.delete(oldest)
      oldest.destroy()
    }
    open.add(socket)
    socket.once('close', () => open.delete(socket))
  })
}

type Answer = { readonly status: number; readonly contentType: string; readonly body: string }

async function answer(
  { method, url = '/' }: IncomingMessage,
  { registry, readiness, status }: Pick<ProbesOptions, 'registry' | 'readiness' | 'status'>,
): Promise<Answer> {
  if (method !== 'GET' && method !== 'HEAD') return text(405, 'only GET and HEAD')
  switch (url.split('?', 1)[0]) {
    case '/livez':
      // That it is answered is the answer: the event loop turns.
      return text(200, 'ok')
    case '/serving': {
      // Also while draining: the data connections of sessions that finish must still find their way here.
      const { ready, reason } = readiness()
      return text(ready || reason === 'draining' ? 200 : 503, reason)
    }
    case '/readyz': {
      const { ready, reason } = readiness()
      return text(ready ? 200 : 503, reason)
    }
    case '/metrics':
      return { status: 200, contentType: registry.contentType, body: await registry.metrics() }
    case '/status':
      return { status: 200, contentType: 'application/json', body: `${JSON.stringify(await status(), undefined, 2)}\n` }
    default:
      return text(404, 'not found: there are /livez, /readyz, /serving, /metrics and /status')
  }
}

function text(status: number, body: string): Answer {
  return { status, contentType: 'text/plain; charset=utf-8', body: `${body}\n` }
}

function send({ method }: IncomingMessage, response: ServerResponse, { status, contentType, body }: Answer): void {
  response.setTimeout(answerTimeoutMilliseconds, () => response.destroy())
  response.writeHead(status, {
    'Content-Type': contentType,
    'Content-Length': Buffer.byteLength(body),
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
    // One request a connection: what is left of a body is not read, and idle connections do not use up the limit.
    Connection: 'close',
    ...(status === 405 && { Allow: 'GET, HEAD' }),
  })
  response.end(method === 'HEAD' ? undefined : body)
}

async function stop(server: Server): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  server.close(() => resolve())
  server.closeAllConnections()
  await promise
}
