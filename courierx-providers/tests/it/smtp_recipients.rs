//! Each recipient has an answer of its own.

use courierx_core::provider::{Outcome, RecipientOutcome, RefusalKind};

use crate::support::server::{Script, say};
use crate::support::{mail, refused, send, smtp};

#[track_caller]
fn kinds(outcome: &Outcome, count: usize) -> Vec<Option<RefusalKind>> {
    let one = |position| match outcome.of(position) {
        RecipientOutcome::Accepted(_) => None,
        RecipientOutcome::Refused(refusal) => Some(refusal.kind),
        RecipientOutcome::Unknown(uncertainty) => panic!("{uncertainty}"),
    };
    (0..count).map(one).collect()
}

#[tokio::test]
async fn those_who_are_not_refused_get_the_message() {
    for pipelining in [false, true] {
        let mut script = Script::default()
            .on("RCPT TO:<nobody@", say("550 5.1.1 no such user"))
            .on("RCPT TO:<full@", say("452 4.2.2 mailbox full"));
        if pipelining {
            script = script.offering("PIPELINING");
        }
        let server = script.start().await;
        let people = ["ada@example.com", "nobody@example.com", "full@example.com", "bob@example.com"];
        let outcome = send(&smtp(&server), &mail::to(&people)).await;
        let expected = [None, Some(RefusalKind::Recipient), Some(RefusalKind::RecipientTemporary), None];
        assert_eq!(kinds(&outcome, 4), expected);
        assert_eq!(server.seen().messages.len(), 1);
        assert_eq!(server.seen().pipelined, pipelining);
    }
}

#[tokio::test]
async fn a_message_for_nobody_is_not_sent_and_the_connection_stays() {
    let server = Script::default().on("RCPT TO:<nobody@", say("550 5.1.1 no such user")).start().await;
    let smtp = smtp(&server);
    let outcome = send(&smtp, &mail::to(&["nobody@example.com", "nobody@example.org"])).await;
    assert_eq!(refused(&outcome), RefusalKind::Recipient);
    assert!(send(&smtp, &mail::to(&["ada@example.com"])).await.is_accepted());
    let seen = server.seen();
    assert_eq!((seen.connections, seen.count("RSET"), seen.messages.len()), (1, 1, 1));
}

#[tokio::test]
async fn a_server_that_closes_between_recipients_has_taken_none() {
    let server = Script::default()
        .on("RCPT TO:<nobody@", say("550 5.1.1 no such user"))
        .on("RCPT TO:<bob@", say("421 4.3.2 shutting down"))
        .start()
        .await;
    let people = ["ada@example.com", "nobody@example.com", "bob@example.com", "eve@example.com"];
    let outcome = send(&smtp(&server), &mail::to(&people)).await;
    let gone = Some(RefusalKind::Unavailable);
    assert_eq!(kinds(&outcome, 4), [gone, Some(RefusalKind::Recipient), gone, gone]);
    assert_eq!(server.seen().messages.len(), 0);
}

#[tokio::test]
async fn a_body_for_nobody_is_one_dot() {
    // DATA was asked for before the others were answered, and some servers go on regardless (RFC 2920 §3.1).
    for (step, reply, kind) in [
        ("RCPT TO:<nobody@", "550 5.1.1 no such user", RefusalKind::Recipient),
        ("MAIL FROM:<sender@", "550 5.7.1 not authorized", RefusalKind::Sender),
    ] {
        let server = Script::default().offering("PIPELINING").times(step, say(reply), 1).start().await;
        let smtp = smtp(&server);
        assert_eq!(refused(&send(&smtp, &mail::to(&["nobody@example.com"])).await), kind);
        assert_eq!(server.seen().messages, [""]);
        assert!(send(&smtp, &mail::to(&["ada@example.com"])).await.is_accepted());
        assert_eq!((server.seen().connections, server.seen().messages.len()), (1, 2));
    }
}

