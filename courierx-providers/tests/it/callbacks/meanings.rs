//! What each vendor's events mean: a table of payloads, written from the vendors' documents.

use courierx_core::event::EventKind::{
    self, BouncedHard, BouncedSoft, Clicked, Complained, Deferred, Delivered, Failed, Opened, Other,
    Resubscribed, Sent, Suppressed, Unsubscribed,
};
use courierx_core::id::DeliveryId;
use courierx_core::provider::BounceClass::{
    Content, MailboxFull, NoMailbox, Policy, Undetermined, Unreachable,
};
use courierx_core::suppression::Reason;
use serde_json::json;

use super::*;

const DELIVERY: &str = "0192f0c1-2b3c-8d4e-9f50-112233445566";

/// A payload; the kind; and what is known besides.
struct Case(Value, EventKind, Known);

#[derive(Default)]
struct Known {
    class: Option<courierx_core::provider::BounceClass>,
    enhanced: Option<&'static str>,
    listed: Option<Reason>,
    list: Option<&'static str>,
    machine: bool,
    url: Option<&'static str>,
}

fn known() -> Known {
    Known::default()
}

fn bounce(class: courierx_core::provider::BounceClass, enhanced: &'static str) -> Known {
    Known { class: Some(class), enhanced: Some(enhanced).filter(|code| !code.is_empty()), ..known() }
}

fn listed(reason: Reason) -> Known {
    Known { listed: Some(reason), ..known() }
}

fn url() -> Known {
    Known { url: Some("https://example.com/a?b=c"), ..known() }
}

fn machine() -> Known {
    Known { machine: true, ..known() }
}

fn list(name: &'static str) -> Known {
    Known { list: Some(name), ..known() }
}

#[track_caller]
fn check(vendor: &str, cases: Vec<Case>, wrap: impl Fn(&Value) -> Value) {
    for Case(payload, kind, known) in cases {
        let body = wrap(&payload);
        let read = events(vendor, &body);
        let [event] = read.as_slice() else { panic!("one event: {read:?} of {body}") };
        assert_eq!(event.kind, kind, "{body}");
        assert_eq!(event.bounce.as_ref().map(|bounce| bounce.class), known.class, "{body}");
        let enhanced = event.bounce.as_ref().and_then(|bounce| bounce.enhanced).map(|code| code.to_string());
        assert_eq!(enhanced.as_deref(), known.enhanced, "{body}");
        assert_eq!(event.listed, known.listed, "{body}");
        assert_eq!(event.list.as_deref(), known.list, "{body}");
        assert_eq!(event.machine, known.machine, "{body}");
        assert_eq!(event.url.as_deref(), known.url, "{body}");
        assert_eq!(event.delivery, Some(DELIVERY.parse::<DeliveryId>().unwrap()), "{body}");
        assert_eq!(event.provider_message_id.as_deref(), Some("message-1"), "{body}");
        assert_eq!(
            event.recipient.as_ref().map(ToString::to_string).as_deref(),
            Some("ada@example.com"),
            "{body}"
        );
        assert_eq!(event.at.as_secs(), 1_699_999_990, "{body}");
        assert!(!event.deduplication.is_empty() && !event.name.is_empty(), "{body}");
        assert_eq!(read, events(vendor, &body), "repeated, it is the same event");
    }
}

/// The payload with what every payload has.
fn with(mut common: Value, payload: &Value) -> Value {
    for (key, value) in payload.as_object().unwrap() {
        common[key] = value.clone();
    }
    common
}

