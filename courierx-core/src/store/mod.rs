//! Where messages are kept: the [`Store`] traits, and the suite that every back-end passes.
//!
//! A store is ten small traits over one database. Each call is atomic and answers item by item; none hands
//! out a transaction, and nothing is locked between calls, so no lock is ever held across the network.
//! Every call carries its tenant: what belongs to another tenant is "not found".
//!
//! # Writing a store
//!
//! Implement the ten traits and [`Store`], then run every case of `courierx_core::store::conformance`
//! (feature `conformance`) over it. A store takes its times from one [`Clock`], its own: the database's
//! where several processes share one, so that their clocks need not agree.

mod allowance;
mod audit_log;
mod callback_log;
mod canary;
mod configs;
#[cfg(feature = "conformance")]
pub mod conformance;
mod counters;
mod effects;
mod erasure;
mod error;
mod filter;
mod generation;
mod ledger;
mod page;
#[cfg(all(test, feature = "conformance"))]
mod permutations;
mod queue;
mod records;
mod soft_bounces;
mod state;
mod statistics;
mod suppressions;
pub mod transfer;
mod webhook_log;

use std::fmt;
use std::sync::Arc;

pub use allowance::{Allowance, Excess};
pub use audit_log::{AuditEntry, AuditFilter, AuditLog, AuditPage};
pub use callback_log::{CallbackLog, KeptCallback};
pub use canary::{CANARY_KIND, CanaryError, check_canary, look_at_canary};
pub use configs::{
    Change, CommitError, ConfigChange, ConfigRecord, Configs, ConfigsExt, KeyValue, OnDelete, Reference,
    Resource, ResourceError, Versioned,
};
pub use counters::{
    CounterDelta, CounterQuery, CounterValue, Counters, CountersExt, Grant, Reservation, Reserved,
    Resolution, Usage, Window,
};
pub use effects::Effects;
pub use erasure::Erasure;
pub use error::{StoreError, StoreResult};
pub use filter::MessageFilter;
pub use generation::Generation;
pub use ledger::{
    AcceptResult, AttemptResult, BeginAttempt, Begun, CancelResult, Decided, EventMatch, EventQuery,
    FencedStep, Idempotency, IncomingEvent, KeyUse, Ledger, NewMessage, NewRecipient, PurgeRequest, Purged,
    Recorded, RequeueResult, Reschedule, RescheduleResult, ScopedKey, Settled, Settlement,
};
pub use page::{Cursor, Page, PageRequest};
pub use queue::{
    ClaimRequest, Claimed, DepthQuery, Job, JobId, JobKind, JobNext, LaneDepth, LeaseRef, LeaseToken, NewJob,
    Queue, kept_for_a_lane,
};
pub use records::{AttemptRecord, MessageRecord, RecipientRecord, RecipientResult, StoredMessage};
pub use soft_bounces::{SoftBounces, SoftRow};
pub use state::{Expected, State, StateEntry, StateKey, Swap};
pub use statistics::Statistic;
pub use suppressions::{SuppressionFilter, Suppressions};
pub use webhook_log::{WebhookFilter, WebhookLog, WebhookResult, WebhookTry};

use crate::clock::Clock;
use crate::id::TenantId;
use crate::vault::Vault;

/// A database for everything CourierX keeps.
pub trait Store:
    Ledger
    + Queue
    + Suppressions
    + Counters
    + Configs
    + State
    + AuditLog
    + Erasure
    + WebhookLog
    + CallbackLog
    + fmt::Debug
    + Send
    + Sync
    + 'static
{
    /// The clock all times of this store come from.
    fn clock(&self) -> Arc<dyn Clock>;

    /// The keys that this store brings along to seal what it keeps.
    ///
    /// A store on this machine may keep a generated key beside its data, so that content is sealed without
    /// anybody configuring it; a store that several machines share has none, and its user must bring keys.
    fn vault(&self) -> Option<Vault> {
        None
    }

    /// How far the writes of a tenant are: for whoever remembers what was read.
    ///
    /// It is another one as soon as a call was answered that changed what [`Ledger`], [`Configs`] or [`Suppressions`] tell
    /// of the tenant, and may be another one without that. So whatever was read after asking is still so while the answer
    /// is the same; only what follows from the time, such as that a date has come, nobody writes down.
    ///
    /// None from a store that cannot know, because others write to its database as well: then nothing can be remembered.
    fn generation(&self, tenant: TenantId) -> Option<Generation> {
        let _ = tenant;
        None
    }
}
