/** HTTP to the API server: credentials, deadlines, retries, JSON. The only file that sends requests. */
import type { Dispatcher } from 'undici'
import { abortable } from '../time/abortable.ts'
import { type Clock, pause } from '../time/clock.ts'
import { limitTime } from '../time/time-limit.ts'
import { ApiError, parseStatus, TransportError } from './api-error.ts'
import { createConnections } from './connections.ts'
import type { Credentials } from './credentials.ts'
import { type Method, retryMilliseconds } from './retry.ts'

export type ApiRequest = {
  readonly method: Method
  readonly path: string
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>
  readonly body?: unknown
  readonly contentType?: string
  readonly accept?: string
  readonly signal?: AbortSignal | undefined
  /** Over all attempts and the waits between them. One attempt gets half of it, so that a dead connection costs no more. */
  readonly deadlineSeconds: number
  /** False: one attempt, which gets the whole deadline. */
  readonly retry: boolean
  /** Called before each attempt; what it throws is thrown instead of trying. */
  readonly beforeAttempt?: (() => void) | undefined
}

/** Every call may be aborted, and rejects with ApiError or TransportError. */
export type CallOptions = {
  readonly signal?: AbortSignal | undefined
  /** Over all attempts; 30 unless told. */
  readonly deadlineSeconds?: number | undefined
  /** False leaves retries to the caller. */
  readonly retry?: boolean | undefined
}

export type StreamRequest = Pick<ApiRequest, 'path' | 'query' | 'accept'> & {
  readonly signal: AbortSignal
  /** Until the headers of the answer, and then between any two pieces of its body. */
  readonly inactivitySeconds: number
}

/** One attempt: its HTTP status, or `<error>` if there was no answer (as client-go counts). */
export type ApiAttempt = { readonly method: Method; readonly host: string; readonly code: string }

export interface Transport {
  /** The JSON of the answer; undefined if it is empty. Rejects with ApiError, TransportError or the signal's reason. */
  request(request: ApiRequest): Promise<unknown>
  /** The body of an answer as it comes, for watches. Never tries again. */
  stream(request: StreamRequest): AsyncGenerator<Uint8Array, void, undefined>
  close(): Promise<void>
}

export type TransportOptions = {
  readonly credentials: Credentials
  readonly clock: Clock
  /** In [0, 1). */
  readonly random: () => number
  readonly userAgent: string
  readonly onAttempt?: (attempt: ApiAttempt) => void
}

