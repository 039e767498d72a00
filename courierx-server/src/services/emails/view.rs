//! What is known of a message, put together for whoever asks.

use courierx_core::clock::Timestamp;
use courierx_core::engine::Summary;
use courierx_core::event::{Event, EventKind, MessageStatus};
use courierx_core::provider::{Content, RecipientOutcome, RefusalKind};
use courierx_core::router::{ConnectionId, SkipReason, Skipped};
use courierx_core::store::{AttemptRecord, MessageRecord, StoredMessage};

use crate::delivery::{Named, Names};

/// A message as lists show it.
#[derive(Debug)]
pub struct EmailView {
    /// The message, without its content.
    pub message: StoredMessage,
    /// Its subject and sender's name; none once that is purged.
    pub summary: Option<Summary>,
    /// The connection of the latest attempt.
    pub connection: Option<Named>,
    /// When a provider took it.
    pub sent_at: Option<Timestamp>,
    /// When it was delivered, as the provider said.
    pub delivered_at: Option<Timestamp>,
    /// What went wrong last, if it is not sent.
    pub last_error: Option<Explained>,
}

/// A message with everything that is kept of it.
#[derive(Debug)]
pub struct FullEmail {
    /// What lists show.
    pub view: EmailView,
    /// The rendered content; none once it is purged.
    pub content: Option<Content>,
    /// What happened, the latest first.
    pub events: Vec<EventView>,
    /// Its attempts, the first first.
    pub attempts: Vec<AttemptView>,
    /// Why nothing is handed over at the moment; none if it is, or nothing is left to hand over.
    pub waiting: Option<Waiting>,
}

/// A message that something was done to, as far as whoever did it may know of it.
#[derive(Debug)]
pub enum Looked {
    /// For whoever may read it.
    Whole(Box<EmailView>),
    /// For whoever may know how it stands, and nothing that is in it.
    Outside(Box<MessageRecord>),
}

/// Why a message waits.
#[derive(Debug)]
pub struct Waiting {
    /// Until when; none where it waits for the next step of its retry schedule.
    pub until: Option<Timestamp>,
    /// The connections that are passed over, and why.
    pub skipped: Vec<SkippedView>,
}

/// An event, with the connection by name.
#[derive(Debug)]
pub struct EventView {
    /// The event.
    pub event: Event,
    /// The kind of provider that took part.
    pub connection: Option<Named>,
}

/// An attempt, with connections by name.
#[derive(Debug)]
pub struct AttemptView {
    /// The attempt.
    pub attempt: AttemptRecord,
    /// Its connection.
    pub connection: Named,
    /// The connections that were passed over, and why.
    pub skipped: Vec<SkippedView>,
}

/// A connection that is passed over.
#[derive(Debug)]
pub struct SkippedView {
    /// The connection.
    pub connection: Named,
    /// Why.
    pub reason: SkipReason,
}

impl SkippedView {
    pub(super) fn all(skipped: &[Skipped], names: &Names) -> Vec<Self> {
        let view =
            |one: &Skipped| Self { connection: names.name(&one.connection), reason: one.reason.clone() };
        skipped.iter().map(view).collect()
    }
}

/// What went wrong, in the provider's words and in ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explained {
    /// What the provider said.
    pub error: String,
    /// What it means for whoever sent.
    pub message: &'static str,
    /// The connection to look at, if it is to blame.
    pub connection: Option<ConnectionId>,
}

/// When a provider took the message first.
pub(super) fn sent_at(attempts: &[AttemptRecord]) -> Option<Timestamp> {
    let accepted = |attempt: &&AttemptRecord| {
        attempt.recipients.iter().any(|one| matches!(one.outcome, Some(RecipientOutcome::Accepted(_))))
    };
    attempts.iter().find(accepted).and_then(|attempt| attempt.finished_at)
}

/// What went wrong last, if the message has not arrived anywhere.
pub(super) fn last_error(message: &StoredMessage, events: &[Event]) -> Option<Explained> {
    use MessageStatus as S;
    match message.record.status {
        S::Sent | S::Delivered | S::Complained | S::Suppressed | S::Canceled | S::Scheduled => None,
        S::Queued | S::Sending | S::Failed | S::Unknown | S::Bounced => {
            let refused = message.attempts.iter().rev().find_map(of_attempt);
            let reported = events.iter().rev().find_map(of_event);
            if message.record.status == S::Bounced { reported.or(refused) } else { refused.or(reported) }
        }
    }
}

fn of_attempt(attempt: &AttemptRecord) -> Option<Explained> {
    let outcomes = attempt.recipients.iter().filter_map(|one| one.outcome.as_ref());
    outcomes.rev().find_map(|outcome| match outcome {
        RecipientOutcome::Accepted(_) => None,
        RecipientOutcome::Refused(refusal) => Some(Explained {
            error: refusal.detail.clone(),
            message: meaning(refusal.kind),
            connection: blames_connection(refusal.kind).then(|| attempt.connection.clone()),
        }),
        RecipientOutcome::Unknown(uncertainty) => Some(Explained {
            error: uncertainty.detail.clone(),
            message: "The provider did not answer, so nobody knows whether the message was sent.",
            connection: None,
        }),
    })
}

fn of_event(event: &Event) -> Option<Explained> {
    let message = match event.kind {
        EventKind::BouncedHard => "The recipient's mailbox does not exist.",
        EventKind::BouncedSoft => "The recipient's server refused the message.",
        EventKind::Failed => "The message was given up.",
        _ => return None,
    };
    Some(Explained { error: event.detail.clone().unwrap_or_default(), message, connection: None })
}

fn blames_connection(kind: RefusalKind) -> bool {
    matches!(
        kind,
        RefusalKind::Auth
            | RefusalKind::Quota
            | RefusalKind::Throttled
            | RefusalKind::Unavailable
            | RefusalKind::Sender
    )
}

fn meaning(kind: RefusalKind) -> &'static str {
    match kind {
        RefusalKind::Recipient => "The recipient's mailbox does not exist or takes no mail.",
        RefusalKind::RecipientTemporary => "The recipient's server asked to come back later.",
        RefusalKind::Suppressed => "The provider's own suppression list holds the recipient.",
        RefusalKind::Policy => "The message was refused for the reputation or the policy of its sender.",
        RefusalKind::Content => "The provider does not carry this content.",
        RefusalKind::Sender => "The provider does not let this account send from this address or domain.",
        RefusalKind::Auth => "The provider refused the credentials. Update the connection, and it goes on.",
        RefusalKind::Throttled => "The provider asked for a slower pace; the message waits.",
        RefusalKind::Quota => "The quota at the provider is used up; the message waits until it is renewed.",
        RefusalKind::Unavailable => "The provider could not be reached; it is tried again.",
        _ => "The message was not sent yet; it is tried again.",
    }
}
