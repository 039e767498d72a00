//! Lives through a scenario: several processes on one store, each with what it knows.

use std::sync::Arc;
use std::time::Duration;

use courierx::router::{BreakerOptions, Member, Quota, Rate, Rule};
use courierx::store::{DepthQuery, Queue};
use courierx::{
    Clock, Connection, Courier, Email, MemoryStore, MessageId, RetryPreset, SendError, Timestamp, Worker,
    WorkerOptions,
};
use courierx_core::store::StoredMessage;
use tokio::task::JoinSet;

use super::clock::Jumping;
use super::log::Log;
use super::scenario::{Line, Mail, Scenario};
use super::vendor::{Door, Vendor};

/// A midnight in UTC.
const MIDNIGHT: Timestamp = Timestamp::from_secs(1_900_022_400);
/// For how long after the last of a scenario workers stay, until only long waits are left.
const AFTERMATH: u32 = 2 * 3600;
/// When everything has to be over: `never` waits a day, schedules three, and small quotas take longer.
const OVER: Duration = Duration::from_hours(400);
/// From one message to the next while it is found out whether a connection is back, and how many there are then.
const TRICKLE: Duration = Duration::from_secs(15);
const LAST: usize = 4;

/// What there was to see in the end.
pub(super) struct Seen {
    pub(super) start: Timestamp,
    pub(super) log: Log,
    /// What is kept of each message that was.
    pub(super) stored: Vec<(usize, StoredMessage)>,
    /// What those heard who waited.
    pub(super) heard: Vec<(usize, Result<(), SendError>)>,
    /// The messages that were sent when everything was long well, and none if that was not tried.
    pub(super) late: Vec<usize>,
    pub(super) is_drained: bool,
}

struct Process {
    courier: Courier,
    worker: Option<Worker>,
    direct: JoinSet<(usize, Result<(), SendError>)>,
}

struct World<'a> {
    scenario: &'a Scenario,
    clock: Arc<dyn Clock>,
    start: Timestamp,
    store: MemoryStore,
    log: Log,
    vendors: Vec<Arc<Vendor>>,
    processes: Vec<Process>,
    /// How many there were, dead ones included.
    born: usize,
    ids: Vec<(usize, MessageId)>,
    heard: Vec<(usize, Result<(), SendError>)>,
}

pub(super) fn name(line: usize) -> &'static str {
    ["a", "b", "c", "d"][line]
}

pub(super) fn breaker(hasty: bool) -> BreakerOptions {
    let mut options = BreakerOptions::default();
    if hasty {
        options.longest = Duration::from_mins(1);
        options.slow_step = Duration::from_secs(5);
    }
    options
}

pub(super) fn rate((in_ten_seconds, burst): (u32, u32)) -> Rate {
    Rate::new(f64::from(in_ten_seconds) / 10.0, burst).unwrap()
}

/// How long a connection may take to come back: what is left of the longest time that it is open, a probe that
/// another process took and lost, three that succeed, a slow start.
pub(super) fn comes_back_within(options: BreakerOptions) -> Duration {
    options.longest * 11 / 10 + Duration::from_mins(2) + 3 * TRICKLE + 3 * options.slow_step
}

fn connection(line: &Line, hasty: bool, door: Door) -> Connection {
    let mut connection = Connection::new(name(door.vendor.number).parse().unwrap(), door)
        .with_priority(line.priority)
        .with_weight(line.weight)
        .with_breaker(breaker(hasty))
        .with_rate(line.rate.map(rate));
    if let Some((window, cap)) = line.quota {
        connection = connection.with_quotas([Quota::new(window, cap)]);
    }
    if line.draining { connection.draining() } else { connection }
}

fn email(number: usize, mail: &Mail, start: Timestamp) -> Email {
    let address = |one: u32| format!("u{number}-{one}@example.com");
    let mut email = Email::to(address(0).as_str())
        .from(format!("hi@d{}.example", mail.from).as_str())
        .subject(number.to_string())
        .text("Hello")
        .lane(mail.lane)
        .retry(if mail.quick { RetryPreset::Quick } else { RetryPreset::Smtp72h });
    for one in 1..mail.recipients {
        email = email.cc(address(one).as_str());
    }
    if let Some(policy) = mail.policy {
        email = email.duplicate_policy(policy);
    }
    if let Some(deadline) = mail.deadline
        && !mail.direct
    {
        email = email.deliver_by(start.after(Duration::from_secs((mail.at + deadline).into())));
    }
    email.build().unwrap()
}

impl Scenario {
    /// Lives through it, on the present runtime, whose time is paused.
    pub(super) async fn live(&self) -> Seen {
        let start = MIDNIGHT.before(Duration::from_secs(self.midnight.into()));
        let clock: Arc<dyn Clock> = Arc::new(Jumping::starting_at(start));
        let log = Log::default();
        let vendor = |(number, line): (usize, &Line)| {
            let line = line.clone();
            Arc::new(Vendor { line, number, seed: self.seed, start, desk: <_>::default() })
        };
        let mut world = World {
            scenario: self,
            start,
            store: MemoryStore::with_clock(Arc::clone(&clock)),
            clock,
            log,
            vendors: self.lines.iter().enumerate().map(vendor).collect(),
            processes: Vec::new(),
            born: 0,
            ids: Vec::new(),
            heard: Vec::new(),
        };
        for _ in 0..self.processes {
            let process = world.process();
            world.processes.push(process);
        }
        world.play().await;
        let is_drained = world.calm_down().await;
        let late = world.trickle().await;
        world.see(late, is_drained).await
    }
}

