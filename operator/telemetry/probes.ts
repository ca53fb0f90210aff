/** Health and metrics of the operator over HTTP, on a port of their own. */
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Registry } from 'prom-client'

export type ProbesOptions = {
  /** 0 lets the system choose. */
  readonly port: number
  readonly host: string
  readonly registry: Registry
  /** What keeps us from being ready, as one line each; ready if none. */
  readonly unready: () => readonly string[]
  readonly onFault: (error: unknown) => void
}

export type Probes = { readonly port: number; close(): Promise<void> }

/** Rejects if the port can't be listened on. */
export async function startProbes({ port, host, registry, unready, onFault }: ProbesOptions): Promise<Probes> {
  async function answer(path: string): Promise<Answer> {
    switch (path) {
      case '/livez':
        // That it is answered is the answer: the event loop turns.
        return { status: 200, body: 'ok\n' }
      case '/readyz': {
        const reasons = unready()
        return reasons.length === 0 ? { status: 200, body: 'ok\n' } : { status: 503, body: `${reasons.join('\n')}\n` }
      }
      case '/metrics':
        return { status: 200, body: await registry.metrics(), contentType: registry.contentType }
      default:
        return { status: 404, body: 'not found: there are /livez, /readyz and /metrics\n' }
    }
  }

  const server = createServer(limits, (request, response) => {
    const { method, url = '/' } = request
    if (method !== 'GET' && method !== 'HEAD') return send(response, { status: 405, body: 'only GET and HEAD\n' })
    answer(url.split('?', 1)[0] ?? '/')
      .catch((error: unknown) => {
        onFault(error)
        return { status: 500, body: 'internal error\n' }
      })
      .then(answered => send(response, answered))
      .catch(onFault)
  })
  server.maxConnections = 64
  const listening = Promise.withResolvers<void>()
  server.once('error', listening.reject)
  server.listen(port, host, listening.resolve)
  await listening.promise
  server.off('error', listening.reject)
  server.on('error', onFault)
  return {
    // A server that listens on TCP has an address of this kind.
    port: (server.address() as AddressInfo).port,
    async close() {
      const closed = Promise.withResolvers<void>()
      server.close(() => closed.resolve())
      server.closeAllConnections()
      await closed.promise
    },
  }
}

type Answer = { readonly status: number; readonly body: string; readonly contentType?: string }

// Whoever reaches the port may be slow, large or many; the process must not suffer from it.
const limits = {
  headersTimeout: 5000,
  requestTimeout: 10_000,
  connectionsCheckingInterval: 1000,
  maxHeaderSize: 8192,
  keepAliveTimeout: 1000,
}

function send(response: ServerResponse, { status, body, contentType = 'text/plain; charset=utf-8' }: Answer): void {
  response.setTimeout(10_000, () => response.destroy())
  response.writeHead(status, {
    'Content-Type': contentType,
    'Content-Length': Buffer.byteLength(body),
    'Cache-Control': 'no-store',
    // What is left of a body is not read, and idle connections do not use up the limit.
    Connection: 'close',
  })
  // Of an answer to HEAD, Node leaves the body out.
  response.end(body)
}
