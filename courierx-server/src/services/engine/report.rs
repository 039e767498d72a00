//! What became of a message.

use std::time::Duration;

use courierx_core::clock::Timestamp;
use courierx_core::engine::{NotSent, Sent, Tried};
use courierx_core::id::MessageId;
use courierx_core::message::Email;
use courierx_core::names;
use courierx_core::provider::RecipientOutcome;
use serde::{Deserialize, Serialize};

use super::attempts::{Attempt, PassedOver, attempt, describe, passed_over};
use super::judge::{judge, waits};
use super::providers::Way;
use crate::model::provider_connections::ProviderKind;

names! {
    /// What became of a message, as a whole.
    Verdict, "sent, partly_sent, unknown_outcome, recipient_refused, suppressed, provider_refused, rate_limited, \
        providers_failed, no_provider_available",
    /// A provider took it for every recipient that is not suppressed.
    Sent = "sent",
    /// For some of the recipients; certainly not for the others.
    PartlySent = "partly_sent",
    /// It may have been sent, and nobody can tell.
    UnknownOutcome = "unknown_outcome",
    /// No recipient can be sent to, by anybody.
    RecipientRefused = "recipient_refused",
    /// Every recipient is suppressed.
    Suppressed = "suppressed",
    /// No provider takes it as it is; trying again changes nothing.
    ProviderRefused = "provider_refused",
    /// Certainly not sent: too fast, or more than is paid for.
    RateLimited = "rate_limited",
    /// Certainly not sent: every provider that was asked failed or refused for now.
    ProvidersFailed = "providers_failed",
    /// Certainly not sent: no provider could be asked.
    NoProviderAvailable = "no_provider_available",
}

/// What became of a message, in detail.
#[derive(Clone, Serialize, Deserialize)]
pub struct Report {
    /// The identifier that it was sent under; none if it never got so far.
    pub message: Option<MessageId>,
    /// As a whole.
    pub verdict: Verdict,
    /// Who took it, or had it last.
    pub provider: Option<ProviderKind>,
    /// The same, as the client calls it.
    pub connection_id: Option<String>,
    /// The identifier that the provider gave it.
    pub provider_message_id: Option<String>,
    /// Every hand-over, in order.
    pub attempts: Vec<Attempt>,
    /// The connections that were passed over.
    pub skipped: Vec<PassedOver>,
    /// The recipients that it was not, or not certainly, sent to.
    pub not_sent: Vec<RecipientReport>,
    /// The recipients that were left out because they are suppressed.
    pub suppressed: Vec<String>,
    /// When trying again may help.
    pub retry_after: Option<Duration>,
    /// How long it took.
    pub took: Duration,
    /// Whether that was earlier, for a request with the same idempotency key.
    pub repeated: bool,
}

/// A recipient that the message was not, or not certainly, sent to.
#[derive(Clone, Serialize, Deserialize)]
pub struct RecipientReport {
    /// The address.
    pub email: String,
    /// `refused` or `unknown`.
    pub outcome: String,
    /// The kind of refusal, or how far it came.
    pub reason: String,
    /// What the provider said.
    pub detail: String,
}

impl Report {
    fn new(message: Option<MessageId>, verdict: Verdict) -> Self {
        Self {
            message,
            verdict,
            provider: None,
            connection_id: None,
            provider_message_id: None,
            attempts: Vec::new(),
            skipped: Vec::new(),
            not_sent: Vec::new(),
            suppressed: Vec::new(),
            retry_after: None,
            took: Duration::ZERO,
            repeated: false,
        }
    }

    /// It was sent.
    pub(super) fn sent(sent: &Sent, email: &Email, way: &Way) -> Self {
        let suppressed = email.recipients().filter(|one| sent.suppressed.contains(&one.index));
        Self {
            suppressed: suppressed.map(|one| one.mailbox.address().to_string()).collect(),
            ..Self::new(Some(sent.message), Verdict::Sent)
        }
        .tried(&sent.tried, way)
    }

