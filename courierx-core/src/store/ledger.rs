//! The hot path: messages, attempts and events.

use async_trait::async_trait;

use super::{
    Allowance, Effects, Excess, Grant, JobNext, LeaseRef, MessageFilter, MessageRecord, Page, PageRequest,
    Reservation, SoftRow, StoreResult, StoredMessage,
};
use crate::clock::Timestamp;
use crate::event::{Disposition, Event, EventKind, Sequence};
use crate::id::{AttemptId, DeliveryId, MessageId, TenantId};
use crate::message::{Address, DuplicatePolicy, IdempotencyKey, Lane, Mode, RecipientField, RetryPreset};
use crate::provider::RecipientOutcome;
use crate::router::{ConnectionId, Skipped};
use crate::vault::Sealed;

/// Messages, their attempts and their events. Batch first: every call answers item by item, in order.
///
/// A batch may mix tenants. Concurrent calls may be committed together; each is durable when it returns.
/// Calls may be repeated as they are after [`StoreError::Unavailable`](super::StoreError::Unavailable):
/// identifiers are the caller's, and what is there already is recognised.
#[async_trait]
pub trait Ledger: Send + Sync {
    /// Writes messages, their content, their idempotency records and their effects.
    ///
    /// A message that is stored already, by its identifier, is [`AcceptResult::Stored`] and changes nothing.
    async fn accept(&self, batch: Vec<NewMessage>) -> StoreResult<Vec<AcceptResult>>;

    /// Reads messages with their content and attempts; none for one that is not the tenant's.
    async fn load(&self, batch: &[(TenantId, MessageId)]) -> StoreResult<Vec<Option<StoredMessage>>>;

    /// Reads messages with their attempts and without their content, for lists.
    async fn outline(&self, batch: &[(TenantId, MessageId)]) -> StoreResult<Vec<Option<StoredMessage>>>;

    /// Tells of messages whether they still have their content; none for one that is not the tenant's.
    ///
    /// What has been accepted is told of from then on, whoever asks. A store should override this: it reads
    /// the messages.
    async fn has_content(&self, batch: &[(TenantId, MessageId)]) -> StoreResult<Vec<Option<bool>>> {
        let loaded = self.load(batch).await?;
        Ok(loaded.into_iter().map(|message| Some(message?.content.is_some())).collect())
    }

    /// Tells what idempotency keys were used for; none for one that is free, or whose time is over.
    async fn find_keys(&self, batch: &[(TenantId, ScopedKey)]) -> StoreResult<Vec<Option<KeyUse>>>;

    /// Writes attempts down before the wire: checks the lease, numbers the attempt and reserves the
    /// connection's quota, all or nothing for each item.
    ///
    /// An attempt that was begun before, by its identifier, and has no result yet is answered as it was then.
    async fn begin_attempts(&self, batch: Vec<BeginAttempt>) -> StoreResult<Vec<Begun>>;

    /// Records what became of attempts and what follows for their messages and jobs.
    ///
    /// The result of an attempt is always recorded, by the attempt's id, even from an owner whose lease is
    /// gone, and once; its effects are committed exactly when it is. What an attempt had reserved of a quota
    /// is released once every recipient of it was certainly not sent to. The fenced step is applied only if
    /// the lease is the job's present one.
    async fn settle(&self, batch: Vec<Settlement>) -> StoreResult<Vec<Settled>>;

    /// Records events that providers reported, each once by its deduplication key, and moves the statuses
    /// of the attempt, the recipient and the message.
    ///
    /// The reported event is appended before those of its effects. Of several attempts of one delivery it is
    /// about the latest that may have been sent.
    async fn record_events(&self, batch: Vec<IncomingEvent>) -> StoreResult<Vec<Recorded>>;

    /// Lists the tenant's messages, newest first.
    ///
    /// A store may look at only so many messages for one page of a filtered list: then the page is short,
    /// or empty, and its cursor goes on where it ended, with what is left to pass over.
    async fn list(
        &self,
        tenant: TenantId,
        filter: &MessageFilter,
        page: &PageRequest,
    ) -> StoreResult<Page<MessageRecord>>;