#[tokio::test]
async fn refusals_of_commands_that_came_together_leave_the_connection_in_step() {
    let script = Script::default().offering("PIPELINING").times("RCPT", say("550 5.1.1 no such user"), 2);
    let server = script.times("DATA", say("554 5.5.1 no valid recipients"), 1).start().await;
    let smtp = smtp(&server);
    let nobody = mail::to(&["nobody@example.com", "nobody@example.org"]);
    assert_eq!(refused(&send(&smtp, &nobody).await), RefusalKind::Recipient);
    assert!(send(&smtp, &mail::to(&["ada@example.com"])).await.is_accepted());
    let seen = server.seen();
    assert_eq!((seen.connections, seen.count("RSET"), seen.messages.len()), (1, 1, 1));

    let script = Script::default().offering("PIPELINING").times("MAIL", say("452 4.3.1 full"), 1);
    let script = script.times("RCPT", say("503 5.5.1 MAIL first"), 1);
    let server = script.times("DATA", say("503 5.5.1 MAIL first"), 1).start().await;
    let smtp = crate::support::smtp(&server);
    assert_eq!(refused(&send(&smtp, &mail::to(&["ada@example.com"])).await), RefusalKind::Unavailable);
    assert!(send(&smtp, &mail::to(&["bob@example.com"])).await.is_accepted());
    assert_eq!(server.seen().connections, 1);
}

#[tokio::test]
async fn an_answer_about_several_recipients_suppresses_nobody() {
    let server = Script::default().on("ANSWER", say("550 5.1.1 no such user")).start().await;
    let outcome = send(&smtp(&server), &mail::to(&["ada@example.com", "bob@example.com"])).await;
    assert_eq!(refused(&outcome), RefusalKind::Policy);
    let outcome = send(&smtp(&server), &mail::to(&["ada@example.com"])).await;
    assert_eq!(refused(&outcome), RefusalKind::Recipient);
}

#[tokio::test]
async fn too_large_a_message_is_not_even_begun() {
    let server = Script::default().offering("SIZE 200").start().await;
    let outcome = send(&smtp(&server), &mail::to(&["ada@example.com"])).await;
    assert_eq!(refused(&outcome), RefusalKind::Content);
    assert_eq!(server.seen().count("MAIL"), 0);

    let unlimited = Script::default().offering("SIZE 0").start().await;
    assert!(send(&smtp(&unlimited), &mail::to(&["ada@example.com"])).await.is_accepted());
    assert!(unlimited.seen().commands.iter().any(|line| line.contains(" SIZE=")));
}

#[tokio::test]
async fn an_address_beyond_ascii_needs_smtputf8() {
    let message = mail::to(&["zoë@example.com"]);
    let server = Script::default().start().await;
    assert_eq!(refused(&send(&smtp(&server), &message).await), RefusalKind::Content);
    assert_eq!(server.seen().count("MAIL"), 0);

    // In bcc the others do not see it, and get the message.
    let hidden = mail::outgoing(mail::draft().to("ada@example.com").bcc("zoë@example.com"));
    let outcome = send(&smtp(&server), &hidden).await;
    assert_eq!(kinds(&outcome, 2), [None, Some(RefusalKind::Content)]);

    let able = Script::default().offering("8BITMIME").offering("SMTPUTF8").start().await;
    assert!(send(&smtp(&able), &message).await.is_accepted());
    let seen = able.seen();
    assert!(seen.commands.contains(&"MAIL FROM:<sender@example.com> SMTPUTF8 BODY=8BITMIME".to_owned()));
    assert!(seen.commands.contains(&"RCPT TO:<zoë@example.com>".to_owned()));
}

#[tokio::test]
async fn dots_survive() {
    let text = ".\r\n..\r\n.dot\r\n";
    let server = Script::default().start().await;
    let message = mail::outgoing(
        courierx_core::message::Email::to("ada@example.com").from("a@example.com").subject("Dots").text(text),
    );
    assert!(send(&smtp(&server), &message).await.is_accepted());
    let seen = server.seen();
    assert!(seen.messages[0].ends_with(&format!("\r\n\r\n{text}\r\n")), "{}", seen.messages[0]);
}
