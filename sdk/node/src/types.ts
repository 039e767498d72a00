/** A moment in RFC 3339, such as `2030-01-31T09:30:00Z`. */
export type Moment = string

/** A name that is known, or one that a newer server has. */
export type Known<T extends string> = T | (string & {})

export type EmailStatus = Known<
  | "scheduled"
  | "queued"
  | "sending"
  | "sent"
  | "delivered"
  | "failed"
  | "bounced"
  | "complained"
  | "suppressed"
  | "canceled"
  | "unknown"
>

export type Mode = Known<"live" | "test">

/** An address, `Name <address>`, or several of them. */
export type Addresses = string | string[]

/** A file to attach. */
export interface Attachment {
  /** Its name; of a `url` the last part of that unless it is given. */
  filename?: string
  /** Bytes (a `Buffer` is some), or text in base64. */
  content?: Uint8Array | string
  /** Where the server fetches it instead: https. */
  url?: string
  contentType?: string
  /** Makes it inline: `<img src="cid:…">` shows it. */
  contentId?: string
}

/** What a message says, without those who get it. */
export interface MessageContent {
  from: string
  fromName?: string
  replyTo?: Addresses
  subject?: string
  html?: string
  text?: string
  /** A template, in place of the bodies, by its id… */
  templateId?: string
  /** …or by its name. */
  template?: string
  /** Makes subject and bodies Handlebars templates, or fills the template. */
  variables?: Record<string, unknown>
  /** Refuses a message whose texts need what is not in `variables`. */
  strictVariables?: boolean
  tags?: string[]
  metadata?: Record<string, string | number | boolean | null>
  headers?: Record<string, string>
  attachments?: Attachment[]
  /** When delivery begins: a date, its text, or a time from now, such as `in 2 hours`. */
  scheduledAt?: Date | string
  /** When delivery ends. */
  deliverBy?: Date | string
  /** What is counted of readers, and by whom: the provider, unless `by` says `courierx`. */
  tracking?: boolean | { opens?: boolean; clicks?: boolean; by?: Known<"provider" | "courierx"> }
  /** Whether the recipient can leave with a click: mail of a topic, or all of it. */
  unsubscribe?: boolean | { topic?: string }
  lane?: Known<"transactional" | "bulk" | "critical">
  /** What follows if a provider did not answer. */
  duplicatePolicy?: Known<"wait_then_failover" | "failover_now" | "never">
  retry?: Known<"smtp-72h" | "sendex-24h" | "quick">
  /** Makes it repeatable: within a day the same key is the same message. */
  idempotencyKey?: string
}

/** A message to send. */
export interface Message extends MessageContent {
  to: Addresses
  toName?: string
  cc?: Addresses
  bcc?: Addresses
}

/** Who gets a message of their own. */
export interface BatchRecipient {
  email: string
  name?: string
  /** Before those of the message. */
  variables?: Record<string, unknown>
}

/** Up to 100 messages, or one message and up to 1000 who get it, each for themselves. */
export type Batch = Message[] | (MessageContent & { recipients: BatchRecipient[] })

/** An email, as lists have it. */
export interface Email {
  id: string
  from_email: string
  from_name?: string
  to_email: string
  subject: string | null
  status: EmailStatus
  display_status: string
  display_message: string | null
  display_cta: unknown
  last_error: string | null
  provider: string | null
  provider_display_name: string | null
  provider_message_id: string | null
  mode: Mode
  tags: string[]
  scheduled_at: Moment | null
  queued_at: Moment
  sent_at: Moment | null
  delivered_at: Moment | null
  created_at: Moment
  /** Who was left out, as they are suppressed. */
  suppressed?: string[]
}

/** What sending answers: the email, and once more under `email`. */
export type SentEmail = Email & { email: Email }

/** What looking after an email came to. */
export interface ReconciledEmail {
  email: Email
  action: "terminal" | "too_recent" | "reenqueued" | "resynced" | "still_pending" | "marked_failed" | "noop"
  /** What that means, for people. */
  detail: string
}

/** Which emails are looked after. */
export interface ReconciledStale {
  enqueued_count: number
  /** The first hundred. */
  email_ids: string[]
  /** Whether there may be more than were taken. */
  truncated: boolean
}

export interface EmailEvent {
  id: string
  event_type: string
  occurred_at: Moment
  recipient: string | null
  provider: string | null
  provider_connection_id: string | null
  bounce_type: string | null
  message: string | null
}

export interface Attempt {
  id: string
  number: number
  provider: string | null
  provider_connection_id: string
  provider_display_name: string | null
  provider_message_id: string | null
  started_at: Moment
  finished_at: Moment | null
  results: {
    recipient: string | null
    outcome: Known<"pending" | "accepted" | "refused" | "unknown">
    reason: string | null
    code: string | null
    message: string | null
  }[]
  skipped: unknown[]
}

/** An email with its content and all that became of it. */
export interface FullEmail extends Email {
  recipients: { email: string; field: Known<"to" | "cc" | "bcc">; status: string }[]
  html_body: string | null
  text_body: string | null
  content_purged: boolean
  reply_to: string | null
  metadata: Record<string, string>
  tracking: { opens?: boolean; clicks?: boolean; by?: Known<"provider" | "courierx"> } | null
  unsubscribe: { offered: boolean; topic: string | null } | null
  attempt_count: number
  events: EmailEvent[]
  attempts: Attempt[]
  waiting: { until: Moment | null; skipped: unknown[] } | null
}

/** What became of a batch; `results` are in the order of its messages. */
export interface BatchResult {
  total: number
  accepted: number
  refused: number
  results: {
    index: number
    id?: string
    status?: EmailStatus
    replayed?: boolean
    error?: string
    code?: string
    errors?: string[]
    details?: Record<string, string[]>
  }[]
}
