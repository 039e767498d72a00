//! What each reply means, through a whole session.

use std::path::Path;

use courierx_core::provider::RefusalKind::{
    Auth, Content, Policy, Quota, Recipient, RecipientTemporary, Sender, Throttled, Unavailable,
};
use courierx_core::provider::{Outcome, RefusalKind};
use serde::Deserialize;

use crate::support::server::{Script, say};
use crate::support::{mail, send, smtp};

/// The step of the script, the reply, and what it means; `None` is success.
const TABLE: &[(&str, &str, Option<RefusalKind>)] = &[
    ("GREETING", "220 hello", None),
    ("GREETING", "421 4.3.2 Service not available", Some(Unavailable)),
    ("GREETING", "421 Too many concurrent SMTP connections", Some(Throttled)),
    ("GREETING", "554 5.7.1 Your IP is blocked", Some(Auth)),
    ("GREETING", "554 5.3.2 System not accepting network messages", Some(Unavailable)),
    ("EHLO", "550 5.7.1 Invalid HELO", Some(Auth)),
    ("AUTH", "235 2.7.0 Authentication successful", None),
    ("AUTH", "432 4.7.12 A password transition is needed", Some(Auth)),
    ("AUTH", "454 4.7.0 Temporary authentication failure", Some(Unavailable)),
    ("AUTH", "454 Throttling failure: Daily message quota exceeded", Some(Quota)),
    ("AUTH", "454 Throttling failure: Maximum sending rate exceeded", Some(Throttled)),
    ("AUTH", "451 Authentication failed: Maximum credits exceeded", Some(Quota)),
    ("AUTH", "534 5.7.9 Mechanism too weak", Some(Auth)),
    ("AUTH", "535 5.7.8 Credentials invalid", Some(Auth)),
    ("AUTH", "432 A password transition is needed", Some(Auth)),
    ("AUTH", "432 4.3.2 Concurrent connections limit exceeded", Some(Throttled)),
    ("MAIL", "432 4.7.12 A password transition is needed", Some(Auth)),
    ("MAIL", "432 4.3.2 STOREDRV.ClientSubmit; sender thread limit exceeded", Some(Throttled)),
    ("MAIL", "452 4.3.1 Insufficient system storage", Some(Unavailable)),
    ("MAIL", "451 4.1.8 Domain of sender address does not resolve", Some(Sender)),
    ("MAIL", "450 4.7.1 Too much mail today", Some(Throttled)),
    ("MAIL", "501 5.1.7 Bad sender address syntax", Some(Content)),
    ("MAIL", "530 5.7.0 Authentication required", Some(Auth)),
    ("MAIL", "550 5.7.1 Sender not authorized", Some(Sender)),
    ("MAIL", "550 Sender unknown", Some(Sender)),
    ("MAIL", "550 5.7.23 SPF validation failed", Some(Policy)),
    ("MAIL", "552 5.3.4 Message size exceeds fixed limit", Some(Content)),
    ("MAIL", "553 5.1.8 Bad sender system address", Some(Sender)),
    ("MAIL", "555 5.5.4 Parameters not recognized", Some(Content)),
    ("RCPT", "251 2.1.5 User not local; will forward", None),
    ("RCPT", "252 2.1.5 Cannot VRFY user but will accept", None),
    ("RCPT", "421 4.7.28 Unusual rate of unsolicited mail", Some(Throttled)),
    ("RCPT", "450 4.2.0 Greylisted, please try again later", Some(RecipientTemporary)),
    ("RCPT", "451 4.7.1 Greylisting in action", Some(RecipientTemporary)),
    ("RCPT", "450 4.1.2 Domain not found", Some(RecipientTemporary)),
    ("RCPT", "450 Mailbox busy", Some(RecipientTemporary)),
    ("RCPT", "451 4.3.0 Temporary lookup failure", Some(Unavailable)),
    ("RCPT", "421 4.3.2 Shutting down", Some(Unavailable)),
    ("RCPT", "454 Throttling failure: Maximum sending rate exceeded", Some(Throttled)),
    ("RCPT", "432 4.3.2 Concurrent connections limit exceeded", Some(Throttled)),
    ("RCPT", "432 4.7.12 A password transition is needed", Some(RecipientTemporary)),
    ("RCPT", "451 4.7.500 Server busy. Please try again later", Some(RecipientTemporary)),
    ("RCPT", "451 4.7.1 Try again later", Some(RecipientTemporary)),
    ("RCPT", "450 4.7.1 This mailbox got too many messages", Some(RecipientTemporary)),
    ("RCPT", "451 Try again later", Some(RecipientTemporary)),
    ("RCPT", "451 user over daily quota", Some(RecipientTemporary)),
    ("RCPT", "451 Maximum credits exceeded", Some(RecipientTemporary)),
    ("RCPT", "442 4.9.9 What is this", Some(RecipientTemporary)),
    ("RCPT", "452 4.2.2 Over quota", Some(RecipientTemporary)),
    ("RCPT", "452 4.5.3 Too many recipients", Some(RecipientTemporary)),
    ("RCPT", "452 Too many recipients", Some(RecipientTemporary)),
    ("RCPT", "550 5.1.1 No such user", Some(Recipient)),
    ("RCPT", "550 No such user", Some(Recipient)),
    ("RCPT", "550 4.1.1 Classes that disagree", Some(Policy)),
    ("RCPT", "550 5.0.0 User unknown", Some(Recipient)),
    ("RCPT", "550 Requested action not taken: mailbox unavailable", Some(Recipient)),
    ("RCPT", "551 <ada@example.com> does not exist here", Some(Recipient)),
    ("RCPT", "553 Invalid recipient", Some(Recipient)),
    ("RCPT", "511 sorry, no mailbox here by that name (#5.1.1 - chkuser)", Some(Recipient)),
    ("RCPT", "550 5.1.0 <a@b.example>: Sender address rejected: User unknown", Some(Policy)),
    ("RCPT", "550 5.1.1 <a@b.example>: Sender address rejected: User unknown", Some(Policy)),
    ("RCPT", "550 5.1.0 Address rejected", Some(Policy)),
    ("RCPT", "550 5.1.4 Ambiguous", Some(Policy)),
    ("RCPT", "553 5.1.8 Sender's domain does not exist", Some(Sender)),
    ("RCPT", "550 5.2.0 Mailbox trouble", Some(Policy)),
    ("RCPT", "550 Sender verify failed", Some(Policy)),
    ("RCPT", "550 The sender's domain does not exist", Some(Policy)),
    ("RCPT", "550 192.0.2.1 is in a black list at dnsbl.example", Some(Policy)),
    ("RCPT", "550 No", Some(Policy)),
    ("RCPT", "521 We take no mail from you", Some(Policy)),
    ("RCPT", "553 sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)", Some(Policy)),
    ("RCPT", "552 user over daily quota", Some(RecipientTemporary)),
    ("RCPT", "550 user over quota", Some(RecipientTemporary)),
    ("RCPT", "530 5.7.0 Authentication required", Some(Auth)),
    ("RCPT", "535 5.7.8 Credentials invalid", Some(Policy)),
    ("RCPT", "550 authentication required", Some(Policy)),
    ("RCPT", "503 authentication required", Some(Policy)),
    ("RCPT", "550 5.4.4 No route", Some(Recipient)),
    ("RCPT", "550 5.4.310 The domain does not resolve", Some(RecipientTemporary)),
    ("RCPT", "556 Takes no mail", Some(Recipient)),
    ("RCPT", "550 5.2.1 Mailbox disabled", Some(Recipient)),
    ("RCPT", "550 5.4.1 Access denied", Some(Recipient)),
    ("RCPT", "554 5.4.6 Routing loop", Some(RecipientTemporary)),
    ("RCPT", "550 5.7.1 Unable to relay", Some(Policy)),
    ("RCPT", "550 relaying denied", Some(Policy)),
    ("RCPT", "553 sorry, blocked by our blocklist", Some(Policy)),
    ("RCPT", "552 5.2.2 Mailbox full", Some(RecipientTemporary)),
    ("RCPT", "552 Mailbox full", Some(RecipientTemporary)),
    ("RCPT", "554 5.7.1 Client host blocked", Some(Policy)),
    ("RCPT", "556 5.1.10 Domain does not accept mail", Some(Recipient)),
    ("DATA", "451 4.3.0 Try again", Some(Unavailable)),
    ("DATA", "503 5.5.1 Bad sequence of commands", Some(Content)),
    ("DATA", "250 what", Some(Unavailable)),
    ("ANSWER", "250 Ok", None),
    ("ANSWER", "452 4.3.1 Insufficient system storage", Some(Unavailable)),
    ("ANSWER", "450 4.2.0 Greylisted", Some(RecipientTemporary)),
    ("ANSWER", "550 5.1.1 No such user", Some(Recipient)),
    ("ANSWER", "432 4.3.2 concurrent connection limit exceeded", Some(Throttled)),
    ("ANSWER", "432 STOREDRV.ClientSubmit; sender thread limit exceeded", Some(Throttled)),
    ("ANSWER", "432 Something else", Some(Unavailable)),
    ("ANSWER", "552 5.2.0 1tLr0e Message rejected", Some(Policy)),
    ("ANSWER", "550 5.1.0 Refused", Some(Policy)),
    ("ANSWER", "550 5.7.26 Unauthenticated email is not accepted", Some(Policy)),
    ("ANSWER", "552 5.3.4 Message size exceeds fixed maximum", Some(Content)),
    ("ANSWER", "554 5.6.0 Content rejected", Some(Content)),
    ("ANSWER", "554 5.7.1 Spam", Some(Policy)),
    ("ANSWER", "554 Transaction failed", Some(Content)),
    ("ANSWER", "554 Message rejected: Email address is not verified.", Some(Sender)),
    ("ANSWER", "554 Access denied: user x is not authorized to perform ses:SendRawEmail", Some(Sender)),
];

