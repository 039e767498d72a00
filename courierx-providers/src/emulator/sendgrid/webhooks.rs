//! SendGrid's Event Webhooks.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::http::Method;
use courierx_core::clock::Timestamp;
use courierx_core::provider::Callback;
use serde_json::{Value, json};
use uuid::Uuid;

use super::super::calls::{CallbackKeys, Listener};
use super::super::vendor::{ApiAnswer, ApiRequest};
use super::super::webhooks::{is_url, over};
use super::SendGrid;
use super::error;

/// The keys of webhooks whose callbacks are signed, by the public halves that are shown.
pub(super) type Keys = Mutex<HashMap<String, Arc<CallbackKeys>>>;

fn kept(keys: &Keys) -> MutexGuard<'_, HashMap<String, Arc<CallbackKeys>>> {
    keys.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(super) fn listeners(account: &SendGrid) -> Vec<Listener> {
    let keys = kept(&account.keys);
    let of = |_: &str, webhook: &Value| {
        let key = webhook["public_key"].as_str().filter(|_| webhook["enabled"] == true)?;
        keys.get(key).cloned()
    };
    account.webhooks.listeners("url", of)
}

/// Takes note that a webhook is to be told of events that did not happen.
pub(super) fn try_out(account: &SendGrid, request: &ApiRequest) -> ApiAnswer {
    let asked = serde_json::from_slice::<Value>(&request.body).unwrap_or_default();
    let id = asked["id"].as_str().unwrap_or_default();
    if !is_url(&asked["url"]) || account.webhooks.find(id).is_none_or(|one| one["url"] != asked["url"]) {
        return error(400, "the url is missing or invalid");
    }
    account.tried.lock().unwrap_or_else(PoisonError::into_inner).push(id.to_owned());
    ApiAnswer::empty(204)
}

/// What is told where it was asked to try that out.
pub(super) fn trials(account: &SendGrid, now: Timestamp) -> Vec<(String, Callback)> {
    let tried = std::mem::take(&mut *account.tried.lock().unwrap_or_else(PoisonError::into_inner));
    let listeners = listeners(account);
    let event = json!({
        "email": "example@test.com", "timestamp": now.as_secs(), "event": "processed",
        "category": ["cat facts"], "sg_event_id": Uuid::new_v4(), "sg_message_id": "14c5d75ce93.dfd.64b469",
    });
    let told = listeners.iter().filter(|one| tried.contains(&one.name)).flat_map(|one| {
        let calls = one.keys.sign(vec![event.clone()], now);
        calls.into_iter().map(|call| (one.url.clone(), call))
    });
    told.collect()
}

/// Makes a key, and tells its public half.
fn make_key(keys: &Keys) -> String {
    let made = CallbackKeys::sendgrid().ok().and_then(|made| Some((made.verification_key()?, made)));
    let Some((public, made)) = made else { return String::new() };
    kept(keys).insert(public.clone(), Arc::new(made));
    public
}

pub(super) fn answer(account: &SendGrid, request: &ApiRequest, path: &[&str]) -> ApiAnswer {
    let webhooks = &account.webhooks;
    let (id, signed) = match path {
        [] if request.method == Method::POST => {
            return match checked(request) {
                Some(asked) => {
                    let id = Uuid::new_v4().to_string();
                    let made = over(json!({ "id": id, "enabled": true }), &asked);
                    webhooks.keep(&id, made.clone());
                    ApiAnswer::json(201, &shown(made))
                }
                None => error(400, "the url is missing or invalid"),
            };
        }
        ["all"] if request.method == Method::GET => {
            let all: Vec<_> = webhooks.all().into_iter().map(shown).collect();
            return ApiAnswer::json(200, &json!({ "max_allowed": 5, "webhooks": all }));
        }
        ["signed", id] => (*id, true),
        [id] => (*id, false),
        _ => return error(404, "not found"),
    };
    let Some(found) = webhooks.find(id) else { return error(404, "webhook not found") };
    match (&request.method, signed) {
        (&Method::GET, true) => key(&found),
        (&Method::PATCH, true) => {
            let mut changed = found;
            // It keeps the key that it has.
            if changed["public_key"].is_null() {
                changed["public_key"] = make_key(&account.keys).into();
            }
            webhooks.keep(id, changed.clone());
            key(&changed)
        }
        (&Method::GET, false) => ApiAnswer::json(200, &shown(found)),
        (&Method::PATCH, false) => match checked(request) {
            Some(asked) => {
                let changed = over(found, &asked);
                webhooks.keep(id, changed.clone());
                ApiAnswer::json(200, &shown(changed))
            }
            None => error(400, "the url is missing or invalid"),
        },
        (&Method::DELETE, false) => {
            webhooks.remove(id);
            ApiAnswer::empty(204)
        }
        _ => error(405, "method not allowed"),
    }
}

fn key(webhook: &Value) -> ApiAnswer {
    ApiAnswer::json(
        200,
        &json!({ "id": webhook["id"], "public_key": webhook["public_key"].as_str().unwrap_or("") }),
    )
}

fn shown(mut webhook: Value) -> Value {
    webhook.as_object_mut().map(|webhook| webhook.remove("public_key"));
    webhook
}

/// What was asked for, if it can be.
fn checked(request: &ApiRequest) -> Option<Value> {
    let asked = serde_json::from_slice::<Value>(&request.body).ok()?;
    (asked.is_object() && is_url(&asked["url"])).then_some(asked)
}
