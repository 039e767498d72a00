import { createHmac, timingSafeEqual } from "node:crypto"

import { WebhookVerificationError } from "./errors.js"

/** What a webhook tells. */
export interface WebhookEvent {
  /** The same whenever the event is told again: what was seen can be left out by it. */
  id: string
  /** What happened: `delivered`, `bounced`, `complained`, `opened`, `clicked` and others. */
  event: string
  /** The email's id. */
  message_id: string | null
  /** The recipient that it is about. */
  to: string | null
  from: string | null
  subject: string | null
  provider: string | null
  /** When it happened. */
  timestamp: string
  tags: string[]
  metadata: Record<string, string>
  data: Record<string, unknown>
}

export interface VerifyOptions {
  /** How old a webhook may be, or how far ahead its clock: 300. */
  toleranceSeconds?: number
  /** The present moment, for tests. */
  now?: Date
}

/** Headers as fetch has them, or as Node.js and its frameworks do. */
export type HeadersLike = Headers | Record<string, string | string[] | undefined>

/**
 * Returns what a webhook tells if it is from your server, and throws a `WebhookVerificationError` if it is not.
 *
 * `rawBody` is the body as it came, before anything parsed it; `secret` what the endpoint's creation answered, or several
 * while it is being replaced.
 */
export function verifyWebhook<T = WebhookEvent>(
  rawBody: string | Uint8Array,
  headers: HeadersLike,
  secret: string | readonly string[],
  { toleranceSeconds = 300, now = new Date() }: VerifyOptions = {},
): T {
  if (typeof rawBody !== "string" && !(rawBody instanceof Uint8Array)) {
    throw new TypeError("rawBody is the body as it came: a string or bytes, not what a parser made of it")
  }
  const secrets = typeof secret === "string" ? [secret] : secret
  if (secrets.length === 0 || secrets.some((one) => !one)) throw new TypeError("a secret is empty")

  const timestamp = header(headers, "x-courierx-timestamp")
  const signature = header(headers, "x-courierx-signature")
  if (!/^\d{1,12}$/.test(timestamp)) refuse("X-CourierX-Timestamp is no number of seconds")
  const given = signature.split(",").map((one) => /^\s*sha256=([0-9a-f]{64})\s*$/i.exec(one)?.[1])
  const digests = given.filter((one) => one !== undefined).map((one) => Buffer.from(one!, "hex"))

  const matches = secrets.map((one) => {
    const expected = createHmac("sha256", one).update(`${timestamp}.`).update(rawBody).digest()
    return digests.map((digest) => timingSafeEqual(digest, expected)).includes(true)
  })
  if (!matches.includes(true)) refuse("the signature is not made with this secret")
  // Afterwards: who does not know the secret learns nothing of the clock.
  const age = now.getTime() / 1000 - Number(timestamp)
  if (!(Math.abs(age) <= toleranceSeconds)) refuse(`it is ${Math.round(age)} seconds old`)

  const text = typeof rawBody === "string" ? rawBody : Buffer.from(rawBody).toString("utf8")
  try {
    return JSON.parse(text) as T
  } catch (cause) {
    throw new WebhookVerificationError("the webhook's body is not JSON", { code: "invalid_webhook", cause })
  }
}

function header(headers: HeadersLike, name: string): string {
  const one = (value: string | string[] | null | undefined) => {
    if (Array.isArray(value) && value.length > 1) refuse(`${name} is given more than once`)
    const text = Array.isArray(value) ? value[0] : value
    return text ? text : refuse(`${name} is missing`)
  }
  if (typeof (headers as Headers).get === "function") return one((headers as Headers).get(name))
  const found = Object.entries(headers).filter(([key]) => key.toLowerCase() === name)
  return one(found.flatMap(([, value]) => value ?? []))
}

function refuse(why: string): never {
  throw new WebhookVerificationError(`the webhook is refused: ${why}`, { code: "invalid_webhook" })
}
