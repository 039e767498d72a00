//! An application, its workers and its providers, and what befalls them.

use std::sync::Arc;
use std::time::Duration;

use courierx::store::{DepthQuery, IncomingEvent, Ledger, Queue, Suppressions};
use courierx::suppression::{NewSuppression, Pattern, Reason};
use courierx::{
    AcceptError, Address, Clock, Courier, DuplicatePolicy, Email, EnqueueError, EventKind, Lane, ManualClock,
    MemoryStore, MessageId, RetryPreset, Worker, WorkerOptions,
};
use courierx_core::store::{Effects, EventMatch};
use fastrand::Rng;
use tokio::task::JoinSet;

use super::TENANT;
use super::checks;
use super::provider::Scripted;
use super::truth::Truth;
use crate::support::START;

pub(super) struct World {
    rng: Rng,
    pub(super) clock: Arc<ManualClock>,
    pub(super) store: MemoryStore,
    pub(super) courier: Courier,
    pub(super) truth: Truth,
    pub(super) ids: Vec<MessageId>,
    providers: Vec<Scripted>,
    workers: Vec<Worker>,
    stopping: JoinSet<()>,
    reported: u64,
}

impl World {
    pub(super) fn new(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let clock = ManualClock::starting_at(START);
        let store = MemoryStore::with_clock(Arc::<ManualClock>::clone(&clock));
        let truth = Truth::default();
        let names = &["a", "b", "c"][..rng.usize(1..=3)];
        let providers: Vec<_> =
            names.iter().map(|name| Scripted::new(name, &mut rng, &store, &clock, &truth)).collect();
        let builder = providers.iter().fold(Courier::builder(), |builder, provider| {
            builder.provider(provider.name().as_str(), provider.clone())
        });
        let courier = builder.store(store.clone()).build().unwrap();
        let mut world = Self {
            rng,
            clock,
            store,
            courier,
            truth,
            ids: Vec::new(),
            providers,
            workers: Vec::new(),
            stopping: JoinSet::new(),
            reported: 0,
        };
        world.hire();
        world
    }

    /// Lives through chance for a while.
    pub(super) async fn live(&mut self) {
        for _ in 0..self.rng.u8(20..70) {
            match self.rng.u8(..100) {
                0..30 => self.enqueue().await,
                30..65 => self.pass_time(),
                65..75 => self.change_mood(),
                75..81 => self.hire(),
                81..87 => self.kill(),
                87..89 => self.stop_gracefully(),
                89..93 => self.cancel().await,
                93..96 => self.suppress().await,
                _ => self.call_back().await,
            }
            if self.rng.u8(..4) > 0 {
                self.calm_down().await;
            }
        }
    }

    /// Everything works again; time passes until nothing is left to do, or ten days are over.
    pub(super) async fn recover(&mut self) {
        self.providers.iter().for_each(|provider| provider.takes(100));
        self.hire();
        let (secs, mins, hours) = (Duration::from_secs(15), Duration::from_mins(10), Duration::from_hours(3));
        let steps = [secs; 40].into_iter().chain([mins; 60]).chain([hours; 80]);
        for step in steps {
            self.calm_down().await;
            if self.stopping.is_empty() && self.is_drained().await {
                return;
            }
            self.clock.advance(step);
            while self.stopping.try_join_next().is_some() {}
        }
    }

    /// Lets every task run until none can do anything before time moves on.
    pub(super) async fn calm_down(&self) {
        let mut before = None;
        loop {
            for _ in 0..12 {
                tokio::task::yield_now().await;
            }
            let depth = self.store.depth(&DepthQuery::default()).await.unwrap();
            let now = Some((self.truth.lock().steps, depth));
            if now == before {
                return;
            }
            before = now;
        }
    }

    async fn is_drained(&self) -> bool {
        let lanes = self.store.depth(&DepthQuery::default()).await.unwrap();
        lanes.iter().all(|lane| lane.ready + lane.waiting + lane.leased == 0)
    }

