//! Rules: which way messages take, and how connections share the work.

use courierx::router::{Conditions, Connection, Decision, Member, Rule, SkipReason, Strategy};
use courierx::testing::Recorder;
use courierx::{Courier, CourierBuilder, Email, EmailBuilder, Lane, RefusalKind};

use crate::support::email;

const NAMES: [&str; 3] = ["a", "b", "c"];

/// A courier over three recorders of one priority, with these rules.
fn courier(recorders: &[Recorder; 3], weights: [u32; 3], rules: impl IntoIterator<Item = Rule>) -> Courier {
    let connections = NAMES.iter().zip(recorders).zip(weights).map(|((name, recorder), weight)| {
        Connection::new(name.parse().unwrap(), recorder.clone()).with_priority(1).with_weight(weight)
    });
    let builder = connections.fold(Courier::builder(), CourierBuilder::connection);
    rules.into_iter().fold(builder, CourierBuilder::rule).build().unwrap()
}

fn member(name: &str) -> Member {
    Member::new(name.parse().unwrap())
}

async fn send(courier: &Courier, count: usize, email: impl Fn() -> EmailBuilder) {
    for _ in 0..count {
        courier.send(&email().build().unwrap()).await.unwrap();
    }
}

fn taken(recorders: &[Recorder; 3]) -> [usize; 3] {
    [0, 1, 2].map(|position| recorders[position].sent().len())
}

#[tokio::test]
async fn the_first_rule_whose_conditions_hold_decides() {
    let recorders: [Recorder; 3] = Default::default();
    let rules = [
        Rule::new("codes").when(Conditions::any().tag("otp").lane(Lane::Critical)).via(member("a")),
        Rule::new("news").when(Conditions::any().recipient_domain("example.com")).via(member("b")),
        Rule::new("rest").via(member("c")),
    ];
    let courier = courier(&recorders, [1; 3], rules);
    send(&courier, 1, || email().tag("otp").lane(Lane::Critical)).await;
    send(&courier, 2, || email().tag("otp")).await;
    let elsewhere = || Email::to("ada@example.org").from("hi@acme.example").subject("Hello").text("Hello");
    send(&courier, 3, elsewhere).await;
    assert_eq!(taken(&recorders), [1, 2, 3]);
    let why = courier.explain(&elsewhere().build().unwrap());
    assert_eq!(why.rule.as_deref(), Some("rest"));
}

#[tokio::test]
async fn recipients_of_one_message_may_take_different_ways() {
    let recorders: [Recorder; 3] = Default::default();
    let rule = Rule::new("theirs").when(Conditions::any().recipient_domain("*.example.org")).via(member("b"));
    let courier = courier(&recorders, [1, 0, 0], [rule]);
    let email = email().cc("bob@mail.example.org").build().unwrap();
    courier.send(&email).await.unwrap();
    assert_eq!(taken(&recorders), [1, 1, 0]);
}

#[tokio::test]
async fn weights_are_shares() {
    let recorders: [Recorder; 3] = Default::default();
    let courier = courier(&recorders, [70, 30, 0], [Rule::new("all").strategy(Strategy::Weighted)]);
    send(&courier, 1000, email).await;
    let [a, b, c] = taken(&recorders);
    // Five standard deviations.
    assert!(a.abs_diff(700) < 75 && a + b == 1000 && c == 0, "{a} {b} {c}");
    // Who has no share takes what the others cannot.
    recorders[0].refuse_all(RefusalKind::Unavailable);
    recorders[1].refuse_all(RefusalKind::Unavailable);
    send(&courier, 10, email).await;
    assert_eq!(taken(&recorders), [a, b, 10]);
}

