//! Resend, emulated.

mod calls;
mod message;
mod repeats;
mod webhooks;

use std::sync::Arc;

use axum::http::Method;
use courierx_core::provider::conformance::Received;
use serde_json::{Value, json};
use uuid::Uuid;

use super::calls::{CallbackKeys, Happening, Listener};
use super::vendor::{ApiAnswer, ApiRequest, Vendor};
use super::webhooks::Webhooks;
use super::{Emulator, EmulatorBuilder, Fault};
use message::{Message, accept};
use repeats::Repeats;

/// Messages of one batch.
const MAX_BATCH: usize = 100;
/// Bytes of one message, attachments in base64.
const MAX_BYTES: usize = 40 * 1024 * 1024;

impl Emulator {
    /// Resend, with one account that has this API key and may send from every domain.
    ///
    /// A request with an idempotency key that was used before is answered as it was, and nothing is taken again.
    pub fn resend(api_key: impl Into<String>) -> EmulatorBuilder {
        EmulatorBuilder::new(Resend {
            key: api_key.into(),
            sends_only: false,
            repeats: Repeats::default(),
            webhooks: Webhooks::default(),
        })
    }

    /// The same, with a key that may only send: it can look at nothing.
    pub fn resend_sending_only(api_key: impl Into<String>) -> EmulatorBuilder {
        EmulatorBuilder::new(Resend {
            key: api_key.into(),
            sends_only: true,
            repeats: Repeats::default(),
            webhooks: Webhooks::default(),
        })
    }
}

struct Resend {
    key: String,
    sends_only: bool,
    repeats: Repeats,
    webhooks: Webhooks,
}

