//! What Resend calls back. It has no event for somebody who unsubscribes.

use serde_json::{Value, json};

use super::super::calls::{Happened, Happening};

pub(super) fn report(one: &Happening) -> Option<Value> {
    let addresses = |people: &[courierx_core::provider::conformance::Person]| -> Vec<String> {
        people.iter().map(|person| person.address.clone()).collect()
    };
    let at = one.at.to_string();
    let headers: Vec<_> =
        one.message.headers.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect();
    let mut data = json!({
        "email_id": one.id, "created_at": at, "from": one.message.from.address, "to": addresses(&one.message.to),
        "subject": one.message.subject, "headers": headers, "tags": one.message.metadata,
    });
    for (field, people) in [("cc", &one.message.cc), ("bcc", &one.message.bcc)] {
        if !people.is_empty() {
            data[field] = json!(addresses(people));
        }
    }
    let reader = || {
        json!({
            "ipAddress": "192.0.2.7", "userAgent": one.user_agent(), "timestamp": at,
            "link": "https://example.com/",
        })
    };
    let name = match one.kind {
        Happened::Sent => "email.sent",
        Happened::Delivered => "email.delivered",
        Happened::Deferred => "email.delivery_delayed",
        Happened::HardBounce | Happened::SoftBounce => {
            let (kind, subtype) = match one.kind {
                Happened::HardBounce => ("Permanent", "General"),
                _ => ("Transient", "MailboxFull"),
            };
            data["bounce"] = json!({
                "type": kind, "subType": subtype, "message": "It bounced.",
                "diagnosticCode": [format!("smtp; {}", one.said())],
            });
            "email.bounced"
        }
        Happened::Complained => "email.complained",
        Happened::Opened | Happened::MachineOpened => {
            data["open"] = reader();
            "email.opened"
        }
        Happened::Clicked => {
            data["click"] = reader();
            "email.clicked"
        }
        Happened::Listed => {
            data["suppressed"] =
                json!({ "type": "OnAccountSuppressionList", "message": "It is on the list." });
            "email.suppressed"
        }
        Happened::Unsubscribed => return None,
    };
    Some(json!({ "type": name, "created_at": at, "data": data }))
}
