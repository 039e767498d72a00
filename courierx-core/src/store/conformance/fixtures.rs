//! Messages, attempts and events to test a store with.

use std::sync::Arc;
use std::time::Duration;

use super::Subject;
use crate::clock::{ManualClock, Timestamp};
use crate::event::{Disposition, EventKind};
use crate::id::{AttemptId, DeliveryId, MessageId, TenantId};
use crate::message::{Address, DuplicatePolicy, Lane, Mode, RecipientField, RetryPreset};
use crate::provider::{Acceptance, Phase, RecipientOutcome, Refusal, RefusalKind, Uncertainty};
use crate::router::ConnectionId;
use crate::store::{
    AcceptResult, AttemptResult, BeginAttempt, Begun, ClaimRequest, Claimed, Effects, EventMatch, FencedStep,
    IncomingEvent, JobKind, JobNext, NewJob, NewMessage, NewRecipient, Reservation, Settled, Settlement,
    StoredMessage, Window,
};
use crate::vault::{SealContext, Sealed, Vault, VaultKey};

/// How long the fixtures hold a job.
pub const LEASE: Duration = Duration::from_mins(1);

/// A clock that stands at noon on 2030-01-15, UTC.
pub fn clock() -> Arc<ManualClock> {
    ManualClock::starting_at("2030-01-15T12:00:00Z".parse().expect("a date"))
}

/// An address, of a text that is one.
pub fn address(text: &str) -> Address {
    text.parse().expect("an address")
}

/// A connection's name, of a text that is one.
pub fn connection(name: &str) -> ConnectionId {
    name.parse().expect("the name of a connection")
}

/// A message to `ada@example.com`, due now, with its delivery job.
pub fn message(tenant: TenantId, now: Timestamp) -> NewMessage {
    message_to(tenant, now, &["ada@example.com"])
}

/// A message to these addresses, due now, with its delivery job.
pub fn message_to(tenant: TenantId, now: Timestamp, to: &[&str]) -> NewMessage {
    let id = MessageId::new();
    let recipients = (0..).zip(to).map(|(index, to)| NewRecipient {
        index,
        field: RecipientField::To,
        address: address(to),
        disposition: Disposition::Open,
    });
    NewMessage {
        id,
        tenant,
        created_at: now,
        send_at: now,
        deliver_by: None,
        from: address("hi@acme.example"),
        lane: Lane::Transactional,
        mode: Mode::Live,
        retry: RetryPreset::default(),
        duplicates: DuplicatePolicy::WaitThenFailover,
        tags: Vec::new(),
        recipients: recipients.collect(),
        summary: Some(sealed(id)),
        content: sealed(id),
        idempotency: None,
        allowances: Vec::new(),
        effects: Effects { jobs: vec![NewJob::delivery(id, Lane::Transactional, now)], ..Effects::default() },
    }
}

/// An outcome: taken, under this identifier of the provider's.
pub fn accepted(provider_message_id: &str) -> RecipientOutcome {
    RecipientOutcome::Accepted(Acceptance::with_id(provider_message_id).detail("queued"))
}

/// An outcome: certainly not sent.
pub fn refused() -> RecipientOutcome {
    let refusal = Refusal::new(RefusalKind::Throttled, "slow down").status(429).code("too_many");
    RecipientOutcome::Refused(refusal.retry_after(Duration::from_secs(30)))
}

/// An outcome: nobody knows.
pub fn unknown() -> RecipientOutcome {
    RecipientOutcome::Unknown(Uncertainty::new(Phase::Answer, "the answer did not come"))
}

/// Takes `amount` of a day's quota of `cap`.
pub fn reservation(tenant: TenantId, name: &str, cap: u64, amount: u64) -> Reservation {
    Reservation { tenant, name: name.to_owned(), window: Window::UtcDay, cap, amount }
}

/// Accepts a message that is not here yet.
pub async fn accept(subject: &Subject, new: NewMessage) -> MessageId {
    let id = new.id;
    let results = subject.store().accept(vec![new]).await.expect("accept");
    assert_eq!(results, [AcceptResult::Stored], "a new message is stored");
    id
}

/// Claims at most `limit` delivery jobs.
pub async fn claim(subject: &Subject, limit: usize) -> Vec<Claimed> {
    let request = ClaimRequest::new(JobKind::DELIVERY, limit, LEASE);
    subject.store().claim(&request).await.expect("claim")
}

/// A message whose delivery job is claimed: ready to be handed over.
#[derive(Debug, Clone)]
pub struct Flight {
    /// Whose it is.
    pub tenant: TenantId,
    /// The message.
    pub message: MessageId,
    /// How many recipients it has.
    pub recipients: u32,
    /// Its delivery job.
    pub claimed: Claimed,
}

impl Flight {
    /// Accepts a message to `ada@example.com` and claims its job.
    pub async fn claimed(subject: &Subject) -> Self {
        Self::claimed_to(subject, &["ada@example.com"]).await
    }

