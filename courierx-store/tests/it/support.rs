//! What tests make messages and stores of.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use courierx_core::clock::{Clock, ManualClock, Timestamp};
use courierx_core::event::{Disposition, EventKind, NewEvent};
use courierx_core::id::{AttemptId, DeliveryId, MessageId, TenantId};
use courierx_core::message::{DuplicatePolicy, Lane, Mode, RecipientField, RetryPreset};
use courierx_core::store::{
    BeginAttempt, ClaimRequest, Claimed, CounterDelta, Effects, JobKind, NewJob, NewMessage, NewRecipient,
    Queue,
};
use courierx_core::vault::Sealed;
use courierx_store::SqliteStore;
use tempfile::TempDir;

/// A store in a directory of its own, at a time of its own.
pub(crate) struct Fixture {
    pub(crate) store: SqliteStore,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) directory: TempDir,
}

impl Fixture {
    pub(crate) async fn new() -> Self {
        let directory = TempDir::new().unwrap();
        let clock = ManualClock::starting_at(Timestamp::from_secs(1_900_000_000));
        let store = open(&directory, &clock).await;
        Self { store, clock, directory }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.directory.path().join("mail.db")
    }

    /// A connection such as the application has.
    pub(crate) fn connection(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.path()).unwrap()
    }

    /// A message to one recipient that is due now.
    pub(crate) fn message(&self, tenant: TenantId) -> NewMessage {
        message_at(tenant, self.clock.now())
    }

    pub(crate) async fn claim(&self, limit: usize) -> Vec<Claimed> {
        let request = ClaimRequest::new(JobKind::DELIVERY, limit, Duration::from_mins(1));
        self.store.claim(&request).await.unwrap()
    }
}

pub(crate) async fn open(directory: &TempDir, clock: &Arc<ManualClock>) -> SqliteStore {
    let clock: Arc<ManualClock> = Arc::clone(clock);
    SqliteStore::options().clock(clock).open(directory.path().join("mail.db")).await.unwrap()
}

pub(crate) fn tenant(number: u8) -> TenantId {
    TenantId::from_bytes([number; 16])
}

pub(crate) fn message_at(tenant: TenantId, now: Timestamp) -> NewMessage {
    let id = MessageId::new();
    let mut effects = Effects::default();
    effects.jobs.push(NewJob::delivery(id, Lane::Transactional, now));
    effects.events.push(NewEvent::of_message(id, EventKind::Queued, now));
    effects.deltas.push(CounterDelta::one("accepted", now));
    NewMessage {
        id,
        tenant,
        created_at: now,
        send_at: now,
        deliver_by: None,
        from: "hi@acme.example".parse().unwrap(),
        lane: Lane::Transactional,
        mode: Mode::Live,
        retry: RetryPreset::Smtp72h,
        duplicates: DuplicatePolicy::WaitThenFailover,
        tags: Vec::new(),
        recipients: vec![NewRecipient {
            index: 0,
            field: RecipientField::To,
            address: "Ada@example.com".parse().unwrap(),
            disposition: Disposition::Open,
        }],
        summary: None,
        content: Sealed::from_bytes(vec![1; 1024]).unwrap(),
        idempotency: None,
        allowances: Vec::new(),
        effects,
    }
}

/// An attempt to hand the first recipient of a claimed message to `primary`.
pub(crate) fn begin(claimed: &Claimed) -> BeginAttempt {
    let message = claimed.job.message.unwrap();
    BeginAttempt {
        attempt: AttemptId::new(),
        tenant: claimed.job.tenant,
        message,
        lease: claimed.lease,
        connection: "primary".parse().unwrap(),
        provider: "smtp".to_owned(),
        delivery: DeliveryId::derive(message, &[0], "primary"),
        recipients: vec![0],
        skipped: Vec::new(),
        reservations: Vec::new(),
    }
}
