//! Mailgun, emulated.

mod accept;
mod calls;
mod events;
mod form;
mod orders;
mod raw;
mod webhooks;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use axum::http::Method;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use courierx_core::provider::conformance::{Person, Received};
use serde_json::{Value, json};

use super::calls::{CallbackKeys, Happening, Listener};
use super::vendor::{ApiAnswer, ApiRequest, Vendor};
use super::webhooks::Webhooks;
use super::{Emulator, EmulatorBuilder, Fault};
use events::Events;
use form::Form;

/// The account's signing key.
const SIGNING_KEY: &str = "emulated-http-webhook-signing-key";
/// Bytes of one request: 52.4 MiB.
const MAX_REQUEST: usize = 54_945_382;

impl Emulator {
    /// Mailgun, with one sending domain and a key of the account.
    pub fn mailgun(api_key: impl Into<String>, domain: impl Into<String>) -> EmulatorBuilder {
        EmulatorBuilder::new(Mailgun::new(&api_key.into(), domain.into(), false))
    }

    /// Mailgun, with one sending domain and a key that can do nothing but send there.
    pub fn mailgun_with_sending_key(key: impl Into<String>, domain: impl Into<String>) -> EmulatorBuilder {
        EmulatorBuilder::new(Mailgun::new(&key.into(), domain.into(), true))
    }
}

struct Mailgun {
    authorization: String,
    domain: String,
    only_sends: bool,
    ids: AtomicU64,
    events: Mutex<Events>,
    webhooks: Webhooks,
}

/// What Mailgun took: a message for each of those who see themselves alone, or one for all.
struct Taken {
    id: String,
    messages: Vec<Received>,
    /// Whom it is for, if that is not what the messages say.
    envelope: Option<Vec<Person>>,
    test_mode: bool,
}

/// An error: a status and a sentence.
struct Mistake(u16, String);

fn mistake<T>(message: impl Into<String>) -> Result<T, Mistake> {
    Err(Mistake(400, message.into()))
}

fn error(status: u16, message: &str) -> ApiAnswer {
    ApiAnswer::json(status, &json!({ "message": message }))
}

fn forbidden() -> ApiAnswer {
    ApiAnswer::text(401, "text/plain", "Forbidden")
}

/// What stands at every path that Mailgun does not know.
fn magnificent() -> ApiAnswer {
    ApiAnswer::text(200, "text/html; charset=utf-8", "Mailgun Magnificent API")
}

impl Mailgun {
    fn new(key: &str, domain: String, only_sends: bool) -> Self {
        let authorization = format!("Basic {}", STANDARD.encode(format!("api:{key}")));
        Self {
            authorization,
            domain,
            only_sends,
            ids: AtomicU64::new(1),
            events: Mutex::default(),
            webhooks: Webhooks::default(),
        }
    }

    fn send(&self, request: &ApiRequest, raw: bool) -> ApiAnswer {
        if request.body.len() > MAX_REQUEST {
            return error(413, "request size exceeds 52.4MiB limit");
        }
        let number = self.ids.fetch_add(1, Ordering::Relaxed);
        let id = format!("<20260102030405.{number}@{}>", self.domain);
        let taken = Form::read(request)
            .and_then(|form| if raw { raw::accept(&form, id) } else { accept::accept(form, id) });
        match taken {
            Ok(mut taken) => {
                orders::obey(&mut taken);
                self.events.lock().unwrap_or_else(PoisonError::into_inner).record(&taken);
                ApiAnswer::json(200, &json!({ "id": taken.id, "message": "Queued. Thank you." }))
                    .taking(taken.messages)
                    .under([taken.id])
            }
            Err(Mistake(status, message)) => error(status, &message),
        }
    }

    fn domain(&self) -> ApiAnswer {
        ApiAnswer::json(
            200,
            &json!({
                "domain": {
                    "name": self.domain, "state": "active", "type": "custom", "is_disabled": false,
                    "smtp_login": format!("postmaster@{}", self.domain),
                },
                "sending_dns_records": [],
                "receiving_dns_records": [],
            }),
        )
    }

    fn not_allowed(&self, status: u16, why: &str) -> ApiAnswer {
        error(status, &format!("Domain {} is not allowed to send: {why}", self.domain))
    }
}

impl Vendor for Mailgun {
    fn answer(&self, request: &ApiRequest) -> ApiAnswer {
        let segments: Vec<_> = request.path.trim_start_matches('/').split('/').collect();
        let (domain, what) = match segments.as_slice() {
            ["v3", domain, what @ ("messages" | "messages.mime" | "events")] => (*domain, *what),
            ["v3" | "v4", "domains", domain] => (*domain, "domain"),
            ["v3" | "v4", "domains", domain, "webhooks"] => (*domain, "webhooks"),
            // The account's, whatever the domain.
            ["v5", "accounts", "http_signing_key"] => (self.domain.as_str(), "signing key"),
            _ => return magnificent(),
        };
        if request.header("authorization") != Some(self.authorization.as_str()) {
            return forbidden();
        }
        if self.only_sends && !what.starts_with("messages") {
            return forbidden();
        }
        if domain != self.domain {
            return error(404, &format!("Domain not found: {domain}"));
        }
        match (&request.method, what) {
            (&Method::POST, "messages") => self.send(request, false),
            (&Method::POST, "messages.mime") => self.send(request, true),
            (&Method::GET, "domain") => self.domain(),
            (&Method::GET, "events") => {
                self.events.lock().unwrap_or_else(PoisonError::into_inner).find(&request.query)
            }
            (_, "webhooks") => webhooks::answer(&self.webhooks, request, segments[0]),
            (&Method::GET, "signing key") => {
                let message = json!({ "message": "success", "http_signing_key": SIGNING_KEY });
                ApiAnswer::json(200, &message)
            }
            _ => error(405, "Method not allowed"),
        }
    }

    fn report(&self, happened: &Happening) -> Option<Value> {
        Some(calls::report(happened))
    }

    fn listeners(&self) -> Vec<Listener> {
        let keys = Arc::new(CallbackKeys::mailgun(SIGNING_KEY));
        self.webhooks.listeners("url", |_, _| Some(Arc::clone(&keys)))
    }

    fn fault(&self, fault: Fault) -> Option<ApiAnswer> {
        Some(match fault {
            Fault::Throttled => self.not_allowed(429, "request limit exceeded, try again after 7 seconds"),
            Fault::ThrottledWithoutTime => error(429, "request limit exceeded"),
            Fault::Quota => error(402, "the credits of the account are used up"),
            Fault::Suspended => self.not_allowed(400, "the account is disabled, contact support"),
            Fault::Unverified => {
                self.not_allowed(400, "The domain is unverified and requires DNS configuration.")
            }
            Fault::Unauthorized => forbidden(),
            Fault::Typed500 => error(500, "Internal Server Error"),
            Fault::Typed503 => error(503, "Service Unavailable"),
            _ => return None,
        })
    }
}
