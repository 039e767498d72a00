import type { RequestOptions } from "../http.js"
import type { List } from "../pages.js"
import type { Known, Mode, Moment } from "../types.js"
import { part, toWire } from "../wire.js"
import { Resource } from "./resource.js"

export interface NewApiKey {
  name: string
  /** What it may do; everything if left out. */
  scopes?: string[]
  mode?: Mode
  expiresAt?: Date | string
  /** What may stand in From; any domain if left out. */
  fromDomains?: string[]
  rateLimitPerMinute?: number
}

export interface ApiKey {
  id: string
  name: string
  key_prefix: string
  prefix: string
  mode: Mode
  status: Known<"active" | "revoked" | "expired">
  scopes: string[]
  from_domains: string[]
  last_used_at: Moment | null
  expires_at: Moment | null
  rate_limit_per_minute: number | null
  former_key_ends_at: Moment | null
  created_at: Moment
}

/** A key with itself: it is shown this once. */
export interface CreatedApiKey extends ApiKey {
  key: string
  raw_key: string
}

export class ApiKeys extends Resource {
  list(options?: RequestOptions): List<ApiKey> {
    return this.pages("/api_keys", undefined, options)
  }

  /** Makes a key, by its name alone or with what it may do. */
  create(key: string | NewApiKey, options?: RequestOptions): Promise<CreatedApiKey> {
    return this.make("/api_keys", typeof key === "string" ? { name: key } : toWire(key), options)
  }

  /** A new secret; the one before works on for a day, or for as long as is said. */
  rotate(id: string, { overlapSeconds }: { overlapSeconds?: number } = {}, options?: RequestOptions): Promise<CreatedApiKey> {
    return this.make(`/api_keys/${part(id)}/rotate`, { overlap_seconds: overlapSeconds }, options)
  }

  /** Ends a key, and keeps it in the list. */
  revoke(id: string, options?: RequestOptions): Promise<ApiKey> {
    return this.change(`/api_keys/${part(id)}/revoke`, undefined, options)
  }

  /** Ends and removes a key. */
  delete(id: string, options?: RequestOptions): Promise<void> {
    return this.drop(`/api_keys/${part(id)}`, options)
  }
}
