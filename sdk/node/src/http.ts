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
  /** Of a stream: the last event that was read. */
  last?: string
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

/** A stream that says nothing for so long, in milliseconds, is gone: it says every 15 seconds that it is there. */
const SILENCE = 45_000

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

  /** Opens a stream, again where it cannot be for a moment, and reads it to its end. */
  async *open(request: Request, options: RequestOptions = {}): AsyncGenerator<Uint8Array> {
    const controller = new AbortController()
    const abort = () => controller.abort()
    options.signal?.addEventListener("abort", abort, { once: true })
    let timer: ReturnType<typeof setTimeout> | undefined
    const listen = (patience: number) => {
      clearTimeout(timer)
      timer = setTimeout(abort, patience)
    }
    try {
      const response = await this.#begin(request, controller.signal, options, listen)
      if (!response.body) return
      // As Node.js 18 has it, and its types have not.
      for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
        // However long its reader takes for what came, that is no silence of the server.
        clearTimeout(timer)
        yield chunk
        listen(SILENCE)
      }
    } catch (cause) {
      options.signal?.throwIfAborted()
      if (cause instanceof CourierXError) throw cause
      throw connectionError(cause)
    } finally {
      clearTimeout(timer)
      options.signal?.removeEventListener("abort", abort)
      controller.abort()
    }
  }

  /** The answer to a request for a stream. */
  async #begin(
    request: Request,
    signal: AbortSignal,
    options: RequestOptions,
    listen: (patience: number) => void,
  ): Promise<Response> {
    const policy = { ...this.#settings, maxRetries: options.maxRetries ?? this.#settings.maxRetries }
    for (let retry = 0; ; retry++) {
      options.signal?.throwIfAborted()
      let error: CourierXError
      let headers: Headers | undefined
      try {
        listen(options.timeout ?? this.#settings.timeout)
        const written = { ...this.#headers(request), Accept: "text/event-stream" }
        const response = await this.#settings.fetch(this.#url(request), { headers: written, redirect: "manual", signal })
        const isStream = response.headers.get("content-type")?.startsWith("text/event-stream")
        if (response.ok && isStream) return response
        const tried = read<unknown>(response, await response.text())
        const message = "the answer is no stream; does baseUrl lead to a CourierX server?"
        error = "error" in tried ? tried.error : new CourierXError(message, { status: response.status, code: "no_stream" })
        headers = response.headers
      } catch (cause) {
        options.signal?.throwIfAborted()
        if (signal.aborted) throw new TimeoutError("no answer in time", { code: "timeout", cause })
        error = connectionError(cause)
      }
      const delay = delayBefore(retry, policy, headers)
      if (retry >= policy.maxRetries || !mayRetry(error, true) || delay === undefined) throw error
      await pause(delay, options.signal)
    }
  }

  /** Waits before a stream is opened again that was cut off so often in a row. */
  rest(failures: number, options: RequestOptions = {}): Promise<void> {
    return pause(delayBefore(failures, this.#settings, undefined) ?? 0, options.signal)
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
    if (request.last !== undefined) headers["Last-Event-ID"] = request.last
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
