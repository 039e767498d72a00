import type { RequestOptions } from "../http.js"
import type { List } from "../pages.js"
import type { Known, Mode, Moment } from "../types.js"
import { part, toQuery, toWire } from "../wire.js"
import { Resource } from "./resource.js"

/** What happened. */
export type WebhookEventName = Known<
  | "queued"
  | "sent"
  | "unknown"
  | "deferred"
  | "delivered"
  | "bounced"
  | "complained"
  | "opened"
  | "clicked"
  | "unsubscribed"
  | "suppressed"
  | "failed"
  | "canceled"
>

export interface WebhookEndpointFields {
  url: string
  description?: string | null
  /** What it is told of; of everything if there are none. */
  events?: WebhookEventName[]
  /** Whether it is told anything: yes unless this is false. */
  enabled?: boolean
  mode?: Mode
  /** `verifyWebhook` knows `courierx`, which it is unless something else is said. */
  signatureScheme?: Known<"courierx" | "standard" | "svix" | "timestamped" | "plain">
}

export interface WebhookEndpoint {
  id: string
  url: string
  description: string | null
  events: WebhookEventName[]
  is_active: boolean
  mode: Mode
  signature_scheme: string
  /** Since when it is not told any more because it did not answer, and why. */
  disabled_at: Moment | null
  disabled_reason: string | null
  former_secret_ends_at: Moment | null
  created_at: Moment
  updated_at: Moment
}

/** An endpoint with its secret, which `verifyWebhook` needs: it is shown this once. */
export interface CreatedWebhookEndpoint extends WebhookEndpoint {
  secret: string
}

/** One request to an endpoint. */
export interface WebhookDelivery {
  id: string
  event_id: string
  event_type: WebhookEventName
  sequence: number | null
  message_id: string | null
  success: boolean
  response_status: number | null
  response_body: string | null
  error: string | null
  attempt_count: number
  duration_ms: number
  delivered_at: Moment | null
  next_retry_at: Moment | null
  created_at: Moment
}

/** Which deliveries. */
export interface DeliveryFilter {
  success?: boolean
  page?: number
  perPage?: number
}

/** What is told once more: these, or what was not taken in a time. */
export interface Replay {
  sequences?: number[]
  from?: Date | string
  to?: Date | string
  /** `false` takes in what was taken. */
  failedOnly?: boolean
}

const PATH = "/webhook_endpoints"

export class Webhooks extends Resource {
  list(options?: RequestOptions): List<WebhookEndpoint> {
    return this.pages(PATH, undefined, options)
  }

  get(id: string, options?: RequestOptions): Promise<WebhookEndpoint> {
    return this.read(`${PATH}/${part(id)}`, options)
  }

  create(endpoint: WebhookEndpointFields, options?: RequestOptions): Promise<CreatedWebhookEndpoint> {
    return this.make(PATH, wireEndpoint(endpoint), options)
  }

  update(id: string, changes: Partial<WebhookEndpointFields>, options?: RequestOptions): Promise<WebhookEndpoint> {
    return this.change(`${PATH}/${part(id)}`, wireEndpoint(changes), options)
  }

  delete(id: string, options?: RequestOptions): Promise<void> {
    return this.drop(`${PATH}/${part(id)}`, options)
  }

  /** A new secret; the one before signs too for a day, or for as long as is said. */
  rotateSecret(
    id: string,
    { overlapSeconds }: { overlapSeconds?: number } = {},
    options?: RequestOptions,
  ): Promise<CreatedWebhookEndpoint> {
    return this.make(`${PATH}/${part(id)}/rotate_secret`, { overlap_seconds: overlapSeconds }, options)
  }

  /** What it was told, the latest first. */
  deliveries(id: string, filter: DeliveryFilter = {}, options?: RequestOptions): Promise<WebhookDelivery[]> {
    const path = `${PATH}/${part(id)}/deliveries`
    return this.request({ method: "GET", path, query: toQuery(filter), repeatable: true }, options)
  }

  /** Tells it of something that did not happen, and what came of it. */
  test(id: string, options?: RequestOptions): Promise<{ message: string; delivery: WebhookDelivery }> {
    return this.act(`${PATH}/${part(id)}/test`, undefined, options)
  }

  /** Tells it once more, under the same ids; of how many events is answered. */
  replay(id: string, replay: Replay, options?: RequestOptions): Promise<{ events: number }> {
    return this.make(`${PATH}/${part(id)}/replay`, toQuery(replay), options)
  }
}

function wireEndpoint({ enabled, ...rest }: Partial<WebhookEndpointFields>): Record<string, unknown> {
  return enabled === undefined ? toWire(rest) : { ...toWire(rest), is_active: enabled }
}
