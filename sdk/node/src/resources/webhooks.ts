import type { RequestOptions } from "../http.js"
import type { List, PageParams } from "../pages.js"
import type { Moment } from "../types.js"
import { part, toWire } from "../wire.js"
import { Resource } from "./resource.js"

export interface WebhookEndpointFields {
  url: string
  description?: string | null
  /** `delivered`, `bounced`, `complained`, `opened`, `clicked`, `unsubscribed`, `failed`. */
  events: string[]
  /** Whether it is told anything: yes unless this is false. */
  enabled?: boolean
}

export interface WebhookEndpoint {
  id: string
  url: string
  description: string | null
  events: string[]
  is_active: boolean
  created_at: Moment
}

/** An endpoint with its secret, which `verifyWebhook` needs: it is shown this once. */
export interface CreatedWebhookEndpoint extends WebhookEndpoint {
  secret: string
}

export class Webhooks extends Resource {
  list(params?: PageParams, options?: RequestOptions): List<WebhookEndpoint> {
    return this.pages("/webhook_endpoints", params, options)
  }

  get(id: string, options?: RequestOptions): Promise<WebhookEndpoint> {
    return this.read(`/webhook_endpoints/${part(id)}`, options)
  }

  create(endpoint: WebhookEndpointFields, options?: RequestOptions): Promise<CreatedWebhookEndpoint> {
    return this.make("/webhook_endpoints", wireEndpoint(endpoint), options)
  }

  update(id: string, changes: Partial<WebhookEndpointFields>, options?: RequestOptions): Promise<WebhookEndpoint> {
    return this.change(`/webhook_endpoints/${part(id)}`, wireEndpoint(changes), options)
  }

  delete(id: string, options?: RequestOptions): Promise<void> {
    return this.drop(`/webhook_endpoints/${part(id)}`, options)
  }
}

function wireEndpoint({ enabled, ...rest }: Partial<WebhookEndpointFields>): Record<string, unknown> {
  return enabled === undefined ? toWire(rest) : { ...toWire(rest), is_active: enabled }
}
