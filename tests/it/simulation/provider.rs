//! A provider that answers by chance, tells the truth by chance, and looks over the courier's shoulder.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use courierx::Timestamp;
use courierx::provider::{
    Acceptance, Capability, Phase, ProviderId, RecipientOutcome, Refusal, SendOptions, StatusLookup,
    Uncertainty, Verified,
};
use courierx::{
    Clock, ConnectionId, EmailProvider, ManualClock, MemoryStore, Outcome, Outgoing, RefusalKind,
};
use courierx_core::id::DeliveryId;
use fastrand::Rng;

use super::checks;
use super::truth::Truth;

const REFUSALS: [RefusalKind; 12] = [
    RefusalKind::Recipient,
    RefusalKind::RecipientTemporary,
    RefusalKind::Suppressed,
    RefusalKind::Policy,
    RefusalKind::Content,
    RefusalKind::Sender,
    RefusalKind::Auth,
    RefusalKind::Throttled,
    RefusalKind::Quota,
    RefusalKind::Unavailable,
    RefusalKind::Unavailable,
    RefusalKind::Unavailable,
];

#[derive(Debug, Clone)]
pub(super) struct Scripted(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    name: ConnectionId,
    id: ProviderId,
    capability: Capability,
    can_be_asked: bool,
    store: MemoryStore,
    clock: Arc<ManualClock>,
    truth: Truth,
    desk: Mutex<Desk>,
}

/// What the provider knows and feels.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) rng: Rng,
    /// How many of a hundred recipients it takes.
    good: u32,
    /// When it took which recipient of a delivery first.
    pub(super) taken: HashMap<(DeliveryId, String), Timestamp>,
    pub(super) on_the_wire: Vec<DeliveryId>,
}

impl Scripted {
    pub(super) fn new(
        name: &str,
        rng: &mut Rng,
        store: &MemoryStore,
        clock: &Arc<ManualClock>,
        truth: &Truth,
    ) -> Self {
        let mut capability = Capability::full();
        capability.max_recipients = rng.choice([1, 2, 100]).unwrap();
        capability.max_in_flight = rng.choice([1, 2, 32]).unwrap();
        capability.idempotency =
            rng.choice([None, Some(Duration::from_mins(5)), Some(Duration::from_hours(24))]).unwrap();
        capability.unknown_wait = rng.choice([None, Some(Duration::from_secs(90))]).unwrap();
        // Refusals of content depend on whether two connections can do the same.
        capability.smtputf8 = rng.bool();
        let desk = Desk { rng: rng.fork(), good: 100, taken: HashMap::new(), on_the_wire: Vec::new() };
        Self(Arc::new(Inner {
            name: name.parse().unwrap(),
            id: ProviderId::new("scripted"),
            capability,
            can_be_asked: rng.bool(),
            store: store.clone(),
            clock: Arc::clone(clock),
            truth: truth.clone(),
            desk: Mutex::new(desk),
        }))
    }

    pub(super) fn name(&self) -> &ConnectionId {
        &self.0.name
    }

    /// From now on it takes this many of a hundred recipients.
    pub(super) fn takes(&self, good: u32) {
        self.desk().good = good;
    }

