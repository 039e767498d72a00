//! What providers call back with, from its verification to the end of the message.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use courierx::provider::{
    Authentic, Callback, CallbackError, Capability, EventSource, ProviderEvent, ProviderId, Refusal,
    SendOptions, Verified,
};
use courierx::testing::Recorder;
use courierx::{
    DuplicatePolicy, EmailProvider, EventKind, ManualClock, MemoryStore, MessageId, MessageStatus, Outcome,
    Outgoing, Sequence, TenantId, Timestamp,
};
use courierx_core::engine::{Outbox, OutboxOptions};
use courierx_core::id::{AttemptId, DeliveryId};
use courierx_core::provider::{Bounce, BounceClass};
use courierx_core::router::{Connection, ConnectionId, Router};
use courierx_core::store::{
    BeginAttempt, Begun, ClaimRequest, DepthQuery, JobKind, Ledger, Queue, Recorded, Suppressions,
};
use courierx_core::suppression::{Lasting, Policy, Scope};

use crate::support::{World, email};

/// A provider that calls back, unsigned, with lines of `key kind delivery-or-id-or-dash address`.
#[derive(Debug, Clone)]
struct Calling(Recorder);

impl Calling {
    /// Whose callbacks are waited for this long.
    fn new() -> Self {
        let mut capability = Capability::full();
        capability.unknown_wait = Some(Duration::from_secs(90));
        Self(Recorder::new().with_capability(capability))
    }
}

#[async_trait]
impl EmailProvider for Calling {
    fn id(&self) -> &ProviderId {
        self.0.id()
    }

    fn capability(&self) -> &Capability {
        self.0.capability()
    }

    async fn send(&self, message: &Outgoing, options: &SendOptions) -> Outcome {
        self.0.send(message, options).await
    }

    async fn verify(&self, options: &SendOptions) -> Result<Verified, Refusal> {
        self.0.verify(options).await
    }

    fn event_source(&self) -> Option<&dyn EventSource> {
        Some(self)
    }
}

#[async_trait]
impl EventSource for Calling {
    async fn verify(&self, callback: &Callback, _now: Timestamp) -> Result<Authentic, CallbackError> {
        Ok(Authentic::messages(callback.body.clone()))
    }

    fn events(&self, authentic: &Authentic) -> Result<Vec<ProviderEvent>, CallbackError> {
        let text = String::from_utf8(authentic.body().unwrap_or_default().to_vec()).unwrap();
        Ok(text.lines().map(event).collect())
    }
}

fn event(line: &str) -> ProviderEvent {
    let words: Vec<&str> = line.split(' ').collect();
    let [key, kind, about, address] = words[..] else { panic!("{line}") };
    let mut event = ProviderEvent::new(kind.parse().unwrap(), crate::support::START, key);
    if event.kind == EventKind::BouncedSoft {
        event.bounced(Bounce::new(BounceClass::Unreachable, ""));
    }
    match about.parse::<DeliveryId>() {
        Ok(delivery) => event.delivery = Some(delivery),
        Err(_) if about != "-" => event.provider_message_id = Some(about.to_owned()),
        Err(_) => {}
    }
    event.recipient = Some(address.parse().unwrap());
    event
}

fn a() -> ConnectionId {
    "a".parse().unwrap()
}

async fn due_or_later(world: &World) -> u64 {
    let depth = world.store.depth(&DepthQuery::default()).await.unwrap();
    depth.iter().map(|lane| lane.ready + lane.waiting + lane.leased).sum()
}

