import { ConnectionError, CourierXError, NotFoundError, TimeoutError, errorOf } from "./errors.js"
import { type RetryPolicy, delayBefore, mayRetry, pause } from "./retry.js"
import { VERSION } from "./version.js"

/** What can be said of a single request. */
export interface RequestOptions {
  /** Ends the request, and the wait for another try. */
  signal?: AbortSignal
  /** For how long one try may take, in milliseconds. */
  timeout?: number
  /** Tries after the first one. */
  maxRetries?: number
  /** Makes a send repeatable: the same key is the same message. One is made for each send unless it is given. */
  idempotencyKey?: string
}

/** A request, before it is written. */
export interface Request {
  method: "GET" | "POST" | "PATCH" | "DELETE"
  /** Below `/api/v1`. */
  path: string
  query?: Record<string, unknown>
  body?: unknown
  /** Whether it may be carried out twice without harm. */
  repeatable: boolean
  idempotencyKey?: string
}

/** An answer. */
export interface Answer<T> {
  data: T
  headers: Headers
}

export interface TransportSettings extends RetryPolicy {
  apiKey: string
  baseUrl: string
  timeout: number
  fetch: typeof fetch
}

/** The outcome of one try. */
type Tried<T> = { answer: Answer<T> } | { error: CourierXError; headers?: Headers }

/** Carries requests to the server and answers back. */
export class Transport {
  readonly #settings: TransportSettings

  constructor(settings: TransportSettings) {
    this.#settings = settings
  }

  /** Sends a request, again where that is safe, and returns what the server answers. */
  async send<T>(request: Request, options: RequestOptions = {}): Promise<Answer<T>> {
    const policy = { ...this.#settings, maxRetries: options.maxRetries ?? this.#settings.maxRetries }
    // Whether an earlier try may have been carried out although it failed.
    let inDoubt = false
    for (let retry = 0; ; retry++) {
      options.signal?.throwIfAborted()
      const tried = await this.#attempt<T>(request, options)
      if ("answer" in tried) return tried.answer
      const { error, headers } = tried
      if (error instanceof NotFoundError && request.method === "DELETE" && inDoubt) {
        return { data: undefined as T, headers: headers ?? new Headers() }
      }
      if (retry >= policy.maxRetries || !mayRetry(error, request.repeatable)) throw error
      const delay = delayBefore(retry, policy, headers)
      if (delay === undefined) throw error
      inDoubt ||= !mayRetry(error, false)
      await pause(delay, options.signal)
    }
  }

  async #attempt<T>(request: Request, options: RequestOptions): Promise<Tried<T>> {
    const timeout = options.timeout ?? this.#settings.timeout
    const controller = new AbortController()
    const abort = () => controller.abort()
    options.signal?.addEventListener("abort", abort, { once: true })
    const timer = setTimeout(abort, timeout)
    try {
      const response = await this.#settings.fetch(this.#url(request), {
        method: request.method,
        headers: this.#headers(request),
        body: request.body === undefined ? undefined : JSON.stringify(request.body),
        // A redirect would turn a send into something else, and carry the key along.
        redirect: "manual",
        signal: controller.signal,
      })
      return read<T>(response, await response.text())
    } catch (cause) {
      options.signal?.throwIfAborted()
      if (controller.signal.aborted) {
        return { error: new TimeoutError(`no answer within ${timeout} ms`, { code: "timeout", cause }) }
      }
      return { error: connectionError(cause) }
    } finally {
      clearTimeout(timer)
      options.signal?.removeEventListener("abort", abort)
    }
  }

  #url({ path, query = {} }: Request): string {
    const url = new URL(`${this.#settings.baseUrl}/api/v1${path}`)
    for (const [name, value] of Object.entries(query)) {
      if (value === undefined || value === null) continue
      url.searchParams.set(name, value instanceof Date ? value.toISOString() : String(value))
    }
    return url.href
  }

  #headers(request: Request): Record<string, string> {
    const headers: Record<string, string> = {
      Authorization: `Bearer ${this.#settings.apiKey}`,
      Accept: "application/json",
      "User-Agent": `@courierx/node/${VERSION}`,
    }
    if (request.body !== undefined) headers["Content-Type"] = "application/json"
    if (request.idempotencyKey !== undefined) headers["Idempotency-Key"] = request.idempotencyKey
    return headers
  }
}

function read<T>(response: Response, text: string): Tried<T> {
  const { status, headers } = response
  let body: unknown
  try {
    body = text === "" ? undefined : JSON.parse(text)
  } catch (cause) {
    if (response.ok) {
      const message = "the answer is not JSON; does baseUrl lead to a CourierX server?"
      return { error: new CourierXError(message, { status, code: "not_json", body: text, cause }), headers }
    }
    body = text
  }
  return response.ok ? { answer: { data: body as T, headers } } : { error: errorOf(status, body, headers), headers }
}

function connectionError(cause: unknown): ConnectionError {
  // fetch says "fetch failed", and the reason in its cause.
  const reason = (cause as { cause?: { code?: string; message?: string } } | undefined)?.cause
  const code = reason?.code ?? "connection_error"
  const why = reason?.message || reason?.code || (cause instanceof Error ? cause.message : String(cause))
  return new ConnectionError(`the server cannot be reached: ${why}`, { code, cause })
}
