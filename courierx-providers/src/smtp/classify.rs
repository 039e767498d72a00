//! The one place where replies become reasons: [`refusal`], from the step and the reply.
//!
//! The enhanced code decides where there is one (RFC 3463); the reply code else; the text only where servers
//! in wide use say nothing else. Three rules stand above all: a reply is certain, also to the final dot; only a
//! reply that names the mailbox itself ends a recipient, since that suppresses the address; and the answer to
//! one recipient, which a relay may have from the recipient's own server, says nothing of the connection unless
//! it is plainly the relay's own.

use courierx_core::provider::{Refusal, RefusalKind};

use super::reply::{EnhancedCode, Reply};
use super::wording::Wording;

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
    let mut refusal = Refusal::new(kind(step, reply), reply.to_string()).status(reply.code);
    if let Some(enhanced) = reply.enhanced {
        refusal = refusal.code(enhanced.to_string());
    }
    if refusal.kind == RefusalKind::Content && is_own_limit(reply) { refusal.only_here() } else { refusal }
}

/// Whether what is refused goes beyond what this server can do, its size or its extensions. What a server says of the
/// content itself, others would say as well.
fn is_own_limit(reply: &Reply) -> bool {
    match reply.enhanced.map(|code| (code.subject, code.detail)) {
        Some((3, 3 | 4) | (5, _) | (6, 7)) => true,
        Some(_) => false,
        None => matches!(reply.code, 500..=504 | 552 | 555),
    }
}

fn kind(step: Step, reply: &Reply) -> RefusalKind {
    let wording = Wording::of(reply);
    if let Some(kind) = spelled_out(step, reply, &wording) {
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
        (_, false) => permanent(step, reply, &wording),
    };
    // The answer to a message for several recipients does not say which of them it means.
    match (step, kind) {
        (Step::Answer { several: true }, RefusalKind::Recipient) => RefusalKind::Policy,
        _ => kind,
    }
}

/// What reply codes of one meaning, and texts of large relays that give no code for it, say.
fn spelled_out(step: Step, reply: &Reply, wording: &Wording) -> Option<RefusalKind> {
    // Exchange Online, of sessions at once.
    if reply.code == 432 && reply.enhanced.is_some_and(|code| (code.subject, code.detail) == (3, 2)) {
        return Some(RefusalKind::Throttled);
    }
    if reply.is_temporary() {
        let over_credit = step != Step::Rcpt && reply.enhanced.is_none() && wording.is_of_credit();
        return if over_credit { Some(RefusalKind::Quota) } else { pace(step, reply, wording) };
    }
    is_of_login(step, reply)
        .then_some(RefusalKind::Auth)
        .or_else(|| refused_in_words(step, wording).filter(|_| reply.enhanced.is_none()))
}

/// The client's pace, or that of one recipient's server. Of the codes in this class, one is about the login.
fn pace(step: Step, reply: &Reply, wording: &Wording) -> Option<RefusalKind> {
    let for_recipients = matches!(step, Step::Rcpt | Step::Data | Step::Answer { .. });
    if for_recipients && wording.is_of_greylisting() {
        return Some(RefusalKind::RecipientTemporary);
    }
    let fast = if is_of_recipient(step, reply) { wording.is_of_own_pace() } else { wording.is_of_pace() };
    // One mailbox's rate, or one transaction's size, is not this client's pace.
    if fast && !concerns(reply, 2) && !concerns(reply, 5) {
        return Some(RefusalKind::Throttled);
    }
    is_of_login(step, reply).then_some(RefusalKind::Auth)
}

/// RFC 4954 §6: no authentication, too weak, wrong, needs encryption, or a password that must be changed. After
/// MAIL was taken, only the first is still the server's own.
fn is_of_login(step: Step, reply: &Reply) -> bool {
    match (step, reply.code) {
        (_, 530) => true,
        (Step::Rcpt, _) => false,
        (_, 534 | 535 | 538) => true,
        // Others use this code for other things.
        (_, 432) => step == Step::Auth || concerns(reply, 7),
        _ => false,
    }
}

/// What texts say where there is no code, of replies that are final.
fn refused_in_words(step: Step, wording: &Wording) -> Option<RefusalKind> {
    if matches!(step, Step::Greeting | Step::StartTls | Step::Auth) {
        return wording.is_of_credit().then_some(RefusalKind::Quota);
    }
    let kind = if wording.refuses_the_sender() {
        RefusalKind::Sender
    } else if wording.wants_a_login() {
        if step == Step::Rcpt { RefusalKind::Policy } else { RefusalKind::Auth }
    } else if step == Step::Rcpt && wording.is_of_a_full_mailbox() {
        RefusalKind::RecipientTemporary
    } else if step != Step::Rcpt && wording.is_of_credit() {
        RefusalKind::Quota
    } else {
        return None;
    };
    Some(kind)
}

