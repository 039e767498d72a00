//! Messages, as clients read them.

use std::collections::BTreeMap;

use courierx_core::clock::Timestamp;
use courierx_core::engine::Written;
use courierx_core::event::{EventKind, MessageStatus, RecipientStatus};
use courierx_core::id::{AttemptId, EventId, MessageId};
use courierx_core::message::{
    Email, MetadataKey, Mode, RecipientField, Topic, TrackedBy, Tracking, Unsubscribe,
};
use courierx_core::provider::RecipientOutcome;
use courierx_core::store::{MessageRecord, RecipientRecord};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::skipped::{SkippedConnection, skipped};
use crate::delivery::Named;
use crate::services::emails::{AttemptView, EmailView, EventView, Explained, FullEmail, Looked};

/// A message in a list.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = EmailItem)]
pub struct Item<'a> {
    id: MessageId,
    from_email: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    from_name: Option<&'a str>,
    /// The first recipient; all of them are in the single message's `recipients`.
    to_email: &'a str,
    subject: Option<&'a str>,
    status: MessageStatus,
    display_status: &'static str,
    display_message: Option<&'static str>,
    display_cta: Option<Value>,
    last_error: Option<&'a str>,
    provider: Option<&'a str>,
    provider_display_name: Option<&'a str>,
    provider_message_id: Option<&'a str>,
    mode: Mode,
    tags: Vec<&'a str>,
    scheduled_at: Option<Timestamp>,
    queued_at: Timestamp,
    sent_at: Option<Timestamp>,
    delivered_at: Option<Timestamp>,
    created_at: Timestamp,
    /// Whom it is not sent to, because they are on the suppression list.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    suppressed: Vec<&'a str>,
}

/// A message that was accepted just now.
pub(super) fn accepted<'a>(
    id: MessageId,
    email: &'a Email,
    written: Written,
    suppressed: &[u32],
) -> Item<'a> {
    let recipients: Vec<&str> = email.recipients().map(|one| one.mailbox.address().as_str()).collect();
    let left_out = suppressed.iter().filter_map(|index| recipients.get(*index as usize).copied());
    Item {
        from_email: email.from().address().as_str(),
        from_name: email.from().name().map(courierx_core::message::DisplayName::as_str),
        to_email: recipients.first().copied().unwrap_or_default(),
        subject: Some(email.subject().as_str()),
        tags: email.tags().iter().map(courierx_core::message::Tag::as_str).collect(),
        scheduled_at: (written.send_at > written.accepted_at).then_some(written.send_at),
        suppressed: left_out.collect(),
        ..bare(id, written.status, email.mode(), written.accepted_at)
    }
}

/// A message in a list.
pub(super) fn item(view: &EmailView) -> Item<'_> {
    let record = &view.message.record;
    let last = view.message.attempts.last();
    Item {
        id: record.id,
        from_email: record.from.as_str(),
        from_name: view.summary.as_ref().and_then(|summary| summary.from_name.as_deref()),
        to_email: record.recipients.first().map_or("", |one| one.address.as_str()),
        subject: view.summary.as_ref().map(|summary| summary.subject.as_str()),
        status: record.status,
        display_status: display(record.status),
        display_message: view.last_error.as_ref().map(|error| error.message),
        display_cta: view.last_error.as_ref().and_then(call_to_action),
        last_error: view.last_error.as_ref().map(|error| error.error.as_str()),
        provider: view.connection.as_ref().and_then(|one| one.provider.as_deref()),
        provider_display_name: view.connection.as_ref().and_then(|one| one.display_name.as_deref()),
        provider_message_id: last.and_then(|attempt| attempt.provider_message_id.as_deref()),
        mode: record.mode,
        tags: record.tags.iter().map(String::as_str).collect(),
        scheduled_at: (record.send_at > record.created_at).then_some(record.send_at),
        queued_at: record.created_at,
        sent_at: view.sent_at,
        delivered_at: view.delivered_at,
        created_at: record.created_at,
        suppressed: suppressed(record),
    }
}

/// A message that something was done to, for whoever did it.
pub(super) fn looked(looked: &Looked) -> Item<'_> {
    match looked {
        Looked::Whole(email) => item(email),
        Looked::Outside(record) => outside(record),
    }
}

/// A message, for whoever may not read it: how it stands, and nobody's address.
fn outside(record: &MessageRecord) -> Item<'static> {
    bare(record.id, record.status, record.mode, record.created_at)
}