#[test]
fn of_sendgrid() {
    let bounced = |kind: &str, class: &str, status: &str, reason: &str| json!({ "event": "bounce", "type": kind, "bounce_classification": class, "status": status, "reason": reason });
    let dropped = |reason: &str| json!({ "event": "dropped", "reason": reason });
    let cases = vec![
        Case(json!({ "event": "processed" }), Sent, known()),
        Case(json!({ "event": "delivered", "response": "250 OK" }), Delivered, known()),
        Case(json!({ "event": "deferred", "response": "400 later", "attempt": "5" }), Deferred, known()),
        Case(
            bounced("bounce", "Invalid Address", "5.1.1", "550 5.1.1 nobody"),
            BouncedHard,
            bounce(NoMailbox, "5.1.1"),
        ),
        Case(
            json!({ "event": "bounce", "status": "5.0.0", "reason": "500 unknown" }),
            BouncedHard,
            bounce(NoMailbox, "5.0.0"),
        ),
        Case(
            bounced("bounce", "Reputation", "5.7.1", "554 5.7.1 listed"),
            BouncedSoft,
            bounce(Policy, "5.7.1"),
        ),
        Case(
            bounced("bounce", "Mailbox Unavailable", "5.2.2", "552 5.2.2 full"),
            BouncedSoft,
            bounce(MailboxFull, "5.2.2"),
        ),
        Case(bounced("bounce", "Content", "", "spam"), BouncedSoft, bounce(Content, "")),
        Case(bounced("bounce", "Technical Failure", "", "no MX"), BouncedSoft, bounce(Unreachable, "")),
        Case(
            bounced("blocked", "Frequency or Volume Too High", "4.7.0", "421 4.7.0 slow"),
            BouncedSoft,
            bounce(Policy, "4.7.0"),
        ),
        Case(bounced("blocked", "", "5.1.1", "550 5.1.1 nobody"), BouncedSoft, bounce(Undetermined, "5.1.1")),
        Case(bounced("expired", "", "", "too long"), BouncedSoft, bounce(Unreachable, "")),
        Case(bounced("new type", "", "", ""), BouncedSoft, bounce(Undetermined, "")),
        Case(dropped("Bounced Address"), Suppressed, listed(Reason::Bounce)),
        Case(dropped("Spam Reporting Address"), Suppressed, listed(Reason::Complaint)),
        Case(dropped("Unsubscribed Address"), Suppressed, listed(Reason::Unsubscribe)),
        Case(dropped("Invalid"), Failed, known()),
        Case(dropped("Invalid SMTPAPI header"), Failed, known()),
        Case(dropped("Spam Content (if Spam Checker app is enabled)"), Failed, known()),
        Case(dropped("Recipient List over Package Quota"), Failed, known()),
        Case(json!({ "event": "open", "useragent": "Firefox", "ip": "192.0.2.1" }), Opened, known()),
        Case(json!({ "event": "open", "useragent": "Firefox", "sg_machine_open": true }), Opened, machine()),
        Case(
            json!({ "event": "click", "url": "https://example.com/a?b=c", "useragent": "Firefox" }),
            Clicked,
            url(),
        ),
        Case(json!({ "event": "spamreport" }), Complained, known()),
        Case(json!({ "event": "unsubscribe" }), Unsubscribed, known()),
        Case(json!({ "event": "group_unsubscribe", "asm_group_id": 10 }), Unsubscribed, list("10")),
        Case(json!({ "event": "group_resubscribe", "asm_group_id": "10" }), Resubscribed, list("10")),
        Case(json!({ "event": "account_status_change", "type": "compliance_suspend" }), Other, known()),
        Case(json!({ "event": "teleported" }), Other, known()),
    ];
    let common = json!({
        "email": "Ada <ada@example.com>", "timestamp": 1_699_999_990, "sg_event_id": "id",
        "sg_message_id": "message-1.recvd-1-2.0", "courierx_delivery": DELIVERY, "category": ["a"],
    });
    check("sendgrid", cases, |payload| json!([with(common.clone(), payload)]));
}

