export { CourierX, DEFAULT_BASE_URL, type CourierXOptions } from "./client.js"
export { CourierX as default } from "./client.js"
export {
  AuthenticationError,
  ConflictError,
  ConnectionError,
  CourierXError,
  NotFoundError,
  PermissionError,
  RateLimitError,
  ServerError,
  TimeoutError,
  ValidationError,
  WebhookVerificationError,
  type ErrorBody,
} from "./errors.js"
export type { RequestOptions } from "./http.js"
export { List, Page, type PageParams } from "./pages.js"
export * from "./resources/api-keys.js"
export * from "./resources/domains.js"
export { Emails, type EmailFilter } from "./resources/emails.js"
export * from "./resources/events.js"
export * from "./resources/provider-connections.js"
export * from "./resources/routing-rules.js"
export * from "./resources/sandbox.js"
export * from "./resources/suppressions.js"
export * from "./resources/templates.js"
export * from "./resources/webhooks.js"
export type * from "./types.js"
export { VERSION } from "./version.js"
export { verifyWebhook, type HeadersLike, type VerifyOptions, type WebhookEvent } from "./webhook-signature.js"
