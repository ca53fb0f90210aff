/** What can go wrong with a request: the API server said no, or it could not be heard. */

export type ErrorCause = { readonly reason: string; readonly message: string; readonly field: string }

/** The API server answered with an error; `reason` is what to branch on (`NotFound`, `Conflict`, `AlreadyExists`, `Expired` …). */
export class ApiError extends Error {
  override readonly name = 'ApiError'
  readonly status: number
  readonly reason: string
  readonly causes: readonly ErrorCause[]
  /** What the server asks for before the next attempt. */
  readonly retryAfterSeconds: number | undefined

  constructor(answer: Pick<ApiError, 'status' | 'reason' | 'message' | 'causes' | 'retryAfterSeconds'>, what?: string) {
    super(what === undefined ? answer.message : `${what}: ${answer.message}`)
    this.status = answer.status
    this.reason = answer.reason
    this.causes = answer.causes
    this.retryAfterSeconds = answer.retryAfterSeconds
  }
}

/**
 * - `unsent`: no connection; the server knows nothing of the request.
 * - `cut`: the connection ended before the answer did.
 * - `timeout`: no answer, or no byte, in time.
 * - `malformed`: something else than the API answered.
 */
export type TransportErrorKind = 'unsent' | 'cut' | 'timeout' | 'malformed'

/** The API server could not be heard. Whether it carried the request out is unknown, unless it was `unsent`. */
export class TransportError extends Error {
  override readonly name = 'TransportError'
  readonly kind: TransportErrorKind

  constructor(kind: TransportErrorKind, message: string, options?: ErrorOptions) {
    super(message, options)
    this.kind = kind
  }
}

export function hasReason(error: unknown, ...reasons: readonly string[]): error is ApiError {
  return error instanceof ApiError && reasons.includes(error.reason)
}

/**
 * The API server said that it does not take this object, or that something which it asks about it, such as a webhook, is
 * broken: others may be taken all the same.
 */
export function isRefusal(error: unknown): error is ApiError {
  if (!(error instanceof ApiError)) return false
  const { status } = error
  return status === 500 || (status >= 400 && status < 500 && status !== 409 && status !== 429)
}

/** What was asked for is older than what the server remembers: list again. */
export function isExpired(error: unknown): boolean {
  return error instanceof ApiError && (error.status === 410 || error.reason === 'Expired' || error.reason === 'Gone')
}

/** The error in a body of kind Status, or in whatever a proxy answered instead. */
export function parseStatus(httpStatus: number, body: unknown, what?: string, retryAfterHeader?: string): ApiError {
  const status = record(body)
  const details = record(status['details'])
  const code = number(status['code']) ?? httpStatus
  return new ApiError(
    {
      status: code,
      reason: string(status['reason']) || (reasons[code] ?? 'Unknown'),
      message: string(status['message']) || `HTTP ${code}${typeof body === 'string' ? `: ${shortened(body)}` : ''}`,
      causes: causes(details['causes']),
      retryAfterSeconds: seconds(retryAfterHeader) ?? number(details['retryAfterSeconds']),
    },
    what,
  )
}

// Names of k8s.io/apimachinery/pkg/apis/meta/v1 StatusReason, for answers that have none.
const reasons: Readonly<Record<number, string>> = {
  400: 'BadRequest',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  405: 'MethodNotAllowed',
  406: 'NotAcceptable',
  409: 'Conflict',
  410: 'Gone',
  413: 'RequestEntityTooLarge',
  415: 'UnsupportedMediaType',
  422: 'Invalid',
  429: 'TooManyRequests',
  500: 'InternalError',
  503: 'ServiceUnavailable',
  504: 'Timeout',
}

const longestMessage = 300

function shortened(text: string): string {
  return text.length <= longestMessage ? text : `${text.slice(0, longestMessage)}…`
}

function causes(value: unknown): ErrorCause[] {
  if (!Array.isArray(value)) return []
  return value.map(record).map(cause => ({
    reason: string(cause['reason']),
    message: string(cause['message']),
    field: string(cause['field']),
  }))
}

function seconds(header: string | undefined): number | undefined {
  return header !== undefined && /^\d{1,6}$/.test(header) ? Number(header) : undefined
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {}
}

function string(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

function number(value: unknown): number | undefined {
  return typeof value === 'number' && value > 0 ? value : undefined
}