/// What became of a message for one recipient when the server gives this reply at this step.
async fn answered(step: &str, reply: &str) -> Outcome {
    let server = Script::default().offering("AUTH PLAIN").on(step, say(reply)).start().await;
    let smtp = smtp(&server).credentials("user", "password").allow_plain_credentials();
    send(&smtp, &mail::to(&["ada@example.com"])).await
}

#[track_caller]
fn kind(outcome: &Outcome) -> Option<RefusalKind> {
    match outcome {
        Outcome::Accepted(_) => None,
        Outcome::Refused(refusal) => Some(refusal.kind),
        other => panic!("neither accepted nor refused: {other:?}"),
    }
}

#[tokio::test]
async fn every_reply_has_its_reason() {
    for (step, reply, expected) in TABLE {
        assert_eq!(kind(&answered(step, reply).await), *expected, "{step}: {reply}");
    }
}

#[tokio::test]
async fn a_refusal_says_what_the_server_said() {
    let Outcome::Refused(refusal) = answered("RCPT", "550 5.1.1 No such user").await else { panic!() };
    assert_eq!((refusal.status, refusal.code.as_deref()), (Some(550), Some("5.1.1")));
    assert_eq!(refusal.detail, "550 5.1.1 No such user");
}

#[derive(Deserialize)]
struct Row {
    phase: String,
    reply: String,
    class: String,
}

