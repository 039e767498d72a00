import { randomUUID } from "node:crypto"

import type { RequestOptions } from "../http.js"
import type { List, PageParams } from "../pages.js"
import type {
  Attachment,
  Batch,
  BatchResult,
  Email,
  EmailStatus,
  FullEmail,
  Message,
  Mode,
  ReconciledEmail,
  ReconciledStale,
  SentEmail,
} from "../types.js"
import { part, toWire } from "../wire.js"
import { Resource } from "./resource.js"

/** Which emails a list has. */
export interface EmailFilter extends PageParams {
  status?: EmailStatus
  /** A part of the address. */
  recipient?: string
  tag?: string
  mode?: Mode
  /** Accepted from then on… */
  from?: Date | string
  /** …and until then. */
  to?: Date | string
}

export class Emails extends Resource {
  /** Accepts a message for delivery. It is safe on the server's disk once this returns. */
  send(message: Message, options: RequestOptions = {}): Promise<SentEmail> {
    const { idempotencyKey, ...rest } = message
    return this.#sendOnce("/emails", wireMessage(rest), options.idempotencyKey ?? idempotencyKey, options)
  }

  /** Sends many at once; of those that are refused, `results` says why. */
  batch(batch: Batch, options: RequestOptions = {}): Promise<BatchResult> {
    if (Array.isArray(batch)) {
      const body = { emails: batch.map(({ idempotencyKey, ...rest }) => withKey(wireMessage(rest), idempotencyKey)) }
      return this.#sendOnce("/emails/batch", body, options.idempotencyKey, options)
    }
    const { idempotencyKey, ...message } = batch
    return this.#sendOnce("/emails/batch", wireMessage(message), options.idempotencyKey ?? idempotencyKey, options)
  }

  /** The newest first. */
  list(filter?: EmailFilter, options?: RequestOptions): List<Email> {
    return this.pages("/emails", filter, options)
  }

  /** One with its content, events and attempts. */
  get(id: string, options?: RequestOptions): Promise<FullEmail> {
    return this.read(`/emails/${part(id)}`, options)
  }

  /** Cancels what was not handed over to a provider yet. */
  cancel(id: string, options?: RequestOptions): Promise<SentEmail> {
    return this.act(`/emails/${part(id)}/cancel`, undefined, options)
  }

  /** Looks after a message that seems to be stuck. It never sends anything twice. */
  reconcile(id: string, options?: RequestOptions): Promise<ReconciledEmail> {
    return this.act(`/emails/${part(id)}/reconcile`, undefined, options)
  }

  /** Has all messages looked after that seem to be stuck: up to 1000, once in two minutes. */
  reconcileStale(options?: RequestOptions): Promise<ReconciledStale> {
    return this.act("/emails/reconcile_stale", undefined, options)
  }

  /** Moves the date of a message whose delivery has not begun. */
  reschedule(id: string, scheduledAt: Date | string, options?: RequestOptions): Promise<SentEmail> {
    return this.change(`/emails/${part(id)}`, { scheduled_at: scheduledAt }, options)
  }

  /** Every try of it has the same key, so that it is sent once, however often it is asked for. */
  #sendOnce<T>(path: string, body: Record<string, unknown>, key: string | undefined, options: RequestOptions): Promise<T> {
    const idempotencyKey = key ?? ownKey(body) ?? `auto-${randomUUID()}`
    return this.request({ method: "POST", path, body, repeatable: true, idempotencyKey }, options)
  }
}

/** The key that a message has in its metadata, where clients of the first version put it. */
function ownKey(body: Record<string, unknown>): string | undefined {
  const key = (body.metadata as Record<string, unknown> | undefined)?.idempotency_key
  return key === undefined || key === null ? undefined : String(key)
}

/** A message of a batch has no header of its own for its key. */
function withKey(body: Record<string, unknown>, key: string | undefined): Record<string, unknown> {
  return key === undefined ? body : { ...body, metadata: { ...(body.metadata as object), idempotency_key: key } }
}

/** A message with the names of the API. */
export function wireMessage(message: object): Record<string, unknown> {
  const wire = toWire(message)
  if (Array.isArray(wire.attachments)) wire.attachments = wire.attachments.map(wireAttachment)
  return wire
}

function wireAttachment({ content, ...rest }: Attachment): Record<string, unknown> {
  if (content === undefined) return toWire(rest)
  if (typeof content === "string") return { ...toWire(rest), content }
  if (!(content instanceof Uint8Array)) throw new TypeError("an attachment's content is bytes, or a string of base64")
  const bytes = Buffer.from(content.buffer, content.byteOffset, content.byteLength)
  return { ...toWire(rest), content: bytes.toString("base64") }
}
