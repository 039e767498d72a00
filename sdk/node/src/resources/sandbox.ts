import type { RequestOptions } from "../http.js"
import type { List, PageParams } from "../pages.js"
import type { Moment } from "../types.js"
import { part } from "../wire.js"
import { Resource } from "./resource.js"

/** What the sandbox took instead of sending it. */
export interface SandboxMessage {
  id: string
  from: string | null
  to: string[]
  cc: string[]
  recipients: string[]
  subject: string | null
  html_body: string | null
  text_body: string | null
  content_purged: boolean
  headers: { name: string; value: string }[]
  attachments: { filename: string; content_type: string; bytes: number }[]
  received_at: Moment | null
}

export class Sandbox extends Resource {
  /** The newest first. */
  list(params?: PageParams, options?: RequestOptions): List<SandboxMessage> {
    return this.pages("/sandbox/messages", params, options)
  }

  get(id: string, options?: RequestOptions): Promise<SandboxMessage> {
    return this.read(`/sandbox/messages/${part(id)}`, options)
  }
}