/// A collection of replies kept beside the project by its developers, where it is there.
#[tokio::test]
async fn replies_collected_from_servers_agree() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/fixtures/smtp/replies.json");
    let Ok(text) = std::fs::read_to_string(path) else {
        return;
    };
    let rows: Vec<Row> = serde_json::from_str(&text).unwrap();
    assert!(!rows.is_empty());
    for Row { phase, reply, class } in rows {
        let step = match phase.as_str() {
            "connect" => "GREETING",
            "auth" => "AUTH",
            "mail" => "MAIL",
            "rcpt" => "RCPT",
            "data" => "DATA",
            "eod" => "ANSWER",
            other => panic!("{other}"),
        };
        if class == "ambiguous" || reply.starts_with("354") {
            continue;
        }
        let possible: &[Option<RefusalKind>] = match class.as_str() {
            "ok" => &[None],
            // `transient` says when, our kinds say whose fault: 4.7.x is the sender's pace.
            "transient" => &[Some(Unavailable), Some(RecipientTemporary), Some(Throttled)],
            // Likewise: one mailbox's rate and one transaction's size are not the connection's.
            "rate_limited" => &[Some(Throttled), Some(RecipientTemporary)],
            "quota" => &[Some(Quota)],
            "auth_config" => &[Some(Auth), Some(Sender)],
            "policy_sender" => &[Some(Policy), Some(Auth)],
            "invalid_request" | "message_too_large" => &[Some(Content)],
            // The enhanced code 5.7.1 is policy, whatever the text calls the content.
            "content_rejected" => &[Some(Content), Some(Policy)],
            "permanent_recipient" => &[Some(Recipient)],
            "soft_bounce" => &[Some(RecipientTemporary)],
            other => panic!("{other}"),
        };
        let kind = kind(&answered(step, &reply).await);
        assert!(possible.contains(&kind), "{step}: {reply}: {kind:?} is not {class}");
    }
}