/// An error of the vendor's: status, name and words.
struct Mistake(u16, &'static str, String);

fn mistake<T>(status: u16, name: &'static str, message: impl Into<String>) -> Result<T, Mistake> {
    Err(Mistake(status, name, message.into()))
}

impl From<Mistake> for ApiAnswer {
    fn from(Mistake(status, name, message): Mistake) -> Self {
        error(status, name, &message)
    }
}

fn error(status: u16, name: &str, message: &str) -> ApiAnswer {
    limits(ApiAnswer::json(status, &json!({ "statusCode": status, "message": message, "name": name })), "1")
}

/// Tells of the limit on requests, as every answer does.
fn limits(answer: ApiAnswer, remaining: &str) -> ApiAnswer {
    let answer = answer.header("ratelimit-limit", "2").header("ratelimit-remaining", remaining);
    answer.header("ratelimit-reset", "1").header("ratelimit-policy", "2;w=1")
}

impl Vendor for Resend {
    fn answer(&self, request: &ApiRequest) -> ApiAnswer {
        if request.header("user-agent").is_none_or(str::is_empty) {
            return ApiAnswer::text(403, "text/plain; charset=UTF-8", "error code: 1010");
        }
        self.route(request).unwrap_or_else(ApiAnswer::from)
    }

    fn report(&self, happened: &Happening) -> Option<Value> {
        calls::report(happened)
    }

    fn listeners(&self) -> Vec<Listener> {
        self.webhooks.listeners("endpoint", |_, webhook| {
            let secret = webhook["signing_secret"].as_str().filter(|_| webhook["status"] == "enabled")?;
            CallbackKeys::resend(secret).ok().map(Arc::new)
        })
    }

    fn fault(&self, fault: Fault) -> Option<ApiAnswer> {
        const TOO_FAST: &str = "Too many requests. You can make 2 requests per second.";
        Some(match fault {
            Fault::Throttled => {
                limits(error(429, "rate_limit_exceeded", TOO_FAST), "0").header("retry-after", "7")
            }
            Fault::ThrottledWithoutTime => ApiAnswer::json(
                429,
                &json!({ "statusCode": 429, "message": TOO_FAST, "name": "rate_limit_exceeded" }),
            ),
            Fault::Quota => error(429, "daily_quota_exceeded", "The daily quota of emails is used up."),
            Fault::Suspended => error(403, "suspended_api_key", "The API key is suspended."),
            Fault::Unverified => {
                error(403, "validation_error", "The example.com domain is not verified. Add and verify it.")
            }
            Fault::Unauthorized => error(403, "invalid_api_key", "API key is invalid."),
            Fault::Typed500 => error(500, "application_error", "Something unexpected happened."),
            Fault::Typed503 => error(503, "service_unavailable", "The API is unavailable for now."),
            // A suppressed recipient is told by an event alone.
            _ => return None,
        })
    }

    fn forget(&self) {
        self.repeats.forget();
    }
}

impl Resend {
    fn route(&self, request: &ApiRequest) -> Result<ApiAnswer, Mistake> {
        self.authorize(request)?;
        let path: Vec<&str> = request.path.split('/').skip(1).collect();
        match (&request.method, path.as_slice()) {
            (&Method::POST, ["emails"]) => self.once(request, || send(request)),
            (&Method::POST, ["emails", "batch"]) => self.once(request, || send_batch(request)),
            _ if self.sends_only => {
                mistake(401, "restricted_api_key", "This API key is restricted to only send emails.")
            }
            (&Method::GET, ["domains"]) => Ok(limits(domains(), "1")),
            (&Method::GET, ["emails", id]) => match self.repeats.find(id) {
                Some(email) => Ok(limits(ApiAnswer::json(200, &email), "1")),
                None => mistake(404, "not_found", "Email not found"),
            },
            (_, ["webhooks"]) => webhooks::answer(&self.webhooks, request, None),
            (_, ["webhooks", id]) => webhooks::answer(&self.webhooks, request, Some(id)),
            (_, ["emails" | "domains"] | ["emails", _]) => {
                mistake(405, "method_not_allowed", "This method is not allowed for the path.")
            }
            _ => mistake(404, "not_found", "The requested endpoint does not exist."),
        }
    }

    fn authorize(&self, request: &ApiRequest) -> Result<(), Mistake> {
        match request.header("authorization").and_then(|value| value.strip_prefix("Bearer ")) {
            Some(key) if key == self.key => Ok(()),
            Some(_) => mistake(403, "invalid_api_key", "API key is invalid."),
            None => mistake(401, "missing_api_key", "Missing API key in the authorization header."),
        }
    }

    /// Answers a request, or repeats the answer to an earlier one with the same key.
    fn once(
        &self,
        request: &ApiRequest,
        answer: impl FnOnce() -> Result<(Value, Vec<Received>), Mistake>,
    ) -> Result<ApiAnswer, Mistake> {
        let key = idempotency_key(request)?;
        if let Some(key) = key
            && let Some(earlier) = self.repeats.earlier(key, &request.body)?
        {
            return Ok(limits(ApiAnswer::json(200, &earlier), "1"));
        }
        let (reply, mut taken) = answer()?;
        self.repeats.keep(key, &request.body, &reply, &taken);
        for message in &mut taken {
            message.idempotency_key = key.map(str::to_owned);
        }
        let one = |reply: &Value| reply["id"].as_str().map(str::to_owned);
        let ids = match reply["data"].as_array() {
            Some(batch) => batch.iter().filter_map(one).collect::<Vec<_>>(),
            None => one(&reply).into_iter().collect(),
        };
        Ok(limits(ApiAnswer::json(200, &reply).taking(taken).under(ids), "1"))
    }
}

fn idempotency_key(request: &ApiRequest) -> Result<Option<&str>, Mistake> {
    if !request.headers.contains_key("idempotency-key") {
        return Ok(None);
    }
    match request.header("idempotency-key") {
        Some(key) if (1..=256).contains(&key.len()) => Ok(Some(key)),
        _ => mistake(400, "invalid_idempotency_key", "The key must be between 1-256 chars."),
    }
}

fn send(request: &ApiRequest) -> Result<(Value, Vec<Received>), Mistake> {
    if request.body.len() > MAX_BYTES {
        return mistake(413, "validation_error", "The email is too large.");
    }
    let received = accept(parse::<Message>(request)?)?;
    Ok((json!({ "id": Uuid::new_v4() }), vec![received]))
}

fn send_batch(request: &ApiRequest) -> Result<(Value, Vec<Received>), Mistake> {
    let permissive = match request.header("x-batch-validation") {
        None | Some("strict") => false,
        Some("permissive") => true,
        Some(_) => return mistake(422, "validation_error", "Unknown batch validation."),
    };
    let messages = parse::<Vec<Value>>(request)?;
    if !(1..=MAX_BATCH).contains(&messages.len()) {
        return mistake(422, "validation_error", "A batch has 1 to 100 emails.");
    }
    let (mut data, mut errors, mut taken) = (Vec::new(), Vec::new(), Vec::new());
    for (index, message) in messages.into_iter().enumerate() {
        match in_batch(message) {
            Ok(received) => {
                data.push(json!({ "id": Uuid::new_v4() }));
                taken.push(received);
            }
            Err(Mistake(.., message)) if permissive => {
                errors.push(json!({ "index": index, "message": message }));
            }
            Err(mistake) => return Err(mistake),
        }
    }
    let mut reply = json!({ "data": data });
    if permissive && !errors.is_empty() {
        reply["errors"] = errors.into();
    }
    Ok((reply, taken))
}

fn in_batch(message: Value) -> Result<Received, Mistake> {
    if message.get("attachments").is_some() || message.get("scheduled_at").is_some() {
        return mistake(422, "validation_error", "Attachments and schedules are not supported in a batch.");
    }
    accept(serde_json::from_value(message).map_err(|problem| unreadable(&problem))?)
}

fn parse<T: serde::de::DeserializeOwned>(request: &ApiRequest) -> Result<T, Mistake> {
    if !request.header("content-type").is_some_and(|kind| kind.starts_with("application/json")) {
        return mistake(400, "validation_error", "The body is no JSON.");
    }
    serde_json::from_slice(&request.body).map_err(|problem| unreadable(&problem))
}

fn unreadable(problem: &serde_json::Error) -> Mistake {
    Mistake(if problem.is_data() { 422 } else { 400 }, "validation_error", problem.to_string())
}

fn domains() -> ApiAnswer {
    let domain = json!({
        "id": "d91cd9bd-1176-453e-8fc1-35364d380206",
        "name": "example.com",
        "status": "verified",
        "created_at": "2026-01-02T03:04:05.000Z",
        "region": "us-east-1",
    });
    ApiAnswer::json(200, &json!({ "object": "list", "has_more": false, "data": [domain] }))
}