/// How a message stands to which nothing happened that is known here, and nothing of what is in it.
fn bare<'a>(id: MessageId, status: MessageStatus, mode: Mode, created_at: Timestamp) -> Item<'a> {
    Item {
        id,
        from_email: "",
        from_name: None,
        to_email: "",
        subject: None,
        status,
        display_status: display(status),
        display_message: None,
        display_cta: None,
        last_error: None,
        provider: None,
        provider_display_name: None,
        provider_message_id: None,
        mode,
        tags: Vec::new(),
        scheduled_at: None,
        queued_at: created_at,
        sent_at: None,
        delivered_at: None,
        created_at,
        suppressed: Vec::new(),
    }
}

fn suppressed(record: &MessageRecord) -> Vec<&str> {
    let left_out = record.recipients.iter().filter(|one| one.status == RecipientStatus::Suppressed);
    left_out.map(|one| one.address.as_str()).collect()
}

/// What to do about an error: look at the connection that is to blame.
fn call_to_action(error: &Explained) -> Option<Value> {
    let id = error.connection.as_ref()?;
    Some(
        json!({ "label": "Check the connection", "action": "verify_provider_connection", "args": { "id": id } }),
    )
}

const fn display(status: MessageStatus) -> &'static str {
    match status {
        MessageStatus::Scheduled => "Scheduled",
        MessageStatus::Queued => "Accepted",
        MessageStatus::Sending => "Sending",
        MessageStatus::Unknown => "Unknown",
        MessageStatus::Sent => "In flight",
        MessageStatus::Delivered => "Delivered",
        MessageStatus::Failed => "Failed",
        MessageStatus::Bounced => "Bounced",
        MessageStatus::Complained => "Marked as spam",
        MessageStatus::Suppressed => "Suppressed",
        MessageStatus::Canceled => "Canceled",
    }
}

/// A message with everything that is kept of it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Email)]
pub struct Full<'a> {
    #[serde(flatten)]
    item: Item<'a>,
    recipients: Vec<Recipient<'a>>,
    html_body: Option<&'a str>,
    text_body: Option<&'a str>,
    /// Whether what it says is not kept any more.
    content_purged: bool,
    reply_to: Option<&'a str>,
    #[schema(value_type = BTreeMap<String, String>)]
    metadata: BTreeMap<&'a MetadataKey, &'a str>,
    tracking: Option<Counted>,
    unsubscribe: Option<Unsubscribable<'a>>,
    attempt_count: usize,
    events: Vec<OneEvent<'a>>,
    attempts: Vec<Attempt<'a>>,
    waiting: Option<RenderedWait<'a>>,
}

/// What is counted of readers, and by whom.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = EmailTracking)]
struct Counted {
    #[serde(skip_serializing_if = "Option::is_none")]
    opens: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    clicks: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<TrackedBy>,
}

fn counted(mail: &Email) -> Counted {
    let Tracking { opens, clicks } = mail.tracking();
    let by = Some(mail.tracked_by()).filter(|by| *by != TrackedBy::default());
    Counted { opens, clicks, by }
}

/// What the message says of leaving.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = EmailUnsubscribe)]
struct Unsubscribable<'a> {
    offered: bool,
    topic: Option<&'a str>,
}

fn unsubscribable(unsubscribe: &Unsubscribe) -> Unsubscribable<'_> {
    let offered = *unsubscribe != Unsubscribe::No;
    Unsubscribable { offered, topic: unsubscribe.topic().map(Topic::as_str) }
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = EmailRecipient)]
struct Recipient<'a> {
    email: &'a str,
    field: RecipientField,
    status: RecipientStatus,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = EmailEvent)]
struct OneEvent<'a> {
    id: EventId,
    event_type: &'static str,
    occurred_at: Timestamp,
    recipient: Option<&'a str>,
    provider: Option<&'a str>,
    provider_connection_id: Option<&'a str>,
    bounce_type: Option<&'static str>,
    message: Option<&'a str>,
    /// Of openings and clicks: whether no reader made them, but a scanner or a program that fetches everything.
    machine: Option<bool>,
    /// Of clicks: the link.
    url: Option<&'a str>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = EmailAttempt)]
struct Attempt<'a> {
    id: AttemptId,
    number: u32,
    provider: Option<&'a str>,
    provider_connection_id: &'a str,
    provider_display_name: Option<&'a str>,
    provider_message_id: Option<&'a str>,
    started_at: Timestamp,
    finished_at: Option<Timestamp>,
    results: Vec<AttemptResult<'a>>,
    skipped: Vec<SkippedConnection<'a>>,
}

