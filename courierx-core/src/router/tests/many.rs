//! A decision about many recipients is not much more work than one about a few.

use std::time::Instant;

use super::*;
use crate::provider::{Capability, Phase, RecipientOutcome, Uncertainty};

const RECIPIENTS: u32 = 1000;

/// To as many as a message can have, each in a domain of its own, with as many tags as it can have.
fn to_many() -> Email {
    let mut email = Email::to("u0@0.example").from("hi@acme.example").subject("Hello").text("Hello");
    for one in 1..RECIPIENTS {
        email = email.bcc(format!("u{one}@{one}.example").as_str());
    }
    for one in 0..50 {
        email = email.tag(format!("tag-{one}").as_str());
    }
    email.build().unwrap()
}

/// Decides about all of them, and makes sure that it takes at most so many times what it takes for one.
fn decided_together(router: &Router, email: &Email, history: &History, most: u32) -> Decision {
    let (_, alone) = decided(router, email, history, 1);
    let (decision, together) = decided(router, email, history, RECIPIENTS);
    assert!(together < alone * most, "{together:?}, and {alone:?} for one");
    decision
}

/// Decides a few times, as other programs run beside, and says how long it took at best.
fn decided(router: &Router, email: &Email, history: &History, recipients: u32) -> (Decision, Duration) {
    let requirements = Requirements::of(email);
    let open: Vec<_> = (0..recipients).map(|one| (one, false)).collect();
    let question = Question {
        email,
        requirements: &requirements,
        open: &open,
        history,
        duplicates: email.duplicate_policy(),
        seed: 7,
        can_wait: true,
        deliver_by: None,
        busy: &[],
    };
    let decide = |_| {
        let since = Instant::now();
        (router.decide(&question, NOW), since.elapsed())
    };
    (0..7).map(decide).min_by_key(|(_, took)| *took).unwrap()
}

#[test]
fn many_rules_are_looked_at_once_and_not_for_every_recipient() {
    let rule = |number: u32| {
        let mut conditions = Conditions::any().recipient_domain("*.nobody.example");
        for one in 0..50 {
            // The last one alone is a tag of the message: all have to be compared.
            let tag = if one == 49 { "tag-49".to_owned() } else { format!("other-{one}") };
            conditions = conditions.tag(tag).recipient_domain(format!("{number}-{one}.org"));
        }
        Rule::new(number.to_string()).when(conditions).via(Member::new("b".parse().unwrap()))
    };
    let theirs = Conditions::any().tag("tag-49").recipient_domain("7.example");
    let theirs = Rule::new("theirs").when(theirs).via(Member::new("b".parse().unwrap()));
    let turns = (0..20).fold(Rule::new("others").strategy(Strategy::RoundRobin), |rule, number| {
        // Somebody's turn comes after very many others'.
        let weight = if number == 0 { 1_000_000 } else { 1 };
        rule.via(Member::new(format!("c{number}").parse().unwrap()).with_weight(weight))
    });
    let names = ["b".to_owned()].into_iter().chain((0..20).map(|number| format!("c{number}")));
    let router = Router::builder().connections(names.map(|name| connection(&name)).collect::<Vec<_>>());
    let router = (0..98).map(rule).chain([theirs, turns]).fold(router, RouterBuilder::rule).build().unwrap();
    // It is six times. To look at the rules for each recipient would take a thousand times as long.
    let decision = decided_together(&router, &to_many(), &History::default(), 60);
    let Decision::Send { recipients, .. } = decision else { panic!("{decision:?}") };
    let most = Capability::full().max_recipients.min(999);
    assert_eq!(recipients.len(), most, "all but the one with a rule of its own");
    assert!(!recipients.contains(&7), "{recipients:?}");
}

#[test]
fn whether_a_hand_over_can_be_repeated_is_found_out_once_for_all_it_was_for() {
    let mut capability = Capability::full();
    capability.idempotency = Some(Duration::from_hours(1));
    let repeats = Connection::new("a".parse().unwrap(), Recorder::new().with_capability(capability));
    let other = connection("b");
    let (a, b) = (repeats.id().clone(), other.id().clone());
    let router = Router::new(vec![repeats, other]).unwrap();
    let together: Arc<[u32]> = (0..RECIPIENTS).collect();
    let lost = RecipientOutcome::Unknown(Uncertainty::new(Phase::Answer, "lost"));
    let refused = RecipientOutcome::Refused(Refusal::new(crate::provider::RefusalKind::Unavailable, "no"));
    let mut history = History::default();
    for number in 0..20 {
        let (connection, outcome) = if number == 0 { (&a, &lost) } else { (&b, &refused) };
        for recipient in 0..RECIPIENTS {
            history.add(recipient, connection, &together, outcome, NOW.before(Duration::from_mins(1)));
        }
        history.next_round();
    }
    // It is five hundred times. To look at all for each of them would take a hundred thousand times as long.
    let decision = decided_together(&router, &to_many(), &history, 5000);
    let Decision::Send { connection, recipients, .. } = decision else { panic!("{decision:?}") };
    assert_eq!((connection, recipients.len()), (a, together.len()));
}
