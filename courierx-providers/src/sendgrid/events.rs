//! What SendGrid's events mean.
//!
//! <https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/event>

use courierx_core::clock::Timestamp;
use courierx_core::event::EventKind;
use courierx_core::provider::{Authentic, BounceClass, CallbackError, MAX_CALLBACK_EVENTS, ProviderEvent};
use courierx_core::suppression::Reason;

use crate::callback::rules::{is, rule};
use crate::callback::{EventRule, Fields, Json, Meaning, digest_of, is_machine, parsed};
use crate::planted::DELIVERY_KEY;

/// The event; and the type and the classification of a bounce, or the reason of a drop.
pub(crate) const EVENTS: &[EventRule] = &[
    is("processed", EventKind::Sent),
    is("delivered", EventKind::Delivered),
    is("deferred", EventKind::Deferred),
    rule("bounce", "bounce/Content", Meaning::Bounced(BounceClass::Content)),
    rule("bounce", "bounce/Frequency or Volume Too High", Meaning::Bounced(BounceClass::Policy)),
    rule("bounce", "bounce/Reputation", Meaning::Bounced(BounceClass::Policy)),
    rule("bounce", "bounce/Technical Failure", Meaning::Bounced(BounceClass::Unreachable)),
    rule("bounce", "bounce/", Meaning::Bounced(BounceClass::NoMailbox)),
    rule("bounce", "blocked/Content", Meaning::Bounced(BounceClass::Content)),
    rule("bounce", "blocked/Frequency or Volume Too High", Meaning::Bounced(BounceClass::Policy)),
    rule("bounce", "blocked/Reputation", Meaning::Bounced(BounceClass::Policy)),
    rule("bounce", "blocked/Technical Failure", Meaning::Bounced(BounceClass::Unreachable)),
    rule("bounce", "expired/", Meaning::Bounced(BounceClass::Unreachable)),
    rule("bounce", "", Meaning::Bounced(BounceClass::Undetermined)),
    rule("dropped", "Bounced Address", Meaning::Listed(Reason::Bounce)),
    rule("dropped", "Spam Reporting Address", Meaning::Listed(Reason::Complaint)),
    rule("dropped", "Unsubscribed Address", Meaning::Listed(Reason::Unsubscribe)),
    is("dropped", EventKind::Failed),
    is("open", EventKind::Opened),
    is("click", EventKind::Clicked),
    is("spamreport", EventKind::Complained),
    is("unsubscribe", EventKind::Unsubscribed),
    is("group_unsubscribe", EventKind::Unsubscribed),
    is("group_resubscribe", EventKind::Resubscribed),
];

/// The events of a callback.
pub(super) fn of(authentic: &Authentic) -> Result<Vec<ProviderEvent>, CallbackError> {
    let Some(body) = authentic.body() else { return Ok(Vec::new()) };
    let all = match parsed(body)? {
        Json::List(all) => all,
        one @ Json::Object(_) => vec![one],
        _ => return Err(CallbackError::Malformed("not a list of events".to_owned())),
    };
    if all.len() > MAX_CALLBACK_EVENTS {
        return Err(CallbackError::TooLarge);
    }
    Ok(all.iter().filter(|event| matches!(event, Json::Object(_))).map(one).collect())
}

fn one(reported: &Json<'_>) -> ProviderEvent {
    let name = reported.or_empty("event");
    let at = reported.get("timestamp").and_then(Json::seconds).unwrap_or(Timestamp::EPOCH);
    let id = reported.text("sg_event_id").map_or_else(|| digest_of(&reported.to_value()), str::to_owned);

    let mut event = ProviderEvent::new(EventKind::Other, at, format!("{name}/{id}"));
    name.clone_into(&mut event.name);
    event.delivery = reported.delivery(DELIVERY_KEY);
    event.provider_message_id = reported.text("sg_message_id").map(message_id);
    event.recipient = reported.address("email");
    let said = reported.text("reason").or_else(|| reported.text("response")).unwrap_or_default();
    event.say(said);
    Meaning::of(EVENTS, name, &detail(name, reported)).apply(&mut event, said, reported.or_empty("status"));
    if matches!(event.kind, EventKind::Unsubscribed | EventKind::Resubscribed | EventKind::Suppressed) {
        event.list = reported.number("asm_group_id");
    }
    if matches!(event.kind, EventKind::Opened | EventKind::Clicked) {
        let agent = reported.text("useragent");
        event.by(agent, reported.text("ip"));
        event.followed(reported.text("url"));
        let fetched = reported.get("sg_machine_open").and_then(Json::as_bool) == Some(true);
        event.machine = fetched || agent.is_some_and(is_machine);
    }
    event
}

/// What tells events of one name apart.
fn detail(name: &str, reported: &Json<'_>) -> String {
    match name {
        "bounce" => {
            let kind = reported.text("type").unwrap_or("bounce");
            format!("{kind}/{}", reported.or_empty("bounce_classification"))
        }
        "dropped" => reported.or_empty("reason").to_owned(),
        _ => String::new(),
    }
}

/// The identifier that the answer to the hand-over had: SendGrid appends where the message went inside, behind the first
/// dot that is followed by a name of its filters or receivers.
fn message_id(told: &str) -> String {
    let is_inner =
        |at: &usize| [".filter", ".recvd", ".canary"].iter().any(|mark| told[*at..].starts_with(mark));
    let inner = told.match_indices('.').map(|(at, _)| at).find(is_inner);
    // Without such a name: identifiers of answers have 22 characters and no dot in practice.
    let end = inner.or_else(|| told.find('.').filter(|at| *at == 22)).unwrap_or(told.len());
    told[..end].to_owned()
}

#[cfg(test)]
mod tests {
    use super::message_id;

    #[test]
    fn identifiers_are_those_of_answers() {
        for (told, id) in [
            (
                "LRzXl_NHStOGhQ4kofSm_A.filterdrecv-p3mdw1-756b745b58-kmzbl-18-5F5FC76C-9.0",
                "LRzXl_NHStOGhQ4kofSm_A",
            ),
            ("LRzXl_NHStOGhQ4kofSm_A.recvd-57cc78748d-9kt9h-1-65-0", "LRzXl_NHStOGhQ4kofSm_A"),
            ("14c5d75ce93.dfd.64b469.filter0001.16648.5515E0B88.0", "14c5d75ce93.dfd.64b469"),
            ("LRzXl_NHStOGhQ4kofSm_A.elsewhere.0", "LRzXl_NHStOGhQ4kofSm_A"),
            ("sg_message_id", "sg_message_id"),
            ("", ""),
        ] {
            assert_eq!(message_id(told), id);
        }
    }
}
