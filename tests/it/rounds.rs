//! What one round, or one owner, leaves to the next; and providers that break their contract.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use courierx::provider::{ProviderId, RecipientOutcome, SendOptions, Uncertainty, Verified};
use courierx::store::Suppressions;
use courierx::suppression::{NewSuppression, Reason};
use courierx::testing::Recorder;
use courierx::{
    DuplicatePolicy, EmailProvider, MessageStatus, Outcome, Outgoing, RecipientStatus, RefusalKind, TenantId,
    assert_sent,
};
use courierx_core::provider::{Capability, Phase, Refusal};

use crate::support::{Gated, World, email};

fn refused(kind: RefusalKind) -> RecipientOutcome {
    RecipientOutcome::Refused(Refusal::new(kind, "scripted"))
}

#[tokio::test]
async fn what_one_owner_learnt_for_good_the_next_one_knows() {
    let (a, b) = (Recorder::new(), Gated::new(Recorder::new()));
    a.answer_next(Outcome::Mixed(vec![
        refused(RefusalKind::Recipient),
        refused(RefusalKind::Suppressed),
        refused(RefusalKind::Unavailable),
    ]));
    let world = World::over(vec![Box::new(a.clone()), Box::new(b.clone())]);
    let id = world.enqueue(email().cc("bob@example.com").cc("eve@example.com")).await;
    let worker = world.courier.spawn().unwrap();
    b.entered.acquire().await.unwrap().forget();
    drop(worker);
    let worker = world.courier.spawn().unwrap();
    world.clock.advance(Duration::from_mins(2));
    let message = world.until(id, MessageStatus::Failed).await;
    worker.shutdown().await.unwrap();
    let statuses: Vec<_> = message.record.recipients.iter().map(|one| one.status).collect();
    assert_eq!(statuses, [RecipientStatus::Failed, RecipientStatus::Suppressed, RecipientStatus::Sent]);
    assert_eq!(a.handed_over()[1].recipients(), ["eve@example.com"]);
}

#[tokio::test]
async fn a_message_that_may_have_been_sent_does_not_fail() {
    let mut other = Capability::full();
    other.smtputf8 = false;
    let (a, b) = (Recorder::new(), Recorder::new().with_capability(other));
    let world = World::new(&[&a, &b]);
    a.lose_next_answer().refuse_all(RefusalKind::Content);
    b.refuse_all(RefusalKind::Content);
    let id = world.enqueue(email()).await;
    let worker = world.courier.spawn().unwrap();
    world.calm_down().await;
    world.clock.advance(Duration::from_mins(2));
    world.until(id, MessageStatus::Unknown).await;
    worker.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_hand_over_is_repeated_under_its_key_only_as_it_was() {
    let mut keyed = Capability::full();
    keyed.idempotency = Some(Duration::from_hours(24));
    let (a, b) = (Recorder::new().with_capability(keyed), Recorder::new());
    let world = World::new(&[&a, &b]);
    let unknown = Outcome::Unknown(Uncertainty::new(Phase::Answer, "scripted"));
    a.answer_next(unknown);
    let id = world.enqueue(email().cc("bob@example.com")).await;
    let worker = world.courier.spawn().unwrap();
    world.calm_down().await;
    let entry = NewSuppression::new("ada@example.com".parse().unwrap(), Reason::Manual, "test");
    world.store.add(TenantId::DEFAULT, vec![entry]).await.unwrap();
    world.clock.advance(Duration::from_mins(2));
    // Ada may have it already.
    let message = world.until(id, MessageStatus::Unknown).await;
    worker.shutdown().await.unwrap();
    let statuses: Vec<_> = message.record.recipients.iter().map(|one| one.status).collect();
    assert_eq!(statuses, [RecipientStatus::Unknown, RecipientStatus::Sent]);
    // For Bob alone the key would be another one, which protects nobody.
    assert_eq!(a.handed_over().len(), 1);
    assert_eq!(b.handed_over()[0].recipients(), ["bob@example.com"]);
}

#[tokio::test]
async fn a_provider_that_says_interrupted_without_reason_is_passed_over() {
    let (a, b) = (Recorder::new(), Recorder::new());
    a.refuse_all(RefusalKind::Interrupted);
    let world = World::new(&[&a, &b]);
    let id = world.enqueue(email()).await;
    let worker = world.courier.spawn().unwrap();
    world.until(id, MessageStatus::Sent).await;
    worker.shutdown().await.unwrap();
    assert_sent!(b, 1);
    assert_eq!(a.handed_over().len(), 1);
}

#[tokio::test]
async fn a_provider_that_takes_nobody_at_once_is_given_one() {
    let mut none = Capability::full();
    none.max_recipients = 0;
    let a = Recorder::new().with_capability(none);
    let world = World::new(&[&a]);
    let id = world.enqueue(email()).await;
    let worker = world.courier.spawn().unwrap();
    world.until(id, MessageStatus::Sent).await;
    worker.shutdown().await.unwrap();
}

/// A provider that panics the first time.
#[derive(Debug)]
struct Panics(Recorder, AtomicBool);

#[async_trait]
impl EmailProvider for Panics {
    fn id(&self) -> &ProviderId {
        self.0.id()
    }

    fn capability(&self) -> &Capability {
        self.0.capability()
    }

    async fn send(&self, message: &Outgoing, options: &SendOptions) -> Outcome {
        assert!(self.1.swap(true, Ordering::Relaxed), "the provider panics, as it should");
        self.0.send(message, options).await
    }

    async fn verify(&self, options: &SendOptions) -> Result<Verified, Refusal> {
        self.0.verify(options).await
    }
}

#[tokio::test]
async fn a_provider_that_panics_leaves_an_unknown_outcome_at_once() {
    let a = Recorder::new();
    let world = World::over(vec![Box::new(Panics(a.clone(), AtomicBool::new(false)))]);
    let id = world.enqueue(email().duplicate_policy(DuplicatePolicy::FailoverNow)).await;
    let worker = world.courier.spawn().unwrap();
    let message = world.until(id, MessageStatus::Sent).await;
    worker.shutdown().await.unwrap();
    assert_eq!(message.attempts.len(), 2);
    assert!(message.attempts[0].finished_at.is_some());
}
