//! What follows when nothing can be handed over in this round: an end, or a dated wait.

use std::collections::BTreeSet;
use std::time::Duration;

use super::retry::RetrySchedule;
use super::round::Round;
use crate::clock::Timestamp;
use crate::event::Disposition;
use crate::router::{GiveUp, Skipped};
use crate::store::{JobNext, MessageRecord};

/// How long a message waits at least that a connection sent away: doubling from the first to the second each time.
/// The connection may ask for less, but every hand-over is an attempt that is kept.
const SENT_AWAY: (Duration, Duration) = (Duration::from_secs(10), Duration::from_hours(1));
/// How often one recipient is handed over at most, whatever the schedule and the connections say.
const MOST_TRIES: usize = 500;

/// What the router left to the schedule.
pub(super) struct Rest {
    pub(super) scheduled: Vec<u32>,
    pub(super) waiting: Option<(Timestamp, Vec<u32>)>,
    pub(super) given_up: Vec<GiveUp>,
    pub(super) skipped: Vec<Skipped>,
}

impl Rest {
    /// Takes note, of those that nobody was tried for, why no connection was chosen. Who waits may wait too long.
    pub(super) fn tell(&self, round: &mut Round) {
        let each: Vec<_> =
            self.skipped.iter().map(|one| format!("{}: {}", one.connection, one.reason)).collect();
        let why = if each.is_empty() { "there is no connection".to_owned() } else { each.join("; ") };
        let given_up = self.given_up.iter().map(|one| one.recipient);
        let waiting = self.waiting.iter().flat_map(|(_, recipients)| recipients);
        for recipient in self.scheduled.iter().chain(waiting).copied().chain(given_up) {
            if round.why(recipient).is_none() && !round.may_have_been_sent(recipient) {
                round.note(recipient, &why);
            }
        }
    }
}

/// What becomes of the job, and which recipients end here.
pub(super) fn conclude(
    rest: &Rest,
    round: &Round,
    record: &MessageRecord,
    tried: u32,
    now: Timestamp,
) -> (JobNext, Vec<(u32, Disposition)>) {
    let give_up = |recipient: u32| (recipient, round.end_as(recipient, Disposition::Failed));
    let end = |one: &GiveUp| (one.recipient, round.end_as(one.recipient, one.disposition));
    let mut ended: Vec<_> = rest.given_up.iter().map(end).collect();
    let waiting = rest.waiting.as_ref();
    let all =
        rest.scheduled.iter().chain(waiting.into_iter().flat_map(|(_, recipients)| recipients)).copied();
    let over: BTreeSet<u32> = all.filter(|recipient| round.tries(*recipient) >= MOST_TRIES).collect();
    ended.extend(over.iter().copied().map(give_up));
    let scheduled: Vec<u32> = rest.scheduled.iter().copied().filter(|one| !over.contains(one)).collect();
    let mut next: Option<(Timestamp, u32)> = None;
    let mut stay = Vec::new();
    if let Some((until, recipients)) = waiting {
        let recipients: Vec<u32> = recipients.iter().copied().filter(|one| !over.contains(one)).collect();
        // Who waits to learn what became of a hand-over waits past the deadline too: nothing is sent then.
        let waits = |recipient: &u32| in_time(record, *until) || round.may_have_been_sent(*recipient);
        stay.extend(recipients.iter().copied().filter(waits));
        if !stay.is_empty() {
            // A wait is no step of the schedule, unless something was handed over before it whose outcome is
            // unknown: that was a try, and tries that all end unknown must end, too.
            let unknown = stay.iter().any(|recipient| round.may_have_been_sent(*recipient));
            let was_tried = unknown && round.was_attempted();
            let until = no_sooner(*until, round, record, now);
            next = Some((until, if was_tried { tried } else { tried.saturating_sub(1) }));
        }
        let end = recipients.iter().filter(|recipient| !stay.contains(recipient));
        ended.extend(end.filter(|recipient| !scheduled.contains(recipient)).copied().map(give_up));
    }
    if !scheduled.is_empty() {
        let schedule = RetrySchedule::of(record.retry);
        match schedule.delay(tried).map(|delay| now.after(delay)) {
            Some(at) if in_time(record, at) => {
                // A round is for all. Were it to come sooner for others that wait, those whose step it is not yet
                // would be handed over again, and use up their schedule at the pace of the others' waits. So the
                // others wait for the step, and no longer than that.
                let wait = next.filter(|_| scheduled.iter().all(|recipient| stay.contains(recipient)));
                next = Some((wait.map_or(at, |(until, _)| until.min(at)), tried));
            }
            // The schedule is over, but nobody fails who only waits for a moment.
            _ => {
                let over = scheduled.iter().filter(|recipient| !stay.contains(recipient));
                ended.extend(over.copied().map(give_up));
            }
        }
    }
    match next {
        Some((at, round)) => (JobNext::RetryAt { at, round }, ended),
        None => (JobNext::Finish, ended),
    }
}

/// When a wait ends that follows a hand-over: later each time that a connection sent the message away, but before
/// its deadline if the wait itself is.
fn no_sooner(until: Timestamp, round: &Round, record: &MessageRecord, now: Timestamp) -> Timestamp {
    let times = round.times_sent_away();
    if !round.was_attempted() || times == 0 {
        return until;
    }
    let doublings = u32::try_from(times - 1).unwrap_or(u32::MAX).min(30);
    let least = SENT_AWAY.0.saturating_mul(1 << doublings).min(SENT_AWAY.1);
    // Half of the time that is left, each time, ends as well, and the last try comes just before the deadline.
    let left = record.deliver_by.map_or(Duration::MAX, |deadline| deadline.since(now) / 2);
    until.max(now.after(least.min(left)))
}

fn in_time(record: &MessageRecord, at: Timestamp) -> bool {
    record.deliver_by.is_none_or(|deadline| at < deadline)
}
