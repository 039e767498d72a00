import { ConnectionError, CourierXError } from "../errors.js"
import { frames } from "../event-stream.js"
import type { RequestOptions } from "../http.js"
import type { Mode, Moment } from "../types.js"
import { toQuery } from "../wire.js"
import { Resource } from "./resource.js"
import type { WebhookEventName } from "./webhooks.js"

/** Something that happened, as webhooks tell it too. */
export interface MailEvent {
  /** Where it stands in the order of events. */
  sequence: number
  id: string
  event: WebhookEventName
  message_id: string | null
  to: string | null
  from: string | null
  subject: string | null
  provider: string | null
  timestamp: Moment
  tags: string[]
  metadata: Record<string, string>
  data: { mode: Mode } & Record<string, unknown>
}

/** Which events. */
export interface EventFilter {
  /** After this one: a `sequence`, or what a page had as `next_cursor`. */
  after?: number
  /** Of these names; of any if there are none. */
  events?: WebhookEventName[]
  messageId?: string
  connectionId?: string
  mode?: Mode
}

/** Some of what happened, the oldest first. */
export interface EventPage {
  data: MailEvent[]
  /** What to go on `after`, now or later. */
  next_cursor: number
  /** Whether there may be more already. */
  has_more: boolean
}

export class Events extends Resource {
  /** What happened after a position, from the first event on unless one is named. */
  list(filter: EventFilter & { limit?: number } = {}, options?: RequestOptions): Promise<EventPage> {
    return this.request({ method: "GET", path: "/events", query: query(filter), repeatable: true }, options)
  }

  /**
   * What happens, as it happens: after a position, or from now on. It goes on where it was after whatever may pass, and
   * ends when its loop does or `signal` is aborted; it throws what does not pass, such as the end of the key.
   */
  async *stream(filter: EventFilter = {}, options: RequestOptions = {}): AsyncGenerator<MailEvent, void, undefined> {
    let last: string | undefined
    for (let failures = 0; ; ) {
      try {
        const request = { method: "GET", path: "/events/stream", query: query(filter), repeatable: true, last } as const
        for await (const frame of frames(this.open(request, options))) {
          failures = 0
          last = frame.id ?? last
          if (frame.data !== undefined) yield JSON.parse(frame.data) as MailEvent
        }
      } catch (error) {
        options.signal?.throwIfAborted()
        // What was never there may be elsewhere; what was there comes back.
        if (last === undefined || !passes(error)) throw error
      }
      await this.pause(failures++, options)
    }
  }
}

function passes(error: unknown): boolean {
  if (error instanceof ConnectionError) return true
  return error instanceof CourierXError && (error.status === 429 || (error.status ?? 0) >= 500)
}

function query({ events, ...filter }: EventFilter & { limit?: number }): Record<string, unknown> {
  return toQuery({ ...filter, events: events?.join(",") })
}