    /// It was not, or not certainly, sent to everybody.
    pub(super) fn not_sent(not_sent: &NotSent, email: &Email, way: &Way, now: Timestamp) -> Self {
        let NotSent { message, outcome, tried, skipped, .. } = not_sent;
        let count = email.recipient_count();
        let skipped = passed_over(skipped, tried);
        let mut report = Self::new(Some(*message), judge(outcome, count, tried, &skipped));
        report.retry_after = waits(tried, &skipped, now);
        report.skipped = skipped.iter().map(|one| describe(one, way)).collect();
        for (position, recipient) in email.recipients().enumerate() {
            let (outcome, reason, detail) = match outcome.of(position) {
                RecipientOutcome::Accepted(_) => continue,
                RecipientOutcome::Refused(refusal) => ("refused", refusal.kind.to_string(), refusal.detail),
                RecipientOutcome::Unknown(unknown) => ("unknown", unknown.phase.to_string(), unknown.detail),
            };
            let email = recipient.mailbox.address().to_string();
            report.not_sent.push(RecipientReport { email, outcome: outcome.to_owned(), reason, detail });
        }
        report.tried(tried, way)
    }

    /// Nobody is left to send to.
    pub(super) fn suppressed(email: &Email) -> Self {
        let all = email.recipients().map(|one| one.mailbox.address().to_string());
        Self { suppressed: all.collect(), ..Self::new(None, Verdict::Suppressed) }
    }

    /// Begun, under the same key or by a task that broke off, and nobody ever told what became of it.
    pub(super) fn lost() -> Self {
        Self::new(None, Verdict::UnknownOutcome)
    }

    /// With these hand-overs.
    fn tried(mut self, tried: &[Tried], way: &Way) -> Self {
        self.attempts = tried.iter().map(|one| attempt(one, way)).collect();
        let took =
            self.attempts.iter().rev().find(|one| one.message_id.is_some() || one.outcome == "accepted");
        let last = took.or(self.attempts.last());
        if let Some(last) = last {
            self.provider = last.provider;
            self.connection_id.clone_from(&last.connection_id);
            self.provider_message_id.clone_from(&last.message_id);
        }
        self
    }

    /// What happened, for people, on one line.
    pub fn tell(&self) -> String {
        let head = match self.verdict {
            Verdict::Sent => return "sent".to_owned(),
            Verdict::Suppressed => return "Recipient is suppressed".to_owned(),
            Verdict::PartlySent => "sent to some of the recipients only",
            Verdict::UnknownOutcome if self.attempts.is_empty() && !self.repeated => {
                return "sending it broke off by a mistake of the server: it may have been sent".to_owned();
            }
            Verdict::UnknownOutcome if self.attempts.is_empty() => {
                return "an earlier request with this idempotency key was cut off: it may have been sent"
                    .to_owned();
            }
            Verdict::UnknownOutcome => "it may have been sent: sending it again may duplicate it",
            Verdict::RecipientRefused => "the recipient cannot be sent to",
            Verdict::ProviderRefused => "no provider takes it as it is",
            Verdict::RateLimited => "the providers want to be left alone for now",
            Verdict::ProvidersFailed => "not sent; every provider failed",
            Verdict::NoProviderAvailable => "not sent; no provider could be asked",
        };
        let kind = |kind: Option<ProviderKind>| kind.map_or("provider", ProviderKind::as_str);
        let mut why: Vec<String> = Vec::new();
        for one in &self.attempts {
            let said = [&one.reason, &one.detail].into_iter().flatten().map(String::as_str);
            let said: Vec<_> = said.filter(|text| !text.is_empty()).collect();
            if !said.is_empty() {
                why.push(format!("{}: {}", kind(one.provider), said.join(": ")));
            }
        }
        why.extend(self.skipped.iter().map(|one| format!("{}: {}", kind(one.provider), one.reason)));
        if why.is_empty() { head.to_owned() } else { format!("{head} ({})", why.join("; ")) }
    }
}
