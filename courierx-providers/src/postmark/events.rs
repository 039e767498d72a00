//! What Postmark's events mean.
//!
//! <https://postmarkapp.com/developer/webhooks/webhooks-overview>

use courierx_core::clock::Timestamp;
use courierx_core::event::EventKind;
use courierx_core::provider::{Authentic, BounceClass, CallbackError, ProviderEvent};
use serde_json::Value;

use crate::callback::rules::{is, rule};
use crate::callback::{EventRule, Fields, Meaning, digest_of, is_machine, object};
use crate::planted::DELIVERY_KEY;

/// The stream of a server's ordinary mail: who leaves another one has not left this.
const ORDINARY_STREAM: &str = "outbound";

/// The type of a record; and the type of a bounce, or why somebody gets no mail.
///
/// The types of bounces are names: their numbers differ between samples.
pub(crate) const EVENTS: &[EventRule] = &[
    is("Delivery", EventKind::Delivered),
    rule("Bounce", "HardBounce", Meaning::Bounced(BounceClass::NoMailbox)),
    rule("Bounce", "BadEmailAddress", Meaning::Bounced(BounceClass::NoMailbox)),
    rule("Bounce", "Transient", Meaning::Is(EventKind::Deferred)),
    rule("Bounce", "DnsError", Meaning::Is(EventKind::Deferred)),
    rule("Bounce", "OpenRelayTest", Meaning::Is(EventKind::Deferred)),
    rule("Bounce", "Blocked", Meaning::Bounced(BounceClass::Policy)),
    rule("Bounce", "VirusNotification", Meaning::Bounced(BounceClass::Content)),
    rule("Bounce", "SoftBounce", Meaning::Bounced(BounceClass::Undetermined)),
    rule("Bounce", "Unknown", Meaning::Bounced(BounceClass::Undetermined)),
    rule("Bounce", "Undeterminable", Meaning::Bounced(BounceClass::Undetermined)),
    rule("Bounce", "SpamNotification", Meaning::Is(EventKind::Complained)),
    rule("Bounce", "SpamComplaint", Meaning::Is(EventKind::Complained)),
    rule("Bounce", "Unsubscribe", Meaning::Is(EventKind::Unsubscribed)),
    rule("Bounce", "Subscribe", Meaning::Is(EventKind::Resubscribed)),
    rule("Bounce", "ManuallyDeactivated", Meaning::Is(EventKind::Suppressed)),
    rule("Bounce", "Unconfirmed", Meaning::Is(EventKind::Failed)),
    rule("Bounce", "DMARCPolicy", Meaning::Is(EventKind::Failed)),
    rule("Bounce", "SMTPApiError", Meaning::Is(EventKind::Failed)),
    rule("Bounce", "TemplateRenderingFailed", Meaning::Is(EventKind::Failed)),
    rule("Bounce", "InboundError", Meaning::Is(EventKind::Failed)),
    is("SpamComplaint", EventKind::Complained),
    is("Open", EventKind::Opened),
    is("Click", EventKind::Clicked),
    rule("SubscriptionChange", "HardBounce", Meaning::Bounced(BounceClass::NoMailbox)),
    rule("SubscriptionChange", "SpamComplaint", Meaning::Is(EventKind::Complained)),
    rule("SubscriptionChange", "ManualSuppression", Meaning::Is(EventKind::Unsubscribed)),
    rule("SubscriptionChange", "resubscribed", Meaning::Is(EventKind::Resubscribed)),
    is("SMTPApiError", EventKind::Failed),
];

/// The one event of a callback.
pub(super) fn of(authentic: &Authentic) -> Result<Vec<ProviderEvent>, CallbackError> {
    let Some(body) = authentic.body() else { return Ok(Vec::new()) };
    let record = object(body)?;
    let name = record.text("RecordType").unwrap_or("Inbound");
    let at =
        ["DeliveredAt", "BouncedAt", "ReceivedAt", "ChangedAt"].iter().find_map(|key| record.moment(key));

    let mut event = ProviderEvent::new(EventKind::Other, at.unwrap_or(Timestamp::EPOCH), key(name, &record));
    name.clone_into(&mut event.name);
    event.delivery = record.get("Metadata").and_then(|metadata| metadata.delivery(DELIVERY_KEY));
    event.provider_message_id = record.text("MessageID").map(str::to_owned);
    event.recipient = record.address("Recipient").or_else(|| record.address("Email"));
    let said = record.text("Details").or_else(|| record.text("Description")).unwrap_or_default();
    event.say(said);
    // `smtp;550 5.1.1 …`
    Meaning::of(EVENTS, name, detail(name, &record)).apply(&mut event, said, "");
    if name == "SubscriptionChange" || matches!(event.kind, EventKind::Unsubscribed | EventKind::Resubscribed)
    {
        let stream = record.text("MessageStream").filter(|stream| *stream != ORDINARY_STREAM);
        event.list = stream.map(str::to_owned);
    }
    if matches!(event.kind, EventKind::Opened | EventKind::Clicked) {
        let agent = record.text("UserAgent");
        event.by(agent, record.get("Geo").and_then(|geo| geo.text("IP")));
        event.followed(record.text("OriginalLink"));
        event.machine = agent.is_some_and(is_machine);
    }
    Ok(vec![event])
}

/// What tells records of one type apart.
fn detail<'a>(name: &str, record: &'a Value) -> &'a str {
    match name {
        "Bounce" => record.or_empty("Type"),
        "SubscriptionChange" if record.get("SuppressSending").and_then(Value::as_bool) == Some(false) => {
            "resubscribed"
        }
        "SubscriptionChange" => record.or_empty("SuppressionReason"),
        _ => "",
    }
}

/// What is the same when a record is sent again. Only bounces and complaints have a number.
fn key(name: &str, record: &Value) -> String {
    match record.number("ID") {
        Some(id) if id != "0" => format!("{name}/{id}"),
        _ => format!("{name}/{}", digest_of(record)),
    }
}
