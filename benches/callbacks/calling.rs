//! Somebody whose mail went through SendGrid, and what SendGrid calls back with.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use courierx::provider::{
    Callback, Capability, EventSource, Outcome, Outgoing, ProviderId, Refusal, SendOptions, Verified,
};
use courierx::{EmailProvider, Vault, VaultKey, WorkerOptions};
use courierx_core::engine::{Outbox, OutboxOptions, RecordedEvent, Worker};
use courierx_core::event::{Event, Sequence};
use courierx_core::id::{DeliveryId, RecordId, TenantId};
use courierx_core::message::Lane;
use courierx_core::router::{Connection, ConnectionId, Router};
use courierx_core::store::{
    CallbackLog as _, ClaimRequest, EventQuery, JobKind, JobNext, KeptCallback, Ledger as _, NewJob,
    Queue as _, Store as _, StoredMessage,
};
use courierx_core::vault::SealContext;
use courierx_providers::emulator::CallbackKeys;
use courierx_providers::sendgrid::Callbacks;
use courierx_store::SqliteStore;
use futures_util::{StreamExt as _, stream};
use serde_json::{Value, json};

use crate::support::{NoOp, email};

const KIND: JobKind = JobKind::new("callback");
const LEASE: Duration = Duration::from_mins(1);
const TENANT: TenantId = TenantId::DEFAULT;

/// How many events a message has.
pub(crate) const EACH: usize = 3;
/// After how many others the next event of a message comes.
const LATER: usize = 1500;

/// What is done with a callback.
pub(crate) const STEPS: [&str; 4] =
    ["verified", "sealed and kept", "claimed, read and recorded", "done with"];

/// A provider that takes everything, and calls back as SendGrid does.
#[derive(Debug)]
struct SendGrid {
    sending: NoOp,
    calls: Callbacks,
}

#[async_trait]
impl EmailProvider for SendGrid {
    fn id(&self) -> &ProviderId {
        self.sending.id()
    }

    fn capability(&self) -> &Capability {
        self.sending.capability()
    }

    async fn send(&self, message: &Outgoing, options: &SendOptions) -> Outcome {
        self.sending.send(message, options).await
    }

    async fn verify(&self, options: &SendOptions) -> Result<Verified, Refusal> {
        self.sending.verify(options).await
    }

    fn event_source(&self) -> Option<&dyn EventSource> {
        Some(&self.calls)
    }
}

pub(crate) struct Calling {
    pub(crate) store: SqliteStore,
    outbox: Outbox,
    vault: Vault,
    keys: CallbackKeys,
    connection: ConnectionId,
    provider: NoOp,
}

/// The events that callbacks became, and how large the bodies were.
pub(crate) struct Kept {
    pub(crate) events: Vec<Event>,
    body: usize,
}

impl Kept {
    /// As many sealed bodies of that size: noise.
    pub(crate) fn bodies(&self, count: usize) -> Vec<Vec<u8>> {
        (0..count).map(|_| (0..self.body).map(|_| fastrand::u8(..)).collect()).collect()
    }
}

impl Calling {
    pub(crate) async fn open(path: &Path) -> Self {
        let store = SqliteStore::open(path).await.expect("the store opens");
        let keys = CallbackKeys::sendgrid().expect("a key can be made");
        let calls = Callbacks::new(&keys.verification_key().expect("it has one")).expect("it is a key");
        let (provider, vault) = (NoOp::new(), Vault::new(VaultKey::generate()));
        let connection: ConnectionId = "sendgrid".parse().expect("a name");
        let sendgrid = SendGrid { sending: provider.clone(), calls };
        let router = Router::builder().connection(Connection::new(connection.clone(), sendgrid));
        let router = router.build().expect("the router is complete");
        let outbox =
            Outbox::new(Arc::new(store.clone()), router, Some(vault.clone()), OutboxOptions::default());
        Self { store, outbox: outbox.expect("there is a vault"), vault, keys, connection, provider }
    }

    /// Hands so many messages over, the first of this number; answers what was planted with each.
    pub(crate) async fn send(&self, first: usize, count: usize) -> Vec<(DeliveryId, String)> {
        let accept = |number| async move {
            let accepted = self.outbox.enqueue(TENANT, email(number)).await.expect("it is accepted");
            (TENANT, accepted.id)
        };
        let places: Vec<_> = stream::iter(first..first + count).map(accept).buffered(64).collect().await;
        let worker = Worker::spawn(&self.outbox, WorkerOptions::default());
        self.provider.wait_for(first + count).await;
        worker.shutdown().await.expect("the worker ends");
        let sent = self.store.load(&places).await.expect("the store works");
        let planted = |message: StoredMessage| {
            (message.attempts[0].delivery, message.record.recipients[0].address.to_string())
        };
        sent.into_iter().map(|message| planted(message.expect("it is kept"))).collect()
    }

    /// Signed callbacks with [`EACH`] events of every message, as they come: some are delivered while others are opened.
    pub(crate) fn callbacks(&self, sent: &[(DeliveryId, String)], first: usize) -> Vec<Callback> {
        let now = self.store.clock().now();
        let mut events: Vec<_> =
            (0..sent.len() * EACH).map(|at| (at % sent.len(), at / sent.len())).collect();
        events.sort_by_key(|(number, stage)| number + stage * LATER);
        let report =
            |(number, stage): (usize, usize)| report(first + number, stage, &sent[number], now.as_secs());
        self.keys.sign(events.into_iter().map(report).collect(), now)
    }

