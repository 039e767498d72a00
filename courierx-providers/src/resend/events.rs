//! What Resend's events mean.
//!
//! <https://resend.com/docs/dashboard/webhooks/event-types>

use courierx_core::clock::Timestamp;
use courierx_core::event::EventKind;
use courierx_core::provider::{Authentic, BounceClass, CallbackError, ProviderEvent};
use courierx_core::suppression::Reason;
use serde_json::Value;

use crate::callback::rules::{is, rule};
use crate::callback::{EventRule, Fields, Meaning, is_machine, object, sole_address, strings};
use crate::planted::{DELIVERY_HEADER, DELIVERY_KEY};

/// The type of an event, and the type and subtype of its bounce, or why it was suppressed.
pub(crate) const EVENTS: &[EventRule] = &[
    is("email.scheduled", EventKind::Sent),
    is("email.sent", EventKind::Sent),
    is("email.delivered", EventKind::Delivered),
    is("email.delivery_delayed", EventKind::Deferred),
    rule("email.bounced", "Permanent/Suppressed", Meaning::Listed(Reason::Bounce)),
    rule("email.bounced", "Permanent/OnAccountSuppressionList", Meaning::Listed(Reason::Bounce)),
    rule("email.bounced", "Permanent/", Meaning::Bounced(BounceClass::NoMailbox)),
    rule("email.bounced", "Transient/MailboxFull", Meaning::Bounced(BounceClass::MailboxFull)),
    rule("email.bounced", "Transient/MessageTooLarge", Meaning::Bounced(BounceClass::Content)),
    rule("email.bounced", "Transient/ContentRejected", Meaning::Bounced(BounceClass::Content)),
    rule("email.bounced", "Transient/AttachmentRejected", Meaning::Bounced(BounceClass::Content)),
    rule("email.bounced", "", Meaning::Bounced(BounceClass::Undetermined)),
    rule("email.suppressed", "previous_complaint", Meaning::Listed(Reason::Complaint)),
    rule("email.suppressed", "", Meaning::Listed(Reason::Bounce)),
    is("email.complained", EventKind::Complained),
    is("email.opened", EventKind::Opened),
    is("email.clicked", EventKind::Clicked),
    is("email.failed", EventKind::Failed),
];

/// The one event of a callback.
pub(super) fn of(authentic: &Authentic) -> Result<Vec<ProviderEvent>, CallbackError> {
    let Some(body) = authentic.body() else { return Ok(Vec::new()) };
    let callback = object(body)?;
    let name = callback.or_empty("type");
    let data = callback.get("data").unwrap_or(&Value::Null);
    let at = callback.moment("created_at").unwrap_or(Timestamp::EPOCH);
    let key = authentic.id.clone().unwrap_or_else(|| crate::callback::digest_of(&callback));

    let mut event = ProviderEvent::new(EventKind::Other, at, key);
    name.clone_into(&mut event.name);
    event.delivery = delivery(data);
    event.provider_message_id = data.text("email_id").map(str::to_owned);
    event.recipient = recipient(data);
    let (detail, said) = detail(name, data);
    event.say(&said);
    Meaning::of(EVENTS, name, &detail).apply(&mut event, &said, "");
    read(data, &mut event);
    Ok(vec![event])
}

/// What we planted, as a tag or as a header.
fn delivery(data: &Value) -> Option<courierx_core::id::DeliveryId> {
    let tags = data.get("tags").unwrap_or(&Value::Null);
    // Tags were a list of names and values once; headers still are.
    let listed = |list: &Value, name: &str| {
        let same = |one: &&Value| one.or_empty("name").eq_ignore_ascii_case(name);
        list.as_array()?.iter().find(same)?.delivery("value")
    };
    let headers = data.get("headers").unwrap_or(&Value::Null);
    tags.delivery(DELIVERY_KEY)
        .or_else(|| listed(tags, DELIVERY_KEY))
        .or_else(|| listed(headers, DELIVERY_HEADER))
}

/// The recipient, if there is but one: an event of a message to several does not say whose it is.
fn recipient(data: &Value) -> Option<courierx_core::message::Address> {
    let others = ["cc", "bcc"].iter().any(|field| {
        data.get(field)
            .is_some_and(|list| list.as_array().is_some_and(|list| !list.is_empty()) || list.is_string())
    });
    sole_address(data.get("to")?).filter(|_| !others)
}

/// What tells events of one type apart, and what was said.
fn detail(name: &str, data: &Value) -> (String, String) {
    let of = |key: &str| data.get(key).unwrap_or(&Value::Null);
    match name {
        "email.bounced" => {
            let bounce = of("bounce");
            let message = bounce.or_empty("message");
            let codes: Vec<_> = bounce.get("diagnosticCode").map(strings).into_iter().flatten().collect();
            let said = if codes.is_empty() { message.to_owned() } else { codes.join("; ") };
            let detail = match bounce.text("type") {
                Some(kind) => format!("{kind}/{}", bounce.or_empty("subType")),
                // Payloads of 2023 and 2024 have no type.
                None if message.contains("suppressed sending") => "Permanent/Suppressed".to_owned(),
                None if message.contains("hard bounce") => "Permanent/General".to_owned(),
                None => "Undetermined/".to_owned(),
            };
            (detail, said)
        }
        "email.suppressed" => {
            let suppressed = of("suppressed");
            (suppressed.or_empty("reason").to_owned(), suppressed.or_empty("message").to_owned())
        }
        "email.failed" => (String::new(), of("failed").or_empty("reason").to_owned()),
        _ => (String::new(), String::new()),
    }
}

/// What opened or clicked.
fn read(data: &Value, event: &mut ProviderEvent) {
    let Some(reader) = data.get("click").or_else(|| data.get("open")) else { return };
    let agent = reader.text("userAgent");
    event.by(agent, reader.text("ipAddress"));
    event.followed(reader.text("link"));
    event.machine = agent.is_some_and(is_machine);
    if let Some(at) = reader.moment("timestamp") {
        event.at = at;
    }
}
