//! CourierX.

mod courier;
#[cfg(feature = "lettre")]
pub mod lettre;

pub use courier::{
    BuildError, CallbackError, Courier, CourierBuilder, EnqueueError, LookError, NoStore, RunError,
};
pub use courierx_core::assert_sent;
pub use courierx_core::clock::{Clock, ManualClock, SystemClock, Timestamp};
pub use courierx_core::engine::{
    AcceptError, Accepted, EventStream, NotSent, OutboxOptions, ReceiveError, RenderError, SendError, Sent,
    Tried, Worker, WorkerError, WorkerOptions,
};
pub use courierx_core::event::{Event, EventKind, MessageStatus, RecipientStatus, Sequence};
pub use courierx_core::id::MessageId;
pub use courierx_core::message::{
    Address, Attachment, DuplicatePolicy, Email, EmailBuilder, InvalidEmail, Lane, Mailbox, Mode, Problem,
    RetryPreset,
};
pub use courierx_core::provider::{self, EmailProvider, Outcome, Outgoing, RefusalKind};
pub use courierx_core::router::{self, Connection, ConnectionId};
pub use courierx_core::suppression;
pub use courierx_core::testing;
pub use courierx_core::vault::{self, Vault, VaultKey};

pub use courierx_providers::sandbox::{self, Sandbox};
#[cfg(feature = "smtp")]
pub use courierx_providers::smtp::{self, Smtp};
pub use courierx_store::MemoryStore;
#[cfg(feature = "sqlite")]
pub use courierx_store::sqlite::{self, SqliteStore};
