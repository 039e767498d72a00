//! What is explained is what is then decided.

use proptest::prelude::{ProptestConfig, prop_assert_eq, proptest};

use super::super::breaker::Signal;
use super::*;
use crate::message::{DuplicatePolicy, Lane};
use crate::provider::{Capability, Phase, RecipientOutcome, RefusalKind, Uncertainty};

const NAMES: [&str; 4] = ["a", "b", "c", "d"];
const STRATEGIES: [Strategy; 4] =
    [Strategy::Priority, Strategy::Weighted, Strategy::RoundRobin, Strategy::FailoverOnly];
const KINDS: [RefusalKind; 10] = [
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
];

/// A router by chance, in which something happened already.
fn some_router(rng: &mut fastrand::Rng) -> Router {
    let count = rng.usize(1..=4);
    let connections = NAMES[..count].iter().map(|name| some_connection(name, rng));
    let mut builder = Router::builder().connections(connections.collect::<Vec<_>>());
    for number in 0..rng.usize(..3) {
        let mut rule = Rule::new(number.to_string()).strategy(rng.choice(STRATEGIES).unwrap());
        for name in &NAMES[..count] {
            let member = Member::new(name.parse().unwrap()).with_weight(rng.u32(..3));
            rule = match rng.u8(..6) {
                0 => rule,
                1 => rule.via(member.failover_only()),
                2 => rule.via(member.with_priority(rng.u32(..2))),
                _ => rule.via(member),
            };
        }
        if rng.bool() {
            let domain = rng.choice(["one.example", "two.example"]).unwrap();
            rule = rule.when(Conditions::any().recipient_domain(domain));
        }
        builder = builder.rule(rule);
    }
    let router = builder.build().unwrap();
    router.connections().iter().for_each(|one| happen(one, rng));
    router
}

fn some_connection(name: &str, rng: &mut fastrand::Rng) -> Connection {
    let mut capability = Capability::full();
    capability.max_recipients = rng.choice([1, 2, 100]).unwrap();
    capability.idempotency = rng.bool().then_some(Duration::from_hours(1));
    capability.unknown_wait = rng.bool().then_some(Duration::from_mins(1));
    capability.smtputf8 = rng.u8(..4) > 0;
    let provider = Recorder::new().with_capability(capability);
    let connection = Connection::new(name.parse().unwrap(), provider)
        .with_priority(rng.u32(..2))
        .with_weight(rng.u32(..4))
        .with_enabled(rng.u8(..8) > 0)
        .with_rate((rng.u8(..3) == 0).then(|| Rate::new(rng.f64() + 0.1, rng.u32(1..3)).unwrap()));
    if rng.u8(..8) == 0 { connection.draining() } else { connection }
}

/// What may be known of a connection.
fn happen(connection: &Connection, rng: &mut fastrand::Rng) {
    let known = connection.known();
    let mut at = NOW.before(Duration::from_secs(rng.u64(..200)));
    for _ in 0..rng.usize(..12) {
        let signal =
            rng.choice([Signal::Success, Signal::Failure, Signal::Failure, Signal::Neutral]).unwrap();
        if let Some(ticket) = known.breaker.begin(at, rng.bool()) {
            if signal == Signal::Success {
                known.health.good(1, Duration::from_millis(rng.u64(1..900)), at);
            } else {
                known.health.bad(at);
            }
            if rng.u8(..9) > 0 {
                let _ = known.breaker.end(ticket, signal, at, rng.f64());
            }
        }
        at = at.after(Duration::from_secs(rng.u64(..40))).min(NOW);
    }
    match rng.u8(..8) {
        0 => known.gate.observe(&Refusal::new(rng.choice(KINDS).unwrap(), "so"), at),
        1 => known.senders.refused("acme.example", at),
        2 => while known.budget.take(NOW).is_ok() {},
        3 => {
            if let Some(rate) = connection.rate() {
                while known.bucket.take(rate, Lane::Critical, NOW).is_ok() {}
            }
        }
        _ => {}
    }
}

