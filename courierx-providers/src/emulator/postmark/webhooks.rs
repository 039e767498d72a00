//! Postmark's webhooks.

use std::sync::atomic::{AtomicU64, Ordering};

use axum::http::Method;
use serde_json::{Value, json};

use super::super::vendor::{ApiAnswer, ApiRequest};
use super::super::webhooks::{Webhooks, is_url, over};
use super::error;

/// The number of the next webhook: no two accounts have one of the same.
static NEXT: AtomicU64 = AtomicU64::new(1_234_567);

pub(super) fn answer(webhooks: &Webhooks, request: &ApiRequest, id: Option<&str>) -> ApiAnswer {
    let found = match id.map(|id| (id, webhooks.find(id))) {
        Some((_, None)) => return error(422, 701, "This webhook was not found."),
        Some((_, found)) => found,
        None => None,
    };
    match (&request.method, found) {
        (&Method::GET, None) => {
            let stream = url::form_urlencoded::parse(request.query.as_bytes())
                .find_map(|(name, value)| (name == "MessageStream").then(|| value.into_owned()));
            let mut all = webhooks.all();
            all.retain(|one| stream.as_ref().is_none_or(|stream| one["MessageStream"] == stream.as_str()));
            ApiAnswer::json(200, &json!({ "Webhooks": all }))
        }
        (&Method::POST, None) => match checked(request) {
            Some(asked) => {
                let id = NEXT.fetch_add(1, Ordering::Relaxed);
                let made =
                    json!({ "ID": id, "MessageStream": "outbound", "HttpAuth": null, "HttpHeaders": [] });
                keep(webhooks, &over(made, &asked))
            }
            None => error(422, 403, "Url is missing or no URL, or a field is unknown."),
        },
        (&Method::GET, Some(found)) => ApiAnswer::json(200, &found),
        (&Method::PUT, Some(found)) => match checked(request) {
            Some(asked) => keep(webhooks, &over(found, &asked)),
            None => error(422, 403, "Url is missing or no URL, or a field is unknown."),
        },
        (&Method::DELETE, Some(found)) => {
            webhooks.remove(&found["ID"].to_string());
            error(200, 0, &format!("Webhook {} removed.", found["ID"]))
        }
        _ => error(404, 404, "Not found"),
    }
}

fn keep(webhooks: &Webhooks, webhook: &Value) -> ApiAnswer {
    webhooks.keep(&webhook["ID"].to_string(), webhook.clone());
    ApiAnswer::json(200, webhook)
}

/// What was asked for, if it can be.
fn checked(request: &ApiRequest) -> Option<Value> {
    let asked = serde_json::from_slice::<Value>(&request.body).ok()?;
    let known = ["Url", "MessageStream", "HttpAuth", "HttpHeaders", "Triggers"];
    let is_known = asked.as_object()?.keys().all(|name| known.contains(&name.as_str()));
    (is_known && is_url(&asked["Url"])).then_some(asked)
}
