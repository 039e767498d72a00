//! The engine: the way of a message from the application to a provider.
//!
//! ```text
//!  accept ──► queue ──► deliver ──► settle ──► events
//! ```
//!
//! [`Outbox`] is the durable way, over a [`Store`](crate::store::Store): each arrow is one atomic call of
//! the store, and between them nothing is locked and nothing but the store remembers.
//! [`Direct`] is the way without a store: one round of the same decisions, at once, for a caller who waits.

mod accept;
mod apart;
mod begin;
mod callbacks;
mod claimed;
mod content;
mod deliver;
mod direct;
mod events;
mod explain;
mod hand_over;
mod leases;
mod leave_out;
mod lookup;
mod marked;
mod open;
mod outbox;
mod parts;
mod quotas;
mod reconcile;
mod render;
mod reschedule;
mod rest;
mod retry;
mod round;
mod settle;
mod sharing;
mod summary;
mod visits;
mod worker;
mod write_down;

pub use accept::{AcceptError, Accepted, Submission, Written};
pub use callbacks::{ReceiveError, RecordedEvent};
pub use content::ContentError;
pub use direct::{Direct, NotSent, SendError, Sent, Tried};
pub use events::{EventSignal, EventStream};
pub use explain::Outlook;
#[cfg(test)]
pub(crate) use marked::render_marked_for_tests;
pub use outbox::{NoVault, Outbox, OutboxOptions, Routes};
pub use parts::{CompiledParts, FilledParts, TemplateParts};
pub use reconcile::Reconciled;
pub use render::{RenderError, render};
pub use reschedule::RescheduleError;
pub use retry::RetrySchedule;
pub use summary::Summary;
pub use visits::{Subscription, Visit, Visited};
pub use worker::{Worker, WorkerError, WorkerOptions};
