//! Mailgun's webhooks: for each event the URLs that are told of it.

use axum::http::Method;
use serde_json::{Map, Value, json};

use super::super::vendor::{ApiAnswer, ApiRequest};
use super::super::webhooks::{Webhooks, is_url};
use super::error;

const EVENTS: [&str; 8] = [
    "accepted",
    "clicked",
    "opened",
    "unsubscribed",
    "delivered",
    "permanent_fail",
    "temporary_fail",
    "complained",
];

/// `webhooks` keeps for each URL the events that it is told of.
pub(super) fn answer(webhooks: &Webhooks, request: &ApiRequest, version: &str) -> ApiAnswer {
    match (version, &request.method) {
        ("v3", &Method::GET) => ApiAnswer::json(200, &json!({ "webhooks": by_event(webhooks) })),
        ("v4", &Method::POST | &Method::PUT) => {
            let form: Vec<_> = url::form_urlencoded::parse(&request.body).into_owned().collect();
            let of = |name: &str| -> Vec<String> {
                form.iter().filter(|(have, _)| have == name).map(|(_, value)| value.clone()).collect()
            };
            let (url, events) = (of("url").pop().unwrap_or_default(), of("event_types"));
            let known = events.iter().all(|event| EVENTS.contains(&event.as_str()));
            if !is_url(&url.as_str().into()) || events.is_empty() || !known {
                return error(400, "url or event_types are missing or invalid");
            }
            let there = webhooks.find(&url).is_some();
            if there != (request.method == Method::PUT) {
                return error(400, if there { "the url is there already" } else { "the url is not there" });
            }
            webhooks.keep(&url, json!({ "url": url, "events": events }));
            ApiAnswer::json(200, &json!({ "webhooks": by_event(webhooks) }))
        }
        ("v4", &Method::DELETE) => {
            let urls = url::form_urlencoded::parse(request.query.as_bytes());
            for (_, url) in urls.into_owned().filter(|(name, _)| name == "url") {
                webhooks.remove(&url);
            }
            ApiAnswer::json(200, &json!({ "webhooks": by_event(webhooks) }))
        }
        _ => error(405, "Method not allowed"),
    }
}

fn by_event(webhooks: &Webhooks) -> Value {
    let mut all = Map::new();
    for event in EVENTS {
        let told = |one: &Value| {
            one["events"].as_array().is_some_and(|events| events.iter().any(|have| have == event))
        };
        let urls: Vec<_> = webhooks.all().into_iter().filter(told).map(|one| one["url"].clone()).collect();
        if !urls.is_empty() {
            all.insert(event.to_owned(), json!({ "urls": urls }));
        }
    }
    Value::Object(all)
}
