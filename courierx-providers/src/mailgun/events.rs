//! What Mailgun's events mean.
//!
//! <https://documentation.mailgun.com/docs/mailgun/user-manual/events/events>

use courierx_core::clock::Timestamp;
use courierx_core::event::EventKind;
use courierx_core::provider::{Authentic, BounceClass, CallbackError, ProviderEvent};
use courierx_core::suppression::Reason;
use serde_json::Value;

use super::classify::bare;
use crate::callback::rules::{is, rule};
use crate::callback::{EventRule, Fields, Meaning, digest_of, is_machine, mailbox, object, seconds};
use crate::planted::DELIVERY_KEY;

/// The event; and of a failure `temporary`, or else its reason and what its code says.
pub(crate) const EVENTS: &[EventRule] = &[
    is("accepted", EventKind::Sent),
    is("delivered", EventKind::Delivered),
    rule("failed", "temporary", Meaning::Is(EventKind::Deferred)),
    rule("failed", "suppress-bounce/", Meaning::Listed(Reason::Bounce)),
    rule("failed", "suppress-unsubscribe/", Meaning::Listed(Reason::Unsubscribe)),
    rule("failed", "suppress-complaint/", Meaning::Listed(Reason::Complaint)),
    rule("failed", "espblock/", Meaning::Bounced(BounceClass::Policy)),
    rule("failed", "old/", Meaning::Bounced(BounceClass::Unreachable)),
    rule("failed", "bounce/unreachable", Meaning::Bounced(BounceClass::Unreachable)),
    rule("failed", "bounce/", Meaning::Bounced(BounceClass::NoMailbox)),
    rule("failed", "generic/refused", Meaning::Bounced(BounceClass::NoMailbox)),
    rule("failed", "", Meaning::Bounced(BounceClass::Undetermined)),
    is("rejected", EventKind::Failed),
    is("opened", EventKind::Opened),
    is("clicked", EventKind::Clicked),
    is("unsubscribed", EventKind::Unsubscribed),
    is("complained", EventKind::Complained),
    // The older kind.
    rule("bounced", "", Meaning::Bounced(BounceClass::NoMailbox)),
    rule("dropped", "suppress-bounce/", Meaning::Listed(Reason::Bounce)),
    rule("dropped", "suppress-unsubscribe/", Meaning::Listed(Reason::Unsubscribe)),
    rule("dropped", "suppress-complaint/", Meaning::Listed(Reason::Complaint)),
    rule("dropped", "hardfail/refused", Meaning::Bounced(BounceClass::NoMailbox)),
    rule("dropped", "", Meaning::Bounced(BounceClass::Undetermined)),
];

/// The one event of a callback.
pub(super) fn of(authentic: &Authentic) -> Result<Vec<ProviderEvent>, CallbackError> {
    let Some(body) = authentic.body() else { return Ok(Vec::new()) };
    let callback = object(body)?;
    if let Some(form) = callback.get("form") {
        return Ok(vec![of_form(form)]);
    }
    match callback.get("event-data") {
        Some(data) if data.is_object() => Ok(vec![of_data(data)]),
        _ => Err(CallbackError::Malformed("there is no event-data".to_owned())),
    }
}

pub(super) fn of_data(data: &Value) -> ProviderEvent {
    let name = data.or_empty("event");
    let at = data.get("timestamp").and_then(seconds).unwrap_or(Timestamp::EPOCH);
    let headers = data.get("message").and_then(|message| message.get("headers")).unwrap_or(&Value::Null);
    let status = data.get("delivery-status").unwrap_or(&Value::Null);

    // An identifier is Mailgun's for a day.
    let day = at.as_secs().div_euclid(86_400);
    let key = data.text("id").map_or_else(|| digest_of(data), |id| format!("{id}/{day}"));
    let mut event = ProviderEvent::new(EventKind::Other, at, key);
    name.clone_into(&mut event.name);
    event.delivery = data.get("user-variables").and_then(|variables| variables.delivery(DELIVERY_KEY));
    event.provider_message_id = headers.text("message-id").map(|id| bare(id).to_owned());
    // What was rejected was for nobody yet; a header with several is nobody's.
    event.recipient = data.address("recipient").or_else(|| headers.text("to").and_then(mailbox));
    let rejected = data.get("reject").unwrap_or(&Value::Null);
    let said = [status.or_empty("message"), status.or_empty("description"), rejected.or_empty("reason")];
    let said = said.into_iter().find(|text| !text.is_empty()).unwrap_or_default();
    event.say(said);

    let code = status.number("code").and_then(|code| code.parse().ok());
    let detail = match data.or_empty("severity") {
        "temporary" => "temporary".to_owned(),
        _ => detail(data.or_empty("reason"), code),
    };
    Meaning::of(EVENTS, name, &detail).apply(&mut event, said, status.or_empty("enhanced-code"));
    event.bounce = event.bounce.take().map(|bounce| bounce.code(code));
    let client = data.get("client-info").unwrap_or(&Value::Null);
    let is_bot = client.text("bot").is_some();
    read(&mut event, client.text("user-agent"), data.text("ip"), data.text("url"), is_bot);
    event
}

/// An event of the older kind, whose fields stand beside each other.
fn of_form(form: &Value) -> ProviderEvent {
    let name = form.or_empty("event");
    let at = form.get("timestamp").and_then(seconds).unwrap_or(Timestamp::EPOCH);
    let key = form.text("token").map_or_else(|| digest_of(form), str::to_owned);

    let mut event = ProviderEvent::new(EventKind::Other, at, format!("{name}/{key}"));
    name.clone_into(&mut event.name);
    event.delivery = form.delivery(DELIVERY_KEY);
    let id = form.text("Message-Id").or_else(|| form.text("message-id"));
    event.provider_message_id = id.map(|id| bare(id).to_owned());
    event.recipient = form.address("recipient");
    let said = [form.or_empty("error"), form.or_empty("description"), form.or_empty("notification")];
    let said = said.into_iter().find(|text| !text.is_empty()).unwrap_or_default();
    event.say(said);
    let code = form.number("code").and_then(|code| code.parse().ok());
    Meaning::of(EVENTS, name, &detail(form.or_empty("reason"), code)).apply(&mut event, said, "");
    event.bounce = event.bounce.take().map(|bounce| bounce.code(code));
    read(&mut event, form.text("user-agent"), form.text("ip"), form.text("url"), form.text("bot").is_some());
    event
}

/// What tells failures apart: the reason, and what follows from the code. Mailgun's own codes are stronger than its
/// words.
fn detail(reason: &str, code: Option<u16>) -> String {
    let (reason, consequence) = match code {
        Some(605) => ("suppress-bounce", ""),
        Some(606) => ("suppress-unsubscribe", ""),
        Some(607) => ("suppress-complaint", ""),
        Some(500..=599) => (reason, "refused"),
        // Greylisted for too long, no MX, no connection, expired.
        Some(400..=499 | 602) => (reason, "unreachable"),
        _ => (reason, ""),
    };
    format!("{reason}/{consequence}")
}

fn read(event: &mut ProviderEvent, agent: Option<&str>, ip: Option<&str>, url: Option<&str>, is_bot: bool) {
    if matches!(event.kind, EventKind::Opened | EventKind::Clicked) {
        event.by(agent, ip);
        event.followed(url);
        event.machine = is_bot || agent.is_some_and(is_machine);
    }
}
