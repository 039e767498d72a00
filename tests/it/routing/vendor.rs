//! A vendor under its weather. What it answers follows from the seed, the message and how often it came, so that
//! taking something else out of a scenario changes nothing of it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use courierx::provider::{
    Acceptance, Capability, Phase, ProviderId, RecipientOutcome, Refusal, SendOptions, Uncertainty, Verified,
};
use courierx::{Clock, EmailProvider, Outcome, Outgoing, RefusalKind, Timestamp};
use courierx_core::id::DeliveryId;

use super::log::{Answer, HandOver, Log};
use super::scenario::{Line, Weather};

/// How long it remembers a key.
const REMEMBERS: Duration = Duration::from_hours(24);
/// How long an answer takes that nothing is wrong with, and one that never comes.
const ANSWERS: Duration = Duration::from_millis(40);
const NEVER: Duration = Duration::from_secs(30);

/// What all processes talk to.
#[derive(Debug)]
pub(super) struct Vendor {
    pub(super) line: Line,
    pub(super) number: usize,
    pub(super) seed: u64,
    pub(super) start: Timestamp,
    pub(super) desk: Mutex<Desk>,
}

#[derive(Debug, Default)]
pub(super) struct Desk {
    /// How often a message came.
    times: HashMap<usize, u64>,
    taken: HashMap<(DeliveryId, u32), Timestamp>,
    /// How many were taken in which ten seconds, and behind which wall.
    tens: HashMap<i64, u32>,
    walls: HashMap<u32, u32>,
}

/// One process's way to it.
#[derive(Debug)]
pub(super) struct Door {
    pub(super) vendor: Arc<Vendor>,
    pub(super) id: ProviderId,
    pub(super) capability: Capability,
    pub(super) process: usize,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) log: Log,
}

impl Door {
    pub(super) fn to(vendor: &Arc<Vendor>, process: usize, clock: &Arc<dyn Clock>, log: &Log) -> Self {
        let line = &vendor.line;
        let mut capability = Capability::full();
        capability.max_in_flight = line.in_flight;
        capability.max_recipients = line.recipients;
        capability.idempotency = line.keyed.then_some(REMEMBERS);
        capability.unknown_wait = line.tells.then_some(Duration::from_secs(45));
        let (vendor, clock) = (Arc::clone(vendor), Arc::clone(clock));
        Self { vendor, id: ProviderId::new("scripted"), capability, process, clock, log: log.clone() }
    }
}

/// What is answered to everybody of a hand-over, or one by one, and how long that takes.
struct Plan {
    each: Vec<(Answer, bool)>,
    retry_after: Option<u32>,
    takes: Duration,
}

impl Vendor {
    fn plan(&self, mail: usize, recipients: &[u32], from: u32, now: Timestamp) -> Plan {
        let at = u32::try_from(now.since(self.start).as_secs()).unwrap_or(u32::MAX);
        let mut desk = self.desk.lock().unwrap();
        let time = desk.times.entry(mail).or_default();
        *time += 1;
        let first = *time == 1;
        let salt =
            (self.seed ^ 0x51ed).wrapping_mul(31).wrapping_add(self.number as u64).wrapping_mul(1_000_003);
        let mut rng = fastrand::Rng::with_seed(salt ^ (mail as u64) << 20 ^ *time << 8);
        let mut chance = |percent: u32| rng.u32(..100) < percent;
        let count = u32::try_from(recipients.len()).unwrap_or(u32::MAX);
        let all = |answer: Answer, taken: bool| vec![(answer, taken); recipients.len()];
        let accepted = || all(Answer::Accepted, true);
        let refused = |kind| all(Answer::Refused(kind), false);
        let (mut retry_after, mut takes) = (None, ANSWERS);
        let each = match self.line.weather(at) {
            Some(Weather::Outage) => refused(RefusalKind::Unavailable),
            Some(Weather::Dark) => {
                takes = NEVER;
                all(Answer::Unknown, chance(50))
            }
            Some(Weather::Brownout(percent)) if chance(percent) => refused(RefusalKind::Unavailable),
            Some(Weather::Flapping(period)) if (at / period).is_multiple_of(2) => {
                refused(RefusalKind::Unavailable)
            }
            Some(Weather::Throttled(most, asks)) => {
                let ten = desk.tens.entry(now.as_secs() / 10).or_default();
                *ten += 1;
                if *ten > most {
                    retry_after = asks;
                    refused(RefusalKind::Throttled)
                } else {
                    accepted()
                }
            }
            Some(Weather::Slow(seconds)) => {
                takes = Duration::from_secs(seconds.into());
                accepted()
            }
            Some(Weather::Revoked) => refused(RefusalKind::Auth),
            Some(Weather::Wall(most, tells)) => {
                let spell = self.line.weather.iter().find(|spell| (spell.from..spell.to).contains(&at));
                let (from, to) = spell.map_or((0, 0), |spell| (spell.from, spell.to));
                let behind = desk.walls.entry(from).or_default();
                if *behind + count > most {
                    retry_after = tells.then_some(to - at);
                    refused(RefusalKind::Quota)
                } else {
                    *behind += count;
                    accepted()
                }
            }
            Some(Weather::Greylist) if first => refused(RefusalKind::RecipientTemporary),
            Some(Weather::NoMailbox) => {
                let one = |&position: &u32| {
                    let is_there = (mail as u64 + u64::from(position)).is_multiple_of(2);
                    let missing = (Answer::Refused(RefusalKind::Recipient), false);
                    if is_there { (Answer::Accepted, true) } else { missing }
                };
                recipients.iter().map(one).collect()
            }
            Some(Weather::Unverified) if from == 0 => refused(RefusalKind::Sender),
            Some(Weather::Policy) if chance(50) => refused(RefusalKind::Policy),
            Some(Weather::Content) if mail.is_multiple_of(2) => refused(RefusalKind::Content),
            Some(Weather::Lossy(percent)) if chance(percent) => all(Answer::Unknown, chance(50)),
            // The sun shines, or something else is spared.
            _ => accepted(),
        };
        Plan { each, retry_after, takes }
    }
}