/// Whether the enhanced code is about this subject (RFC 3463 §3).
fn concerns(reply: &Reply, subject: u16) -> bool {
    reply.enhanced.is_some_and(|enhanced| enhanced.subject == subject)
}

/// Whether a reply may be that of a recipient's server, passed on: not where the connection ends with it, nor
/// where it is about the mail system that gives it.
fn is_of_recipient(step: Step, reply: &Reply) -> bool {
    step == Step::Rcpt && reply.code != 421 && !concerns(reply, 3)
}

fn temporary(step: Step, reply: &Reply) -> RefusalKind {
    let about_recipients = matches!(step, Step::Rcpt | Step::Answer { .. });
    match reply.enhanced.map(|code| (code.subject, code.detail)) {
        Some((1, 7 | 8)) => RefusalKind::Sender,
        // The mailbox, or the way to it.
        Some((1 | 2, _)) if about_recipients => RefusalKind::RecipientTemporary,
        _ if is_of_recipient(step, reply) => RefusalKind::RecipientTemporary,
        Some((7, _)) => RefusalKind::Throttled,
        _ => RefusalKind::Unavailable,
    }
}

#[expect(clippy::match_same_arms, reason = "a table: each line is one meaning")]
fn permanent(step: Step, reply: &Reply, wording: &Wording) -> RefusalKind {
    let Some(EnhancedCode { subject, detail, .. }) = reply.enhanced else {
        return without_enhanced(step, reply.code, wording);
    };
    match (subject, detail) {
        // No mail there (RFC 7504), whatever the enhanced code adds.
        _ if step == Step::Rcpt && reply.code == 556 => addressed(step, wording),
        (1, 7) => RefusalKind::Content,
        (1, 8) => RefusalKind::Sender,
        (1, 1 | 2 | 3 | 6 | 10) | (2, 1) => addressed(step, wording),
        (2, 2) => RefusalKind::RecipientTemporary,
        (2, 3) | (3, 3 | 4) | (6, _) => RefusalKind::Content,
        // Not said to be nobody's.
        (1 | 2, _) if matches!(step, Step::Rcpt | Step::Answer { .. }) => RefusalKind::Policy,
        (1 | 2, _) => RefusalKind::Sender,
        // Loops and expiry pass; no route, no host and "access denied" (Exchange) at RCPT do not.
        (4, 6 | 7) => RefusalKind::RecipientTemporary,
        (4, 1 | 4) if step == Step::Rcpt => addressed(step, wording),
        (4, _) if step == Step::Rcpt => RefusalKind::RecipientTemporary,
        (3 | 4, _) => RefusalKind::Unavailable,
        (5, 3) => RefusalKind::RecipientTemporary,
        (5, _) => RefusalKind::Content,
        // "Sender not authorized" is about the From domain only before any recipient was named.
        (7, 0 | 1) if step == Step::Mail => RefusalKind::Sender,
        (7, _) => RefusalKind::Policy,
        _ => without_enhanced(step, reply.code, wording),
    }
}

/// What an address that is refused for good means: the recipient's where one was named, unless the text names the
/// sender's (Postfix refuses senders at RCPT).
fn addressed(step: Step, wording: &Wording) -> RefusalKind {
    match step {
        Step::Rcpt | Step::Answer { .. } if wording.names_the_sender() => RefusalKind::Policy,
        Step::Rcpt | Step::Answer { .. } => RefusalKind::Recipient,
        _ => RefusalKind::Sender,
    }
}

#[expect(clippy::match_same_arms, reason = "a table: each line is one meaning")]
fn without_enhanced(step: Step, code: u16, wording: &Wording) -> RefusalKind {
    match (step, code) {
        (_, 500..=504 | 555) => RefusalKind::Content,
        (Step::Rcpt, 556) => addressed(step, wording),
        // Servers say the same code of mailboxes and of us.
        (Step::Rcpt, 521 | 550 | 551 | 553) if wording.names_the_mailbox() => RefusalKind::Recipient,
        (Step::Rcpt, 521) => RefusalKind::Policy,
        (Step::Rcpt, 552) => RefusalKind::RecipientTemporary,
        (Step::Mail, 550 | 551 | 553) => RefusalKind::Sender,
        (_, 552) | (Step::Data | Step::Answer { .. }, 554) => RefusalKind::Content,
        (_, 521) => RefusalKind::Unavailable,
        _ => RefusalKind::Policy,
    }
}
