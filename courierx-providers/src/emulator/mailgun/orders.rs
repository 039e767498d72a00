//! Headers that are orders to Mailgun. It obeys them, whoever wrote them, and readers never see them.
//!
//! <https://documentation.mailgun.com/docs/mailgun/user-manual/sending-messages/send-smtp>

use serde_json::{Map, Value};

use super::Taken;

/// Obeys the orders among the headers of a message: those that change what tests look at.
pub(super) fn obey(taken: &mut Taken) {
    let mut dropped = false;
    for message in &mut taken.messages {
        let (orders, headers) = std::mem::take(&mut message.headers)
            .into_iter()
            .partition(|(name, _)| name.to_ascii_lowercase().starts_with("x-mailgun-"));
        message.headers = headers;
        let orders: Vec<(String, String)> = orders;
        for (name, value) in orders {
            match name.to_ascii_lowercase().as_str() {
                "x-mailgun-drop-message" => dropped |= value.trim().eq_ignore_ascii_case("yes"),
                "x-mailgun-tag" => message.tags.push(value),
                "x-mailgun-variables" => {
                    let variables: Map<String, Value> = serde_json::from_str(&value).unwrap_or_default();
                    message.metadata.extend(variables.into_iter().map(|(key, value)| match value {
                        Value::String(text) => (key, text),
                        other => (key, other.to_string()),
                    }));
                    message.delivery = message.metadata.get("courierx_delivery").cloned();
                }
                _ => {}
            }
        }
    }
    if dropped {
        taken.messages.clear();
    }
}