export function createTransport({ credentials, clock, random, userAgent, onAttempt }: TransportOptions): Transport {
  const connections = createConnections()

  /** Sends once, or twice if the credentials were refused; resolves with the headers of a good answer. */
  async function send(request: Sending, signal: AbortSignal): Promise<Dispatcher.ResponseData> {
    const response = await sendOnce(request, signal)
    if (response.statusCode !== 401) return expectGood(response, request)
    await response.body.dump()
    return expectGood(await sendOnce(request, signal, 'renew'), request)
  }

  async function sendOnce(request: Sending, signal: AbortSignal, renew?: 'renew'): Promise<Dispatcher.ResponseData> {
    const reading = credentials.access(renew).catch((cause: unknown) => {
      throw new TransportError('unsent', `no credentials: ${messageOf(cause)}`, { cause })
    })
    const access = await abortable(reading, signal)
    const { method, body, accept = 'application/json', contentType = 'application/json' } = request
    const count = (code: string) => onAttempt?.({ method, host: access.server.host, code })
    try {
      const sending = connections.dispatcher(access).request({
        origin: access.server.origin,
        path: `${access.server.pathname.replace(/\/$/, '')}${request.path}${queryOf(request.query)}`,
        method,
        headers: {
          ...access.headers,
          accept,
          'user-agent': userAgent,
          ...(body !== undefined && { 'content-type': contentType }),
        },
        body: body === undefined ? null : JSON.stringify(body),
        signal,
      })
      // undici hears of an abort only when the request has got a connection, which may be never.
      const response = await abortable(sending, signal)
      count(String(response.statusCode))
      return response
    } catch (error) {
      count('<error>')
      throw error
    }
  }

  async function attempt(request: ApiRequest, seconds: number, outer: AbortSignal): Promise<unknown> {
    const limit = limitTime(clock, seconds, outer, () => timeout(request, seconds))
    try {
      const response = await send(request, limit.signal)
      return parse(await response.body.text(), request)
    } catch (error) {
      throw limit.signal.aborted ? limit.signal.reason : translate(error, request)
    } finally {
      limit.end()
    }
  }

  return {
    async request(request) {
      const { deadlineSeconds, retry } = request
      const attemptSeconds = retry ? deadlineSeconds / 2 : deadlineSeconds
      const limit = limitTime(clock, deadlineSeconds, request.signal, () => timeout(request, deadlineSeconds))
      try {
        for (let failures = 1; ; failures += 1) {
          request.beforeAttempt?.()
          try {
            return await attempt(request, attemptSeconds, limit.signal)
          } catch (error) {
            const wait = retry ? retryMilliseconds(error, request.method, failures, random) : undefined
            if (wait === undefined || limit.signal.aborted || wait >= limit.leftMilliseconds()) throw error
            await pause(clock, wait, limit.signal)
          }
        }
      } finally {
        limit.end()
      }
    },

    async *stream(request) {
      const { inactivitySeconds, signal } = request
      const sending: Sending = { ...request, method: 'GET' }
      const limit = limitTime(clock, inactivitySeconds, signal, () => timeout(sending, inactivitySeconds))
      let body: Dispatcher.ResponseData['body'] | undefined
      try {
        ;({ body } = await send(sending, limit.signal))
        for await (const chunk of body) {
          limit.extend()
          yield chunk
          limit.extend()
        }
      } catch (error) {
        throw limit.signal.aborted ? limit.signal.reason : translate(error, sending)
      } finally {
        limit.end()
        // What is thrown at the rest of a body that nobody wants concerns nobody.
        body?.on('error', () => undefined).destroy()
      }
    },

    close: () => connections.close(),
  }
}

type Sending = Pick<ApiRequest, 'method' | 'path' | 'query' | 'body' | 'contentType' | 'accept'>

async function expectGood(response: Dispatcher.ResponseData, request: Sending): Promise<Dispatcher.ResponseData> {
  const { statusCode, headers, body } = response
  if (statusCode >= 200 && statusCode < 300) return response
  const text = await body.text()
  const retryAfter = headers['retry-after']
  throw parseStatus(
    statusCode,
    jsonOrText(text),
    nameOf(request),
    typeof retryAfter === 'string' ? retryAfter : undefined,
  )
}

function jsonOrText(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

function parse(text: string, request: Sending): unknown {
  if (text === '') return undefined
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new TransportError('malformed', `${nameOf(request)}: the answer is no JSON`, { cause })
  }
}

/** An error of the HTTP client in our words; ours stay as they are. */
function translate(error: unknown, request: Sending): unknown {
  if (error instanceof ApiError || error instanceof TransportError) return error
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  const kind = unsentCodes.has(code) ? 'unsent' : 'cut'
  return new TransportError(kind, `${nameOf(request)}: ${messageOf(error) || code}`, { cause: error })
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

const unsentCodes = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
])

function timeout(request: Sending, seconds: number): TransportError {
  return new TransportError('timeout', `${nameOf(request)}: no answer within ${seconds} s`)
}

function nameOf({ method, path }: Sending): string {
  return `${method} ${path}`
}

function queryOf(query: ApiRequest['query'] = {}): string {
  const parameters = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) if (value !== undefined) parameters.set(name, String(value))
  return parameters.size === 0 ? '' : `?${parameters.toString()}`
}