#[tokio::test]
async fn an_unknown_hand_over_becomes_what_the_callback_says() {
    let ends = [
        (EventKind::Sent, MessageStatus::Sent),
        (EventKind::Deferred, MessageStatus::Sent),
        (EventKind::Delivered, MessageStatus::Delivered),
        (EventKind::Opened, MessageStatus::Sent),
        (EventKind::BouncedHard, MessageStatus::Bounced),
        (EventKind::Complained, MessageStatus::Complained),
        (EventKind::Failed, MessageStatus::Failed),
    ];
    for policy in [DuplicatePolicy::WaitThenFailover, DuplicatePolicy::Never] {
        for (kind, end) in ends {
            let (first, second) = (Calling::new(), Recorder::new());
            first.0.lose_next_answer();
            let world = World::over(vec![Box::new(first.clone()), Box::new(second.clone())]);
            let id = world.enqueue(email().duplicate_policy(policy)).await;
            let worker = world.courier.spawn().unwrap();
            let attempt = world.until_answered(id, 1).await.attempts.remove(0);
            let body = format!("1 {kind} {} ada@example.com", attempt.delivery);
            let recorded = world.courier.receive(&a(), &Callback::new(body)).await.unwrap();
            assert!(matches!(recorded[..], [Recorded::Stored { message, .. }] if message == id));
            assert_eq!(world.status(id).await, end, "{kind}");
            // The job of the message is there until its wait is over, and then finds nothing left to do.
            world.pass(Duration::from_mins(3)).await;
            world.clock.advance(Duration::from_hours(25));
            world.calm_down().await;
            assert_eq!(due_or_later(&world).await, 0, "{policy}, {kind}");
            worker.shutdown().await.unwrap();
            assert_eq!((first.0.handed_over().len(), second.handed_over().len()), (1, 0), "{policy}, {kind}");
            assert_eq!(world.status(id).await, end, "{policy}, {kind}");
        }
    }
}

#[tokio::test]
async fn a_hand_over_that_a_crash_cut_off_becomes_what_the_callback_says() {
    let provider = Calling::new();
    let world = World::over(vec![Box::new(provider.clone())]);
    let id = world.enqueue(email()).await;
    // A process that wrote the attempt down, and was killed before it could write the answer.
    let lease = Duration::from_mins(1);
    let claimed = world.store.claim(&ClaimRequest::new(JobKind::DELIVERY, 1, lease)).await.unwrap().remove(0);
    let begin = BeginAttempt {
        attempt: AttemptId::new(),
        tenant: TenantId::DEFAULT,
        message: id,
        lease: claimed.lease,
        connection: a(),
        provider: "recorder".to_owned(),
        delivery: DeliveryId::derive(id, &[0], "a"),
        recipients: vec![0],
        skipped: Vec::new(),
        reservations: Vec::new(),
    };
    let delivery = begin.delivery;
    let begun = world.store.begin_attempts(vec![begin]).await.unwrap();
    assert!(matches!(begun[..], [Begun::Started { .. }]));
    let body = format!("1 delivered {delivery} ada@example.com");
    world.courier.receive(&a(), &Callback::new(body)).await.unwrap();
    assert_eq!(world.status(id).await, MessageStatus::Delivered);
    world.clock.advance(lease);
    let worker = world.courier.spawn().unwrap();
    world.pass(Duration::from_mins(10)).await;
    worker.shutdown().await.unwrap();
    assert_eq!(due_or_later(&world).await, 0, "its job is finished");
    assert!(provider.0.handed_over().is_empty(), "nothing is sent a second time");
    assert_eq!(world.status(id).await, MessageStatus::Delivered);
}

struct Beside {
    outbox: Outbox,
    clock: Arc<ManualClock>,
    store: MemoryStore,
}

impl Beside {
    fn new(policy: Policy) -> Self {
        let clock = ManualClock::starting_at(crate::support::START);
        let store = MemoryStore::with_clock(Arc::<ManualClock>::clone(&clock));
        let router = Router::builder().connection(Connection::new(a(), Calling::new())).build().unwrap();
        let mut options = OutboxOptions::default();
        options.suppression_policy = policy;
        let outbox = Outbox::new(Arc::new(store.clone()), router, None, options).unwrap();
        Self { outbox, clock, store }
    }

    /// A message that is on the wire, by what is planted with it.
    async fn begun(&self) -> (MessageId, DeliveryId) {
        let accepted = self.outbox.enqueue(TenantId::DEFAULT, email().build().unwrap()).await.unwrap();
        let request = ClaimRequest::new(JobKind::DELIVERY, 1, Duration::from_mins(1));
        let claimed = self.store.claim(&request).await.unwrap().remove(0);
        let delivery = DeliveryId::derive(accepted.id, &[0], "a");
        let begin = BeginAttempt {
            attempt: AttemptId::new(),
            tenant: TenantId::DEFAULT,
            message: accepted.id,
            lease: claimed.lease,
            connection: a(),
            provider: "recorder".to_owned(),
            delivery,
            recipients: vec![0],
            skipped: Vec::new(),
            reservations: Vec::new(),
        };
        self.store.begin_attempts(vec![begin]).await.unwrap();
        (accepted.id, delivery)
    }