    pub(super) fn desk(&self) -> MutexGuard<'_, Desk> {
        self.0.desk.lock().unwrap()
    }

    /// Takes responsibility for one recipient: its message is on its way, once more unless the provider
    /// recognises the delivery.
    fn take(&self, desk: &mut Desk, message: &Outgoing, position: usize) {
        let recipient = &message.recipients()[position];
        let address = recipient.mailbox.address().to_string();
        let (delivery, now) = (message.delivery_id(), self.0.clock.now());
        let key = (delivery, address.clone());
        if let (Some(window), Some(first)) = (self.0.capability.idempotency, desk.taken.get(&key))
            && now < first.after(window)
        {
            return;
        }
        desk.taken.insert(key, now);
        let mut facts = self.0.truth.lock();
        *facts.sent.entry((message.message_id(), recipient.index)).or_default() += 1;
        facts.taken.push((self.0.name.clone(), delivery, address));
    }

    /// What is answered for one recipient, by chance, and whether it is taken.
    fn answer(desk: &mut Desk) -> (RecipientOutcome, bool) {
        if desk.rng.u32(..100) < desk.good {
            return (RecipientOutcome::Accepted(Acceptance::default()), true);
        }
        if desk.rng.u8(..10) < 4 {
            let unknown = Uncertainty::new(Phase::Answer, "by chance");
            return (RecipientOutcome::Unknown(unknown), desk.rng.bool());
        }
        let refusal = Refusal::new(desk.rng.choice(REFUSALS).unwrap(), "by chance");
        let refusal = match desk.rng.u64(..8) {
            hours @ 1..3 => refusal.retry_after(Duration::from_hours(hours)),
            3 => refusal.retry_after(Duration::from_secs(3)),
            _ => refusal,
        };
        (RecipientOutcome::Refused(refusal), false)
    }

    /// What becomes of a hand-over: mostly the same for everybody.
    fn outcome(&self, message: &Outgoing) -> Outcome {
        let count = message.recipients().len();
        let mut desk = self.desk();
        let answers: Vec<_> = if desk.rng.u8(..4) > 0 {
            vec![Self::answer(&mut desk); count]
        } else {
            (0..count).map(|_| Self::answer(&mut desk)).collect()
        };
        for position in (0..count).filter(|position| answers[*position].1) {
            self.take(&mut desk, message, position);
        }
        let mut each: Vec<_> = answers.into_iter().map(|(answer, _)| answer).collect();
        if desk.good < 100 && desk.rng.u8(..20) == 0 {
            // Against its contract it says nothing of the last.
            each.pop();
            return Outcome::Mixed(each);
        }
        Outcome::from_each(each)
    }

    /// Whether the answer comes at once, after others had a turn, or late.
    async fn dawdle(&self) {
        let (kind, turns, seconds) = {
            let mut desk = self.desk();
            let kind = if desk.good == 100 { 0 } else { desk.rng.u8(..10) };
            (kind, desk.rng.u8(1..5), desk.rng.u64(1..150))
        };
        match kind {
            0..5 => {}
            5..8 => {
                for _ in 0..turns {
                    tokio::task::yield_now().await;
                }
            }
            _ => self.0.clock.sleep_until(self.0.clock.now().after(Duration::from_secs(seconds))).await,
        }
    }
}

/// A request on the wire. What is cut off may have arrived nevertheless.
struct OnTheWire<'a> {
    provider: &'a Scripted,
    message: &'a Outgoing,
    answered: bool,
}

impl Drop for OnTheWire<'_> {
    fn drop(&mut self) {
        let delivery = self.message.delivery_id();
        if !self.answered {
            let _ = self.provider.outcome(self.message);
        }
        let mut desk = self.provider.desk();
        let position = desk.on_the_wire.iter().position(|one| *one == delivery);
        position.map(|position| desk.on_the_wire.swap_remove(position));
        self.provider.0.truth.lock().steps += 1;
    }
}

#[async_trait]
impl EmailProvider for Scripted {
    fn id(&self) -> &ProviderId {
        &self.0.id
    }

    fn capability(&self) -> &Capability {
        &self.0.capability
    }

    async fn send(&self, message: &Outgoing, options: &SendOptions) -> Outcome {
        let (store, now) = (&self.0.store, self.0.clock.now());
        let mut wrong = checks::hand_over(store, &self.0.name, message, now).await;
        {
            let mut facts = self.0.truth.lock();
            facts.steps += 1;
            let content = checks::frozen(message);
            let before = facts.content.entry(message.delivery_id()).or_insert_with(|| content.clone());
            if *before != content {
                wrong.push(format!("{} was {before} and is {content}", message.delivery_id()));
            }
            facts.wrong.extend(wrong);
        }
        self.desk().on_the_wire.push(message.delivery_id());
        let mut wire = OnTheWire { provider: self, message, answered: false };
        tokio::select! {
            () = self.dawdle() => {}
            () = options.cancel.cancelled() => {
                let _ = self.outcome(message);
                wire.answered = true;
                return Outcome::Unknown(Uncertainty::new(Phase::Answer, "cut off"));
            }
        }
        wire.answered = true;
        self.outcome(message)
    }

    async fn verify(&self, _options: &SendOptions) -> Result<Verified, Refusal> {
        Ok(Verified::new("scripted"))
    }

    fn status_lookup(&self) -> Option<&dyn StatusLookup> {
        self.0.can_be_asked.then_some(self)
    }
}
