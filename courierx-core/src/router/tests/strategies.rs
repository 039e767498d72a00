//! How the strategies share the work, over many messages.

use std::collections::BTreeMap;

use super::super::breaker::Signal;
use super::*;
use crate::provider::RefusalKind;

const MANY: u32 = 20_000;

fn router(strategy: Strategy, weights: &[(&str, u32)]) -> Router {
    let connections = weights.iter().map(|(name, _)| connection(name));
    let member = |(name, weight): &(&str, u32)| Member::new(name.parse().unwrap()).with_weight(*weight);
    let rule = weights.iter().map(member).fold(Rule::new("all").strategy(strategy), Rule::via);
    Router::builder().connections(connections).rule(rule).build().unwrap()
}

fn choices(router: &Router, count: u32) -> Vec<String> {
    let email = email();
    let choose = |seed: u32| match first_choice(router, &email, u64::from(seed).wrapping_mul(0x9e37_79b9)) {
        Decision::Send { connection, .. } => connection.to_string(),
        Decision::Rest { .. } => "nowhere".to_owned(),
    };
    (0..count).map(choose).collect()
}

fn shares(router: &Router) -> BTreeMap<String, f64> {
    let mut counts = BTreeMap::new();
    for name in choices(router, MANY) {
        *counts.entry(name).or_insert(0.0) += 1.0 / f64::from(MANY);
    }
    counts
}

/// Within five standard deviations, as a share is drawn.
fn assert_share(shares: &BTreeMap<String, f64>, name: &str, expected: f64) {
    let share = shares.get(name).copied().unwrap_or(0.0);
    let deviation = (expected * (1.0 - expected) / f64::from(MANY)).sqrt();
    assert!((share - expected).abs() <= 5.0 * deviation + 1e-9, "{name}: {share}, not {expected}");
}

fn rest(router: &Router, name: &str) {
    let refusal = Refusal::new(RefusalKind::Throttled, "slower").retry_after(Duration::from_mins(1));
    router.observe(&name.parse().unwrap(), &refusal, NOW);
}

#[test]
fn weights_are_shares_and_stay_in_proportion_when_one_is_out() {
    let router = router(Strategy::Weighted, &[("a", 5), ("b", 3), ("c", 2), ("d", 0)]);
    let all = shares(&router);
    for (name, share) in [("a", 0.5), ("b", 0.3), ("c", 0.2), ("d", 0.0)] {
        assert_share(&all, name, share);
    }
    rest(&router, "a");
    let others = shares(&router);
    for (name, share) in [("a", 0.0), ("b", 0.6), ("c", 0.4), ("d", 0.0)] {
        assert_share(&others, name, share);
    }
    // Who has no weight is there when nobody else is.
    rest(&router, "b");
    rest(&router, "c");
    assert_share(&shares(&router), "d", 1.0);
}

#[test]
fn who_has_just_come_back_gets_a_part_of_its_share_and_the_others_keep_their_proportion() {
    let router = router(Strategy::Weighted, &[("a", 2), ("b", 1), ("c", 1)]);
    let a = router.connection(&"a".parse().unwrap()).unwrap();
    let breaker = &a.known().breaker;
    let long_ago = NOW.before(Duration::from_mins(2));
    let mut at = long_ago;
    for _ in 0..5 {
        let ticket = breaker.begin(at, false).unwrap();
        let _ = breaker.end(ticket, Signal::Failure, at, 0.5);
    }
    // Its probes succeed half a step before now.
    at = NOW.before(Duration::from_secs(10));
    for _ in 0..3 {
        let ticket = breaker.begin(at, false).unwrap();
        let _ = breaker.end(ticket, Signal::Success, at, 0.5);
    }
    let shares = shares(&router);
    for (name, share) in [("a", 0.05), ("b", 0.475), ("c", 0.475)] {
        assert_share(&shares, name, share);
    }
}

#[test]
fn who_may_be_probed_is_probed_however_slow_it_was() {
    let router = Router::new(["a", "b"].map(|name| connection(name).with_priority(0)).to_vec()).unwrap();
    let known = router.connection(&"a".parse().unwrap()).unwrap().known();
    let at = NOW.before(Duration::from_secs(30));
    for _ in 0..5 {
        let ticket = known.breaker.begin(at, false).unwrap();
        known.health.bad(at);
        let _ = known.breaker.end(ticket, Signal::Failure, at, 0.5);
    }
    assert!(choices(&router, 100).iter().all(|name| name == "a"), "it was open for long enough");
    let probe = known.breaker.begin(NOW, false).unwrap();
    assert!(probe.is_probe());
    assert!(choices(&router, 100).iter().all(|name| name == "b"), "one message is enough");
}

