//! Every fault at every step: what is certain, and what is not.

use std::sync::Arc;
use std::time::Duration;

use courierx_core::message::Attachment;
use courierx_core::provider::{
    CancellationToken, EmailProvider as _, Outcome, Phase, RefusalKind, SendOptions, Uncertainty,
};
use courierx_providers::Smtp;
use courierx_providers::smtp::SmtpTimeouts;
use tokio::sync::Notify;

use crate::support::server::{Act, Script, say};
use crate::support::{mail, refused, send, smtp};

const STEPS_BEFORE_THE_BODY: [&str; 5] = ["GREETING", "EHLO", "MAIL", "RCPT", "DATA"];

/// A server that does this at this step: one that is asked one by one, and one that is asked all at once.
fn scripts(step: &str, act: &Act) -> [Script; 2] {
    let script = Script::default().on(step, act.clone());
    [script.clone(), script.offering("PIPELINING")]
}

#[track_caller]
fn phase(outcome: &Outcome) -> Phase {
    match outcome {
        Outcome::Unknown(Uncertainty { phase, .. }) => *phase,
        other => panic!("not unknown: {other:?}"),
    }
}

/// Gives up a step soon. Whether it was the server or a busy machine that was slow makes no difference.
fn impatient(smtp: Smtp) -> Smtp {
    let short = Duration::from_millis(300);
    smtp.timeouts(SmtpTimeouts::default().greeting(short).command(short).answer(short))
}

#[tokio::test]
async fn a_message_is_accepted_under_its_queue_id() {
    let server = Script::default().start().await;
    let outcome = send(&smtp(&server), &mail::to(&["ada@example.com", "bob@example.com"])).await;
    let Outcome::Accepted(acceptance) = outcome else { panic!("{outcome:?}") };
    assert_eq!(acceptance.provider_message_id(), Some("TEST0001"));
    assert_eq!(acceptance.detail.as_deref(), Some("250 2.0.0 Ok: queued as TEST0001"));
    let seen = server.seen();
    assert_eq!(seen.messages.len(), 1);
    assert!(seen.commands.contains(&"MAIL FROM:<sender@example.com>".to_owned()));
    assert_eq!(seen.count("RCPT"), 2);
}

#[tokio::test]
async fn nothing_is_handed_over_when_the_server_closes_before_the_body() {
    for step in STEPS_BEFORE_THE_BODY {
        for script in scripts(step, &Act::Close) {
            let server = script.start().await;
            let outcome = send(&smtp(&server), &mail::to(&["ada@example.com"])).await;
            assert_eq!(refused(&outcome), RefusalKind::Unavailable, "{step}");
        }
    }
}

#[tokio::test]
async fn nothing_is_handed_over_when_the_server_is_silent_before_the_body() {
    for step in STEPS_BEFORE_THE_BODY {
        for script in scripts(step, &Act::Hang) {
            let server = script.start().await;
            let outcome = send(&impatient(smtp(&server)), &mail::to(&["ada@example.com"])).await;
            assert_eq!(refused(&outcome), RefusalKind::Unavailable, "{step}");
        }
    }
}

#[tokio::test]
async fn a_reply_without_end_is_given_up() {
    let endless = [
        Act::Drip,
        say(&"250-more\r\n".repeat(100_000)),
        Act::Say(format!("250 {}", "x".repeat(1 << 20))),
        Act::Say("\0".repeat(1 << 20)),
    ];
    for act in endless {
        for step in STEPS_BEFORE_THE_BODY {
            for script in scripts(step, &act) {
                let server = script.start().await;
                let outcome = send(&impatient(smtp(&server)), &mail::to(&["ada@example.com"])).await;
                assert_eq!(refused(&outcome), RefusalKind::Unavailable, "{step}");
            }
        }
        let server = Script::default().on("ANSWER", act).start().await;
        let outcome = send(&impatient(smtp(&server)), &mail::to(&["ada@example.com"])).await;
        assert_eq!(phase(&outcome), Phase::Answer);
    }
}

#[tokio::test]
async fn what_a_server_says_is_kept_short_and_plain() {
    let junk = format!("550 5.1.1 \0\x07\x1b[31m \u{9b}2J {}", "\u{fc}".repeat(3000));
    let server = Script::default().on("RCPT", say(&junk)).start().await;
    let outcome = send(&smtp(&server), &mail::to(&["ada@example.com"])).await;
    let Outcome::Refused(refusal) = outcome else { panic!("{outcome:?}") };
    assert_eq!(refusal.code.as_deref(), Some("5.1.1"));
    assert!(refusal.detail.chars().count() <= 501, "{}", refusal.detail);
    assert!(!refusal.detail.contains(char::is_control), "{:?}", refusal.detail);
}

#[tokio::test]
async fn nothing_is_handed_over_when_the_answers_are_no_replies() {
    for step in STEPS_BEFORE_THE_BODY {
        for script in scripts(step, &say("HTTP/1.1 400 Bad Request")) {
            let server = script.start().await;
            let outcome = send(&smtp(&server), &mail::to(&["ada@example.com"])).await;
            assert_eq!(refused(&outcome), RefusalKind::Unavailable, "{step}");
        }
    }
}