    /// The same list, of messages as [`outline`](Self::outline) reads them. A store that reads both at once spares who
    /// lists messages half of the way.
    async fn list_outlines(
        &self,
        tenant: TenantId,
        filter: &MessageFilter,
        page: &PageRequest,
    ) -> StoreResult<Page<StoredMessage>> {
        let Page { items, next } = self.list(tenant, filter, page).await?;
        let places: Vec<_> = items.iter().map(|record| (record.tenant, record.id)).collect();
        let items = self.outline(&places).await?.into_iter().flatten().collect();
        Ok(Page { items, next })
    }

    /// Counts the tenant's messages, no further than `at_most`.
    ///
    /// Without a filter the count is exact up to there. With one, a store may look at only so many of the
    /// newest messages (as for a page of [`list`](Self::list)), so that at least as many match.
    async fn count_messages(
        &self,
        tenant: TenantId,
        filter: &MessageFilter,
        at_most: u64,
    ) -> StoreResult<u64>;

    /// Reads events in the order in which they were committed.
    async fn events(&self, query: &EventQuery) -> StoreResult<Vec<Event>>;

    /// Reads the events of some messages of a tenant: of each the first ones, as [`EventQuery::of_message`] asks for
    /// them. A store may read all of them at once.
    async fn events_of(&self, tenant: TenantId, messages: &[MessageId]) -> StoreResult<Vec<Vec<Event>>> {
        let mut all = Vec::with_capacity(messages.len());
        for message in messages {
            all.push(self.events(&EventQuery::of_message(tenant, *message)).await?);
        }
        Ok(all)
    }

    /// Reads a message as [`load`](Self::load) does, with its [events](Self::events_of); none if it is not the tenant's.
    async fn load_with_events(
        &self,
        tenant: TenantId,
        message: MessageId,
    ) -> StoreResult<Option<(StoredMessage, Vec<Event>)>> {
        let Some(loaded) = self.load(&[(tenant, message)]).await?.pop().flatten() else { return Ok(None) };
        let events = self.events(&EventQuery::of_message(tenant, message)).await?;
        Ok(Some((loaded, events)))
    }

    /// The position of the last event that was committed, whosever it is; [`Sequence::START`] if there was none. What is
    /// committed later stands after it.
    async fn last_event(&self) -> StoreResult<Sequence>;

    /// Cancels what was not handed over yet: every open recipient, unless an attempt is on the wire. Appends
    /// a `canceled` event for each. Who may have been sent to already, since an attempt has no certain result, is not sent
    /// to again either, but reads `unknown`, as the event for it says.
    ///
    /// An attempt is on the wire while it has no result and its lease is the job's present one. The job is
    /// left to its next owner, and so is the event that tells of it.
    async fn cancel(&self, tenant: TenantId, message: MessageId) -> StoreResult<CancelResult>;

    /// Moves the date of a message whose delivery has not begun: nobody holds its job, nobody ever claimed it, and
    /// somebody is left to send to.
    ///
    /// Whoever claims the job at the same time has it either before, and then it is too late, or after, and then
    /// only once it is due.
    async fn reschedule(&self, change: &Reschedule) -> StoreResult<RescheduleResult>;

    /// Gives a message a delivery job that is due now, if somebody is left to send to and there is none, held or not.
    ///
    /// A message and its job are written and ended together, so there is nothing to do but in a database that somebody
    /// else has written to. A store may look through all jobs of the tenant, though not while others wait for it.
    async fn requeue(&self, tenant: TenantId, message: MessageId) -> StoreResult<RequeueResult>;

    /// Removes what is older than allowed, at most `limit` records at once, and what has expired. What is not
    /// settled is kept, with its content.
    ///
    /// A store also does here what it has to do now and then, such as making room for the days to come.
    async fn purge(&self, request: &PurgeRequest) -> StoreResult<Purged>;
}