#[tokio::test]
async fn turns_are_taken_evenly_and_explaining_takes_none() {
    let recorders: [Recorder; 3] = Default::default();
    let courier = courier(&recorders, [2, 1, 1], [Rule::new("all").strategy(Strategy::RoundRobin)]);
    for turn in 1..=25 {
        for _ in 0..3 {
            let Decision::Send { .. } = courier.explain(&email().build().unwrap()).decision else { panic!() };
        }
        let expected = courier.explain(&email().build().unwrap()).decision;
        let sent = courier.send(&email().build().unwrap()).await.unwrap();
        let Decision::Send { connection, .. } = expected else { panic!("{expected:?}") };
        assert_eq!(sent.tried[0].connection, connection);
        let [a, b, c] = taken(&recorders);
        assert!(a.abs_diff(turn / 2) <= 1 && b.abs_diff(c) <= 1, "{a} {b} {c} after {turn}");
    }
    // Everybody of one message takes the same turn.
    let together = email().cc("bob@example.com").bcc("eve@example.org").build().unwrap();
    assert_eq!(courier.send(&together).await.unwrap().tried.len(), 1);
}

#[tokio::test]
async fn what_is_for_failover_only_comes_after_every_tier() {
    let recorders: [Recorder; 3] = Default::default();
    let rule = Rule::new("all")
        .strategy(Strategy::Weighted)
        .via(member("c").failover_only().with_priority(0))
        .via(member("a").with_priority(1))
        .via(member("b").with_priority(2));
    let courier = courier(&recorders, [1; 3], [rule]);
    send(&courier, 5, email).await;
    recorders[0].refuse_all(RefusalKind::Unavailable);
    send(&courier, 5, email).await;
    recorders[1].refuse_all(RefusalKind::Unavailable);
    send(&courier, 5, email).await;
    assert_eq!(taken(&recorders), [5, 5, 5]);
}

#[tokio::test]
async fn of_two_in_a_tier_the_better_one_is_taken() {
    let recorders: [Recorder; 3] = Default::default();
    let courier = courier(&recorders, [1; 3], []);
    // Half of what it takes fails: too little for its breaker, and enough for whoever compares.
    for _ in 0..4 {
        recorders[0].refuse_next(RefusalKind::Unavailable);
    }
    send(&courier, 200, email).await;
    let scores: Vec<_> = courier.explain(&email().build().unwrap()).tiers.concat();
    let score = |name: &str| scores.iter().find(|one| one.connection.as_str() == name).unwrap().score;
    assert!(score("a") < score("b"), "{scores:#?}");
    let [a, b, c] = taken(&recorders);
    assert!(a < b && a < c, "{a} {b} {c}");
}

#[tokio::test]
async fn who_has_no_share_is_not_compared() {
    let recorders: [Recorder; 3] = Default::default();
    let courier = courier(&recorders, [1, 0, 0], []);
    // It does worse than those that took nothing yet.
    for _ in 0..4 {
        recorders[0].refuse_next(RefusalKind::Unavailable);
    }
    let sent = async || courier.send(&email().build().unwrap()).await.unwrap();
    for _ in 0..50 {
        assert_eq!(sent().await.tried[0].connection.as_str(), "a");
    }
}

#[tokio::test]
async fn a_connection_that_is_drained_gets_nothing_new() {
    let [a, b] = [Recorder::new(), Recorder::new()];
    let courier = Courier::builder()
        .connection(Connection::new("a".parse().unwrap(), a.clone()).draining())
        .provider("b", b.clone())
        .build()
        .unwrap();
    send(&courier, 3, email).await;
    assert_eq!((a.sent().len(), b.sent().len()), (0, 3));
    let why = courier.explain(&email().build().unwrap());
    assert_eq!(why.tiers[0][0].objection, Some(SkipReason::Draining));
}

#[test]
fn rules_that_cannot_be_are_refused() {
    let recorders: [Recorder; 3] = Default::default();
    let build = |rule: Rule| {
        let connection = Connection::new("a".parse().unwrap(), recorders[0].clone());
        Courier::builder().connection(connection).rule(rule).build().map(|_| ()).unwrap_err().to_string()
    };
    let unknown = build(Rule::new("codes").via(member("nobody")));
    assert_eq!(unknown, "the rule \"codes\" names the connection nobody, which there is not");
    let twice = build(Rule::new("codes").via(member("a")).via(member("a")));
    assert_eq!(twice, "the rule \"codes\" names the connection a twice");
    let domain = build(Rule::new("codes").when(Conditions::any().from_domain("no domain")));
    assert_eq!(domain, "the rule \"codes\" has a condition that cannot be met");
}