#[derive(Debug, Serialize, ToSchema)]
struct AttemptResult<'a> {
    recipient: Option<&'a str>,
    outcome: &'static str,
    reason: Option<String>,
    code: Option<&'a str>,
    message: Option<&'a str>,
}

/// Why nothing is handed over at the moment.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Waiting)]
struct RenderedWait<'a> {
    until: Option<Timestamp>,
    skipped: Vec<SkippedConnection<'a>>,
}

/// The message with everything.
pub(super) fn full(email: &FullEmail) -> Full<'_> {
    let recipients = &email.view.message.record.recipients;
    let content = email.content.as_ref();
    let mail = content.map(courierx_core::provider::Content::email);
    Full {
        item: item(&email.view),
        recipients: recipients.iter().map(recipient).collect(),
        html_body: content.and_then(|content| content.html()),
        text_body: content.and_then(|content| content.text()),
        content_purged: content.is_none(),
        reply_to: mail.and_then(|mail| mail.reply_to().first()).map(|one| one.address().as_str()),
        metadata: mail
            .into_iter()
            .flat_map(Email::metadata)
            .map(|(key, value)| (key, value.as_str()))
            .collect(),
        tracking: mail.map(counted),
        unsubscribe: mail.and_then(Email::unsubscribe).map(unsubscribable),
        attempt_count: email.attempts.len(),
        events: email.events.iter().map(|one| event(one, recipients)).collect(),
        attempts: email.attempts.iter().map(|one| attempt(one, recipients)).collect(),
        waiting: email
            .waiting
            .as_ref()
            .map(|one| RenderedWait { until: one.until, skipped: skipped(&one.skipped) }),
    }
}

fn recipient(record: &RecipientRecord) -> Recipient<'_> {
    Recipient { email: record.address.as_str(), field: record.field, status: record.status }
}

fn address(recipients: &[RecipientRecord], index: u32) -> Option<&str> {
    recipients.iter().find(|one| one.index == index).map(|one| one.address.as_str())
}

fn event<'a>(view: &'a EventView, recipients: &'a [RecipientRecord]) -> OneEvent<'a> {
    let EventView { event, connection } = view;
    let (event_type, bounce_type) = match event.kind {
        EventKind::BouncedHard => ("bounced", Some("hard")),
        EventKind::BouncedSoft => ("bounced", Some("soft")),
        other => (other.as_str(), None),
    };
    OneEvent {
        id: event.id,
        event_type,
        occurred_at: event.at,
        recipient: event.recipient.and_then(|index| address(recipients, index)),
        provider: connection.as_ref().and_then(|one| one.provider.as_deref()),
        provider_connection_id: connection.as_ref().map(|one| one.id.as_str()),
        bounce_type,
        message: event.detail.as_deref(),
        machine: matches!(event.kind, EventKind::Opened | EventKind::Clicked).then(|| event.is_by_machine()),
        url: event.url(),
    }
}

fn attempt<'a>(view: &'a AttemptView, recipients: &'a [RecipientRecord]) -> Attempt<'a> {
    let AttemptView { attempt, connection: Named { id, provider, display_name }, skipped: passed_over } =
        view;
    let results = attempt.recipients.iter();
    Attempt {
        id: attempt.id,
        number: attempt.number,
        provider: provider.as_deref(),
        provider_connection_id: id.as_str(),
        provider_display_name: display_name.as_deref(),
        provider_message_id: attempt.provider_message_id.as_deref(),
        started_at: attempt.started_at,
        finished_at: attempt.finished_at,
        results: results.map(|one| result(one.outcome.as_ref(), address(recipients, one.index))).collect(),
        skipped: skipped(passed_over),
    }
}

fn result<'a>(outcome: Option<&'a RecipientOutcome>, recipient: Option<&'a str>) -> AttemptResult<'a> {
    let (outcome, reason, code, message) = match outcome {
        None => ("pending", None, None, None),
        Some(RecipientOutcome::Accepted(accepted)) => ("accepted", None, None, accepted.detail.as_deref()),
        Some(RecipientOutcome::Refused(refusal)) => (
            "refused",
            Some(refusal.kind.to_string()),
            refusal.code.as_deref(),
            Some(refusal.detail.as_str()),
        ),
        Some(RecipientOutcome::Unknown(unknown)) => {
            ("unknown", Some(unknown.phase.to_string()), None, Some(unknown.detail.as_str()))
        }
    };
    AttemptResult { recipient, outcome, reason, code, message }
}
