//! SendGrid, emulated.

mod calls;
mod check;
mod message;
mod read;
mod webhooks;

use std::sync::Mutex;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::http::Method;
use courierx_core::clock::Timestamp;
use courierx_core::provider::Callback;
use serde_json::{Value, json};
use uuid::Uuid;

use self::check::Mistake;
use self::message::Message;
use super::calls::{Happening, Listener};
use super::vendor::{ApiAnswer, ApiRequest, Vendor};
use super::webhooks::Webhooks;
use super::{Emulator, EmulatorBuilder, Fault};

/// Bytes of one request.
const MAX_BYTES: usize = 30_000_000;

impl Emulator {
    /// SendGrid, with one account that has this API key. A request with several personalizations is several messages.
    ///
    /// It is stricter than SendGrid where that accepts a request and then drops or spoils the message: the name of a
    /// recipient that splits the list of addresses, and the sender's name or a header's value beyond ASCII. Every IP
    /// pool exists but `unknown`, and every unsubscribe group but 404.
    pub fn sendgrid(api_key: impl Into<String>) -> EmulatorBuilder {
        let (webhooks, keys, tried) = Default::default();
        EmulatorBuilder::new(SendGrid { api_key: api_key.into(), webhooks, keys, tried })
    }
}

struct SendGrid {
    api_key: String,
    webhooks: Webhooks,
    keys: webhooks::Keys,
    /// Identifiers of webhooks that are to be tried out.
    tried: Mutex<Vec<String>>,
}

fn errors(status: u16, mistakes: &[Mistake]) -> ApiAnswer {
    let each: Vec<Value> = mistakes
        .iter()
        .map(|Mistake { field, message }| json!({ "message": message, "field": field, "help": null }))
        .collect();
    ApiAnswer::json(status, &json!({ "errors": each }))
}

fn error(status: u16, message: &str) -> ApiAnswer {
    errors(status, &[Mistake { field: None, message: message.to_owned() }])
}

fn throttled() -> ApiAnswer {
    error(429, "too many requests")
}

impl Vendor for SendGrid {
    fn answer(&self, request: &ApiRequest) -> ApiAnswer {
        match request.header("authorization").and_then(|value| value.strip_prefix("Bearer ")) {
            Some(key) if key == self.api_key => {}
            Some(_) => return error(401, "The provided authorization grant is invalid, expired, or revoked"),
            None => return error(401, "authorization required"),
        }
        match (&request.method, request.path.as_str()) {
            (&Method::POST, "/v3/mail/send") => send(request),
            (&Method::GET, "/v3/scopes") => {
                ApiAnswer::json(200, &json!({ "scopes": ["mail.send", "stats.read"] }))
            }
            (&Method::POST, "/v3/user/webhooks/event/test") => webhooks::try_out(self, request),
            (_, "/v3/mail/send" | "/v3/scopes") => error(405, "method not allowed"),
            (_, path) => match path.strip_prefix("/v3/user/webhooks/event/settings") {
                Some(rest) => {
                    let parts: Vec<_> = rest.split('/').filter(|part| !part.is_empty()).collect();
                    webhooks::answer(self, request, &parts)
                }
                None => error(404, "not found"),
            },
        }
    }

    fn report(&self, happened: &Happening) -> Option<Value> {
        Some(calls::report(happened))
    }

    fn listeners(&self) -> Vec<Listener> {
        webhooks::listeners(self)
    }

    fn greetings(&self, now: Timestamp) -> Vec<(String, Callback)> {
        webhooks::trials(self, now)
    }

    fn fault(&self, fault: Fault) -> Option<ApiAnswer> {
        Some(match fault {
            Fault::Throttled => {
                // The second that has begun is not over: with it, seven whole ones are left.
                let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs() + 1;
                throttled()
                    .header("x-ratelimit-limit", "600")
                    .header("x-ratelimit-remaining", "0")
                    .header("x-ratelimit-reset", &(now + 7).to_string())
            }
            Fault::ThrottledWithoutTime => throttled(),
            Fault::Quota => error(401, "Maximum credits exceeded"),
            Fault::Suspended => error(403, "This account is suspended"),
            Fault::Unverified => {
                let message = "The from address does not match a verified Sender Identity.".to_owned();
                errors(403, &[Mistake { field: Some("from".to_owned()), message }])
            }
            Fault::Unauthorized => {
                error(401, "The provided authorization grant is invalid, expired, or revoked")
            }
            Fault::Typed500 => error(500, "internal server error"),
            Fault::Typed503 => error(503, "service unavailable"),
            _ => return None,
        })
    }
}

fn send(request: &ApiRequest) -> ApiAnswer {
    if !request.header("content-type").is_some_and(|kind| kind.starts_with("application/json")) {
        return error(415, "unsupported media type");
    }
    if request.body.len() >= MAX_BYTES {
        return error(413, "content too large");
    }
    // It does not tell what is wrong with a body that does not have the form.
    let Ok(message) = serde_json::from_slice::<Message>(&request.body) else {
        return error(400, "Bad Request");
    };
    let mistakes = check::mistakes(&message);
    if !mistakes.is_empty() {
        return errors(400, &mistakes);
    }
    if message.mail_settings.sandbox_mode.as_ref().is_some_and(|mode| mode.enable) {
        return ApiAnswer::empty(200);
    }
    let id = Uuid::new_v4().simple().to_string();
    ApiAnswer::empty(202).header("x-message-id", &id).taking(read::messages(&message)).under([id])
}
