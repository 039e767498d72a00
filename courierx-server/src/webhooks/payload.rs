//! What an endpoint is told.

use std::collections::BTreeMap;

use courierx_core::clock::Timestamp;
use courierx_core::event::{Event, EventKind, Sequence};
use courierx_core::id::{AttemptId, EventId, MessageId};
use courierx_core::message::Mode;
use courierx_core::router::ConnectionId;
use courierx_core::webhook::WebhookEvent;
use serde::Serialize;
use utoipa::ToSchema;

use super::about::About;

/// What is told of an event: the body of a request to an endpoint.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = EventPayload)]
pub struct Payload<'a> {
    /// The same whenever the event is told again.
    pub(super) id: EventId,
    pub(crate) event: WebhookEvent,
    pub(super) message_id: Option<MessageId>,
    /// The recipient that it is about; of events of a message as a whole, the first one.
    pub(super) to: Option<&'a str>,
    pub(super) from: Option<&'a str>,
    pub(super) subject: Option<&'a str>,
    pub(super) provider: Option<&'a str>,
    /// When it happened.
    pub(super) timestamp: Timestamp,
    pub(super) tags: Vec<&'a str>,
    pub(super) metadata: BTreeMap<&'a str, &'a str>,
    pub(super) data: Data<'a>,
}

/// What else is known.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = EventData)]
pub(super) struct Data<'a> {
    pub(super) mode: Mode,
    /// Where it stands in the order of events.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    pub(super) sequence: Option<Sequence>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) bounce_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) bounce_message: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) message: Option<&'a str>,
    /// Of openings and clicks: whether a machine made them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) machine: Option<bool>,
    /// Of clicks: the link.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) provider_connection_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) provider_message_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) attempt_id: Option<AttemptId>,
    /// That nothing of it happened.
    #[serde(skip_serializing_if = "is_false")]
    pub(super) test: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_false(value: &bool) -> bool {
    !value
}

impl<'a> Payload<'a> {
    /// What is told of an event.
    pub(crate) fn of(event: &'a Event, about: Option<&'a About>) -> Self {
        let record = about.map(|about| &about.stored.record);
        let attempt = about
            .and_then(|about| about.stored.attempts.iter().find(|attempt| Some(attempt.id) == event.attempt));
        let recipient = record.and_then(|record| match event.recipient {
            Some(index) => record.recipients.iter().find(|one| one.index == index),
            None => record.recipients.first(),
        });
        let bounce_type = match event.kind {
            EventKind::BouncedHard => Some("hard"),
            EventKind::BouncedSoft => Some("soft"),
            _ => None,
        };
        let metadata = about.into_iter().flat_map(|about| &about.metadata);
        Self {
            id: event.id,
            event: WebhookEvent::of(event.kind),
            message_id: event.message,
            to: recipient.map(|one| one.address.as_str()),
            from: record.map(|record| record.from.as_str()),
            subject: about.and_then(|about| about.subject.as_deref()),
            provider: attempt.map(|attempt| attempt.provider.as_str()),
            timestamp: event.at,
            tags: record.into_iter().flat_map(|record| &record.tags).map(String::as_str).collect(),
            metadata: metadata.map(|(key, value)| (key.as_str(), value.as_str())).collect(),
            data: Data {
                mode: record.map_or(Mode::Live, |record| record.mode),
                sequence: Some(event.sequence),
                bounce_type,
                bounce_message: bounce_type.and(event.detail.as_deref()),
                message: event.detail.as_deref().filter(|_| bounce_type.is_none()),
                machine: matches!(event.kind, EventKind::Opened | EventKind::Clicked)
                    .then(|| event.is_by_machine()),
                url: event.url(),
                provider_connection_id: event.connection.as_ref().map(ConnectionId::as_str),
                provider_message_id: attempt.and_then(|attempt| attempt.provider_message_id.as_deref()),
                attempt_id: event.attempt,
                test: false,
            },
        }
    }

    /// What is told to try an endpoint out: nothing of it happened.
    pub(super) fn sample(event: WebhookEvent, mode: Mode, now: Timestamp) -> Self {
        Self {
            id: EventId::new(),
            event,
            message_id: Some(MessageId::new()),
            to: Some("user@example.com"),
            from: Some("hello@example.com"),
            subject: Some("This is a test"),
            provider: Some("sandbox"),
            timestamp: now,
            tags: vec!["test"],
            metadata: BTreeMap::new(),
            data: Data {
                mode,
                sequence: None,
                bounce_type: (event == WebhookEvent::Bounced).then_some("hard"),
                bounce_message: None,
                message: None,
                machine: None,
                url: None,
                provider_connection_id: None,
                provider_message_id: None,
                attempt_id: None,
                test: true,
            },
        }
    }
}
