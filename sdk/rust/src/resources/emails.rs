//! Emails.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::{identified, query};
use crate::message::When;
use crate::transport::{Request, Transport};
use crate::{Batch, Error, Message, Pages};

const EMAILS: &[&str] = &["emails"];

/// Emails: sending them, and what became of them.
#[derive(Debug, Clone, Copy)]
pub struct Emails<'a>(pub(crate) &'a Transport);

/// An email, as lists have it.
#[derive(Debug, Clone, Deserialize)]
#[non_exhaustive]
pub struct Email {
    pub id: String,
    pub from_email: String,
    #[serde(default)]
    pub from_name: Option<String>,
    /// The first recipient.
    pub to_email: String,
    pub subject: Option<String>,
    /// `scheduled`, `queued`, `sending`, `sent`, `delivered`, `failed`, `bounced`, `complained`, `suppressed`, `canceled`
    /// or `unknown`.
    pub status: String,
    pub last_error: Option<String>,
    pub provider: Option<String>,
    pub provider_message_id: Option<String>,
    pub mode: String,
    pub tags: Vec<String>,
    pub scheduled_at: Option<Timestamp>,
    pub sent_at: Option<Timestamp>,
    pub delivered_at: Option<Timestamp>,
    pub created_at: Timestamp,
    /// Who was left out, as they are suppressed.
    #[serde(default)]
    pub suppressed: Vec<String>,
}

/// An email with its content and all that became of it.
#[derive(Debug, Clone, Deserialize)]
#[non_exhaustive]
pub struct FullEmail {
    #[serde(flatten)]
    pub email: Email,
    pub recipients: Vec<Recipient>,
    pub html_body: Option<String>,
    pub text_body: Option<String>,
    pub content_purged: bool,
    pub reply_to: Option<String>,
    pub metadata: BTreeMap<String, String>,
    /// The latest first.
    pub events: Vec<EmailEvent>,
    pub attempts: Vec<Attempt>,
}

/// Who it is for, and how it stands with them.
#[derive(Debug, Clone, Deserialize)]
#[non_exhaustive]
pub struct Recipient {
    pub email: String,
    pub field: String,
    pub status: String,
}

/// What happened to it.
#[derive(Debug, Clone, Deserialize)]
#[non_exhaustive]
pub struct EmailEvent {
    pub id: String,
    pub event_type: String,
    pub occurred_at: Timestamp,
    pub recipient: Option<String>,
    pub provider: Option<String>,
    pub bounce_type: Option<String>,
    pub message: Option<String>,
}

/// A hand-over to a provider.
#[derive(Debug, Clone, Deserialize)]
#[non_exhaustive]
pub struct Attempt {
    pub id: String,
    pub number: u32,
    pub provider: Option<String>,
    pub provider_connection_id: String,
    pub provider_message_id: Option<String>,
    pub started_at: Timestamp,
    pub finished_at: Option<Timestamp>,
    pub results: Vec<AttemptResult>,
}

/// What a provider said of a recipient.
#[derive(Debug, Clone, Deserialize)]
#[non_exhaustive]
pub struct AttemptResult {
    pub recipient: Option<String>,
    /// `pending`, `accepted`, `refused` or `unknown`.
    pub outcome: String,
    pub reason: Option<String>,
    pub code: Option<String>,
    pub message: Option<String>,
}

/// What looking after an email came to.
#[derive(Debug, Clone, Deserialize)]
#[non_exhaustive]
pub struct Reconciled {
    pub email: Email,
    /// `terminal`, `too_recent`, `reenqueued`, `resynced`, `still_pending`, `marked_failed` or `noop`.
    pub action: String,
    /// What that means, for people.
    pub detail: String,
}

/// Which emails are looked after.
#[derive(Debug, Clone, Deserialize)]
#[non_exhaustive]
pub struct ReconciledStale {
    pub enqueued_count: usize,
    /// The first hundred.
    pub email_ids: Vec<String>,
    /// Whether there may be more than were taken.
    pub truncated: bool,
}