#[test]
fn of_ses() {
    let bounced = |kind: &str, subtype: &str, status: &str| {
        json!({ "eventType": "Bounce", "bounce": {
            "bounceType": kind, "bounceSubType": subtype, "timestamp": "2023-11-14T22:13:10.000Z",
            "bouncedRecipients": [{ "emailAddress": "Ada <ada@example.com>", "status": status }],
        } })
    };
    let complained = |field: &str, value: &str| {
        json!({ "notificationType": "Complaint", "complaint": {
            "complainedRecipients": [{ "emailAddress": "ada@example.com" }], field: value,
            "timestamp": "2023-11-14T22:13:10.000Z",
        } })
    };
    let subscription = |all: bool, state: &str| {
        json!({ "eventType": "Subscription", "subscription": { "newTopicPreferences": {
            "unsubscribeAll": all, "topicSubscriptionStatus": [{ "topicName": "t", "subscriptionStatus": state }],
        } } })
    };
    let cases = vec![
        Case(json!({ "eventType": "Send", "send": {} }), Sent, known()),
        Case(
            json!({ "eventType": "Delivery", "delivery": { "recipients": ["ada@example.com"], "smtpResponse": "250 ok" } }),
            Delivered,
            known(),
        ),
        Case(
            json!({ "notificationType": "Delivery", "delivery": { "recipients": ["ada@example.com"] } }),
            Delivered,
            known(),
        ),
        Case(
            json!({ "eventType": "DeliveryDelay", "deliveryDelay": { "delayType": "MailboxFull", "delayedRecipients": [{ "emailAddress": "ada@example.com" }] } }),
            Deferred,
            known(),
        ),
        Case(bounced("Permanent", "NoEmail", "5.1.1"), BouncedHard, bounce(NoMailbox, "5.1.1")),
        Case(bounced("Permanent", "General", ""), BouncedHard, bounce(NoMailbox, "")),
        Case(bounced("Permanent", "General", "5.7.1"), BouncedSoft, bounce(Policy, "5.7.1")),
        Case(bounced("Permanent", "Suppressed", ""), Suppressed, listed(Reason::Bounce)),
        Case(bounced("Permanent", "OnAccountSuppressionList", ""), Suppressed, listed(Reason::Bounce)),
        Case(bounced("Permanent", "OnTenantSuppressionList", ""), Suppressed, listed(Reason::Bounce)),
        Case(bounced("Permanent", "EmailValidationSuppressed", ""), Suppressed, known()),
        Case(bounced("Transient", "MailboxFull", "5.2.2"), BouncedSoft, bounce(MailboxFull, "5.2.2")),
        Case(bounced("Transient", "MessageTooLarge", ""), BouncedSoft, bounce(Content, "")),
        Case(bounced("Transient", "ContentRejected", ""), BouncedSoft, bounce(Content, "")),
        Case(bounced("Transient", "AttachmentRejected", ""), BouncedSoft, bounce(Content, "")),
        Case(bounced("Transient", "CustomTimeoutExceeded", ""), BouncedSoft, bounce(Unreachable, "")),
        Case(bounced("Transient", "General", ""), BouncedSoft, bounce(Undetermined, "")),
        Case(bounced("Undetermined", "Undetermined", ""), BouncedSoft, bounce(Undetermined, "")),
        Case(complained("complaintFeedbackType", "abuse"), Complained, known()),
        Case(complained("userAgent", "a loop"), Complained, known()),
        Case(complained("complaintFeedbackType", "not-spam"), Other, known()),
        Case(
            complained("complaintSubType", "OnAccountSuppressionList"),
            Suppressed,
            listed(Reason::Complaint),
        ),
        Case(json!({ "eventType": "Reject", "reject": { "reason": "Bad content" } }), Failed, known()),
        Case(
            json!({ "eventType": "Rendering Failure", "failure": { "errorMessage": "no value" } }),
            Failed,
            known(),
        ),
        Case(
            json!({ "eventType": "Open", "open": { "userAgent": "Firefox", "ipAddress": "192.0.2.1" } }),
            Opened,
            known(),
        ),
        Case(json!({ "eventType": "Open", "open": { "userAgent": "Mozilla/5.0" } }), Opened, machine()),
        Case(
            json!({ "eventType": "Click", "click": { "link": "https://example.com/a?b=c", "userAgent": "Firefox" } }),
            Clicked,
            url(),
        ),
        Case(subscription(true, "OptIn"), Unsubscribed, known()),
        Case(subscription(false, "OptOut"), Unsubscribed, list("t")),
        // Which topics were joined is told by what was before.
        Case(subscription(false, "OptIn"), Other, known()),
        Case(json!({ "notificationType": "Received", "receipt": {} }), Other, known()),
        Case(json!({ "eventType": "Teleport", "teleport": {} }), Other, known()),
    ];
    let mail = json!({
        "timestamp": "2023-11-14T22:13:10.000Z", "messageId": "message-1", "destination": ["ada@example.com"],
        "tags": { "courierx_delivery": [DELIVERY], "ses:source-ip": ["192.0.2.1"] },
    });
    check("ses", cases, |payload| with(json!({ "mail": mail }), payload));
    assert_eq!(
        events("ses", "Successfully validated SNS topic for Amazon SES event publishing."),
        Vec::new()
    );
}

