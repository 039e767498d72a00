//! What Mailgun calls back.

use serde_json::{Value, json};

use super::super::calls::{Happened, Happening};

#[expect(clippy::cast_precision_loss, reason = "seconds of our time fit")]
pub(super) fn report(one: &Happening) -> Value {
    let mut event = json!({
        "event": name(one.kind),
        "id": format!("event-{}", one.number),
        "timestamp": one.at.as_micros() as f64 / 1e6,
        "recipient": one.recipient,
        "tags": one.message.tags,
        "user-variables": one.message.metadata,
        "message": { "headers": { "message-id": one.id.trim_matches(['<', '>']) } },
    });
    match one.kind {
        Happened::HardBounce | Happened::SoftBounce | Happened::Listed => {
            let listed = one.kind == Happened::Listed;
            let code: u16 = if listed { 605 } else { one.said()[..3].parse().unwrap_or_default() };
            event["severity"] = "permanent".into();
            event["reason"] = if listed { "suppress-bounce" } else { "bounce" }.into();
            event["delivery-status"] =
                json!({ "code": code, "message": &one.said()[4..], "description": "" });
        }
        Happened::Deferred => {
            event["severity"] = "temporary".into();
            event["reason"] = "generic".into();
            event["delivery-status"] = json!({ "code": 451, "message": &one.said()[4..] });
        }
        Happened::Delivered => event["delivery-status"] = json!({ "code": 250, "message": "OK" }),
        Happened::Opened | Happened::MachineOpened | Happened::Clicked => {
            let bot = if one.kind == Happened::MachineOpened { "apple" } else { "" };
            event["client-info"] = json!({ "user-agent": one.user_agent(), "bot": bot });
            event["ip"] = "192.0.2.7".into();
            if one.kind == Happened::Clicked {
                event["url"] = "https://example.com/".into();
            }
        }
        _ => {}
    }
    event
}

const fn name(kind: Happened) -> &'static str {
    match kind {
        Happened::Sent => "accepted",
        Happened::Delivered => "delivered",
        Happened::Deferred | Happened::HardBounce | Happened::SoftBounce | Happened::Listed => "failed",
        Happened::Complained => "complained",
        Happened::Opened | Happened::MachineOpened => "opened",
        Happened::Clicked => "clicked",
        Happened::Unsubscribed => "unsubscribed",
    }
}