/// A message to accept.
#[derive(Debug, Clone)]
pub struct NewMessage {
    /// Its identifier.
    pub id: MessageId,
    /// Whose it is.
    pub tenant: TenantId,
    /// When it was accepted.
    pub created_at: Timestamp,
    /// When it is due.
    pub send_at: Timestamp,
    /// After which moment it is not to be sent any more.
    pub deliver_by: Option<Timestamp>,
    /// The address in From.
    pub from: Address,
    /// How urgent it is.
    pub lane: Lane,
    /// Whether it may reach anybody.
    pub mode: Mode,
    /// How it is tried again.
    pub retry: RetryPreset,
    /// What follows from an unknown outcome.
    pub duplicates: DuplicatePolicy,
    /// Tags, for filtering.
    pub tags: Vec<String>,
    /// Its recipients, by position from 0 without gaps.
    pub recipients: Vec<NewRecipient>,
    /// What lists show of its content, sealed under its identifier; a few hundred bytes.
    pub summary: Option<Sealed>,
    /// Its content, sealed under its identifier.
    pub content: Sealed,
    /// Under which key it is accepted once.
    pub idempotency: Option<Idempotency>,
    /// What its tenant may have accepted: it has room in each of them, or is not accepted. One that goes into a
    /// transaction of the application's own is not held to them.
    pub allowances: Vec<Allowance>,
    /// What is committed with it: its delivery job, its first event, counters.
    pub effects: Effects,
}

/// A recipient of a message to accept.
#[derive(Debug, Clone)]
pub struct NewRecipient {
    /// Its position in the message.
    pub index: u32,
    /// Which header it stands in.
    pub field: RecipientField,
    /// Its address.
    pub address: Address,
    /// [`Disposition::Open`], or [`Disposition::Suppressed`].
    pub disposition: Disposition,
}

/// Under which key a message is accepted once.
#[derive(Debug, Clone)]
pub struct Idempotency {
    /// The key, unique for the tenant until it expires.
    pub key: ScopedKey,
    /// What was asked for: the same key with another digest is a conflict.
    pub digest: [u8; 32],
    /// When the key may be used anew.
    pub expires_at: Timestamp,
}

/// An idempotency key as stores keep it: messages in test mode have keys of their own.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ScopedKey(String);

impl ScopedKey {
    /// The key of a message in this mode.
    pub fn new(key: &IdempotencyKey, mode: Mode) -> Self {
        match mode {
            Mode::Live => Self(key.as_str().to_owned()),
            // No key has a tab in it.
            Mode::Test => Self(format!("test\t{key}")),
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<IdempotencyKey> for ScopedKey {
    /// The key of a live message.
    fn from(key: IdempotencyKey) -> Self {
        Self(key.into())
    }
}

/// What an idempotency key was used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyUse {
    /// The message that was accepted under it.
    pub message: MessageId,
    /// What was asked for; see [`Idempotency::digest`].
    pub digest: [u8; 32],
}

/// What became of a message to accept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AcceptResult {
    /// It is kept.
    Stored,
    /// The key was used before, for the same request: this is the message of then, and nothing was written.
    Replayed(MessageId),
    /// The key was used before, for another request, which became this message; nothing was written.
    Conflict(MessageId),
    /// It does not fit into what its tenant may have accepted; nothing was written.
    OverAllowance(Excess),
}

/// An attempt to write down.
#[derive(Debug, Clone)]
pub struct BeginAttempt {
    /// The attempt's identifier.
    pub attempt: AttemptId,
    /// Whose it is.
    pub tenant: TenantId,
    /// The message.
    pub message: MessageId,
    /// Under which lease.
    pub lease: LeaseRef,
    /// To which connection.
    pub connection: ConnectionId,
    /// The kind of provider behind it.
    pub provider: String,
    /// What is planted at the provider.
    pub delivery: DeliveryId,
    /// For which recipients, by position.
    pub recipients: Vec<u32>,
    /// Which connections were not chosen, and why.
    pub skipped: Vec<Skipped>,
    /// What it takes of the connection's quotas: all of them, or it does not begin.
    pub reservations: Vec<Reservation>,
}

/// What became of an attempt to write down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Begun {
    /// It is written down: hand over.
    Started {
        /// Which attempt of its message it is, from 1.
        number: u32,
        /// What it took of the connection's quotas.
        grants: Vec<Grant>,
    },
    /// Another owner holds the job, or it is gone. Do not hand over.
    LeaseLost,
    /// At least one of the recipients is not pending any more: canceled, or an event told of it. Look again.
    Changed,
    /// A quota of the connection is used up until then.
    QuotaExceeded {
        /// When there is room again.
        resets_at: Timestamp,
    },
}

