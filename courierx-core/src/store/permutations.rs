//! Whatever order news of a message comes in, and however often, it ends in the same state.

use proptest::prelude::*;

use super::conformance::fixtures;
use super::{
    AttemptRecord, AttemptResult, BeginAttempt, Effects, JobId, LeaseRef, LeaseToken, MessageRecord,
    StoredMessage,
};
use crate::clock::Timestamp;
use crate::event::{Disposition, EventKind};
use crate::id::{AttemptId, DeliveryId, TenantId};
use crate::provider::RecipientOutcome;

const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);

fn lease() -> LeaseRef {
    LeaseRef { job: JobId(1), token: LeaseToken(2) }
}

/// One piece of news.
#[derive(Debug, Clone)]
enum News {
    /// The answer of the provider to this attempt.
    Result(usize, Vec<RecipientOutcome>),
    /// A reported event: of which attempt, of whom, and what.
    Event(usize, Option<u32>, EventKind),
}

/// What there is before any news: who was sent to by which attempt, and what was decided about whom.
#[derive(Debug, Clone)]
struct Start {
    dispositions: Vec<Disposition>,
    attempts: Vec<Vec<u32>>,
}

impl Start {
    fn message(&self) -> StoredMessage {
        let addresses: Vec<_> = (0..self.dispositions.len()).map(|at| format!("r{at}@example.com")).collect();
        let addresses: Vec<_> = addresses.iter().map(String::as_str).collect();
        let new = fixtures::message_to(TenantId::DEFAULT, NOW, &addresses);
        let mut record = MessageRecord::from_new(&new);
        for (recipient, disposition) in record.recipients.iter_mut().zip(&self.dispositions) {
            recipient.disposition = *disposition;
        }
        let begun = |(at, recipients): (usize, &Vec<u32>)| {
            let connection = format!("connection-{at}");
            let begin = BeginAttempt {
                attempt: AttemptId::new(),
                tenant: new.tenant,
                message: new.id,
                lease: lease(),
                connection: fixtures::connection(&connection),
                provider: "sandbox".to_owned(),
                delivery: DeliveryId::derive(new.id, recipients, &connection),
                recipients: recipients.clone(),
                skipped: Vec::new(),
                reservations: Vec::new(),
            };
            AttemptRecord::begun(&begin, u32::try_from(at).expect("few attempts") + 1, NOW)
        };
        let attempts = self.attempts.iter().enumerate().map(begun).collect();
        let mut message = StoredMessage::new(record, None, attempts);
        message.derive_statuses(NOW);
        message
    }
}

/// What a store does with news, in its transaction.
fn hear(message: &mut StoredMessage, news: &News) {
    match news {
        News::Result(at, outcomes) => {
            let attempt = &mut message.attempts[*at];
            let (id, outcomes) = (attempt.id, outcomes.clone());
            attempt.record(&AttemptResult { attempt: id, outcomes, effects: Effects::default() }, NOW);
        }
        News::Event(at, recipient, kind) => {
            if let Some(status) = kind.attempt_status() {
                message.attempts[*at].advance(*recipient, status);
            }
        }
    }
    message.derive_statuses(NOW);
}

fn disposition() -> impl Strategy<Value = Disposition> {
    prop_oneof![4 => Just(Disposition::Open), 1 => prop::sample::select(Disposition::ALL)]
}

fn start() -> impl Strategy<Value = Start> {
    prop::collection::vec(disposition(), 1..5).prop_flat_map(|dispositions| {
        let everybody: Vec<_> = (0..u32::try_from(dispositions.len()).expect("few recipients")).collect();
        let some = prop::sample::subsequence(everybody.clone(), 1..=everybody.len());
        (Just(dispositions), prop::collection::vec(some, 1..4))
            .prop_map(|(dispositions, attempts)| Start { dispositions, attempts })
    })
}

fn outcome() -> impl Strategy<Value = RecipientOutcome> {
    prop_oneof![Just(fixtures::accepted("id")), Just(fixtures::refused()), Just(fixtures::unknown()),]
}

fn event(attempts: Vec<Vec<u32>>) -> impl Strategy<Value = News> {
    (0..attempts.len(), any::<prop::sample::Index>(), any::<bool>(), prop::sample::select(EventKind::ALL))
        .prop_map(move |(at, who, told, kind)| {
            let recipients = &attempts[at];
            News::Event(at, told.then(|| recipients[who.index(recipients.len())]), kind)
        })
}

/// A message, its news in an order, and the same news in another order with some of it repeated.
fn story() -> impl Strategy<Value = (Start, Vec<News>, Vec<News>)> {
    start().prop_flat_map(|start| {
        let results: Vec<_> = start
            .attempts
            .iter()
            .enumerate()
            .map(|(at, recipients)| {
                let outcomes = prop::collection::vec(outcome(), recipients.len());
                outcomes.prop_map(move |outcomes| News::Result(at, outcomes))
            })
            .collect();
        let events = prop::collection::vec(event(start.attempts.clone()), 0..14);
        (Just(start), results, events)
            .prop_flat_map(|(start, results, events)| {
                let news = [results, events].concat();
                let again = prop::collection::vec(prop::sample::select(news.clone()), 0..8);
                (Just(start), Just(news), again)
            })
            .prop_flat_map(|(start, news, again)| {
                let other = [news.clone(), again].concat();
                (Just(start), Just(news), Just(other).prop_shuffle())
            })
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn news_in_any_order_ends_alike((start, news, other) in story()) {
        let before = start.message();
        let end = |news: &[News]| {
            let mut message = before.clone();
            for one in news {
                hear(&mut message, one);
            }
            message
        };
        prop_assert_eq!(end(&news), end(&other));
    }

    /// Whatever is heard more, nobody goes back.
    #[test]
    fn nobody_goes_back((start, news, _) in story()) {
        let mut message = start.message();
        for one in &news {
            let before = message.clone();
            hear(&mut message, one);
            for (was, is) in before.attempts.iter().zip(&message.attempts) {
                for (was, is) in was.recipients.iter().zip(&is.recipients) {
                    let answered = was.status == crate::event::AttemptStatus::Unknown;
                    prop_assert!(is.status >= was.status || answered, "{was:?} became {is:?}");
                }
            }
        }
    }
}
