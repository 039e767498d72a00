//! What the events of SES mean.
//!
//! <https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html>

use std::borrow::Cow;

use courierx_core::clock::Timestamp;
use courierx_core::event::EventKind;
use courierx_core::message::Address;
use courierx_core::provider::{Authentic, BounceClass, CallbackError, MAX_CALLBACK_EVENTS, ProviderEvent};
use courierx_core::suppression::Reason;
use serde_json::Value;

use super::topics::chosen;
use crate::callback::rules::{is, rule};
use crate::callback::{EventRule, Fields, Meaning, bounded, digest_of, is_machine, mailbox, sole_address};
use crate::planted::{DELIVERY_HEADER, DELIVERY_KEY};

/// The type of an event; and the type and subtype of a bounce, the subtype or else the type of a complaint, what
/// somebody chose of a list.
pub(crate) const EVENTS: &[EventRule] = &[
    is("Send", EventKind::Sent),
    is("Delivery", EventKind::Delivered),
    is("DeliveryDelay", EventKind::Deferred),
    rule("Bounce", "Permanent/Suppressed", Meaning::Listed(Reason::Bounce)),
    rule("Bounce", "Permanent/OnAccountSuppressionList", Meaning::Listed(Reason::Bounce)),
    rule("Bounce", "Permanent/OnTenantSuppressionList", Meaning::Listed(Reason::Bounce)),
    // Only a guess of Amazon's.
    rule("Bounce", "Permanent/EmailValidationSuppressed", Meaning::Is(EventKind::Suppressed)),
    rule("Bounce", "Permanent/", Meaning::Bounced(BounceClass::NoMailbox)),
    rule("Bounce", "Transient/MailboxFull", Meaning::Bounced(BounceClass::MailboxFull)),
    rule("Bounce", "Transient/MessageTooLarge", Meaning::Bounced(BounceClass::Content)),
    rule("Bounce", "Transient/ContentRejected", Meaning::Bounced(BounceClass::Content)),
    rule("Bounce", "Transient/AttachmentRejected", Meaning::Bounced(BounceClass::Content)),
    rule("Bounce", "Transient/CustomTimeoutExceeded", Meaning::Bounced(BounceClass::Unreachable)),
    rule("Bounce", "", Meaning::Bounced(BounceClass::Undetermined)),
    rule("Complaint", "OnAccountSuppressionList", Meaning::Listed(Reason::Complaint)),
    rule("Complaint", "not-spam", Meaning::Is(EventKind::Other)),
    is("Complaint", EventKind::Complained),
    is("Reject", EventKind::Failed),
    is("Open", EventKind::Opened),
    is("Click", EventKind::Clicked),
    is("Rendering Failure", EventKind::Failed),
    rule("Subscription", "OptOut", Meaning::Is(EventKind::Unsubscribed)),
    rule("Subscription", "OptIn", Meaning::Is(EventKind::Resubscribed)),
];

/// The events of a message: one for each recipient that it names, and for each topic that was chosen or left.
pub(super) fn of(authentic: &Authentic) -> Result<Vec<ProviderEvent>, CallbackError> {
    // After a topic was set up, SES greets it in plain text.
    let Some(body) = authentic.body() else { return Ok(Vec::new()) };
    bounded(body)?;
    let Ok(message @ Value::Object(_)) = serde_json::from_slice(body) else { return Ok(Vec::new()) };
    let name = message.text("eventType").or_else(|| message.text("notificationType"));
    let Some(name) = name else { return Ok(Vec::new()) };
    let about = message.get(part(name)).unwrap_or(&Value::Null);
    let mail = message.get("mail").unwrap_or(&Value::Null);

    let id = authentic.id.clone().unwrap_or_else(|| digest_of(&message));
    let (people, told) = (people(name, about, mail), told(name, about));
    if people.len().saturating_mul(told.len()) > MAX_CALLBACK_EVENTS {
        return Err(CallbackError::TooLarge);
    }
    let at = about.moment("timestamp").or_else(|| mail.moment("timestamp")).unwrap_or(Timestamp::EPOCH);
    let mut events = Vec::with_capacity(people.len() * told.len());
    for person in &people {
        let who = person.address.as_ref().map_or_else(String::new, |address| address.key().to_string());
        for (detail, topic) in &told {
            let key = topic.map_or_else(|| format!("{id}/{who}"), |topic| format!("{id}/{who}/{topic}"));
            let mut event = ProviderEvent::new(EventKind::Other, at, key);
            name.clone_into(&mut event.name);
            event.delivery = delivery(mail);
            event.provider_message_id = mail.text("messageId").map(str::to_owned);
            event.recipient.clone_from(&person.address);
            let said = if person.said.is_empty() { said(name, about) } else { person.said };
            event.say(said);
            Meaning::of(EVENTS, name, detail).apply(&mut event, said, person.status);
            event.list = topic.map(str::to_owned);
            read(about, &mut event);
            events.push(event);
        }
    }
    Ok(events)
}