    async fn enqueue(&mut self) {
        self.calm_down().await;
        let email = self.email();
        let expected = self.courier.outlook(&email).await.unwrap();
        let id = match self.courier.enqueue(email).await {
            Ok(accepted) => accepted.id,
            Err(EnqueueError::Accept(AcceptError::Suppressed { message })) => message,
            Err(error) => panic!("{error}"),
        };
        self.ids.push(id);
        if self.rng.bool() {
            self.calm_down().await;
            let stored = self.courier.message(id).await.unwrap().unwrap();
            let wrong = checks::explained(&expected, &stored, self.clock.now());
            self.truth.lock().wrong.extend(wrong);
        }
    }

    fn email(&mut self) -> Email {
        let first = self.rng.u8(..60);
        let mut email = Email::to(address(first).as_str())
            .from("hi@acme.example")
            .subject(format!("Number {}", self.ids.len()))
            .text("Hello")
            .lane(*self.rng.choice(Lane::ALL).unwrap())
            .retry(self.rng.choice([RetryPreset::Quick, RetryPreset::Quick, RetryPreset::Smtp72h]).unwrap());
        for next in 1..self.rng.u8(1..=4) {
            email = if self.rng.bool() {
                email.cc(address(first + next).as_str())
            } else {
                email.bcc(address(first + next).as_str())
            };
        }
        let policies =
            [DuplicatePolicy::WaitThenFailover, DuplicatePolicy::FailoverNow, DuplicatePolicy::Never];
        if let Some(policy) = policies.get(self.rng.usize(..4)) {
            email = email.duplicate_policy(*policy);
        }
        if self.rng.u8(..4) == 0 {
            let within = Duration::from_secs(self.rng.u64(1..4000));
            email = email.deliver_by(self.clock.now().after(within));
        }
        email.build().unwrap()
    }

    /// Sometimes longer than a lease, so that owners find themselves replaced.
    fn pass_time(&mut self) {
        let millis = match self.rng.u8(..40) {
            // `never` waits for a day.
            0 => 90_000_000,
            _ => self.rng.choice([50, 1_000, 5_000, 11_000, 19_000, 61_000, 600_000, 3_600_000]).unwrap(),
        };
        self.clock.advance(Duration::from_millis(millis));
    }

    fn change_mood(&mut self) {
        let mood = self.rng.choice([0, 20, 50, 80, 95]).unwrap();
        if let Some(provider) = self.rng.choice(&self.providers) {
            provider.takes(mood);
        }
    }

    fn hire(&mut self) {
        if self.workers.len() < 3 {
            let mut options = WorkerOptions::default();
            options.concurrency = self.rng.usize(1..6);
            self.workers.push(self.courier.spawn_with(options).unwrap());
        }
    }

    fn kill(&mut self) {
        if !self.workers.is_empty() {
            drop(self.workers.swap_remove(self.rng.usize(..self.workers.len())));
        }
    }

    fn stop_gracefully(&mut self) {
        if let Some(worker) = self.workers.pop() {
            self.stopping.spawn(async move { worker.shutdown().await.unwrap() });
        }
    }

    async fn cancel(&mut self) {
        if let Some(id) = self.rng.choice(&self.ids) {
            self.courier.cancel(*id).await.unwrap();
        }
    }

    async fn suppress(&mut self) {
        let address: Address = address(self.rng.u8(..64)).parse().unwrap();
        let entry = NewSuppression::new(Pattern::address(&address.key()), Reason::Manual, "simulation");
        self.store.add(TENANT, vec![entry]).await.unwrap();
    }

    /// A provider tells of something that it really took.
    async fn call_back(&mut self) {
        let chosen = self.rng.choice(&self.truth.lock().taken).cloned();
        let Some((connection, delivery, address)) = chosen else { return };
        self.reported += 1;
        let event = IncomingEvent {
            tenant: TENANT,
            connection,
            about: EventMatch::Delivery(delivery),
            recipient: Some(address.parse().unwrap()),
            kind: EventKind::Delivered,
            at: self.clock.now(),
            deduplication: self.reported.to_string(),
            detail: None,
            row: None,
            effects: Effects::default(),
        };
        self.store.record_events(vec![event]).await.unwrap();
    }
}

fn address(number: u8) -> String {
    format!("user{number}@example.com")
}
