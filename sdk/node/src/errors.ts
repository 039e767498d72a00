/** What the server says of a request that it refuses. */
export interface ErrorBody {
  error?: string
  code?: string
  errors?: string[]
  details?: Record<string, string[]>
  /** Of a batch of which nothing was accepted: what is wrong with each message. */
  results?: unknown[]
}

/** What is known of an error besides its text. */
export interface ErrorContext {
  status?: number
  code?: string
  errors?: string[]
  requestId?: string
  body?: unknown
  cause?: unknown
}

/** Everything that goes wrong is one of these. */
export class CourierXError extends Error {
  /** The HTTP status, if there was an answer. */
  readonly status?: number
  /** The error for programs, such as `validation_error` or `suppressed`. */
  readonly code: string
  /** One sentence for each thing that is wrong, if the server lists them. */
  readonly errors: string[]
  /** What to name when asking the operator about it. */
  readonly requestId?: string
  /** The whole answer. */
  readonly body?: unknown

  constructor(message: string, context: ErrorContext = {}) {
    super(message, context.cause === undefined ? undefined : { cause: context.cause })
    this.name = new.target.name
    this.status = context.status
    this.code = context.code ?? "error"
    this.errors = context.errors ?? []
    this.requestId = context.requestId
    this.body = context.body
  }
}

/** 401: there is no key, it is wrong, or it has ended. */
export class AuthenticationError extends CourierXError {}

/** 403: the key lacks a scope, or may not do this. */
export class PermissionError extends CourierXError {}

/** 404: there is no such thing for this key. */
export class NotFoundError extends CourierXError {}

/** 409: in use, taken, too late, or an idempotency key of another message. */
export class ConflictError extends CourierXError {}

/** 400, 413, 422: the request cannot be accepted as it is. */
export class ValidationError extends CourierXError {
  /** What is wrong, by the field's name in the API: `{ subject: ["is missing"] }`. */
  readonly fields: Record<string, string[]>

  constructor(message: string, context: ErrorContext & { fields?: Record<string, string[]> } = {}) {
    super(message, context)
    this.fields = context.fields ?? {}
  }
}

/** 429: too many requests. */
export class RateLimitError extends CourierXError {
  /** In how many seconds the next request is welcome. */
  readonly retryAfter?: number

  constructor(message: string, context: ErrorContext & { retryAfter?: number } = {}) {
    super(message, context)
    this.retryAfter = context.retryAfter
  }
}

/** 5xx: the server cannot serve the request. */
export class ServerError extends CourierXError {}

/** There is no answer: the server cannot be reached, or the connection broke. */
export class ConnectionError extends CourierXError {}

/** There is no answer in time. Whether the request was served is not known. */
export class TimeoutError extends ConnectionError {}

/** A webhook that is not from the server, or that is too old. */
export class WebhookVerificationError extends CourierXError {}

/** The error for an answer of this status. */
export function errorOf(status: number, body: unknown, headers: Headers): CourierXError {
  const said: ErrorBody = typeof body === "object" && body !== null ? (body as ErrorBody) : {}
  const message = said.error ?? said.errors?.[0] ?? `the server answered ${status}`
  const context = {
    status,
    code: said.code ?? String(status),
    errors: said.errors ?? [],
    requestId: headers.get("x-request-id") ?? undefined,
    body,
  }
  switch (status) {
    case 401:
      return new AuthenticationError(message, context)
    case 403:
      return new PermissionError(message, context)
    case 404:
      return new NotFoundError(message, context)
    case 409:
      return new ConflictError(message, context)
    case 400:
    case 413:
    case 422:
      return new ValidationError(message, { ...context, fields: said.details })
    case 429:
      return new RateLimitError(message, { ...context, retryAfter: retryAfterSeconds(headers) })
    default:
      return status >= 500 ? new ServerError(message, context) : new CourierXError(message, context)
  }
}

/** What the header `Retry-After` says, in seconds: it is a number of them, or a date. */
export function retryAfterSeconds(headers: Headers, now = Date.now()): number | undefined {
  const text = headers.get("retry-after")?.trim()
  if (!text) return undefined
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text)
  const date = Date.parse(text)
  return Number.isNaN(date) ? undefined : Math.max(0, (date - now) / 1000)
}