/// What became of an attempt, and what follows.
#[derive(Debug, Clone)]
pub struct Settlement {
    /// Whose it is.
    pub tenant: TenantId,
    /// The message.
    pub message: MessageId,
    /// What the provider answered, always recorded.
    pub result: Option<AttemptResult>,
    /// What follows, if the lease still holds.
    pub step: Option<FencedStep>,
}

/// What a provider answered.
#[derive(Debug, Clone)]
pub struct AttemptResult {
    /// The attempt.
    pub attempt: AttemptId,
    /// The outcome for each recipient of the attempt, in its order.
    pub outcomes: Vec<RecipientOutcome>,
    /// What is committed with it.
    pub effects: Effects,
}

/// What follows for a message and its job while the lease holds.
///
/// A step that [keeps](JobNext::Keep) the lease is applied again if its call is repeated: give it no effects
/// that count.
#[derive(Debug, Clone)]
pub struct FencedStep {
    /// The lease.
    pub lease: LeaseRef,
    /// What becomes of the job.
    pub next: JobNext,
    /// What was decided about recipients. Only open ones move.
    pub decided: Vec<Decided>,
    /// What is committed with it.
    pub effects: Effects,
}

/// What was decided about a recipient.
#[derive(Debug, Clone)]
pub struct Decided {
    /// The recipient's position in the message.
    pub recipient: u32,
    /// What was decided.
    pub disposition: Disposition,
    /// What is committed if the recipient is open until then: who was canceled meanwhile has had an end.
    pub effects: Effects,
}

impl Decided {
    /// A decision that brings nothing along.
    pub fn new(recipient: u32, disposition: Disposition) -> Self {
        Self { recipient, disposition, effects: Effects::default() }
    }
}

/// What became of a settlement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settled {
    /// Whether a result was given and is recorded now for the first time.
    pub recorded: bool,
    /// Whether a step was given and was applied.
    pub stepped: bool,
}

/// An event that a provider reported.
#[derive(Debug, Clone)]
pub struct IncomingEvent {
    /// Whose connection reported it: only that tenant's messages are looked at.
    pub tenant: TenantId,
    /// The connection that reported it.
    pub connection: ConnectionId,
    /// Which attempt it is about.
    pub about: EventMatch,
    /// Whose event it is; if none, its attempt's only recipient's, or else that of all of them. An address
    /// that is not the message's moves nobody.
    pub recipient: Option<Address>,
    /// What happened.
    pub kind: EventKind,
    /// When, by the provider's clock.
    pub at: Timestamp,
    /// The same whenever the provider repeats the event; unique for the connection.
    pub deduplication: String,
    /// What the provider said.
    pub detail: Option<String>,
    /// What it says of the soft bounces of its recipient in a row, counted with it, once.
    pub row: Option<SoftRow>,
    /// What is committed with it, once: [caused by](Effects::caused_by) the message it belongs to.
    pub effects: Effects,
}

/// How an event finds its attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventMatch {
    /// By what was planted at the provider.
    Delivery(DeliveryId),
    /// By the provider's own identifier, at the same connection.
    ProviderMessageId(String),
}