fn some_history(rng: &mut fastrand::Rng, router: &Router, recipients: u32) -> History {
    let mut history = History::default();
    for _ in 0..rng.usize(..4) {
        let connection = rng.choice(router.connections()).unwrap().id().clone();
        let together: Arc<[u32]> = (0..recipients).filter(|_| rng.bool()).collect();
        let outcome = match rng.u8(..3) {
            0 => RecipientOutcome::Unknown(Uncertainty::new(Phase::Answer, "lost")),
            _ => RecipientOutcome::Refused(Refusal::new(rng.choice(KINDS).unwrap(), "no")),
        };
        let since = NOW.before(Duration::from_secs(rng.u64(..300)));
        for recipient in together.iter() {
            history.add(*recipient, &connection, &together, &outcome, since);
        }
        if rng.bool() {
            history.next_round();
        }
    }
    history
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn an_explanation_is_the_decision_that_is_then_made(seed: u64) {
        let rng = &mut fastrand::Rng::with_seed(seed);
        let router = some_router(rng);
        let recipients = rng.u32(1..4);
        let address = |one: u32| format!("u{one}@{}.example", if one.is_multiple_of(2) { "one" } else { "two" });
        let mut email = Email::to(address(0).as_str()).from("hi@acme.example").subject("Hello").text("Hello");
        for one in 1..recipients {
            email = email.cc(address(one).as_str());
        }
        let email = email.lane(*rng.choice(Lane::ALL).unwrap()).build().unwrap();
        let requirements = Requirements::of(&email);
        let policies = [DuplicatePolicy::WaitThenFailover, DuplicatePolicy::FailoverNow, DuplicatePolicy::Never];
        let busy: Vec<_> =
            router.connections().iter().filter(|_| rng.u8(..5) == 0).map(|one| one.id().clone()).collect();
        // Several in a row, since some take turns.
        for _ in 0..4 {
            let history = some_history(rng, &router, recipients);
            let open: Vec<_> = (0..recipients).map(|one| (one, rng.u8(..5) == 0)).collect();
            let question = Question {
                email: &email,
                requirements: &requirements,
                open: &open,
                history: &history,
                duplicates: rng.choice(policies).unwrap(),
                seed: rng.u64(..),
                can_wait: rng.bool(),
                deliver_by: rng.bool().then(|| NOW.after(Duration::from_mins(1))),
                busy: &busy,
            };
            let explained = router.explain(&question, NOW);
            prop_assert_eq!(&explained.decision, &router.explain(&question, NOW).decision, "it changes nothing");
            prop_assert_eq!(explained.decision, router.decide(&question, NOW));
        }
    }
}

#[test]
fn what_is_explained_is_of_the_recipients_that_are_handed_over() {
    let via = |name: &str, to: &str| {
        let conditions = Conditions::any().recipient_domain(to);
        Rule::new(name).when(conditions).via(Member::new(name.parse().unwrap()))
    };
    let router = Router::builder()
        .connections(["a", "b"].map(connection))
        .rule(via("a", "one.example"))
        .rule(via("b", "two.example").strategy(Strategy::Weighted))
        .build()
        .unwrap();
    let refusal = Refusal::new(RefusalKind::Throttled, "slower").retry_after(Duration::from_mins(1));
    router.observe(&"a".parse().unwrap(), &refusal, NOW);
    let email = Email::to("u@one.example").cc("u@two.example").from("hi@acme.example").subject("").text("");
    let email = email.build().unwrap();
    let mut question = Question {
        email: &email,
        requirements: &Requirements::of(&email),
        open: &[(0, false), (1, false)],
        history: &History::default(),
        duplicates: DuplicatePolicy::WaitThenFailover,
        seed: 0,
        can_wait: true,
        deliver_by: None,
        busy: &[],
    };
    let explained = router.explain(&question, NOW);
    let Decision::Send { connection, recipients, .. } = &explained.decision else { panic!("{explained:?}") };
    assert_eq!((connection.as_str(), recipients.as_slice()), ("b", [1].as_slice()));
    assert_eq!((explained.rule.as_deref(), explained.strategy), (Some("b"), Strategy::Weighted));
    assert_eq!(explained.tiers[0][0].connection, *connection);
    question.open = &[(0, false)];
    let explained = router.explain(&question, NOW);
    assert!(matches!(explained.decision, Decision::Rest { .. }), "{explained:?}");
    assert_eq!(explained.rule.as_deref(), Some("a"));
}
