//! Hand an email over once; CourierX keeps it, sends it through whichever provider works, and tells what
//! became of it.
//!
//! [`Courier`] is the whole of it: built over named [providers](EmailProvider) and, for an outbox, a store.
//! [`Courier::send`] sends now; [`Courier::enqueue`] keeps a message that a [`Worker`] delivers.
//!
//! ```
//! use courierx::{Courier, Email, testing::Recorder};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let courier = Courier::builder().provider("primary", Recorder::new()).build()?;
//! let email = Email::to("ada@example.com")
//!     .from("Acme <hi@acme.example>")
//!     .subject("Hello {{name}}")
//!     .text("Hi {{name}}")
//!     .variable("name", "Ada")
//!     .build()?;
//! let sent = courier.send(&email).await?;
//! println!("sent through {}", sent.tried[0].connection);
//! # Ok(())
//! # }
//! ```
//!
//! | To | there is |
//! |---|---|
//! | make a message | [`Email`] and its builder |
//! | send through a server | [`Smtp`] (feature `smtp`) |
//! | send through a vendor | `SendGrid`, `Ses`, `Mailgun`, `Postmark`, `Resend` (features of these names, in lower case) |
//! | send nowhere | [`Sandbox`], and [`testing::Recorder`] for tests |
//! | keep messages | [`SqliteStore`] (feature `sqlite`), `PostgresStore` (feature `postgres`), [`MemoryStore`] |
//! | follow messages | [`Courier::events`], [`Courier::message`] |
//! | keep the store from growing | [`Courier::purge`] |
//! | keep large contents elsewhere | [`CourierBuilder::blobs`], with `ObjectBlobs` (feature `object-store`) |
//! | hold mail back | [`suppression`], through [`Courier::store`] |
//! | test what sends mail | [`testing::Recorder`], [`assert_sent!`] |
//! | come from lettre | `lettre::LettreTransport` (feature `lettre`) |
//! | write a provider | [`provider`] |
//! | write a store | [`store`], and [`blobs`] beside it |
//!
//! Errors tell what to do next: [`SendError::may_have_been_sent`] says whether sending again may duplicate,
//! and [`RefusalKind`] whom a refusal blames. A refusal repeats what the provider said, bounded and without
//! credentials; it may name the recipient, so treat it like an address where that matters.
//!
//! It spawns nothing but what [`Courier::spawn`] returns a handle for, has no global state, and leaves
//! nothing running once everything is dropped.

#![deny(missing_docs)]

mod courier;
#[cfg(feature = "lettre")]
pub mod lettre;

pub use courier::{
    BuildError, CallbackError, Courier, CourierBuilder, EnqueueError, LookError, NoStore, RunError,
    SweepBlobsError,
};
pub use courierx_core::UnknownName;
pub use courierx_core::assert_sent;
pub use courierx_core::blobs::{self, Blobs};
pub use courierx_core::clock::{self, Clock, ManualClock, SystemClock, Timestamp};
pub use courierx_core::engine::{
    self, AcceptError, Accepted, EventSignal, EventStream, NotSent, OutboxOptions, Outlook, ReceiveError,
    RenderError, SendError, Sent, Tried, Worker, WorkerError, WorkerOptions, Written,
};
pub use courierx_core::event::{self, Event, EventKind, MessageStatus, RecipientStatus, Sequence};
pub use courierx_core::id::{self, MessageId, TenantId};
pub use courierx_core::message::{
    self, Address, Attachment, DuplicatePolicy, Email, EmailBuilder, InvalidEmail, Lane, Mailbox, Mode,
    Problem, RetryPreset,
};
pub use courierx_core::provider::{self, EmailProvider, Outcome, Outgoing, RefusalKind};
pub use courierx_core::router::{self, Connection, ConnectionId, Router, Rule};
pub use courierx_core::store::{self, Store};
pub use courierx_core::suppression;
pub use courierx_core::template;
pub use courierx_core::testing;
pub use courierx_core::tracking::{self, Tracker};
pub use courierx_core::vault::{self, Vault, VaultKey};
#[cfg(feature = "conformance")]
pub use courierx_core::{blobs_conformance, provider_conformance, store_conformance};
#[cfg(any(
    feature = "sendgrid",
    feature = "ses",
    feature = "mailgun",
    feature = "postmark",
    feature = "resend"
))]
pub use courierx_providers::http;
#[cfg(feature = "mailgun")]
pub use courierx_providers::mailgun::{self, Mailgun};
#[cfg(feature = "postmark")]
pub use courierx_providers::postmark::{self, Postmark};
#[cfg(feature = "resend")]
pub use courierx_providers::resend::{self, Resend};
pub use courierx_providers::sandbox::{self, Sandbox};
#[cfg(feature = "sendgrid")]
pub use courierx_providers::sendgrid::{self, SendGrid};
#[cfg(feature = "ses")]
pub use courierx_providers::ses::{self, Ses};
#[cfg(feature = "smtp")]
pub use courierx_providers::smtp::{self, Smtp};
pub use courierx_store::MemoryStore;
#[cfg(feature = "object-store")]
pub use courierx_store::blobs::ObjectBlobs;
#[cfg(feature = "postgres")]
pub use courierx_store::postgres::{self, PostgresStore};
#[cfg(feature = "sqlite")]
pub use courierx_store::sqlite::{self, SqliteStore};