/// What became of a reported event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recorded {
    /// It is kept.
    Stored {
        /// The message it belongs to.
        message: MessageId,
        /// Its position in the order of events.
        sequence: Sequence,
    },
    /// It was reported before.
    Duplicate,
    /// No attempt of this tenant at this connection matches. It may be early: report it again later.
    Unmatched,
    /// It names no hand-over, so it will never match one. A store does not answer this: it is not asked.
    Unmatchable,
}

/// Which events to read.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct EventQuery {
    /// Of this tenant; of all if none.
    pub tenant: Option<TenantId>,
    /// Of this message; of all if none.
    pub message: Option<MessageId>,
    /// After this position.
    pub after: Sequence,
    /// At most this many.
    pub limit: usize,
}

impl EventQuery {
    /// Events of one message.
    pub const fn of_message(tenant: TenantId, message: MessageId) -> Self {
        Self { tenant: Some(tenant), message: Some(message), after: Sequence::START, limit: PageRequest::MAX }
    }

    /// Events of everybody after a position.
    pub const fn of_all(after: Sequence, limit: usize) -> Self {
        Self { tenant: None, message: None, after, limit }
    }

    /// Events of every message of one tenant after a position.
    pub const fn of_tenant(tenant: TenantId, after: Sequence, limit: usize) -> Self {
        Self { tenant: Some(tenant), message: None, after, limit }
    }
}

/// What became of a cancellation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CancelResult {
    /// So many recipients were still open and will not be sent to. Others may read `unknown` beside them.
    Canceled {
        /// How many.
        recipients: usize,
    },
    /// Of all who were open nobody knows whether they were sent to: they will not be sent to again, and read
    /// `unknown`.
    Unknown {
        /// How many.
        recipients: usize,
    },
    /// Nobody is open any more, or an attempt is on the wire.
    TooLate,
    /// The tenant has no such message.
    NotFound,
}

/// Another date for a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reschedule {
    /// Whose it is.
    pub tenant: TenantId,
    /// The message.
    pub message: MessageId,
    /// When it is due.
    pub send_at: Timestamp,
    /// After which moment it is not to be sent any more.
    pub deliver_by: Option<Timestamp>,
    /// Its idempotency key, if it has one, and until when that is remembered.
    pub key: Option<(ScopedKey, Timestamp)>,
}

/// What became of another date for a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RescheduleResult {
    /// It is due then.
    Rescheduled,
    /// Its delivery has begun, or it has an end already.
    TooLate,
    /// The tenant has no such message.
    NotFound,
}

/// Whether a message had to be given a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequeueResult {
    /// It had none, and has one now.
    Requeued,
    /// It has one, which somebody holds or which waits for its moment.
    HasJob,
    /// Nobody is left to send to.
    Settled,
    /// The tenant has no such message.
    NotFound,
}

/// What to remove.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PurgeRequest {
    /// Content of settled messages accepted before this moment, of every tenant. A store may remove it by the
    /// day: then all of a day (UTC) goes once it lies before this moment as a whole.
    pub content_before: Timestamp,
    /// Settled messages accepted before this moment, with attempts and events; and events about none that happened
    /// before it, such as those of connections.
    pub messages_before: Timestamp,
    /// Of these tenants also the content of settled messages accepted before later moments; exact.
    pub content_of: Vec<(TenantId, Timestamp)>,
    /// At most so many messages at once. What is removed by the day does not count.
    pub limit: usize,
}

impl PurgeRequest {
    /// Removes content and messages older than these moments, at most a thousand at once.
    pub const fn new(content_before: Timestamp, messages_before: Timestamp) -> Self {
        Self { content_before, messages_before, content_of: Vec::new(), limit: 1000 }
    }

    /// Removes of these tenants the content of messages older than these moments, and what has expired.
    pub fn content_of(tenants: Vec<(TenantId, Timestamp)>) -> Self {
        Self { content_of: tenants, ..Self::new(Timestamp::EPOCH, Timestamp::EPOCH) }
    }
}

/// What was removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Purged {
    /// How many contents.
    pub contents: usize,
    /// How many messages.
    pub messages: usize,
    /// Whether there may be more.
    pub more: bool,
}
