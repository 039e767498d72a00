import type { RequestOptions } from "../http.js"
import type { List, PageParams } from "../pages.js"
import type { Known, Moment } from "../types.js"
import { part, toWire } from "../wire.js"
import { Resource } from "./resource.js"

export type SuppressionReason = Known<"bounce" | "complaint" | "unsubscribe" | "manual">

export interface SuppressionFilter extends PageParams {
  reason?: SuppressionReason
  /** About this topic; about any and about all mail if left out. */
  topic?: string
  email?: string
}

export interface NewSuppression {
  /** An address, or `@example.com` for everybody there. */
  email: string
  /** `manual` if left out. */
  reason?: SuppressionReason
  /** Which mail it holds back; all of it if left out. */
  topic?: string
  note?: string
  expiresAt?: Date | string
}

export interface Suppression {
  id: string
  email: string
  reason: SuppressionReason
  /** Which mail it holds back; all of it if null. */
  topic: string | null
  note: string | null
  source: string
  source_email_id: string | null
  created_at: Moment
  expires_at: Moment | null
}

export class Suppressions extends Resource {
  list(filter?: SuppressionFilter, options?: RequestOptions): List<Suppression> {
    return this.pages("/suppressions", filter, options)
  }

  create(entry: string | NewSuppression, options?: RequestOptions): Promise<Suppression> {
    return this.make("/suppressions", typeof entry === "string" ? { email: entry } : toWire(entry), options)
  }

  delete(id: string, options?: RequestOptions): Promise<void> {
    return this.drop(`/suppressions/${part(id)}`, options)
  }
}
