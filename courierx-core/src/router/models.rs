//! What threads do to a connection's knowledge at the same time, in every order that loom finds.
//!
//! `cargo xtask loom` runs them. Each is as small as a race can be: two threads, one or two steps each.

use std::time::Duration;

use futures_util::FutureExt as _;
use loom::sync::Arc;
use loom::thread;

use super::breaker::{Breaker, BreakerOptions, Permission, Signal, Transition};
use super::budget::Budget;
use super::gate::Gate;
use super::places::Places;
use super::quota::{Quota, Used};
use super::rate::{Bucket, Rate};
use super::senders::Senders;
use super::{Connection, Router};
use crate::clock::Timestamp;
use crate::message::Lane;
use crate::provider::{Refusal, RefusalKind};
use crate::store::Window;
use crate::testing::Recorder;

const NOW: Timestamp = Timestamp::from_secs(1_000_000);

/// What two threads answer that do this at the same time.
fn both<S, T>(shared: &Arc<S>, act: fn(&S) -> T) -> [T; 2]
where
    S: Send + Sync + 'static,
    T: Send + 'static,
{
    let theirs = Arc::clone(shared);
    let other = thread::spawn(move || act(&theirs));
    let mine = act(shared);
    [mine, other.join().unwrap()]
}

fn sensitive() -> BreakerOptions {
    BreakerOptions { in_a_row: 2, ..BreakerOptions::default() }
}

fn fail(breaker: &Breaker) -> Option<Transition> {
    breaker.end(breaker.begin(NOW, false)?, Signal::Failure, NOW, 0.5)
}

#[test]
fn loom_a_breaker_opens_once() {
    loom::model(|| {
        let breaker = Arc::new(Breaker::new(sensitive()));
        let told = both(&breaker, |breaker| [fail(breaker), fail(breaker)]);
        assert_eq!(told.iter().flatten().flatten().count(), 1, "{told:?}");
        assert!(matches!(breaker.permission(NOW), Permission::No { .. }));
    });
}

#[test]
fn loom_one_of_two_is_the_probe_and_old_news_do_not_count() {
    loom::model(|| {
        let breaker = Arc::new(Breaker::new(sensitive()));
        let late = breaker.begin(NOW, false).unwrap();
        let _ = (fail(&breaker), fail(&breaker));
        let probes = both(&breaker, |breaker| breaker.begin(NOW.after(Duration::from_secs(60)), false));
        assert_eq!(probes.iter().flatten().count(), 1, "{probes:?}");
        assert_eq!(breaker.end(late, Signal::Success, NOW, 0.5), None);
    });
}

#[test]
fn loom_a_probe_that_is_left_to_others_tells_nothing() {
    loom::model(|| {
        let breaker = Arc::new(Breaker::new(sensitive()));
        let _ = (fail(&breaker), fail(&breaker));
        let later = NOW.after(Duration::from_secs(60));
        let probe = breaker.begin(later, false).unwrap();
        let theirs = Arc::clone(&breaker);
        let other = thread::spawn(move || theirs.leave_to_others(probe, later));
        let next = breaker.begin(later, false);
        other.join().unwrap();
        assert!(next.is_none(), "while one is under way, here or elsewhere, there is no other");
        assert_eq!(breaker.end(probe, Signal::Success, later, 0.5), None);
    });
}

#[test]
fn loom_no_more_than_the_burst_gets_through() {
    loom::model(|| {
        let bucket = Arc::new(Bucket::default());
        let taken =
            both(&bucket, |bucket| bucket.take(Rate::new(1.0, 1).unwrap(), Lane::Critical, NOW).is_ok());
        assert_eq!(taken.iter().filter(|one| **one).count(), 1);
    });
}