#[tokio::test]
async fn nobody_listening_is_unavailable() {
    let outcome = send(&Smtp::plain("127.0.0.1").port(1), &mail::to(&["ada@example.com"])).await;
    assert_eq!(refused(&outcome), RefusalKind::Unavailable);
}

#[tokio::test]
async fn a_body_that_was_cut_off_is_not_handed_over() {
    // More than the sockets' buffers hold, so that the end is noticed while writing.
    let file = Attachment::new("large.bin", "application/octet-stream", vec![0; 16 << 20]);
    let message = mail::outgoing(mail::draft().to("ada@example.com").attach(file));
    let server = Script::default().closing_in_the_body(1000).start().await;
    let outcome = send(&smtp(&server), &message).await;
    assert_eq!(refused(&outcome), RefusalKind::Unavailable);
}

#[tokio::test]
async fn after_the_final_dot_only_a_reply_is_certain() {
    let message = mail::to(&["ada@example.com"]);
    for act in [Act::Close, Act::Hang, say("nonsense"), say("354 go on"), say("250-half")] {
        let server = Script::default().on("ANSWER", act.clone()).start().await;
        let limits = SmtpTimeouts::default().answer(Duration::from_millis(300));
        let outcome = send(&smtp(&server).timeouts(limits), &message).await;
        assert_eq!(phase(&outcome), Phase::Answer, "{act:?}");
        assert_eq!(server.seen().messages.len(), 1);
    }
    for (reply, kind) in [
        ("451 4.3.0 try later", RefusalKind::Unavailable),
        ("421 4.4.2 closing", RefusalKind::Unavailable),
        ("554 5.6.0 not this", RefusalKind::Content),
    ] {
        let server = Script::default().on("ANSWER", say(reply)).start().await;
        assert_eq!(refused(&send(&smtp(&server), &message).await), kind, "{reply}");
    }
}

#[tokio::test]
async fn a_connection_out_of_step_is_given_up() {
    for (step, reply) in [("DATA", "250 ok"), ("ANSWER", "354 go on")] {
        let server = Script::default().times(step, say(reply), 1).start().await;
        let smtp = smtp(&server);
        assert!(!send(&smtp, &mail::to(&["ada@example.com"])).await.is_accepted());
        assert!(send(&smtp, &mail::to(&["bob@example.com"])).await.is_accepted());
        assert_eq!(server.seen().connections, 2, "{step}");
    }
}

#[tokio::test]
async fn a_bare_code_and_a_long_reply_are_replies() {
    for reply in ["250", "250-2.0.0 thanks\r\n250-2.0.0 a\r\n250 2.0.0 lot", "250 \u{fc}ber"] {
        let server = Script::default().on("ANSWER", say(reply)).start().await;
        let outcome = send(&smtp(&server), &mail::to(&["ada@example.com"])).await;
        assert!(outcome.is_accepted(), "{reply}: {outcome:?}");
    }
}

#[tokio::test]
async fn the_time_for_the_body_does_not_cut_the_wait_for_the_answer() {
    let server = Script::default().on("ANSWER", Act::Hang).start().await;
    let limits = SmtpTimeouts::default().answer(Duration::from_millis(1200));
    let hurried = SendOptions::default().timeout(Duration::from_secs(1));
    let outcome = smtp(&server).timeouts(limits).send(&mail::to(&["ada@example.com"]), &hurried).await;
    assert_eq!(phase(&outcome), Phase::Answer);

    let silent = Script::default().on("MAIL", Act::Hang).start().await;
    let outcome = smtp(&silent).send(&mail::to(&["ada@example.com"]), &hurried).await;
    assert_eq!(refused(&outcome), RefusalKind::Unavailable);
}

#[tokio::test]
async fn stopping_before_the_final_dot_hands_nothing_over() {
    let server = Script::default().on("MAIL", Act::Hang).start().await;
    let cancel = CancellationToken::new();
    let options = SendOptions::default().cancel(cancel.clone());
    let (smtp, message) = (smtp(&server), mail::to(&["ada@example.com"]));
    let (outcome, ()) = tokio::join!(smtp.send(&message, &options), async {
        server.until(|seen| seen.count("MAIL") == 1).await;
        cancel.cancel();
    });
    assert_eq!(refused(&outcome), RefusalKind::Interrupted);
}

#[tokio::test]
async fn stopping_after_the_final_dot_still_waits_a_little() {
    let cancel = CancellationToken::new();
    let options = SendOptions::default().cancel(cancel.clone());
    let message = mail::to(&["ada@example.com"]);

    let release = Arc::new(Notify::new());
    let server = Script::default().on("ANSWER", Act::Held(Arc::clone(&release))).start().await;
    let provider = smtp(&server);
    let (outcome, ()) = tokio::join!(provider.send(&message, &options), async {
        server.until(|seen| seen.messages.len() == 1).await;
        cancel.cancel();
        release.notify_one();
    });
    assert!(outcome.is_accepted(), "{outcome:?}");

    let silent = Script::default().on("ANSWER", Act::Hang).start().await;
    let cancel = CancellationToken::new();
    let options = SendOptions::default().cancel(cancel.clone());
    let provider = smtp(&silent);
    let (outcome, ()) = tokio::join!(provider.send(&message, &options), async {
        silent.until(|seen| seen.messages.len() == 1).await;
        tokio::time::pause();
        cancel.cancel();
    });
    assert_eq!(phase(&outcome), Phase::Answer);
}