#[test]
fn of_ses_for_each_recipient() {
    let two = json!({
        "eventType": "Bounce",
        "bounce": { "bounceType": "Permanent", "bounceSubType": "NoEmail", "bouncedRecipients": [
            { "emailAddress": "ada@example.com", "status": "5.1.1" },
            { "emailAddress": "bob@example.com", "status": "5.2.2" },
        ] },
        "mail": { "messageId": "m", "destination": ["ada@example.com", "bob@example.com", "eve@example.com"],
            "headers": [{ "name": "x-courierx-delivery", "value": DELIVERY }] },
    });
    let read = events("ses", &two);
    let told: Vec<_> =
        read.iter().map(|one| (one.recipient.as_ref().unwrap().to_string(), one.kind)).collect();
    assert_eq!(
        told,
        [("ada@example.com".to_owned(), BouncedHard), ("bob@example.com".to_owned(), BouncedSoft)]
    );
    assert_ne!(read[0].deduplication, read[1].deduplication);
    assert_eq!(read[0].delivery, Some(DELIVERY.parse().unwrap()), "a header tells it as well");
    let mut open = two;
    open["eventType"] = "Open".into();
    assert_eq!(events("ses", &open)[0].recipient, None, "nobody knows which of three opened it");
}

#[test]
fn of_ses_for_each_topic() {
    let preferences = |all: bool, topics: &[(&str, &str)]| {
        let topics: Vec<_> = topics
            .iter()
            .map(|(name, state)| json!({ "topicName": name, "subscriptionStatus": state }))
            .collect();
        json!({ "unsubscribeAll": all, "topicSubscriptionStatus": topics })
    };
    let told = |old: Value, new: Value| {
        let body = json!({ "eventType": "Subscription",
            "subscription": { "oldTopicPreferences": old, "newTopicPreferences": new },
            "mail": { "messageId": "m", "destination": ["ada@example.com"] } });
        let read = events("ses", &body);
        assert_eq!(read, events("ses", &body), "repeated, they are the same events");
        let keys: std::collections::HashSet<_> = read.iter().map(|one| &one.deduplication).collect();
        assert_eq!(keys.len(), read.len(), "{read:?}");
        assert!(read.iter().all(|one| one.recipient.is_some()), "{read:?}");
        read.into_iter().map(|one| (one.kind, one.list)).collect::<Vec<_>>()
    };
    let of = |kind: EventKind, topic: &str| (kind, Some(topic.to_owned()));
    let (joined, left) = ("OptIn", "OptOut");
    let before = preferences(false, &[("news", joined), ("offers", left), ("notes", joined)]);

    let after = preferences(false, &[("news", left), ("offers", left), ("notes", joined)]);
    assert_eq!(told(before.clone(), after), [of(Unsubscribed, "news")], "the others are left as they were");
    let after = preferences(false, &[("news", joined), ("offers", joined), ("notes", left)]);
    let both = [of(Resubscribed, "offers"), of(Unsubscribed, "notes")];
    assert_eq!(told(before.clone(), after), both);
    // Of somebody without preferences, too.
    let empty = preferences(false, &[]);
    let both = [of(Unsubscribed, "news"), of(Resubscribed, "notes")];
    assert_eq!(told(empty, preferences(false, &[("news", left), ("notes", joined)])), both);

    let all = preferences(true, &[("news", left), ("offers", left), ("notes", left)]);
    assert_eq!(told(before.clone(), all.clone()), [(Unsubscribed, None)]);
    assert_eq!(told(Value::Null, all.clone()), [(Unsubscribed, None)]);
    let back = [(Resubscribed, None), of(Resubscribed, "news"), of(Resubscribed, "notes")];
    assert_eq!(told(all, before.clone()), back);

    assert_eq!(
        told(Value::Null, before.clone()),
        [of(Unsubscribed, "offers")],
        "of what was, nothing is told"
    );
    assert_eq!(told(before.clone(), before.clone()), [(Other, None)]);
    // A topic without a name is not all mail.
    assert_eq!(told(before, preferences(false, &[("", left)])), [(Other, None)]);
}

