//! Several messages with one call: one connection, and what is certain of each when something fails between.

use std::time::Duration;

use courierx_core::message::Attachment;
use courierx_core::provider::{
    CancellationToken, EmailProvider as _, Outcome, Outgoing, RecipientOutcome, RefusalKind, SendOptions,
};
use courierx_providers::Smtp;
use courierx_providers::emulator::{SmtpEmulator, SmtpFault, SmtpPhase};

use crate::support::mail;
use crate::support::server::{Act, Script, say};

/// Messages to these recipients, one for each.
fn messages(recipients: &[&str]) -> Vec<Outgoing> {
    recipients.iter().map(|&one| mail::to(&[one])).collect()
}

fn client(server: &SmtpEmulator) -> Smtp {
    Smtp::from_url(&server.url()).unwrap()
}

async fn send(smtp: &Smtp, messages: &[Outgoing]) -> Vec<Outcome> {
    smtp.send_batch(messages, &SendOptions::default()).await
}

/// `accepted`, `unknown`, or the kind of the refusal, of each message's first recipient.
fn shapes(outcomes: &[Outcome]) -> Vec<String> {
    let shape = |outcome: &Outcome| match outcome.of(0) {
        RecipientOutcome::Accepted(_) => "accepted".to_owned(),
        RecipientOutcome::Unknown(_) => "unknown".to_owned(),
        RecipientOutcome::Refused(refusal) => refusal.kind.to_string(),
    };
    outcomes.iter().map(shape).collect()
}

#[tokio::test]
async fn a_batch_has_one_connection_and_one_result_for_each() {
    for pipelining in [true, false] {
        let server = SmtpEmulator::builder().pipelining(pipelining).start().await.unwrap();
        let nobody = SmtpFault::reply(SmtpPhase::Rcpt, "550 5.1.1").address();
        let spam = SmtpFault::reply(SmtpPhase::Dot, "554 5.7.1").address();
        let mut batch = messages(&["a@example.com", &nobody, "b@example.com", &spam, "c@example.com"]);
        batch.push(mail::to(&[&nobody, "d@example.com"]));
        let outcomes = send(&client(&server), &batch).await;
        let expected = ["accepted", "recipient", "accepted", "policy", "accepted", "recipient"];
        assert_eq!(shapes(&outcomes), expected);
        assert!(matches!(outcomes[5].of(1), RecipientOutcome::Accepted(_)));
        assert_eq!(server.connections(), 1);
        let recipients: Vec<_> = server.envelopes().into_iter().flat_map(|one| one.recipients).collect();
        assert_eq!(recipients, ["a@example.com", "b@example.com", "c@example.com", "d@example.com"]);
        assert_eq!(client(&server).capability().max_batch, 100);
    }
}

#[tokio::test]
async fn the_next_message_is_announced_with_the_final_dot() {
    let server = Script::default().offering("PIPELINING").start().await;
    let smtp = crate::support::smtp(&server);
    let outcomes = send(&smtp, &messages(&["a@example.com", "b@example.com", "c@example.com"])).await;
    assert!(outcomes.iter().all(Outcome::is_accepted), "{outcomes:?}");
    let seen = server.seen();
    assert_eq!((seen.connections, seen.messages.len(), seen.pipelined_after_bodies), (1, 3, 2));
}

#[tokio::test]
async fn what_was_only_announced_is_sent_over_another_connection() {
    for act in [Act::Close, say("421 4.3.2 shutting down"), say("nonsense")] {
        for pipelining in [true, false] {
            let script = Script::default().times("ANSWER", Act::Usual, 1).times("ANSWER", act.clone(), 1);
            let script = if pipelining { script.offering("PIPELINING") } else { script };
            let server = script.start().await;
            let smtp = crate::support::smtp(&server);
            let outcomes = send(&smtp, &messages(&["a@example.com", "b@example.com", "c@example.com"])).await;
            let second = if matches!(&act, Act::Say(reply) if reply.starts_with("421")) {
                "unavailable"
            } else {
                "unknown"
            };
            assert_eq!(shapes(&outcomes), ["accepted", second, "accepted"], "{act:?}");
            assert_eq!((server.seen().connections, server.seen().messages.len()), (2, 3));
        }
    }
}

