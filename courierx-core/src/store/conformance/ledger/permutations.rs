//! News of a message, in any order.

use super::super::{Subject, fixtures};
use crate::event::EventKind;
use crate::id::MessageId;
use crate::store::{BeginAttempt, IncomingEvent, StoredMessage};

use fixtures::Flight;

const PEOPLE: [&str; 3] = ["ada@example.com", "bob@example.com", "eve@example.com"];

/// Events of several attempts and recipients lead to the same end, whatever the order, the batches and the repetitions,
/// and whether they come before the result of their attempt or after it.
pub async fn news_in_any_order_ends_alike(subject: &Subject) {
    for seed in 0..16 {
        let mut random = fastrand::Rng::with_seed(seed);
        let reported = reports(&mut random);
        let mut ends = Vec::new();
        for _ in 0..2 {
            ends.push(told(subject, &reported, &mut random).await);
        }
        assert_eq!(ends[0], ends[1], "the end of {reported:?} (seed {seed})");
    }
}

/// What is reported: of which attempt, of whom (of all if nobody is named), and what.
type Report = (usize, Option<usize>, EventKind);

fn reports(random: &mut fastrand::Rng) -> Vec<Report> {
    let moving: Vec<_> = EventKind::ALL.iter().filter(|kind| kind.attempt_status().is_some()).collect();
    let mut reports = Vec::new();
    for _ in 0..random.usize(1..9) {
        let kind = if random.u8(0..4) > 0 { *moving[random.usize(..moving.len())] } else { EventKind::Other };
        let whom = (random.u8(0..5) > 0).then(|| random.usize(..PEOPLE.len()));
        reports.push((random.usize(..2), whom, kind));
    }
    reports
}

/// How it ends if the reports come in some order: for each attempt, each recipient and the message.
async fn told(subject: &Subject, reported: &[Report], random: &mut fastrand::Rng) -> String {
    let flight = Flight::claimed_to(subject, &PEOPLE).await;
    let first = flight.started(subject, "primary").await;
    fixtures::settle_one(subject, flight.result(first.attempt, vec![fixtures::unknown(); PEOPLE.len()]))
        .await;
    let second = flight.started(subject, "fallback").await;

    let attempts = [first, second];
    let mut coming: Vec<_> =
        reported.iter().enumerate().map(|report| incoming(subject, &flight, &attempts, report)).collect();
    for _ in 0..random.usize(..4) {
        coming.push(coming[random.usize(..coming.len())].clone());
    }
    random.shuffle(&mut coming);
    let answered = random.usize(..=coming.len());
    let later = coming.split_off(answered);
    for part in [coming, later] {
        for batch in part.chunks(random.usize(1..4)) {
            subject.store().record_events(batch.to_vec()).await.expect("record_events");
        }
        // The second time it was answered already.
        let outcomes = vec![fixtures::accepted("id-1"), fixtures::refused(), fixtures::unknown()];
        fixtures::settle_one(subject, flight.result(attempts[1].attempt, outcomes)).await;
    }
    state(&flight.load(subject).await)
}

fn incoming(
    subject: &Subject,
    flight: &Flight,
    attempts: &[BeginAttempt],
    (number, (attempt, whom, kind)): (usize, &Report),
) -> IncomingEvent {
    let mut event = flight.event(&attempts[*attempt], *kind, subject.now());
    event.recipient = whom.map(|at| fixtures::address(PEOPLE[at]));
    event.deduplication = format!("{number}/{}", MessageId::new());
    event
}

fn state(message: &StoredMessage) -> String {
    let attempts: Vec<Vec<_>> = message
        .attempts
        .iter()
        .map(|attempt| attempt.recipients.iter().map(|one| (one.index, one.status)).collect())
        .collect();
    let recipients: Vec<_> = message.record.recipients.iter().map(|one| one.status).collect();
    format!("{attempts:?} {recipients:?} {:?}", message.record.status)
}