    async fn record(&self, body: &str, only: Option<&[u32]>) -> Vec<(u32, Recorded, bool)> {
        let told = self.outbox.record_callback(TenantId::DEFAULT, &a(), body.as_bytes(), only).await.unwrap();
        told.into_iter().map(|one| (one.position, one.recorded, one.planted)).collect()
    }
}

#[tokio::test]
async fn a_kept_callback_is_recorded_event_by_event() {
    let beside = Beside::new(Policy::default());
    let (message, delivery) = beside.begun().await;
    let early = DeliveryId::derive(MessageId::new(), &[0], "a");
    let body = format!(
        "1 sent {delivery} ada@example.com\n2 delivered {early} bob@example.com\n\
         3 delivered their-id eve@example.com\n4 opened - ada@example.com"
    );
    let callback = Callback::new(body);
    let authentic = beside.outbox.verify_callback(TenantId::DEFAULT, &a(), &callback).await.unwrap();
    let events = beside.outbox.store().last_event().await.unwrap();
    assert!(events > Sequence::START);
    let body = std::str::from_utf8(authentic.body().unwrap()).unwrap();
    let told = beside.record(body, None).await;
    assert_eq!(told[0], (0, Recorded::Stored { message, sequence: Sequence(events.0 + 1) }, true));
    assert_eq!(
        told[1..],
        [(1, Recorded::Unmatched, true), (2, Recorded::Unmatched, false), (3, Recorded::Unmatchable, false)]
    );
    let left = beside.record(body, Some(&[2, 1, 9])).await;
    assert_eq!(left, [(1, Recorded::Unmatched, true), (2, Recorded::Unmatched, false)]);
    assert_eq!(beside.record(body, Some(&[0])).await, [(0, Recorded::Duplicate, true)]);
    assert_eq!(beside.record("", None).await, []);
}

#[tokio::test]
async fn a_soft_bounce_too_many_suppresses_by_the_policy_of_the_outbox() {
    let strict = {
        let mut policy = Policy::default();
        policy.soft_bounces_in_a_row = 2;
        policy.soft_bounces = Lasting::For(Duration::from_hours(1));
        policy
    };
    let off = {
        let mut policy = Policy::default();
        policy.soft_bounces_in_a_row = 0;
        policy
    };
    for (policy, suppressed_after) in [(Policy::default(), Some(4)), (strict, Some(2)), (off, None)] {
        let beside = Beside::new(policy);
        let (_, delivery) = beside.begun().await;
        let ada = ["ada@example.com".parse::<courierx::Address>().unwrap().key()];
        for number in 1..=4 {
            if suppressed_after.is_some_and(|after| number > after) {
                break;
            }
            let body = format!("{number} bounced_soft {delivery} ada@example.com");
            beside.record(&body, None).await;
            assert_eq!(beside.record(&body, None).await[0].1, Recorded::Duplicate);
            let found = beside.store.check(TenantId::DEFAULT, &Scope::ALL, &ada).await.unwrap();
            assert_eq!(found[0].is_some(), suppressed_after == Some(number), "after {number}");
        }
        if suppressed_after == Some(2) {
            beside.clock.advance(Duration::from_hours(2));
            let found = beside.store.check(TenantId::DEFAULT, &Scope::ALL, &ada).await.unwrap();
            assert!(found[0].is_none(), "for as long as the policy says");
        }
    }
}

#[tokio::test]
async fn what_arrives_begins_a_new_row_of_soft_bounces() {
    let beside = Beside::new(Policy::default());
    let (_, delivery) = beside.begun().await;
    let ada = ["ada@example.com".parse::<courierx::Address>().unwrap().key()];
    for round in 0..3 {
        for number in 0..3 {
            beside.record(&format!("{round}/{number} bounced_soft {delivery} Ada@example.com"), None).await;
        }
        beside.record(&format!("{round}/d delivered {delivery} ada@example.com"), None).await;
    }
    let found = beside.store.check(TenantId::DEFAULT, &Scope::ALL, &ada).await.unwrap();
    assert!(found[0].is_none());
}