/// A hand-over that may be cut off: then nobody hears the answer.
struct OnTheWire<'a> {
    door: &'a Door,
    place: usize,
}

impl Drop for OnTheWire<'_> {
    fn drop(&mut self) {
        let mut facts = self.door.log.lock();
        let one = &mut facts.hand_overs[self.place];
        if one.until.is_none() {
            one.recipients.iter_mut().for_each(|(_, answer, _)| *answer = Answer::Unknown);
        }
    }
}

#[async_trait]
impl EmailProvider for Door {
    fn id(&self) -> &ProviderId {
        &self.id
    }

    fn capability(&self) -> &Capability {
        &self.capability
    }

    async fn send(&self, message: &Outgoing, _options: &SendOptions) -> Outcome {
        let now = self.clock.now();
        let mail: usize = message.subject().as_str().parse().unwrap();
        let recipients: Vec<u32> = message.recipients().iter().map(|one| one.index).collect();
        let from = u32::from(!message.from().address().domain().starts_with("d0"));
        let Plan { each, retry_after, takes } = self.vendor.plan(mail, &recipients, from, now);
        let recorded = recipients.iter().zip(&each).map(|(&recipient, &(answer, taken))| {
            // Whoever knows the key takes nothing twice.
            let key = (message.delivery_id(), recipient);
            let mut desk = self.vendor.desk.lock().unwrap();
            let known = self.vendor.line.keyed
                && desk.taken.get(&key).is_some_and(|before| now < before.after(REMEMBERS));
            if taken && !known {
                desk.taken.insert(key, now);
            }
            (recipient, answer, taken && !known)
        });
        let recipients = recorded.collect();
        let (process, line) = (self.process, self.vendor.number);
        let place = {
            let mut facts = self.log.lock();
            facts.hand_overs.push(HandOver { at: now, until: None, process, line, mail, recipients });
            facts.hand_overs.len() - 1
        };
        let wire = OnTheWire { door: self, place };
        self.clock.sleep_until(now.after(takes)).await;
        self.log.lock().hand_overs[place].until = Some(self.clock.now());
        drop(wire);
        let outcome = |(answer, _): (Answer, bool)| match answer {
            Answer::Accepted => RecipientOutcome::Accepted(Acceptance::default()),
            Answer::Unknown => RecipientOutcome::Unknown(Uncertainty::new(Phase::Answer, "by script")),
            Answer::Refused(kind) => {
                let refusal = Refusal::new(kind, "by script");
                RecipientOutcome::Refused(match retry_after {
                    Some(seconds) => refusal.retry_after(Duration::from_secs(seconds.into())),
                    None => refusal,
                })
            }
        };
        Outcome::from_each(each.into_iter().map(outcome).collect())
    }

    async fn verify(&self, _options: &SendOptions) -> Result<Verified, Refusal> {
        Ok(Verified::new("scripted"))
    }
}