#[test]
fn of_mailgun() {
    let failed = |reason: &str, code: u16, message: &str| {
        json!({ "event": "failed", "severity": "permanent", "reason": reason,
            "delivery-status": { "code": code, "message": message } })
    };
    let read = |event: &str, agent: &str, bot: &str| json!({ "event": event, "client-info": { "user-agent": agent, "bot": bot }, "ip": "192.0.2.1" });
    let mut click = read("clicked", "Firefox", "");
    click["url"] = "https://example.com/a?b=c".into();
    let cases = vec![
        Case(json!({ "event": "accepted", "method": "http" }), Sent, known()),
        Case(
            json!({ "event": "delivered", "delivery-status": { "code": 250, "message": "OK" } }),
            Delivered,
            known(),
        ),
        Case(json!({ "event": "delivered", "delivery-status": null }), Delivered, known()),
        Case(
            json!({ "event": "failed", "severity": "temporary", "reason": "generic", "delivery-status": { "code": 451 } }),
            Deferred,
            known(),
        ),
        Case(
            json!({ "event": "failed", "severity": "temporary", "reason": "greylisted" }),
            Deferred,
            known(),
        ),
        Case(failed("bounce", 550, "5.1.1 no such user"), BouncedHard, bounce(NoMailbox, "5.1.1")),
        Case(failed("generic", 550, "no such user"), BouncedHard, bounce(NoMailbox, "")),
        Case(failed("bounce", 552, "5.2.2 over quota"), BouncedSoft, bounce(MailboxFull, "5.2.2")),
        Case(failed("bounce", 550, "5.7.1 not wanted"), BouncedSoft, bounce(Policy, "5.7.1")),
        Case(failed("generic", 498, "No MX for example.com"), BouncedSoft, bounce(Undetermined, "")),
        Case(failed("bounce", 450, "4.2.1 later"), BouncedSoft, bounce(Unreachable, "4.2.1")),
        Case(failed("old", 602, "Too old"), BouncedSoft, bounce(Unreachable, "")),
        Case(failed("espblock", 554, "5.7.1 listed"), BouncedSoft, bounce(Policy, "5.7.1")),
        Case(failed("suppress-bounce", 605, ""), Suppressed, listed(Reason::Bounce)),
        Case(failed("suppress-unsubscribe", 606, ""), Suppressed, listed(Reason::Unsubscribe)),
        Case(failed("suppress-complaint", 607, ""), Suppressed, listed(Reason::Complaint)),
        Case(failed("generic", 607, ""), Suppressed, listed(Reason::Complaint)),
        Case(
            json!({ "event": "failed", "severity": "permanent", "reason": "bounce", "flags": { "is-delayed-bounce": true } }),
            BouncedHard,
            bounce(NoMailbox, ""),
        ),
        Case(json!({ "event": "rejected", "reject": { "reason": "Spam" } }), Failed, known()),
        Case(read("opened", "Firefox", ""), Opened, known()),
        Case(read("opened", "Firefox", "apple"), Opened, machine()),
        Case(read("opened", "Mozilla/5.0", ""), Opened, machine()),
        Case(click, Clicked, url()),
        Case(json!({ "event": "unsubscribed" }), Unsubscribed, known()),
        Case(json!({ "event": "complained" }), Complained, known()),
        Case(json!({ "event": "stored" }), Other, known()),
        Case(json!({ "event": "teleported" }), Other, known()),
    ];
    let common = json!({
        "id": "id", "timestamp": 1_699_999_990.25, "recipient": "ada@example.com",
        "message": { "headers": { "message-id": "message-1" } }, "user-variables": { "courierx_delivery": DELIVERY },
    });
    check("mailgun", cases, |payload| json!({ "event-data": with(common.clone(), payload) }));
}