    /// Accepts a message to these addresses and claims its job.
    pub async fn claimed_to(subject: &Subject, to: &[&str]) -> Self {
        Self::of_to(subject, TenantId::new(), to).await
    }

    /// Accepts a message of this tenant to `ada@example.com` and claims its job.
    pub async fn of(subject: &Subject, tenant: TenantId) -> Self {
        Self::of_to(subject, tenant, &["ada@example.com"]).await
    }

    async fn of_to(subject: &Subject, tenant: TenantId, to: &[&str]) -> Self {
        let new = message_to(tenant, subject.now(), to);
        let recipients = u32::try_from(new.recipients.len()).expect("few recipients");
        let message = accept(subject, new).await;
        let claimed = claim(subject, 1).await.pop().expect("an accepted message can be claimed at once");
        assert_eq!(claimed.job.message, Some(message), "the job is about the message");
        Self { tenant, message, recipients, claimed }
    }

    /// Claims the job again, when its lease is over or it was put back.
    pub async fn reclaimed(&self, subject: &Subject) -> Self {
        let claimed = claim(subject, 1).await.pop().expect("the job is free");
        assert_eq!(claimed.job.id, self.claimed.job.id, "the job is the same");
        Self { claimed, ..self.clone() }
    }

    /// An attempt at a connection, for all recipients, without quotas.
    pub fn attempt(&self, at: &str) -> BeginAttempt {
        let recipients: Vec<_> = (0..self.recipients).collect();
        BeginAttempt {
            attempt: AttemptId::new(),
            tenant: self.tenant,
            message: self.message,
            lease: self.claimed.lease,
            connection: connection(at),
            provider: "sandbox".to_owned(),
            delivery: DeliveryId::derive(self.message, &recipients, at),
            recipients,
            skipped: Vec::new(),
            reservations: Vec::new(),
        }
    }

    /// Writes an attempt at a connection down.
    pub async fn started(&self, subject: &Subject, at: &str) -> BeginAttempt {
        let begin = self.attempt(at);
        let answer = begin_one(subject, begin.clone()).await;
        assert!(
            matches!(answer, Begun::Started { .. }),
            "an attempt begins under a lease that holds: {answer:?}"
        );
        begin
    }

    /// The result of an attempt, and nothing else.
    pub fn result(&self, attempt: AttemptId, outcomes: Vec<RecipientOutcome>) -> Settlement {
        let result = AttemptResult { attempt, outcomes, effects: Effects::default() };
        Settlement { tenant: self.tenant, message: self.message, result: Some(result), step: None }
    }

    /// The next step of the job, and nothing else.
    pub fn step(&self, next: JobNext) -> FencedStep {
        FencedStep { lease: self.claimed.lease, next, decided: Vec::new(), effects: Effects::default() }
    }

    /// A settlement of this step alone.
    pub fn only_step(&self, step: FencedStep) -> Settlement {
        Settlement { tenant: self.tenant, message: self.message, result: None, step: Some(step) }
    }

    /// An event about a delivery, reported by its connection about no recipient in particular.
    pub fn event(&self, begin: &BeginAttempt, kind: EventKind, at: Timestamp) -> IncomingEvent {
        IncomingEvent {
            tenant: self.tenant,
            connection: begin.connection.clone(),
            about: EventMatch::Delivery(begin.delivery),
            recipient: None,
            kind,
            at,
            deduplication: format!("{kind}/{}", begin.delivery),
            detail: None,
            row: None,
            effects: Effects::default(),
        }
    }

    /// Reads the message.
    pub async fn load(&self, subject: &Subject) -> StoredMessage {
        let mut loaded = subject.store().load(&[(self.tenant, self.message)]).await.expect("load");
        loaded.pop().flatten().expect("the message is kept")
    }
}

/// Begins one attempt.
pub async fn begin_one(subject: &Subject, begin: BeginAttempt) -> Begun {
    let mut answer = subject.store().begin_attempts(vec![begin]).await.expect("begin_attempts");
    assert_eq!(answer.len(), 1, "there is one answer for one attempt");
    answer.pop().expect("an answer")
}

/// Settles one message.
pub async fn settle_one(subject: &Subject, settlement: Settlement) -> Settled {
    let mut settled = subject.store().settle(vec![settlement]).await.expect("settle");
    assert_eq!(settled.len(), 1, "there is one answer for one settlement");
    settled.pop().expect("an answer")
}

/// Content that differs between messages. No case opens it, so it only has the form of a sealed text.
fn sealed(id: MessageId) -> Sealed {
    let vault = Vault::new(VaultKey::generate());
    let context = SealContext { tenant: TenantId::DEFAULT, kind: "content", record: id.as_bytes() };
    vault.seal(&context, id.as_bytes())
}
