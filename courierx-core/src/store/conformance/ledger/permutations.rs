//! News of a message, in any order.

use super::super::{Subject, fixtures};
use crate::event::EventKind;
use crate::id::{DeliveryId, MessageId};
use crate::store::{BeginAttempt, EventMatch, IncomingEvent, Recorded, StoredMessage};

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

/// Events that come many at once lead to the same end as in small batches, and are answered alike: those of messages to
/// one and to several, that were handed over once or again, repetitions among them, and some about nobody.
pub async fn many_news_at_once_end_alike(subject: &Subject) {
    for seed in 0..8 {
        let at_once = crowd(subject, seed, usize::MAX).await;
        let bit_by_bit = crowd(subject, seed, 3).await;
        assert_eq!(at_once, bit_by_bit, "seed {seed}");
    }
}

/// How some messages end, and what was answered, if what is told of them comes in batches of so many.
async fn crowd(subject: &Subject, seed: u64, most: usize) -> (Vec<String>, Vec<&'static str>) {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut flights = Vec::new();
    for _ in 0..8 {
        let people = if random.u8(0..4) > 0 { 1 } else { PEOPLE.len() };
        flights.push(handed_over(subject, people, random.u8(..)).await);
    }
    let mut coming: Vec<_> = (0..60).map(|number| anything(subject, &flights, number, &mut random)).collect();
    for _ in 0..20 {
        coming.push(coming[random.usize(..coming.len())].clone());
    }
    let mut answers = Vec::new();
    for batch in coming.chunks(most.min(coming.len())) {
        answers.extend(subject.store().record_events(batch.to_vec()).await.expect("record_events"));
    }
    let answers = answers.into_iter().map(|answer| match answer {
        Recorded::Stored { .. } => "stored",
        Recorded::Duplicate => "known",
        Recorded::Unmatched | Recorded::Unmatchable => "about nobody",
    });
    let mut ends = Vec::new();
    for (flight, _) in &flights {
        ends.push(state(&flight.load(subject).await));
    }
    (ends, answers.collect())
}

/// A message to so many that was handed over once, or twice to one connection, or to two.
async fn handed_over(subject: &Subject, people: usize, how: u8) -> (Flight, Vec<BeginAttempt>) {
    let flight = Flight::claimed_to(subject, &PEOPLE[..people]).await;
    let mut attempts = vec![flight.started(subject, "primary").await];
    let outcome = if how.is_multiple_of(2) { fixtures::accepted("id-1") } else { fixtures::unknown() };
    fixtures::settle_one(subject, flight.result(attempts[0].attempt, vec![outcome; people])).await;
    match how % 8 {
        1 => attempts.push(flight.started(subject, "primary").await),
        3 => attempts.push(flight.started(subject, "fallback").await),
        _ => {}
    }
    (flight, attempts)
}

fn anything(
    subject: &Subject,
    flights: &[(Flight, Vec<BeginAttempt>)],
    number: usize,
    random: &mut fastrand::Rng,
) -> IncomingEvent {
    let (flight, attempts) = &flights[random.usize(..flights.len())];
    let attempt = &attempts[random.usize(..attempts.len())];
    let mut event =
        flight.event(attempt, EventKind::ALL[random.usize(..EventKind::ALL.len())], subject.now());
    event.recipient =
        (random.u8(0..5) > 0).then(|| fixtures::address(PEOPLE[random.usize(..flight.recipients as usize)]));
    if random.u8(0..8) == 0 {
        event.recipient = Some(fixtures::address("stranger@example.com"));
    }
    if random.u8(0..8) == 0 {
        event.about = EventMatch::Delivery(DeliveryId::derive(flight.message, &[0], "nowhere"));
    }
    event.deduplication = format!("{number}/{}", flight.message);
    event
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