impl World<'_> {
    fn process(&mut self) -> Process {
        let Scenario { lines, strategy, hasty, .. } = self.scenario;
        let doors = self.vendors.iter().map(|vendor| Door::to(vendor, self.born, &self.clock, &self.log));
        let mut builder = Courier::builder().store(self.store.clone()).watcher(self.log.watcher());
        for (line, door) in lines.iter().zip(doors) {
            builder = builder.connection(connection(line, *hasty, door));
        }
        if let Some(strategy) = strategy {
            let mut rule = Rule::new("all").strategy(*strategy);
            for (number, line) in lines.iter().enumerate() {
                let member = Member::new(name(number).parse().unwrap());
                rule = rule.via(if line.failover_only { member.failover_only() } else { member });
            }
            builder = builder.rule(rule);
        }
        self.born += 1;
        let courier = builder.build().unwrap();
        let mut process = Process { courier, worker: None, direct: JoinSet::new() };
        process.work();
        process
    }

    /// What a scenario says, at its time.
    async fn play(&mut self) {
        let scenario = self.scenario;
        let mails =
            scenario.mails.iter().enumerate().map(|(number, mail)| (mail.at, Some(number), mail.process));
        let crashes = scenario.crashes.iter().map(|crash| (crash.at, None, crash.process));
        let mut steps: Vec<_> = mails.chain(crashes).collect();
        steps.sort_by_key(|step| step.0);
        for (at, mail, process) in steps {
            self.clock.sleep_until(self.start.after(Duration::from_secs(at.into()))).await;
            if let Some(number) = mail {
                self.post(number, &scenario.mails[number], process).await;
            } else {
                let next = self.process();
                // Those who waited for an answer died with it.
                self.processes[process] = next;
            }
        }
    }

    async fn post(&mut self, number: usize, mail: &Mail, process: usize) {
        let email = email(number, mail, self.start);
        let process = &mut self.processes[process];
        if mail.direct {
            let courier = process.courier.clone();
            process.direct.spawn(async move { (number, courier.send(&email).await.map(|_| ())) });
        } else {
            self.ids.push((number, process.courier.enqueue(email).await.unwrap().id));
        }
    }

    /// Waits until nothing is left to do.
    async fn calm_down(&mut self) -> bool {
        let end = self.start.after(Duration::from_secs((self.scenario.end() + AFTERMATH).into()));
        let over = end.after(OVER);
        loop {
            for process in &mut self.processes {
                while let Some(heard) = process.direct.try_join_next() {
                    self.heard.push(heard.unwrap());
                }
            }
            let idle = self.processes.iter().all(|process| process.direct.is_empty());
            let depth = self.store.depth(&DepthQuery::default()).await.unwrap();
            let now = self.clock.now();
            if idle && depth.iter().all(|lane| lane.ready + lane.waiting + lane.leased == 0) {
                return true;
            }
            if now > over {
                return false;
            }
            if now < end {
                self.clock.sleep_until(now.after(Duration::from_mins(1))).await;
            } else {
                // What waits for hours needs nobody who looks after it all the time.
                for process in &mut self.processes {
                    if let Some(worker) = process.worker.take() {
                        worker.shutdown().await.unwrap();
                    }
                }
                self.clock.sleep_until(self.clock.now().after(Duration::from_hours(1))).await;
                self.processes.iter_mut().for_each(Process::work);
                self.clock.sleep_until(self.clock.now().after(Duration::from_secs(5))).await;
            }
        }
    }

    /// Mail for as long as connections may take to come back, and then the last ones, which tell whether they have.
    async fn trickle(&mut self) -> Vec<usize> {
        if !self.scenario.hasty {
            return Vec::new();
        }
        let end = self.start.after(Duration::from_secs(self.scenario.end().into()));
        self.clock.sleep_until(end).await;
        let within = comes_back_within(breaker(true));
        let before = self.scenario.mails.len();
        let count = usize::try_from(within.as_secs() / TRICKLE.as_secs()).unwrap() + 1;
        for number in before..before + count + LAST {
            let process = number % self.processes.len();
            let mail = Mail::of_late(process);
            self.post(number, &mail, process).await;
            self.clock.sleep_until(self.clock.now().after(TRICKLE)).await;
        }
        self.calm_down().await;
        (before + count..before + count + LAST).collect()
    }

    async fn see(mut self, late: Vec<usize>, is_drained: bool) -> Seen {
        let mut stored = Vec::new();
        for (number, id) in &self.ids {
            let message = self.processes[0].courier.message(*id).await.unwrap().unwrap();
            stored.push((*number, message));
        }
        let heard = std::mem::take(&mut self.heard);
        Seen { start: self.start, log: self.log, stored, heard, late, is_drained }
    }
}

impl Mail {
    /// One that is sent when everything is well.
    fn of_late(process: usize) -> Self {
        Self {
            at: 0,
            process,
            recipients: 1,
            lane: courierx::Lane::Transactional,
            policy: None,
            from: 1,
            quick: false,
            direct: false,
            deadline: None,
        }
    }
}

impl Process {
    fn work(&mut self) {
        let mut options = WorkerOptions::default();
        options.concurrency = 16;
        self.worker = Some(self.courier.spawn_with(options).unwrap());
    }
}
