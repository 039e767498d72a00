//! The one place where replies become reasons: [`refusal`], from the step and the reply.
//!
//! The enhanced code decides where there is one (RFC 3463); the reply code else; the text only where servers
//! in wide use say nothing else. Two rules stand above all: a reply is certain, also to the final dot; and
//! only a reply that names the mailbox itself ends a recipient, since that suppresses the address.

use courierx_core::provider::{Refusal, RefusalKind};

use super::reply::{EnhancedCode, Reply};

/// Which step a reply belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// The greeting and EHLO.
    Greeting,
    StartTls,
    Auth,
    Mail,
    Rcpt,
    Data,
    /// The answer to the final dot, for one recipient or for several at once.
    Answer {
        several: bool,
    },
}

/// The reason that a negative reply gives.
pub(super) fn refusal(step: Step, reply: &Reply) -> Refusal {
    let refusal = Refusal::new(kind(step, reply), reply.to_string()).status(reply.code);
    match reply.enhanced {
        Some(enhanced) => refusal.code(enhanced.to_string()),
        None => refusal,
    }
}

fn kind(step: Step, reply: &Reply) -> RefusalKind {
    if let Some(kind) = spelled_out(step, reply) {
        return kind;
    }
    let kind = match (step, reply.is_temporary()) {
        (Step::Greeting | Step::StartTls | Step::Auth, true) => RefusalKind::Unavailable,
        (_, true) => temporary(step, reply),
        // A server that turns this client away for good: its set-up, or ours, has to change.
        (Step::Greeting, false) => match reply.enhanced {
            Some(EnhancedCode { subject: 3 | 4, .. }) => RefusalKind::Unavailable,
            _ => RefusalKind::Auth,
        },
        (Step::StartTls | Step::Auth, false) => RefusalKind::Auth,
        (_, false) => permanent(step, reply),
    };
    // The answer to a message for several recipients does not say which of them it means.
    match (step, kind) {
        (Step::Answer { several: true }, RefusalKind::Recipient) => RefusalKind::Policy,
        _ => kind,
    }
}

/// What reply codes of one meaning, and texts of large relays that give no code for it, say at any step.
fn spelled_out(step: Step, reply: &Reply) -> Option<RefusalKind> {
    // RFC 4954 §6: no authentication, too weak, wrong, needs encryption, or a password that must be changed.
    if matches!(reply.code, 432 | 530 | 534 | 535 | 538) {
        return Some(RefusalKind::Auth);
    }
    let text = reply.text().to_ascii_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
    // SES: `454 Throttling failure: Daily message quota exceeded`; SendGrid: `451 … Maximum credits exceeded`.
    if reply.enhanced.is_none()
        && says(&["credits exceeded", "message quota", "daily quota", "monthly quota"])
    {
        return Some(RefusalKind::Quota);
    }
    if reply.is_temporary() {
        if matches!(step, Step::Rcpt | Step::Data | Step::Answer { .. }) && says(&["greylist", "graylist"]) {
            return Some(RefusalKind::RecipientTemporary);
        }
        let rate = says(&["throttl", "too many", "rate exceeded", "rate limit", "unusual rate"]);
        // One mailbox's rate, or one transaction's size, is not this client's pace.
        if rate && !concerns(reply, 2) && !concerns(reply, 5) && !says(&["recipients"]) {
            return Some(RefusalKind::Throttled);
        }
    } else if reply.enhanced.is_none() && !matches!(step, Step::Greeting | Step::StartTls | Step::Auth) {
        if says(&["not authorized to perform", "authentication required", "authenticate first"]) {
            return Some(RefusalKind::Auth);
        }
        if says(&["not verified", "sender not authorized"]) {
            return Some(RefusalKind::Sender);
        }
        // Without a code, 550 to RCPT means an unknown mailbox: unless it says that it means us.
        if step == Step::Rcpt
            && says(&["relay", "blocked", "blacklist", "blocklist", "listed", "spam", "policy"])
        {
            return Some(RefusalKind::Policy);
        }
    }
    None
}

/// Whether the enhanced code is about this subject (RFC 3463 §3).
fn concerns(reply: &Reply, subject: u16) -> bool {
    reply.enhanced.is_some_and(|enhanced| enhanced.subject == subject)
}

fn temporary(step: Step, reply: &Reply) -> RefusalKind {
    let about_recipients = matches!(step, Step::Rcpt | Step::Answer { .. });
    match reply.enhanced.map(|code| (code.subject, code.detail)) {
        Some((1, 7 | 8)) => RefusalKind::Sender,
        // The mailbox, the way to it, or more recipients than one transaction may have (4.5.3).
        Some((1 | 2, _)) if about_recipients => RefusalKind::RecipientTemporary,
        Some((4 | 5, _)) if step == Step::Rcpt && reply.code != 421 => RefusalKind::RecipientTemporary,
        Some((7, _)) => RefusalKind::Throttled,
        None if step == Step::Rcpt && matches!(reply.code, 450 | 452) => RefusalKind::RecipientTemporary,
        _ => RefusalKind::Unavailable,
    }
}

#[expect(clippy::match_same_arms, reason = "a table: each line is one meaning")]
fn permanent(step: Step, reply: &Reply) -> RefusalKind {
    match reply.enhanced {
        Some(EnhancedCode { subject, detail, .. }) => match (subject, detail) {
            (1, 7) => RefusalKind::Content,
            (1, 8) => RefusalKind::Sender,
            (1, _) => addressed(step),
            (2, 2) => RefusalKind::RecipientTemporary,
            (2, 3) | (3, 3 | 4) | (6, _) => RefusalKind::Content,
            (2, _) => addressed(step),
            // Loops and expiry pass; no route, no host and "access denied" (Exchange) at RCPT do not.
            (4, 6 | 7) => RefusalKind::RecipientTemporary,
            (4, 1 | 4) if step == Step::Rcpt => RefusalKind::Recipient,
            (3 | 4, _) => RefusalKind::Unavailable,
            (5, 3) => RefusalKind::RecipientTemporary,
            (5, _) => RefusalKind::Content,
            // "Sender not authorized" is about the From domain only before any recipient was named.
            (7, 0 | 1) if step == Step::Mail => RefusalKind::Sender,
            (7, _) => RefusalKind::Policy,
            _ => without_enhanced(step, reply.code),
        },
        None => without_enhanced(step, reply.code),
    }
}

/// What an address that is refused for good means: the recipient's where one was named.
fn addressed(step: Step) -> RefusalKind {
    match step {
        Step::Rcpt | Step::Answer { .. } => RefusalKind::Recipient,
        _ => RefusalKind::Sender,
    }
}

#[expect(clippy::match_same_arms, reason = "a table: each line is one meaning")]
fn without_enhanced(step: Step, code: u16) -> RefusalKind {
    match (step, code) {
        (_, 500..=504 | 555) => RefusalKind::Content,
        (Step::Rcpt, 521 | 550 | 551 | 553 | 556) => RefusalKind::Recipient,
        (Step::Rcpt, 552) => RefusalKind::RecipientTemporary,
        (Step::Mail, 550 | 551 | 553) => RefusalKind::Sender,
        (_, 552) | (Step::Data | Step::Answer { .. }, 554) => RefusalKind::Content,
        (_, 521) => RefusalKind::Unavailable,
        _ => RefusalKind::Policy,
    }
}