    /// How long each step takes.
    pub(crate) async fn one_after_the_other(&self, callbacks: &[Callback]) -> [Duration; STEPS.len()] {
        let mut times = [Duration::ZERO; STEPS.len()];
        for callback in callbacks {
            let start = Instant::now();
            let body = self.verify(callback).await;
            let verified = Instant::now();
            self.keep(&body).await;
            let kept = Instant::now();
            let (claimed, id) = self.claim(1).await.remove(0);
            self.record(id).await;
            let recorded = Instant::now();
            assert!(
                self.store
                    .settle_callback(TENANT, id, Vec::new(), (claimed, JobNext::Finish))
                    .await
                    .expect("it is held")
            );
            let done = Instant::now();
            let spans = [(start, verified), (verified, kept), (kept, recorded), (recorded, done)];
            for (time, (from, to)) in times.iter_mut().zip(spans) {
                *time += to - from;
            }
        }
        times
    }

    /// Takes all of them, so many at once, while as many are recorded at once: as a server does whose workers run beside
    /// its listeners.
    pub(crate) async fn at_once(
        self: &Arc<Self>,
        callbacks: Vec<Callback>,
        at_once: usize,
    ) -> Vec<RecordedEvent> {
        let take = |callback: Callback| {
            let calling = Arc::clone(self);
            tokio::spawn(async move {
                let body = calling.verify(&callback).await;
                calling.keep(&body).await;
            })
        };
        let apply = |_| {
            let calling = Arc::clone(self);
            tokio::spawn(async move { calling.apply().await })
        };
        let taken = stream::iter(callbacks).map(take).buffer_unordered(at_once);
        let applied: Vec<_> = taken.map(apply).buffer_unordered(at_once).collect().await;
        applied.into_iter().flat_map(|told| told.expect("nothing panics")).collect()
    }

    /// Records one of those that were kept.
    async fn apply(&self) -> Vec<RecordedEvent> {
        let mut told = Vec::new();
        for (lease, id) in self.claim(1).await {
            told.extend(self.record(id).await);
            let settled = self.store.settle_callback(TENANT, id, Vec::new(), (lease, JobNext::Finish));
            assert!(settled.await.expect("the store works"), "it is held");
        }
        told
    }

    async fn verify(&self, callback: &Callback) -> Vec<u8> {
        let authentic = self.outbox.verify_callback(TENANT, &self.connection, callback).await;
        authentic.expect("it is signed").body().expect("it is about messages").to_vec()
    }

    async fn keep(&self, body: &[u8]) {
        let (id, now) = (RecordId::new(), self.store.clock().now());
        let body = self.vault.seal(&context(&id), body);
        let connection = self.connection.clone();
        let callback = KeptCallback { id, tenant: TENANT, connection, received_at: now, body, left: None };
        let job = NewJob::new(KIND, Lane::Transactional, now, id.as_bytes().to_vec());
        self.store.keep_callback(callback, job).await.expect("it is kept");
    }

    async fn claim(&self, count: usize) -> Vec<(courierx_core::store::LeaseRef, RecordId)> {
        let claimed =
            self.store.claim(&ClaimRequest::new(KIND, count, LEASE)).await.expect("the store works");
        let named = |id: &[u8]| RecordId::from_bytes(id.try_into().expect("an identifier"));
        claimed.into_iter().map(|one| (one.lease, named(&one.job.payload))).collect()
    }

    async fn record(&self, id: RecordId) -> Vec<RecordedEvent> {
        let kept = self.store.kept_callback(TENANT, id).await.expect("the store works").expect("it is kept");
        let body = self.vault.open(&context(&id), &kept.body).expect("it is ours");
        self.outbox.record_callback(TENANT, &kept.connection, &body, None).await.expect("it is recorded")
    }

    /// The events that the callbacks became.
    pub(crate) async fn events_after(&self, mut after: Sequence, count: usize, body: usize) -> Kept {
        let mut events = Vec::with_capacity(count);
        loop {
            let query = EventQuery::of_tenant(TENANT, after, 1000);
            let page = self.store.events(&query).await.expect("the store works");
            let Some(last) = page.last() else { break };
            after = last.sequence;
            events.extend(page);
        }
        assert_eq!(events.len(), count);
        Kept { events, body }
    }
}

fn context(id: &RecordId) -> SealContext<'_> {
    SealContext { tenant: TENANT, kind: "callback", record: id.as_bytes() }
}

/// One event of a message, with the fields that SendGrid sends: two in a hundred bounce, what is delivered is opened.
fn report(number: usize, stage: usize, (delivery, address): &(DeliveryId, String), at: i64) -> Value {
    let mut event = json!({
        "email": address,
        "timestamp": at,
        "smtp-id": format!("<{number:014}.dfd.64b469@ismtpd-{stage}>"),
        "category": ["parcel"],
        "sg_event_id": format!("{:022}==", stage * 1_000_000 + number),
        "sg_message_id": format!("{number:022}.filterdrecv-p3mdw1-756b745b58-kmzbl-18-5F5FC76C-9.0"),
        "courierx_delivery": delivery.to_string(),
    });
    let more = match (stage, number % 50) {
        (_, 0) => json!({
            "event": "bounce",
            "reason": "550 5.4.4 The domain has no mail server",
            "status": "5.4.4",
            "type": "blocked",
            "bounce_classification": "Technical Failure",
        }),
        (0, _) => {
            json!({ "event": "delivered", "response": "250 2.0.0 OK 1700000000 x1-20si123456qtp.42 - gsmtp" })
        }
        _ => json!({
            "event": "open",
            "useragent": "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15",
            "ip": "203.0.113.77",
            "sg_machine_open": false,
        }),
    };
    if let (Value::Object(event), Value::Object(more)) = (&mut event, more) {
        event.extend(more);
    }
    event
}