/// Where an event says what happened.
fn part(name: &str) -> &'static str {
    match name {
        "Send" => "send",
        "Delivery" => "delivery",
        "DeliveryDelay" => "deliveryDelay",
        "Bounce" => "bounce",
        "Complaint" => "complaint",
        "Reject" => "reject",
        "Open" => "open",
        "Click" => "click",
        "Rendering Failure" => "failure",
        "Subscription" => "subscription",
        _ => "",
    }
}

/// What an event tells of each of its people: what tells events of one type apart, and the topic that it is about.
fn told<'a>(name: &str, about: &'a Value) -> Vec<(Cow<'a, str>, Option<&'a str>)> {
    let detail: Cow<'a, str> = match name {
        "Bounce" => format!("{}/{}", about.or_empty("bounceType"), about.or_empty("bounceSubType")).into(),
        "Complaint" => {
            let subtype = about.text("complaintSubType").or_else(|| about.text("complaintFeedbackType"));
            subtype.unwrap_or_default().into()
        }
        "Subscription" => {
            return chosen(about).into_iter().map(|one| (Cow::Borrowed(one.state), one.topic)).collect();
        }
        _ => Cow::default(),
    };
    vec![(detail, None)]
}

/// Somebody whom an event is about.
struct Person<'a> {
    address: Option<Address>,
    status: &'a str,
    said: &'a str,
}

/// Whom an event is about; somebody unknown if it does not say.
fn people<'a>(name: &str, about: &'a Value, mail: &Value) -> Vec<Person<'a>> {
    let list = match name {
        "Bounce" => "bouncedRecipients",
        "Complaint" => "complainedRecipients",
        "DeliveryDelay" => "delayedRecipients",
        "Delivery" => "recipients",
        _ => "",
    };
    let listed = about.get(list).and_then(Value::as_array);
    let people: Vec<_> = listed
        .into_iter()
        .flatten()
        .filter_map(|one| {
            let text = one.as_str().or_else(|| one.text("emailAddress"))?;
            let (status, said) = (one.or_empty("status"), one.or_empty("diagnosticCode"));
            // An address that cannot be read is nobody's, but not everybody's.
            Some(Person { address: Some(mailbox(text)?), status, said })
        })
        .collect();
    // Who complained is not always told: then everybody of the domain is listed, and gets no mail.
    if listed.is_some_and(|listed| !listed.is_empty()) {
        return people;
    }
    let address = mail.get("destination").and_then(sole_address);
    vec![Person { address, status: "", said: "" }]
}

fn said<'a>(name: &str, about: &'a Value) -> &'a str {
    let key = match name {
        "Delivery" => "smtpResponse",
        "DeliveryDelay" => "delayType",
        "Reject" => "reason",
        "Rendering Failure" => "errorMessage",
        "Complaint" => "complaintFeedbackType",
        "Bounce" => "bounceSubType",
        _ => "",
    };
    about.or_empty(key)
}

/// What we planted: a tag, which only a configuration set's events have, or a header.
fn delivery(mail: &Value) -> Option<courierx_core::id::DeliveryId> {
    let tags = mail.get("tags").and_then(|tags| tags.delivery(DELIVERY_KEY));
    let headers = || {
        let same = |one: &&Value| one.or_empty("name").eq_ignore_ascii_case(DELIVERY_HEADER);
        mail.get("headers")?.as_array()?.iter().find(same)?.delivery("value")
    };
    tags.or_else(headers)
}

/// What opened or clicked.
fn read(about: &Value, event: &mut ProviderEvent) {
    if matches!(event.kind, EventKind::Opened | EventKind::Clicked) {
        let agent = about.text("userAgent");
        event.by(agent, about.text("ipAddress"));
        event.followed(about.text("link"));
        event.machine = agent.is_some_and(is_machine);
    }
}