#[test]
fn loom_the_last_retry_is_taken_once() {
    loom::model(|| {
        let budget = Arc::new(Budget::default());
        for _ in 0..9 {
            budget.take(NOW).unwrap();
        }
        let taken = both(&budget, |budget| budget.take(NOW).is_ok());
        assert_eq!(taken.iter().filter(|one| **one).count(), 1);
        budget.give_back();
        assert!(budget.take(NOW).is_ok() && budget.take(NOW).is_err(), "what came back is one");
    });
}

#[test]
fn loom_the_last_of_a_quota_is_taken_once() {
    loom::model(|| {
        let used = Arc::new(Used::default());
        let taken = both(&used, |used| used.take(&[Quota::new(Window::UtcDay, 1)], 1, NOW).is_ok());
        assert_eq!(taken.iter().filter(|one| **one).count(), 1);
    });
}

#[test]
fn loom_a_gate_never_tells_one_answers_end_with_anothers_reason() {
    loom::model(|| {
        let gate = Arc::new(Gate::default());
        let theirs = Arc::clone(&gate);
        let other =
            thread::spawn(move || theirs.adopt(NOW.after(Duration::from_secs(9)), RefusalKind::Quota, NOW));
        gate.adopt(NOW.after(Duration::from_secs(5)), RefusalKind::Throttled, NOW);
        let seen = gate.closed_at(NOW).unwrap();
        let known = [(5, RefusalKind::Throttled), (9, RefusalKind::Quota)];
        assert!(known.map(|(rest, kind)| (NOW.after(Duration::from_secs(rest)), kind)).contains(&seen));
        other.join().unwrap();
        assert_eq!(gate.closed_at(NOW), Some((NOW.after(Duration::from_secs(9)), RefusalKind::Quota)));
    });
}

#[test]
fn loom_two_refusals_of_credentials_are_one_strike() {
    loom::model(|| {
        let gate = Arc::new(Gate::default());
        both(&gate, |gate| gate.observe(&Refusal::new(RefusalKind::Auth, "no"), NOW));
        let next = NOW.after(Duration::from_mins(2));
        gate.observe(&Refusal::new(RefusalKind::Auth, "no"), next);
        let until = gate.closed_at(next).unwrap().0;
        assert_eq!(until.since(next), Duration::from_mins(2), "it is the second");
    });
}

#[test]
fn loom_one_message_asks_for_a_sender_that_was_refused() {
    loom::model(|| {
        let senders = Arc::new(Senders::default());
        senders.refused("acme.example", NOW);
        let asks = both(&senders, |one| one.begin("acme.example", NOW.after(Duration::from_mins(2))).is_ok());
        assert_eq!(asks.iter().filter(|one| **one).count(), 1);
    });
}

#[test]
fn loom_one_of_two_asks_what_others_know() {
    loom::model(|| {
        let connection = Connection::new("a".parse().unwrap(), Recorder::new());
        let router = Arc::new(Router::new(vec![connection]).unwrap());
        let asks = both(&router, |router| router.is_behind(NOW, Duration::from_secs(2)));
        assert_eq!(asks.iter().filter(|one| **one).count(), 1);
    });
}

#[test]
fn loom_a_place_is_had_by_one_and_lost_by_none() {
    loom::model(|| {
        let places = Arc::new(Places::new(1));
        let use_it = |places: &Places| {
            loom::future::block_on(async { drop(places.take(Lane::Bulk).await) });
        };
        both(&places, use_it);
        assert_eq!(places.limit_and_used(), (1, 0));
    });
}

#[test]
fn loom_who_gives_up_while_being_given_a_place_hands_it_on() {
    loom::model(|| {
        let places = Arc::new(Places::new(1));
        let theirs = Arc::clone(&places);
        let other = thread::spawn(move || {
            // Looks once, and gives up.
            drop(theirs.take(Lane::Bulk).now_or_never());
        });
        drop(places.take(Lane::Bulk).now_or_never());
        other.join().unwrap();
        assert_eq!(places.limit_and_used(), (1, 0));
        assert!(places.take(Lane::Bulk).now_or_never().is_some(), "it is free for the next");
    });
}
