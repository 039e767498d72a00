//! What SendGrid calls back.

use serde_json::{Value, json};

use super::super::calls::{Happened, Happening};

pub(super) fn report(one: &Happening) -> Value {
    let mut event = json!({
        "email": one.recipient,
        "timestamp": one.at.as_secs(),
        "event": name(one.kind),
        "sg_event_id": format!("event-{}", one.number),
        "sg_message_id": format!("{}.recvd-emulator-0", one.id),
        "category": one.message.tags,
    });
    for (key, value) in &one.message.metadata {
        // The event's own names are stronger.
        if event.get(key).is_none() {
            event[key] = value.as_str().into();
        }
    }
    match one.kind {
        Happened::HardBounce | Happened::SoftBounce => {
            let hard = one.kind == Happened::HardBounce;
            event["type"] = if hard { "bounce" } else { "blocked" }.into();
            event["status"] = one.said()[4..9].into();
            event["reason"] = one.said().into();
        }
        Happened::Delivered | Happened::Deferred => event["response"] = one.said().into(),
        Happened::Listed => event["reason"] = "Bounced Address".into(),
        Happened::Opened | Happened::MachineOpened | Happened::Clicked => {
            event["useragent"] = one.user_agent().into();
            event["ip"] = "192.0.2.7".into();
            event["sg_machine_open"] = (one.kind == Happened::MachineOpened).into();
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
        Happened::Sent => "processed",
        Happened::Delivered => "delivered",
        Happened::Deferred => "deferred",
        Happened::HardBounce | Happened::SoftBounce => "bounce",
        Happened::Complained => "spamreport",
        Happened::Opened | Happened::MachineOpened => "open",
        Happened::Clicked => "click",
        Happened::Unsubscribed => "unsubscribe",
        Happened::Listed => "dropped",
    }
}
