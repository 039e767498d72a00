import { ConnectionError, CourierXError, retryAfterSeconds } from "./errors.js"

/** How often and after what time a request is tried again. */
export interface RetryPolicy {
  /** Tries after the first one. */
  maxRetries: number
  /** The longest wait before the first retry, in milliseconds; it doubles each time. */
  retryDelay: number
}

const LONGEST_DELAY = 8_000
/** A server that wants more time than this is not waited for. */
const LONGEST_RETRY_AFTER = 60_000

/** Errors of a connection that was never made: nothing was sent. */
const NOT_SENT = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "UND_ERR_CONNECT_TIMEOUT",
])

/** Statuses that tell of now and not of the request. */
const TRANSIENT = new Set([408, 429, 500, 502, 503, 504])
/** Those after which certainly nothing was done. */
const NOT_DONE = new Set([429, 503])

/**
 * Whether a request that failed like this may be tried again. One that is repeatable may whenever the failure can pass;
 * any other only if it certainly was not carried out.
 */
export function mayRetry(error: CourierXError, repeatable: boolean): boolean {
  if (error instanceof ConnectionError) return repeatable || NOT_SENT.has(error.code)
  if (error.status === undefined) return false
  return (repeatable ? TRANSIENT : NOT_DONE).has(error.status)
}

/** How long to wait before the next try, in milliseconds; undefined if it is not worth waiting. */
export function delayBefore(
  retry: number,
  policy: RetryPolicy,
  headers: Headers | undefined,
  random = Math.random(),
): number | undefined {
  const asked = headers && retryAfterSeconds(headers)
  if (asked !== undefined) {
    const delay = asked * 1000
    return delay > LONGEST_RETRY_AFTER ? undefined : delay
  }
  const most = Math.min(LONGEST_DELAY, policy.retryDelay * 2 ** retry)
  // Those who failed together do not come back together.
  return most / 2 + (most / 2) * random
}

/** Waits, unless it is aborted. */
export function pause(milliseconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const aborted = () => {
      clearTimeout(timer)
      reject(signal?.reason)
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", aborted)
      resolve()
    }, milliseconds)
    if (signal?.aborted) aborted()
    else signal?.addEventListener("abort", aborted, { once: true })
  })
}