#[test]
fn of_postmark() {
    let bounced = |kind: &str, details: &str| json!({ "RecordType": "Bounce", "ID": 7, "Type": kind, "Details": details, "Email": "ada@example.com" });
    let changed = |stops: bool, reason: &str| {
        json!({ "RecordType": "SubscriptionChange", "SuppressSending": stops, "SuppressionReason": reason,
            "MessageStream": "outbound" })
    };
    let mut news = changed(true, "ManualSuppression");
    news["MessageStream"] = "news".into();
    let mut cases = vec![
        Case(json!({ "RecordType": "Delivery", "Details": "ok" }), Delivered, known()),
        Case(bounced("HardBounce", "smtp;550 5.1.1 nobody"), BouncedHard, bounce(NoMailbox, "5.1.1")),
        Case(bounced("HardBounce", "smtp;550 5.7.1 not wanted"), BouncedSoft, bounce(Policy, "5.7.1")),
        Case(bounced("BadEmailAddress", ""), BouncedHard, bounce(NoMailbox, "")),
        Case(bounced("SoftBounce", "smtp;552 5.2.2 full"), BouncedSoft, bounce(MailboxFull, "5.2.2")),
        Case(bounced("Blocked", ""), BouncedSoft, bounce(Policy, "")),
        Case(bounced("VirusNotification", ""), BouncedSoft, bounce(Content, "")),
        Case(bounced("Unknown", ""), BouncedSoft, bounce(Undetermined, "")),
        Case(json!({ "RecordType": "SpamComplaint", "ID": 7, "Type": "SpamComplaint" }), Complained, known()),
        Case(json!({ "RecordType": "Open", "UserAgent": "Firefox" }), Opened, known()),
        Case(json!({ "RecordType": "Open", "UserAgent": "Mozilla/5.0" }), Opened, machine()),
        Case(
            json!({ "RecordType": "Click", "OriginalLink": "https://example.com/a?b=c", "UserAgent": "Firefox" }),
            Clicked,
            url(),
        ),
        Case(
            json!({ "RecordType": "Click", "OriginalLink": "https://example.com/a?b=c", "UserAgent": "python-requests/2" }),
            Clicked,
            Known { machine: true, ..url() },
        ),
        Case(changed(true, "HardBounce"), BouncedHard, bounce(NoMailbox, "")),
        Case(changed(true, "SpamComplaint"), Complained, known()),
        Case(changed(true, "ManualSuppression"), Unsubscribed, known()),
        Case(news, Unsubscribed, list("news")),
        Case(changed(false, "ManualSuppression"), Resubscribed, known()),
        Case(json!({ "RecordType": "SMTPApiError" }), Failed, known()),
        Case(json!({ "RecordType": "Teleport" }), Other, known()),
        Case(json!({ "FromFull": { "Email": "eve@example.com" } }), Other, known()),
    ];
    for (kind, meaning) in [
        ("Transient", Deferred),
        ("DnsError", Deferred),
        ("SpamNotification", Complained),
        ("Unsubscribe", Unsubscribed),
        ("Subscribe", Resubscribed),
        ("ManuallyDeactivated", Suppressed),
        ("Unconfirmed", Failed),
        ("DMARCPolicy", Failed),
        ("SMTPApiError", Failed),
        ("TemplateRenderingFailed", Failed),
        ("AutoResponder", Other),
        ("AddressChange", Other),
        ("ChallengeVerification", Other),
    ] {
        cases.push(Case(bounced(kind, ""), meaning, known()));
    }
    let common = json!({
        "MessageID": "message-1", "Recipient": "ada@example.com", "ReceivedAt": "2023-11-14T18:13:10.1234567-04:00",
        "Metadata": { "courierx_delivery": DELIVERY },
    });
    check("postmark", cases, |payload| with(common.clone(), payload));
}

