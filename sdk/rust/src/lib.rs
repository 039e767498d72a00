//! The client of the `CourierX` server.
//!
//! ```no_run
//! # async fn example() -> Result<(), courierx_client::Error> {
//! use courierx_client::{Client, Message};
//!
//! let courierx = Client::new("cxk_live_…", "http://localhost:4000")?;
//! let message = Message::new("hello@yourapp.com", "user@example.com")
//!     .subject("Welcome, {{name}}")
//!     .text("You signed up, {{name}}.")
//!     .variable("name", "Ada");
//! let sent = courierx.emails().send(&message).await?;
//! println!("{} is {}", sent.id, sent.status);
//! # Ok(())
//! # }
//! ```
//!
//! A send is safe to repeat: each has an idempotency key, one for all of its tries, so that a retry after a broken
//! connection is the same email and not a second one. [`Message::idempotency_key`] is one of your own.
//!
//! What may pass is tried again, twice unless [`ClientBuilder::max_retries`] says otherwise; what is not repeatable only
//! if the server certainly did nothing. A future that is dropped ends its request.

mod client;
mod error;
mod message;
mod page;
mod resources;
mod retry;
mod transport;
pub mod webhook;

pub use client::{Client, ClientBuilder, DEFAULT_BASE_URL};
pub use error::{Error, Refusal};
pub use jiff::Timestamp;
pub use message::{Attachment, Batch, BatchRecipient, Lane, Message, When};
pub use page::{Page, Pages};
pub use resources::{
    ApiKey, ApiKeys, Attempt, AttemptResult, BatchItem, BatchResult, CreatedApiKey, CreatedWebhookEndpoint,
    Decision, DnsRecord, Domain, DomainChanges, Domains, Email, EmailEvent, EmailFilter, Emails, Event,
    EventFilter, EventPage, EventStream, Events, Explanation, FullEmail, NewApiKey, NewSuppression,
    OneOrMany, Preview, ProviderConnection, ProviderConnections, Recipient, Reconciled, ReconciledStale,
    RoutingRule, RoutingRules, RuleConnection, RuleFields, Sandbox, SandboxFile, SandboxMessage, Suppression,
    SuppressionFilter, Suppressions, Template, TemplateFields, TemplateFilter, TemplateVariable, Templates,
    Verification, WebhookDelivery, WebhookEndpoint, WebhookEndpointFields, Webhooks,
};
