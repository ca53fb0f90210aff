/** A proxy in front of a real API server: it counts what goes through, and misbehaves as it is told. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import {
  type ClientRequest,
  createServer,
  type IncomingMessage,
  Agent as PlainAgent,
  request as requestPlain,
  type ServerResponse,
} from 'node:http'
import { Agent, request as requestSecure } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Credentials } from '../../../operator/kubernetes/credentials.ts'

export type Proxied = {
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  readonly isWatch: boolean
  /** What a client has one watch of: path, selector, and whether it is of metadata only. */
  readonly subject: string
  /** Milliseconds, by performance.now(). */
  readonly at: number
  /** Undefined until it was answered. */
  status: number | undefined
  answeredAt: number | undefined
}

export type ProxyFault =
  | { readonly fault: 'status'; readonly code: number; readonly retryAfterSeconds?: number }
  /** The connection is destroyed, and the API server has heard nothing. */
  | { readonly fault: 'cut' }
  /** The API server carries it out, and the client never hears of it. */
  | { readonly fault: 'lost-answer' }

export type ApiProxy = {
  /** Path of a kubeconfig that leads here, with the rights of the administrator. */
  readonly kubeconfig: string
  /** The same with a token of somebody else. */
  kubeconfigFor(token: string): Promise<string>
  /** Everything since the last call of `forget`. */
  requests(): readonly Proxied[]
  /** Those of them that change something, leases left out. */
  writes(): readonly Proxied[]
  forget(): void
  /** Asked for every request; undefined lets it through. */
  setFault(choose: ((request: Proxied) => ProxyFault | undefined) | undefined): void
  /** Open watches, by subject. */
  openWatches(): ReadonlyMap<string, number>
  /** The most watches of one subject that were open at a time since `forget`. */
  mostWatches(): number
  /** Destroys the connections of all open watches, and says of what they were. */
  cutWatches(): readonly string[]
  /** Tells all open watches that their past is forgotten (410), and says of what they were. */
  expireWatches(): readonly string[]
  close(): Promise<void>
}

export async function startApiProxy(upstream: Credentials): Promise<ApiProxy> {
  const directory = await mkdtemp(join(tmpdir(), 'api-proxy-'))
  const secure = new Agent({ keepAlive: true })
  const plain = new PlainAgent({ keepAlive: true })
  const watches = new Map<ServerResponse, string>()
  let seen: Proxied[] = []
  let most = 0
  let choose: ((request: Proxied) => ProxyFault | undefined) | undefined

  async function forward(request: IncomingMessage, response: ServerResponse, proxied: Proxied): Promise<void> {
    const fault = choose?.(proxied)
    if (fault?.fault === 'cut') return void request.socket.destroy()
    if (fault?.fault === 'status') return refuse(response, proxied, fault.code, fault.retryAfterSeconds)
    const { server, headers, tls } = await upstream.access()
    const sending: ClientRequest = (server.protocol === 'https:' ? requestSecure : requestPlain)({
      host: server.hostname,
      port: server.port,
      path: request.url,
      method: request.method,
      // Whoever names nobody is the administrator.
      headers: { ...headers, ...request.headers, host: server.host },
      agent: server.protocol === 'https:' ? secure : plain,
      ...tls,
    })
    const abandon = () => void response.destroy()
    sending.once('error', abandon)
    response.once('close', () => sending.destroy())
    sending.once('response', answer => {
      answer.once('error', abandon)
      proxied.status = answer.statusCode
      proxied.answeredAt = performance.now()
      if (fault?.fault === 'lost-answer') return void answer.resume().once('end', abandon)
      response.writeHead(answer.statusCode ?? 502, answer.headers)
      response.flushHeaders()
      answer.pipe(response)
    })
    request.pipe(sending)
  }

  function follow(response: ServerResponse, { subject }: Proxied): void {
    watches.set(response, subject)
    most = Math.max(most, openWatches().get(subject) ?? 0)
    response.once('close', () => watches.delete(response))
  }

  function openWatches(): ReadonlyMap<string, number> {
    const open = new Map<string, number>()
    for (const subject of watches.values()) open.set(subject, (open.get(subject) ?? 0) + 1)
    return open
  }

  const server = createServer((request, response) => {
    const proxied = describe(request)
    seen.push(proxied)
    if (proxied.isWatch) follow(response, proxied)
    forward(request, response, proxied).catch(() => response.destroy())
  })
  // Watches are long, and silent for long.
  server.requestTimeout = 0
  server.keepAliveTimeout = 60_000
  const listening = Promise.withResolvers<void>()
  server.listen(0, '127.0.0.1', listening.resolve)
  await listening.promise
  const address = server.address()
  const url = `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`

  let files = 0
  const kubeconfigFor = async (token?: string) => {
    files += 1
    const path = join(directory, `kubeconfig-${files}`)
    await writeFile(path, kubeconfigOf(url, token))
    return path
  }

  return {
    kubeconfig: await kubeconfigFor(),
    kubeconfigFor,
    requests: () => seen,
    writes: () => seen.filter(({ method, path }) => method !== 'GET' && !path.includes('/leases')),
    forget() {
      seen = []
      most = Math.max(0, ...openWatches().values())
    },
    setFault(chosen) {
      choose = chosen
    },
    openWatches,
    mostWatches: () => most,
    cutWatches() {
      const open = [...watches]
      for (const [response] of open) response.destroy()
      return open.map(([, subject]) => subject)
    },
    expireWatches() {
      const open = [...watches].filter(([response]) => response.headersSent && !response.writableEnded)
      for (const [response] of open) {
        const event = JSON.stringify({ type: 'ERROR', object: statusOf(410) })
        // Chunks of HTTP: whole lines may come in between those of the API server, which writes a line at a time.
        response.write(`${event}\n`)
      }
      return open.map(([, subject]) => subject)
    },
    async close() {
      const closed = Promise.withResolvers<void>()
      server.close(() => closed.resolve())
      server.closeAllConnections()
      await closed.promise
      secure.destroy()
      plain.destroy()
      await rm(directory, { recursive: true, force: true })
    },
  }
}

function describe({ method = '', url = '/', headers }: IncomingMessage): Proxied {
  const { pathname, searchParams } = new URL(url, 'http://proxy')
  const isBare = headers.accept?.includes('PartialObjectMetadata') === true
  return {
    method,
    path: pathname,
    query: searchParams,
    isWatch: searchParams.get('watch') === 'true',
    subject: `${pathname} ${searchParams.get('labelSelector') ?? ''}${isBare ? ' metadata' : ''}`,
    at: performance.now(),
    status: undefined,
    answeredAt: undefined,
  }
}

function refuse(response: ServerResponse, proxied: Proxied, code: number, retryAfterSeconds?: number): void {
  proxied.status = code
  proxied.answeredAt = performance.now()
  if (retryAfterSeconds !== undefined) response.setHeader('retry-after', String(retryAfterSeconds))
  response.writeHead(code, { 'content-type': 'application/json' }).end(JSON.stringify(statusOf(code)))
}

function statusOf(code: number) {
  return { kind: 'Status', apiVersion: 'v1', status: 'Failure', code, message: `status ${code} of the proxy` }
}

function kubeconfigOf(server: string, token: string | undefined): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'test',
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'test' } }],
    // Without this, the client library refuses HTTP.
    clusters: [{ name: 'test', cluster: { server, 'insecure-skip-tls-verify': true } }],
    users: [{ name: 'test', user: token === undefined ? {} : { token } }],
  })
}
