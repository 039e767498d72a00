import type { RequestOptions } from "../http.js"
import type { List } from "../pages.js"
import type { Known, Moment } from "../types.js"
import { part, toWire } from "../wire.js"
import { Resource } from "./resource.js"

export type Provider = Known<"smtp" | "sendgrid" | "aws_ses" | "mailgun" | "postmark" | "resend" | "sandbox">

/** What is said of a connection. What each provider needs is in the server's documentation. */
export interface ConnectionFields {
  provider: Provider
  displayName: string
  mode?: Known<"live" | "byok" | "test">
  status?: Known<"active" | "inactive">
  apiKey?: string
  secret?: string
  sessionToken?: string | null
  priority?: number
  weight?: number
  dailyCap?: number | null
  monthlyCap?: number | null
  rolling24hCap?: number | null
  maxInFlight?: number | null
  rateLimit?: { perSecond: number; burst?: number } | null
  /** It gets nothing new, and finishes what it began. */
  drain?: boolean
  region?: string | null
  domain?: string | null
  configurationSet?: string | null
  messageStream?: string | null
  ipPool?: string | null
  baseUrl?: string | null
  smtpHost?: string | null
  smtpPort?: number | null
  tls?: Known<"starttls" | "implicit" | "none">
  /** Whether the server tells the provider to call back: yes, unless said otherwise. */
  webhookAutoManaged?: boolean
  /** What the provider's callbacks are verified by, where that has to be given. */
  webhookSecret?: string | null
  snsTopicArns?: string[] | null
}

export interface ProviderConnection {
  id: string
  provider: Provider
  mode: string
  status: Known<"active" | "inactive">
  display_name: string
  priority: number
  weight: number
  /** Credentials are in no answer. */
  api_key_present: boolean
  secret_present: boolean
  /** Whether it works, and what to do if it does not. */
  verification: {
    verified: boolean
    status: Known<"verified" | "failed">
    sandbox: boolean
    message: string
    error: string | null
    provider: Provider
    at: Moment
  } | null
  last_verified_at: Moment | null
  /** How the provider calls back; null if it never does. */
  webhook: {
    status: Known<"not_configured" | "auto" | "manual" | "failed" | "needs_signing_key" | "revoked">
    auto_managed: boolean
    url: string | null
    last_error: string | null
    last_synced_at: Moment | null
    last_received_at: Moment | null
    /** Whether it ever called back. */
    proven: boolean
    [field: string]: unknown
  } | null
  created_at: Moment
  updated_at: Moment
  /** Limits, how it does, and what its kind has. */
  [field: string]: unknown
}

export class ProviderConnections extends Resource {
  /** By priority. */
  list(options?: RequestOptions): List<ProviderConnection> {
    return this.pages("/provider_connections", undefined, options)
  }

  get(id: string, options?: RequestOptions): Promise<ProviderConnection> {
    return this.read(`/provider_connections/${part(id)}`, options)
  }

  /** Connects, and verifies at once: `verification` says whether it works. */
  create(connection: ConnectionFields, options?: RequestOptions): Promise<ProviderConnection> {
    return this.make("/provider_connections", wireConnection(connection), options)
  }

  update(id: string, changes: Partial<ConnectionFields>, options?: RequestOptions): Promise<ProviderConnection> {
    return this.change(`/provider_connections/${part(id)}`, wireConnection(changes), options)
  }

  verify(id: string, options?: RequestOptions): Promise<ProviderConnection> {
    return this.act(`/provider_connections/${part(id)}/verify`, undefined, options)
  }

  /** Sets up once more, soon, that the provider calls back. */
  resyncWebhook(id: string, options?: RequestOptions): Promise<ProviderConnection> {
    return this.act(`/provider_connections/${part(id)}/resync_webhook`, undefined, options)
  }

  delete(id: string, options?: RequestOptions): Promise<void> {
    return this.drop(`/provider_connections/${part(id)}`, options)
  }
}

function wireConnection(fields: Partial<ConnectionFields>): Record<string, unknown> {
  const wire = toWire(fields)
  if (fields.rateLimit) wire.rate_limit = toWire(fields.rateLimit)
  return wire
}
