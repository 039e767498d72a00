//! Sending now.

use courierx::testing::Recorder;
use courierx::{Outcome, RefusalKind, SendError, assert_sent};
use courierx_core::provider::{Acceptance, RecipientOutcome, Refusal};

use crate::support::{World, builder, email};

#[tokio::test]
async fn a_message_is_rendered_and_handed_to_the_preferred_connection() {
    let (a, b) = (Recorder::new(), Recorder::new());
    let courier = builder(&[&a, &b]).build().unwrap();
    let email = email()
        .subject("Hello {{name}}")
        .html("<p>Hi {{name}}</p>")
        .text("Hi {{name}}")
        .variable("name", "Ada <3")
        .build()
        .unwrap();
    let sent = courier.send(&email).await.unwrap();
    assert_eq!(sent.tried.len(), 1);
    assert_sent!(a, subject = "Hello Ada <3");
    assert_sent!(a, |email| email.html() == Some("<p>Hi Ada &lt;3</p>"));
    assert_sent!(a, |email| email.text() == Some("Hi Ada <3"));
    assert_sent!(a, to = "ada@example.com");
    assert_sent!(b, 0);
}

#[tokio::test]
async fn a_refused_connection_is_followed_by_the_next() {
    for kind in [
        RefusalKind::Unavailable,
        RefusalKind::Auth,
        RefusalKind::Throttled,
        RefusalKind::Quota,
        RefusalKind::Policy,
        RefusalKind::Sender,
    ] {
        let (a, b) = (Recorder::new(), Recorder::new());
        let courier = builder(&[&a, &b]).build().unwrap();
        a.refuse_next(kind);
        let sent = courier.send(&email().build().unwrap()).await.unwrap();
        assert_eq!(sent.tried.len(), 2, "{kind}");
        assert_sent!(b, 1);
    }
}

#[tokio::test]
async fn what_is_the_recipients_fault_is_not_tried_elsewhere() {
    for kind in [RefusalKind::Recipient, RefusalKind::RecipientTemporary, RefusalKind::Suppressed] {
        let (a, b) = (Recorder::new(), Recorder::new());
        let courier = builder(&[&a, &b]).build().unwrap();
        a.refuse_next(kind);
        let error = courier.send(&email().build().unwrap()).await.unwrap_err();
        assert!(!error.may_have_been_sent(), "{kind}");
        assert!(error.to_string().contains(kind.as_str()), "{error}");
        assert!(b.handed_over().is_empty(), "{kind}");
    }
}

#[tokio::test]
async fn content_is_offered_only_to_a_connection_that_can_do_something_else() {
    let (a, b, c) = (Recorder::new(), Recorder::new(), Recorder::new());
    let mut other = courierx_core::provider::Capability::full();
    other.max_message_bytes = 1_000_000;
    let c = c.with_capability(other);
    // How much may be under way at once is no matter of the content.
    let mut slower = courierx_core::provider::Capability::full();
    slower.max_in_flight = 1;
    let b = b.with_capability(slower);
    let courier = builder(&[&a, &b, &c]).build().unwrap();
    a.refuse_next(RefusalKind::Content);
    courier.send(&email().build().unwrap()).await.unwrap();
    assert!(b.handed_over().is_empty());
    assert_sent!(c, 1);
}

#[tokio::test]
async fn who_must_not_be_watched_is_not_handed_to_whoever_watches() {
    use courierx_core::message::Tracking;
    use courierx_core::provider::{Capability, TracksReaders};

    for (tracking, taken_by) in [
        (Tracking::OFF, [false, true, true]),
        (Tracking::ON, [false, true, false]),
        (Tracking { opens: Some(false), clicks: Some(true) }, [false, true, false]),
        (Tracking::default(), [true, true, true]),
    ] {
        let ways = [TracksReaders::AsConfigured, TracksReaders::AsAsked, TracksReaders::Never];
        for (way, taken) in ways.into_iter().zip(taken_by) {
            let mut capability = Capability::full();
            capability.tracking = way;
            let provider = Recorder::new().with_capability(capability);
            let courier = builder(&[&provider]).build().unwrap();
            let sent = courier.send(&email().tracking(tracking).build().unwrap()).await;
            assert_eq!(sent.is_ok(), taken, "{tracking:?} {way:?}");
            assert_eq!(provider.handed_over().len(), usize::from(taken), "{tracking:?} {way:?}");
        }
    }
}

