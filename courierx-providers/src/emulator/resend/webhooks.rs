//! Resend's webhooks.

use axum::http::Method;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use uuid::Uuid;

use super::super::vendor::{ApiAnswer, ApiRequest};
use super::super::webhooks::{Webhooks, is_url, over};
use super::{Mistake, limits, mistake};

/// What can be told of.
const EVENTS: [&str; 11] = [
    "email.sent",
    "email.delivered",
    "email.delivery_delayed",
    "email.bounced",
    "email.complained",
    "email.opened",
    "email.clicked",
    "email.failed",
    "email.scheduled",
    "email.suppressed",
    "email.received",
];

pub(super) fn answer(
    webhooks: &Webhooks,
    request: &ApiRequest,
    id: Option<&str>,
) -> Result<ApiAnswer, Mistake> {
    let ok = |body: &Value| Ok(limits(ApiAnswer::json(200, body), "1"));
    let found = match id {
        Some(id) => match webhooks.find(id) {
            Some(found) => Some(found),
            None => return mistake(404, "not_found", "Webhook not found"),
        },
        None => None,
    };
    match (&request.method, found) {
        (&Method::POST, None) => {
            let id = Uuid::new_v4().to_string();
            let secret = format!("whsec_{}", STANDARD.encode([*Uuid::new_v4().as_bytes(); 2].concat()));
            let asked = checked(request, true)?;
            let made =
                json!({ "object": "webhook", "id": id, "status": "enabled", "signing_secret": secret });
            webhooks.keep(&id, over(made, &asked));
            ok(&json!({ "object": "webhook", "id": id, "signing_secret": secret }))
        }
        (&Method::GET, None) => {
            let mut all = webhooks.all();
            for one in &mut all {
                one.as_object_mut().map(|one| one.remove("signing_secret"));
            }
            ok(&json!({ "object": "list", "has_more": false, "data": all }))
        }
        (&Method::GET, Some(found)) => ok(&found),
        (&Method::PATCH, Some(found)) => {
            let id = found["id"].as_str().unwrap_or_default().to_owned();
            webhooks.keep(&id, over(found, &checked(request, false)?));
            ok(&json!({ "object": "webhook", "id": id }))
        }
        (&Method::DELETE, Some(found)) => {
            webhooks.remove(found["id"].as_str().unwrap_or_default());
            ok(&json!({ "object": "webhook", "id": found["id"], "deleted": true }))
        }
        _ => mistake(405, "method_not_allowed", "This method is not allowed for the path."),
    }
}

fn checked(request: &ApiRequest, whole: bool) -> Result<Value, Mistake> {
    let Ok(Value::Object(fields)) = serde_json::from_slice::<Value>(&request.body) else {
        return mistake(400, "validation_error", "The body is no JSON.");
    };
    let known = |name: &String| ["endpoint", "events", "status"].contains(&name.as_str());
    if let Some(name) = fields.keys().find(|name| !known(name)) {
        return mistake(422, "validation_error", format!("{name} is unknown."));
    }
    if whole && (!fields.contains_key("endpoint") || !fields.contains_key("events")) {
        return mistake(422, "missing_required_field", "endpoint and events are required.");
    }
    if fields.get("endpoint").is_some_and(|url| !is_url(url)) {
        return mistake(422, "validation_error", "The endpoint is no URL.");
    }
    let events = fields.get("events").map(|events| events.as_array().cloned().unwrap_or_default());
    let is_event = |event: &Value| event.as_str().is_some_and(|event| EVENTS.contains(&event));
    if events.is_some_and(|events| events.is_empty() || !events.iter().all(is_event)) {
        return mistake(422, "validation_error", "The events are unknown.");
    }
    Ok(Value::Object(fields))
}
