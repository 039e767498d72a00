import { CourierXError } from "./errors.js"
import { Transport } from "./http.js"
import { ApiKeys } from "./resources/api-keys.js"
import { Domains } from "./resources/domains.js"
import { Emails } from "./resources/emails.js"
import { Events } from "./resources/events.js"
import { ProviderConnections } from "./resources/provider-connections.js"
import { RoutingRules } from "./resources/routing-rules.js"
import { Sandbox } from "./resources/sandbox.js"
import { Suppressions } from "./resources/suppressions.js"
import { Templates } from "./resources/templates.js"
import { Webhooks } from "./resources/webhooks.js"

/** Where a client asks unless it is told. */
export const DEFAULT_BASE_URL = "https://api.courierx.dev"

export interface CourierXOptions {
  /** `cxk_live_…` or `cxk_test_…`; else what `COURIERX_API_KEY` says. */
  apiKey?: string
  /** Where your server is, such as `http://localhost:4000`; else what `COURIERX_BASE_URL` says. */
  baseUrl?: string
  /** For how long one try may take, in milliseconds: 30 000. */
  timeout?: number
  /** Tries after the first one: 2. */
  maxRetries?: number
  /** The longest wait before the first retry, in milliseconds: 500. It doubles each time. */
  retryDelay?: number
  /** Another fetch, such as one with a proxy. */
  fetch?: typeof fetch
}

/** The API of a CourierX server. */
export class CourierX {
  readonly emails: Emails
  readonly events: Events
  readonly domains: Domains
  readonly apiKeys: ApiKeys
  readonly suppressions: Suppressions
  readonly webhooks: Webhooks
  readonly templates: Templates
  readonly providerConnections: ProviderConnections
  readonly routingRules: RoutingRules
  readonly sandbox: Sandbox

  constructor(options: CourierXOptions = {}) {
    const transport = new Transport({
      apiKey: apiKey(options.apiKey ?? process.env.COURIERX_API_KEY),
      baseUrl: baseUrl(options.baseUrl ?? (process.env.COURIERX_BASE_URL || DEFAULT_BASE_URL)),
      timeout: options.timeout ?? 30_000,
      maxRetries: options.maxRetries ?? 2,
      retryDelay: options.retryDelay ?? 500,
      fetch: options.fetch ?? ((...request) => fetch(...request)),
    })
    this.emails = new Emails(transport)
    this.events = new Events(transport)
    this.domains = new Domains(transport)
    this.apiKeys = new ApiKeys(transport)
    this.suppressions = new Suppressions(transport)
    this.webhooks = new Webhooks(transport)
    this.templates = new Templates(transport)
    this.providerConnections = new ProviderConnections(transport)
    this.routingRules = new RoutingRules(transport)
    this.sandbox = new Sandbox(transport)
  }
}

function apiKey(given: string | undefined): string {
  const key = given?.trim()
  if (!key) {
    const message = "an API key is missing: give apiKey, or set COURIERX_API_KEY"
    throw new CourierXError(message, { code: "configuration" })
  }
  // The message does not repeat it, as it may be a key all the same.
  if (!/^[\x21-\x7e]+$/.test(key)) {
    throw new CourierXError("apiKey has characters that no key has", { code: "configuration" })
  }
  return key
}

function baseUrl(given: string): string {
  let url: URL
  try {
    url = new URL(given)
  } catch (cause) {
    throw new CourierXError(`baseUrl is no URL: ${given}`, { code: "configuration", cause })
  }
  if (url.protocol !== "https:" && url.protocol !== "http:") {
    throw new CourierXError(`baseUrl has to begin with https:// or http://: ${given}`, { code: "configuration" })
  }
  // As people have it from the documents, with the path or without.
  return given.trim().replace(/\/+$/, "").replace(/\/api\/v1$/, "")
}