#[tokio::test]
async fn an_address_for_bounces_needs_a_provider_that_uses_it() {
    let mut capability = courierx_core::provider::Capability::full();
    capability.return_path = false;
    let (own, any) = (Recorder::new().with_capability(capability), Recorder::new());
    let courier = builder(&[&own, &any]).build().unwrap();
    courier.send(&email().return_path("bounces@acme.example").build().unwrap()).await.unwrap();
    assert!(own.handed_over().is_empty());
    assert_sent!(any, 1);
}

#[tokio::test]
async fn a_throttled_connection_is_left_alone_until_its_time() {
    let (a, b) = (Recorder::new(), Recorder::new());
    let world = World::new(&[&a, &b]);
    let refusal = Refusal::new(RefusalKind::Throttled, "slow down");
    a.answer_next(Outcome::Refused(refusal.retry_after(std::time::Duration::from_secs(100))));
    for _ in 0..3 {
        world.courier.send(&email().build().unwrap()).await.unwrap();
    }
    assert_eq!(a.handed_over().len(), 1);
    assert_sent!(b, 3);
    world.clock.advance(std::time::Duration::from_secs(111));
    world.courier.send(&email().build().unwrap()).await.unwrap();
    assert_eq!(a.handed_over().len(), 2);
}

#[tokio::test]
async fn one_recipients_refusal_is_not_the_messages() {
    let (a, b) = (Recorder::new(), Recorder::new());
    let courier = builder(&[&a, &b]).build().unwrap();
    a.answer_next(Outcome::Mixed(vec![
        RecipientOutcome::Accepted(Acceptance::default()),
        RecipientOutcome::Refused(Refusal::new(RefusalKind::Recipient, "no such user")),
        RecipientOutcome::Refused(Refusal::new(RefusalKind::Policy, "listed")),
    ]));
    let email = email().cc("bob@example.com").bcc("eve@example.com").build().unwrap();
    let SendError::NotSent(report) = courier.send(&email).await.unwrap_err() else { panic!("not sent") };
    assert!(matches!(report.outcome.of(0), RecipientOutcome::Accepted(_)));
    assert!(matches!(report.outcome.of(1), RecipientOutcome::Refused(_)));
    assert!(matches!(report.outcome.of(2), RecipientOutcome::Accepted(_)));
    assert_eq!(b.handed_over()[0].recipients(), ["eve@example.com"]);
}

#[tokio::test]
async fn an_unknown_outcome_fails_over_but_never_reads_as_not_sent() {
    let (a, b) = (Recorder::new(), Recorder::new());
    let courier = builder(&[&a, &b]).build().unwrap();
    a.lose_next_answer();
    b.refuse_next(RefusalKind::Unavailable);
    let error = courier.send(&email().build().unwrap()).await.unwrap_err();
    assert!(error.may_have_been_sent());
    assert!(matches!(error, SendError::NotSent(report) if matches!(report.outcome, Outcome::Unknown(_))));
}

#[tokio::test]
async fn explain_says_where_a_message_would_go_and_is_right() {
    let (a, b) = (Recorder::new(), Recorder::new());
    let mut small = courierx_core::provider::Capability::full();
    small.attachments = false;
    let a = a.with_capability(small);
    let courier = builder(&[&a, &b]).build().unwrap();
    let attachment = courierx::Attachment::new("a.txt", "text/plain", "content").unwrap();
    let email = email().attach(attachment).build().unwrap();
    let courierx_core::router::Decision::Send { connection, skipped, .. } = courier.explain(&email).decision
    else {
        panic!("it can be sent")
    };
    assert_eq!(connection.as_str(), "b");
    assert_eq!(skipped[0].connection.as_str(), "a");
    assert!(skipped[0].reason.to_string().contains("attachments"));
    courier.send(&email).await.unwrap();
    assert_sent!(b, 1);
    assert!(a.handed_over().is_empty());
}
