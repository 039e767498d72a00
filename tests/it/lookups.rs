//! Providers that can be asked what became of a hand-over.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use courierx::provider::{
    Capability, LookupError, LookupKey, Phase, ProviderId, RecipientOutcome, Refusal, SendOptions,
    StatusLookup, Uncertainty, Verified,
};
use courierx::router::Quota;
use courierx::store::Window;
use courierx::testing::Recorder;
use courierx::{Connection, DuplicatePolicy, EmailProvider, MessageStatus, Outcome, Outgoing, RefusalKind};
use courierx_core::event::AttemptStatus;
use tokio::sync::Semaphore;

use crate::support::{World, email};

/// A provider that knows only one thing when asked: its first hand-over certainly did not reach Ada, and why.
#[derive(Debug, Clone)]
struct Asked {
    inner: Recorder,
    why: RefusalKind,
    hangs: bool,
    questions: Arc<Semaphore>,
}

impl Asked {
    fn new(hangs: bool) -> Self {
        let mut capability = Capability::full();
        capability.unknown_wait = Some(Duration::from_secs(90));
        let inner = Recorder::new().with_capability(capability);
        Self { inner, why: RefusalKind::Unavailable, hangs, questions: Arc::new(Semaphore::new(0)) }
    }

    fn because(why: RefusalKind) -> Self {
        Self { why, ..Self::new(false) }
    }
}

#[async_trait]
impl EmailProvider for Asked {
    fn id(&self) -> &ProviderId {
        self.inner.id()
    }

    fn capability(&self) -> &Capability {
        self.inner.capability()
    }

    async fn send(&self, message: &Outgoing, options: &SendOptions) -> Outcome {
        self.inner.send(message, options).await
    }

    async fn verify(&self, options: &SendOptions) -> Result<Verified, Refusal> {
        self.inner.verify(options).await
    }

    fn status_lookup(&self) -> Option<&dyn StatusLookup> {
        Some(self)
    }
}

#[async_trait]
impl StatusLookup for Asked {
    async fn lookup(
        &self,
        key: &LookupKey,
        _options: &SendOptions,
    ) -> Result<Vec<RecipientOutcome>, LookupError> {
        self.questions.add_permits(1);
        if self.hangs {
            std::future::pending::<()>().await;
        }
        let first = self.inner.handed_over()[0].outgoing().delivery_id() == key.delivery;
        let answer = |address: &courierx::Address| {
            if first && address.to_string() == "ada@example.com" {
                RecipientOutcome::Refused(Refusal::new(self.why, "never taken"))
            } else {
                RecipientOutcome::Unknown(Uncertainty::new(Phase::Answer, "not known yet"))
            }
        };
        Ok(key.recipients.iter().map(answer).collect())
    }
}

#[tokio::test]
async fn an_answer_about_one_hand_over_tells_nothing_of_another() {
    let a = Asked::new(false);
    a.inner.lose_next_answer().lose_next_answer();
    let world = World::over(vec![Box::new(a.clone())]);
    let id = world.enqueue(email().cc("bob@example.com").duplicate_policy(DuplicatePolicy::Never)).await;
    let worker = world.courier.spawn().unwrap();
    for day in 0..3 {
        world.calm_down().await;
        assert_eq!(a.inner.handed_over().len(), (day + 1).min(2), "day {day}");
        world.clock.advance(Duration::from_hours(25));
    }
    // The first hand-over certainly did not reach Ada, the second one may have.
    world.until(id, MessageStatus::Unknown).await;
    worker.shutdown().await.unwrap();
    assert_eq!(a.inner.handed_over().len(), 2);
}

#[tokio::test]
async fn a_question_needs_no_room_in_a_quota() {
    let a = Asked::new(false);
    a.inner.lose_next_answer();
    let daily = [Quota::new(Window::UtcDay, 1)];
    let world = World::of([Connection::new("a".parse().unwrap(), a.clone()).with_quotas(daily)]);
    let worker = world.courier.spawn().unwrap();
    let id = world.enqueue(email()).await;
    world.until_answered(id, 1).await;
    world.pass(Duration::from_mins(1)).await;
    world.courier.send(&email().build().unwrap()).await.unwrap_err();
    let rest = world.courier.router().connections()[0].health(world.now()).not_before;
    assert_eq!(rest.map(|rest| rest.kind), Some(RefusalKind::Quota));
    world.pass(Duration::from_secs(40)).await;
    worker.shutdown().await.unwrap();
    assert_eq!(a.questions.available_permits(), 1);
}

#[tokio::test]
async fn what_ends_a_recipient_ends_it_also_as_the_answer_to_a_question() {
    for (why, end, handed) in [
        (RefusalKind::Suppressed, MessageStatus::Suppressed, (1, 0)),
        (RefusalKind::Recipient, MessageStatus::Failed, (1, 0)),
        // Nothing is wrong with the recipient: it is as if nothing had been handed over.
        (RefusalKind::Unavailable, MessageStatus::Sent, (2, 1)),
    ] {
        let (a, b) = (Asked::because(why), Recorder::new());
        a.inner.lose_next_answer().refuse_all(RefusalKind::Unavailable);
        let world = World::over(vec![Box::new(a.clone()), Box::new(b.clone())]);
        let id = world.enqueue(email()).await;
        let worker = world.courier.spawn().unwrap();
        world.until_answered(id, 1).await;
        world.calm_down().await;
        world.clock.advance(Duration::from_secs(91));
        let message = world.until(id, end).await;
        worker.shutdown().await.unwrap();
        assert_eq!((a.inner.handed_over().len(), b.handed_over().len()), handed, "{why}");
        // What became of the hand-over itself is still what its answer told.
        assert_eq!(message.attempts[0].recipients[0].status, AttemptStatus::Unknown, "{why}");
    }
}

#[tokio::test]
async fn another_hand_over_that_may_have_succeeded_is_not_forgotten_for_such_an_answer() {
    let (a, b) = (Asked::because(RefusalKind::Suppressed), Recorder::new());
    a.inner.lose_next_answer();
    b.lose_next_answer();
    let world = World::over(vec![Box::new(a.clone()), Box::new(b.clone())]);
    let id = world.enqueue(email().duplicate_policy(DuplicatePolicy::FailoverNow)).await;
    let worker = world.courier.spawn().unwrap();
    world.until_answered(id, 2).await;
    world.calm_down().await;
    world.clock.advance(Duration::from_hours(1));
    world.until(id, MessageStatus::Unknown).await;
    worker.shutdown().await.unwrap();
    assert_eq!((a.inner.handed_over().len(), b.handed_over().len()), (1, 1));
}

#[tokio::test]
async fn a_provider_that_never_answers_does_not_hold_up_a_stop() {
    let a = Asked::new(true);
    a.inner.lose_next_answer();
    let world = World::over(vec![Box::new(a.clone())]);
    world.enqueue(email()).await;
    let worker = world.courier.spawn().unwrap();
    world.calm_down().await;
    world.clock.advance(Duration::from_secs(91));
    a.questions.acquire().await.unwrap().forget();
    let stopping = tokio::spawn(worker.shutdown());
    world.calm_down().await;
    world.clock.advance(Duration::from_secs(31));
    world.calm_down().await;
    assert!(stopping.is_finished());
    stopping.await.unwrap().unwrap();
}
