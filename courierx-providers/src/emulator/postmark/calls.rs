//! What Postmark calls back. It has no event for having taken a message, and refuses suppressed recipients at once.

use serde_json::{Value, json};

use super::super::calls::{Happened, Happening};

pub(super) fn report(one: &Happening) -> Option<Value> {
    let at = one.at.to_string();
    let mut record = match one.kind {
        Happened::Sent | Happened::Listed => return None,
        Happened::Delivered => {
            json!({ "RecordType": "Delivery", "Recipient": one.recipient, "DeliveredAt": at, "Details": one.said() })
        }
        Happened::Deferred => bounce(one, "Bounce", "Transient"),
        Happened::HardBounce => bounce(one, "Bounce", "HardBounce"),
        Happened::SoftBounce => bounce(one, "Bounce", "SoftBounce"),
        Happened::Complained => bounce(one, "SpamComplaint", "SpamComplaint"),
        Happened::Opened | Happened::MachineOpened => json!({
            "RecordType": "Open", "Recipient": one.recipient, "ReceivedAt": at, "FirstOpen": true,
            "UserAgent": one.user_agent(), "Geo": { "IP": "192.0.2.7" },
        }),
        Happened::Clicked => json!({
            "RecordType": "Click", "Recipient": one.recipient, "ReceivedAt": at, "ClickLocation": "HTML",
            "UserAgent": one.user_agent(), "Geo": { "IP": "192.0.2.7" }, "OriginalLink": "https://example.com/",
        }),
        Happened::Unsubscribed => json!({
            "RecordType": "SubscriptionChange", "Recipient": one.recipient, "ChangedAt": at, "Origin": "Recipient",
            "SuppressSending": true, "SuppressionReason": "ManualSuppression",
        }),
    };
    record["MessageID"] = one.id.as_str().into();
    record["MessageStream"] = "outbound".into();
    record["ServerID"] = 23.into();
    record["Tag"] = one.message.tags.first().map_or("", String::as_str).into();
    record["Metadata"] = json!(one.message.metadata);
    Some(record)
}

fn bounce(one: &Happening, record: &str, kind: &str) -> Value {
    json!({
        "RecordType": record, "Type": kind, "ID": one.number, "Email": one.recipient,
        "BouncedAt": one.at.to_string(), "Details": format!("smtp;{}", one.said()),
        "Inactive": one.kind == Happened::HardBounce,
    })
}