/// What became of a batch.
#[derive(Debug, Clone, Deserialize)]
#[non_exhaustive]
pub struct BatchResult {
    pub total: usize,
    pub accepted: usize,
    pub refused: usize,
    /// In the order of its messages.
    pub results: Vec<BatchItem>,
}

/// What became of a message of a batch.
#[derive(Debug, Clone, Deserialize)]
#[non_exhaustive]
pub struct BatchItem {
    pub index: usize,
    /// If it was accepted.
    pub id: Option<String>,
    pub status: Option<String>,
    /// Whether it was accepted before, under the same key.
    #[serde(default)]
    pub replayed: bool,
    /// If it was refused.
    pub error: Option<String>,
    pub code: Option<String>,
    #[serde(default)]
    pub details: BTreeMap<String, Vec<String>>,
}

/// Which emails a list has.
#[derive(Debug, Clone, Default)]
pub struct EmailFilter {
    pub status: Option<String>,
    /// A part of the address.
    pub recipient: Option<String>,
    pub tag: Option<String>,
    /// `live` or `test`.
    pub mode: Option<String>,
    /// Accepted from then on…
    pub from: Option<Timestamp>,
    /// …and until then.
    pub to: Option<Timestamp>,
}

identified!(Email);

#[derive(Serialize)]
struct NewDate {
    scheduled_at: When,
}

impl<'a> Emails<'a> {
    /// Accepts a message for delivery. It is safe on the server's disk once this returns.
    pub async fn send(&self, message: &Message) -> Result<Email, Error> {
        let request = Request::act(EMAILS).body(message)?;
        self.0.ask(request.idempotency_key(key(message.key()))).await
    }

    /// Sends many at once; of those that are refused, `results` says why.
    pub async fn batch(&self, batch: Batch) -> Result<BatchResult, Error> {
        let (body, own): (Value, _) = batch.into_parts()?;
        let request = Request::act(&["emails", "batch"]).body(&body)?;
        self.0.ask(request.idempotency_key(key(own))).await
    }

    /// The newest first.
    pub fn list(&self, filter: EmailFilter) -> Pages<'a, Email> {
        let EmailFilter { status, recipient, tag, mode, from, to } = filter;
        let moment = |moment: Option<Timestamp>| moment.map(|one| one.to_string());
        let (from, to) = (moment(from), moment(to));
        let fields = [("status", status), ("recipient", recipient), ("tag", tag), ("mode", mode)];
        let fields: Vec<_> = fields.into_iter().chain([("from", from), ("to", to)]).collect();
        Pages::new(self.0, EMAILS, query(&fields))
    }

    /// One with its content, events and attempts.
    pub async fn get(&self, id: &str) -> Result<FullEmail, Error> {
        self.0.ask(Request::get(&["emails", id])).await
    }

    /// Cancels what was not handed over to a provider yet.
    pub async fn cancel(&self, id: &str) -> Result<Email, Error> {
        self.0.ask(Request::act(&["emails", id, "cancel"])).await
    }

    /// Looks after a message that seems to be stuck. It never sends anything twice.
    pub async fn reconcile(&self, id: &str) -> Result<Reconciled, Error> {
        self.0.ask(Request::act(&["emails", id, "reconcile"])).await
    }

    /// Has all messages looked after that seem to be stuck: up to 1000, once in two minutes.
    pub async fn reconcile_stale(&self) -> Result<ReconciledStale, Error> {
        self.0.ask(Request::act(&["emails", "reconcile_stale"])).await
    }

    /// Moves the date of a message whose delivery has not begun.
    pub async fn reschedule(&self, id: &str, at: impl Into<When>) -> Result<Email, Error> {
        let date = NewDate { scheduled_at: at.into() };
        self.0.ask(Request::change(&["emails", id]).body(&date)?).await
    }
}

/// Every try has the same key, so that it is sent once, however often it is asked for.
fn key(given: Option<String>) -> String {
    given.unwrap_or_else(|| format!("auto-{}", Uuid::new_v4()))
}