#[tokio::test]
async fn a_server_that_is_gone_is_asked_once_for_the_rest() {
    let server = SmtpEmulator::builder().start().await.unwrap();
    let smtp = client(&server);
    let lost = SmtpFault::drop(SmtpPhase::Dot).address();
    server.fail(Some(SmtpFault::reply(SmtpPhase::Greeting, "421 4.3.2 Not now")));
    let refused = send(&smtp, &messages(&["a@example.com", "b@example.com"])).await;
    assert_eq!(shapes(&refused), ["unavailable", "unavailable"]);
    assert_eq!(server.connections(), 1);

    server.fail(None);
    assert!(send(&smtp, &messages(&["a@example.com"])).await[0].is_accepted());
    server.fail(Some(SmtpFault::reply(SmtpPhase::Greeting, "421 4.3.2 Not now")));
    let outcomes = send(&smtp, &messages(&["b@example.com", &lost, "c@example.com", "d@example.com"])).await;
    assert_eq!(shapes(&outcomes), ["accepted", "unknown", "unavailable", "unavailable"]);
    assert_eq!((server.connections(), server.count()), (3, 3));
}

#[tokio::test]
async fn the_time_is_the_batch_s() {
    let server = SmtpEmulator::builder().start().await.unwrap();
    let silent = SmtpFault::hang(SmtpPhase::Data).address();
    let hurried = SendOptions::default().timeout(Duration::from_millis(500));
    let batch = messages(&["a@example.com", &silent, "b@example.com"]);
    let outcomes = client(&server).send_batch(&batch, &hurried).await;
    // On a busy machine the time can be over before the first is sent; never is anything unknown.
    let shapes = shapes(&outcomes);
    assert!(shapes[0] == "accepted" || shapes[0] == "unavailable", "{shapes:?}");
    assert_eq!(shapes[1..], ["unavailable", "unavailable"]);
}

#[tokio::test]
async fn stopping_leaves_the_rest_unsent() {
    let server = SmtpEmulator::builder().start().await.unwrap();
    let smtp = client(&server);
    let silent = SmtpFault::hang(SmtpPhase::Dot).address();
    let batch = messages(&["a@example.com", &silent, "b@example.com", "c@example.com"]);
    let cancel = CancellationToken::new();
    let options = SendOptions::default().cancel(cancel.clone());
    let (outcomes, ()) = tokio::join!(smtp.send_batch(&batch, &options), async {
        server.wait_for(2).await;
        tokio::time::pause();
        cancel.cancel();
    });
    let interrupted = RefusalKind::Interrupted.to_string();
    assert_eq!(shapes(&outcomes), ["accepted", "unknown", &interrupted, &interrupted]);
    assert_eq!(server.count(), 2);
}

#[tokio::test]
async fn large_messages_and_many_recipients_are_not_announced() {
    let server = SmtpEmulator::builder().start().await.unwrap();
    let file = || Attachment::new("large.bin", "application/octet-stream", vec![b'.'; 2 << 20]);
    let large = || mail::outgoing(mail::draft().to("a@example.com").attach(file()));
    let many: Vec<String> = (0..100).map(|number| format!("reader{number}@example.com")).collect();
    let many = mail::to(&many.iter().map(String::as_str).collect::<Vec<_>>());
    let outcomes = send(&client(&server), &[large(), many.clone(), large(), many]).await;
    assert!(outcomes.iter().all(Outcome::is_accepted), "{outcomes:?}");
    assert_eq!((server.connections(), server.count()), (1, 4));
    assert_eq!(server.received()[1].recipients().len(), 100);
}
