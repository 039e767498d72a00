//! What SES publishes.

use serde_json::{Value, json};

use super::super::calls::{Happened, Happening};

pub(super) fn report(one: &Happening) -> Value {
    let at = one.at.to_string();
    let tags: serde_json::Map<_, _> =
        one.message.metadata.iter().map(|(key, value)| (key.clone(), json!([value]))).collect();
    let (kind, part, about) = happened(one, &at);
    let mut event = json!({
        "eventType": kind,
        "mail": {
            "timestamp": at, "messageId": one.id, "source": one.message.from.address,
            "destination": one.message.recipients(), "headersTruncated": false, "tags": tags,
        },
    });
    event[part] = about;
    event
}

fn happened(one: &Happening, at: &str) -> (&'static str, &'static str, Value) {
    let person = json!({
        "emailAddress": one.recipient, "status": &one.said()[4..9], "diagnosticCode": format!("smtp; {}", one.said()),
    });
    let bounce = |kind: &str, subtype: &str| {
        let about = json!({
            "bounceType": kind, "bounceSubType": subtype, "bouncedRecipients": [person], "timestamp": at,
        });
        ("Bounce", "bounce", about)
    };
    let reader = || json!({ "ipAddress": "192.0.2.7", "timestamp": at, "userAgent": one.user_agent() });
    match one.kind {
        Happened::Sent => ("Send", "send", json!({})),
        Happened::Delivered => {
            let about = json!({ "recipients": [one.recipient], "timestamp": at, "smtpResponse": one.said() });
            ("Delivery", "delivery", about)
        }
        Happened::Deferred => {
            let about = json!({ "delayType": "General", "delayedRecipients": [person], "timestamp": at });
            ("DeliveryDelay", "deliveryDelay", about)
        }
        Happened::HardBounce => bounce("Permanent", "NoEmail"),
        Happened::SoftBounce => bounce("Transient", "MailboxFull"),
        Happened::Listed => bounce("Permanent", "OnAccountSuppressionList"),
        Happened::Complained => {
            let people = json!([{ "emailAddress": one.recipient }]);
            let about =
                json!({ "complainedRecipients": people, "timestamp": at, "complaintFeedbackType": "abuse" });
            ("Complaint", "complaint", about)
        }
        Happened::Opened | Happened::MachineOpened => ("Open", "open", reader()),
        Happened::Clicked => {
            let mut about = reader();
            about["link"] = "https://example.com/".into();
            ("Click", "click", about)
        }
        Happened::Unsubscribed => {
            let chosen = json!({ "unsubscribeAll": true, "topicSubscriptionStatus": [] });
            let about = json!({ "contactList": "list", "timestamp": at, "newTopicPreferences": chosen });
            ("Subscription", "subscription", about)
        }
    }
}