#[test]
fn turns_are_even_over_every_stretch() {
    let weights = [("a", 5), ("b", 2), ("c", 1)];
    let router = router(Strategy::RoundRobin, &weights);
    let choices = choices(&router, 800);
    for (name, weight) in weights {
        for length in [1, 3, 8, 50] {
            let ideal = f64::from(weight) / 8.0 * f64::from(length);
            for stretch in choices.windows(usize::try_from(length).unwrap()) {
                let count = stretch.iter().filter(|one| *one == name).count();
                let count = f64::from(u32::try_from(count).unwrap());
                assert!((count - ideal).abs() < 2.0, "{name} has {count} of {length}");
            }
        }
    }
}

#[test]
fn the_turns_of_one_that_is_out_go_to_all_others() {
    for (weights, out, expected) in [
        ([("a", 1), ("b", 1), ("c", 1)], "b", [("a", 0.5), ("c", 0.5)]),
        ([("a", 1), ("b", 2), ("c", 1)], "a", [("b", 2.0 / 3.0), ("c", 1.0 / 3.0)]),
        ([("a", 1), ("b", 1), ("c", 0)], "a", [("b", 1.0), ("c", 0.0)]),
    ] {
        let router = router(Strategy::RoundRobin, &weights);
        rest(&router, out);
        let shares = shares(&router);
        assert_share(&shares, out, 0.0);
        for (name, share) in expected {
            assert_share(&shares, name, share);
        }
    }
}

#[test]
fn who_stands_by_is_used_when_everybody_else_is_out() {
    let member = |name: &str| Member::new(name.parse().unwrap());
    for strategy in [Strategy::Priority, Strategy::Weighted, Strategy::RoundRobin, Strategy::FailoverOnly] {
        let rule = Rule::new("all")
            .strategy(strategy)
            .via(member("s").failover_only())
            .via(member("a"))
            .via(member("b"));
        let connections = ["s", "a", "b"].map(connection);
        let router = Router::builder().connections(connections).rule(rule).build().unwrap();
        assert!(!choices(&router, 200).contains(&"s".to_owned()), "{strategy}");
        rest(&router, "a");
        assert!(choices(&router, 200).iter().all(|name| name == "b"), "{strategy}");
        rest(&router, "b");
        assert!(choices(&router, 200).iter().all(|name| name == "s"), "{strategy}");
    }
}

/// Until when a message waits that nobody can take.
fn waits_until(router: &Router, seed: u64, deliver_by: Option<Timestamp>) -> Timestamp {
    let email = email();
    let question = Question {
        email: &email,
        requirements: &Requirements::of(&email),
        open: &[(0, false)],
        history: &History::default(),
        duplicates: email.duplicate_policy(),
        seed,
        can_wait: true,
        deliver_by,
        busy: &[],
    };
    let decision = router.decide(&question, NOW);
    let Decision::Rest { waiting: Some((until, _)), .. } = decision else { panic!("{decision:?}") };
    until
}

#[test]
fn who_has_a_deadline_looks_again_before_it() {
    let deadline = NOW.after(Duration::from_mins(10));
    let router = Router::new(vec![connection("a")]).unwrap();
    let full = Refusal::new(RefusalKind::Quota, "full").retry_after(Duration::from_hours(12));
    router.observe(router.connections()[0].id(), &full, NOW);
    let mut moments = (0..200).map(|seed| waits_until(&router, seed, Some(deadline)));
    assert!(moments.all(|until| until < deadline), "a quota may be raised");
    let soon = NOW.after(Duration::from_secs(20));
    let last = (0..200).map(|seed| waits_until(&router, seed, Some(soon))).max();
    assert_eq!(last, Some(NOW.after(Duration::from_secs(18))));
}

#[test]
fn those_who_wait_for_one_moment_do_not_come_at_once() {
    let email = email();
    for (asked, most) in [
        (Some(60), Duration::from_secs(9)),
        (Some(86_400), Duration::from_mins(5)),
        (None, Duration::from_secs(13)),
    ] {
        let router = Router::new(vec![connection("a").with_rate(Some(Rate::new(0.01, 1).unwrap()))]).unwrap();
        let a = &router.connections()[0];
        let until = if let Some(seconds) = asked {
            let refusal =
                Refusal::new(RefusalKind::Throttled, "later").retry_after(Duration::from_secs(seconds));
            router.observe(a.id(), &refusal, NOW);
            a.rests_until(false, NOW).unwrap().until
        } else {
            a.known().bucket.take(a.rate().unwrap(), email.lane(), NOW).unwrap();
            NOW.after(Duration::from_secs(100))
        };
        let mut moments: Vec<_> = (0..200).map(|seed| waits_until(&router, seed, None)).collect();
        moments.sort();
        assert!(moments[0] >= until && moments[199] <= until.after(most), "{moments:?}");
        let halves = moments.iter().filter(|one| **one < until.after(most / 2)).count();
        assert!((60..140).contains(&halves), "{halves}");
        // Who has no time for that does not wait longer than it takes.
        let deadline = until.after(Duration::from_micros(1));
        let last = (0..200).map(|seed| waits_until(&router, seed, Some(deadline))).max().unwrap();
        assert_eq!(last, until);
    }
}
