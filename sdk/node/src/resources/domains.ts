import type { RequestOptions } from "../http.js"
import type { List, PageParams } from "../pages.js"
import type { Known, Moment } from "../types.js"
import { part, toWire } from "../wire.js"
import { Resource } from "./resource.js"

export interface NewDomain extends DomainChanges {
  domain: string
}

export interface DomainChanges {
  dkimSelector?: string | null
  /** Selectors by the ids of connections. */
  dkimSelectors?: Record<string, string[]>
  /** A host of the domain for links that lead to the server. */
  trackingHost?: string | null
}

/** A record to publish. */
export interface DnsRecord {
  type: string
  /** Null where the vendor makes it for each account; `note` says who tells it. */
  name: string | null
  value: string | null
  ttl: number
  verified: boolean
  status: Known<"found" | "missing" | "wrong" | "unknown">
  purpose: string
  required: boolean
  error: string | null
  note: string | null
  provider_connection_ids: string[]
}

export interface Domain {
  id: string
  domain: string
  status: Known<"pending" | "verified" | "failed">
  /** To publish as TXT at `_courierx.<domain>`. */
  verification_token: string
  verified_at: Moment | null
  error: string | null
  missing_since: Moment | null
  last_checked_at: Moment | null
  next_check_at: Moment | null
  spf_record: string | null
  dkim_selector: string | null
  dkim_selectors: Record<string, string[]>
  tracking_host: string | null
  tracking_host_verified_at: Moment | null
  dns_records: DnsRecord[]
  spf_advisor: Record<string, unknown> | null
  dmarc: Record<string, unknown> | null
  providers: Record<string, unknown>[]
  created_at: Moment
  updated_at: Moment
}

export class Domains extends Resource {
  list(params?: PageParams, options?: RequestOptions): List<Domain> {
    return this.pages("/domains", params, options)
  }

  get(id: string, options?: RequestOptions): Promise<Domain> {
    return this.read(`/domains/${part(id)}`, options)
  }

  /** Adds a domain, by its name alone or with selectors. */
  create(domain: string | NewDomain, options?: RequestOptions): Promise<Domain> {
    return this.make("/domains", typeof domain === "string" ? { domain } : toWire(domain), options)
  }

  update(id: string, changes: DomainChanges, options?: RequestOptions): Promise<Domain> {
    return this.change(`/domains/${part(id)}`, toWire(changes), options)
  }

  /** Has its records looked at now. */
  verify(id: string, options?: RequestOptions): Promise<Domain> {
    return this.act(`/domains/${part(id)}/verify`, undefined, options)
  }

  delete(id: string, options?: RequestOptions): Promise<void> {
    return this.drop(`/domains/${part(id)}`, options)
  }
}