#[test]
fn of_resend() {
    let bounced = |kind: &str, subtype: &str, code: &str| {
        json!({ "type": "email.bounced", "data": { "bounce": {
            "type": kind, "subType": subtype, "message": "it did", "diagnosticCode": [code] } } })
    };
    let of_2023 =
        |message: &str| json!({ "type": "email.bounced", "data": { "bounce": { "message": message } } });
    let reader = |agent: &str| json!({ "userAgent": agent, "link": "https://example.com/a?b=c", "timestamp": "2023-11-14T22:13:10Z" });
    let opened = |agent: &str| json!({ "type": "email.opened", "data": { "open": { "userAgent": agent } } });
    let cases = vec![
        Case(json!({ "type": "email.scheduled" }), Sent, known()),
        Case(json!({ "type": "email.sent" }), Sent, known()),
        Case(json!({ "type": "email.delivered" }), Delivered, known()),
        Case(json!({ "type": "email.delivery_delayed" }), Deferred, known()),
        Case(
            bounced("Permanent", "General", "smtp; 550 5.1.1 nobody"),
            BouncedHard,
            bounce(NoMailbox, "5.1.1"),
        ),
        Case(bounced("Permanent", "NoEmail", ""), BouncedHard, bounce(NoMailbox, "")),
        Case(bounced("Permanent", "General", "smtp; 550 5.7.1 no"), BouncedSoft, bounce(Policy, "5.7.1")),
        Case(bounced("Permanent", "Suppressed", ""), Suppressed, listed(Reason::Bounce)),
        Case(bounced("Permanent", "OnAccountSuppressionList", ""), Suppressed, listed(Reason::Bounce)),
        Case(bounced("Transient", "MailboxFull", ""), BouncedSoft, bounce(MailboxFull, "")),
        Case(bounced("Transient", "MessageTooLarge", ""), BouncedSoft, bounce(Content, "")),
        Case(bounced("Transient", "ContentRejected", ""), BouncedSoft, bounce(Content, "")),
        Case(bounced("Transient", "General", ""), BouncedSoft, bounce(Undetermined, "")),
        Case(bounced("Undetermined", "Undetermined", ""), BouncedSoft, bounce(Undetermined, "")),
        Case(of_2023("Resend has suppressed sending to this address"), Suppressed, listed(Reason::Bounce)),
        Case(of_2023("The recipient's server sent a hard bounce."), BouncedHard, bounce(NoMailbox, "")),
        Case(of_2023("Later, perhaps."), BouncedSoft, bounce(Undetermined, "")),
        Case(
            json!({ "type": "email.suppressed", "data": { "suppressed": { "reason": "previous_complaint" } } }),
            Suppressed,
            listed(Reason::Complaint),
        ),
        Case(
            json!({ "type": "email.suppressed", "data": { "suppressed": { "type": "Suppressed" } } }),
            Suppressed,
            listed(Reason::Bounce),
        ),
        Case(json!({ "type": "email.complained" }), Complained, known()),
        Case(opened("Firefox"), Opened, known()),
        Case(opened("Mozilla/5.0"), Opened, machine()),
        Case(json!({ "type": "email.clicked", "data": { "click": reader("Firefox") } }), Clicked, url()),
        Case(
            json!({ "type": "email.failed", "data": { "failed": { "reason": "reached_daily_quota" } } }),
            Failed,
            known(),
        ),
        Case(json!({ "type": "email.received" }), Other, known()),
        Case(json!({ "type": "domain.updated" }), Other, known()),
    ];
    let data = json!({ "email_id": "message-1", "to": ["ada@example.com"], "tags": { "courierx_delivery": DELIVERY } });
    check("resend", cases, |payload| {
        let about = payload.get("data").cloned().unwrap_or_else(|| json!({}));
        json!({ "type": payload["type"], "created_at": "2023-11-14T22:13:10.126Z", "data": with(data.clone(), &about) })
    });
}

#[test]
fn of_resend_for_several_recipients() {
    let of = |to: Value, cc: Value| {
        let body = json!({ "type": "email.delivered", "data": { "to": to, "cc": cc, "headers": [
            { "name": "X-Courierx-Delivery", "value": DELIVERY }], "tags": [{ "name": "a", "value": "b" }] } });
        events("resend", body).remove(0)
    };
    assert_eq!(
        of(json!(["Ada <ada@example.com>"]), json!([])).recipient.unwrap().to_string(),
        "ada@example.com"
    );
    assert_eq!(of(json!(["a@example.com", "b@example.com"]), json!(null)).recipient, None);
    let copied = of(json!(["a@example.com"]), json!(["b@example.com"]));
    assert_eq!(copied.recipient, None, "nobody knows which of two");
    assert_eq!(copied.delivery, Some(DELIVERY.parse().unwrap()), "a header tells it as well");
}

#[test]
fn what_is_kept_is_bounded() {
    let long = "é".repeat(5000);
    let read = events(
        "sendgrid",
        json!([{ "event": "click", "reason": long, "useragent": long, "url": long,
        "sg_event_id": long, "ip": "not an address", "email": "nobody" }]),
    );
    let event = &read[0];
    assert!(event.detail.as_ref().unwrap().len() <= 1000);
    assert!(event.user_agent.as_ref().unwrap().len() <= 500);
    assert!(event.url.as_ref().unwrap().len() <= 2048);
    assert!(event.deduplication.len() <= 255);
    assert_eq!((event.ip, event.recipient.as_ref()), (None, None));
}
