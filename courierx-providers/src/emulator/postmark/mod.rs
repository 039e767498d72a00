//! Postmark, emulated.

mod calls;
mod message;
mod search;
mod webhooks;

use std::sync::Arc;

use axum::http::Method;
use serde_json::{Value, json};

use super::calls::{CallbackKeys, Happening, Listener};
use super::vendor::{ApiAnswer, ApiRequest, Vendor};
use super::webhooks::Webhooks;
use super::{Emulator, EmulatorBuilder, Fault};
use message::{Message, Taken, accept};
use search::Outbound;

/// Messages of one batch, and their bytes.
const MAX_BATCH: usize = 500;
const MAX_BATCH_BYTES: usize = 50 * 1024 * 1024;
/// The token with which messages are checked, and none is taken.
const TEST_TOKEN: &str = "POSTMARK_API_TEST";

impl Emulator {
    /// Postmark, with one server that has this token. `POSTMARK_API_TEST` is a token too: with it, nothing is taken.
    pub fn postmark(server_token: impl Into<String>) -> EmulatorBuilder {
        EmulatorBuilder::new(Postmark::new(server_token.into(), "Live"))
    }

    /// The same, with a server that takes messages and delivers none: what Postmark calls a sandbox.
    pub fn postmark_sandbox(server_token: impl Into<String>) -> EmulatorBuilder {
        EmulatorBuilder::new(Postmark::new(server_token.into(), "Sandbox"))
    }
}

struct Postmark {
    token: String,
    delivery_type: &'static str,
    outbound: Outbound,
    webhooks: Webhooks,
}

/// An error: the vendor's code and words. Nearly all have the status 422.
struct Mistake(i64, String);

fn mistake<T>(code: i64, message: impl Into<String>) -> Result<T, Mistake> {
    Err(Mistake(code, message.into()))
}

fn error(status: u16, code: i64, message: &str) -> ApiAnswer {
    ApiAnswer::json(status, &json!({ "ErrorCode": code, "Message": message }))
}

impl Vendor for Postmark {
    fn answer(&self, request: &ApiRequest) -> ApiAnswer {
        let test = match request.header("x-postmark-server-token") {
            Some(token) if token == self.token => false,
            Some(TEST_TOKEN) => true,
            Some(_) => return error(401, 10, "Request does not contain a valid Server token."),
            None => {
                return error(401, 10, "No Account or Server API tokens were supplied in the HTTP headers.");
            }
        };
        match (&request.method, request.path.as_str()) {
            (&Method::POST, "/email") => self.send(request, test),
            (&Method::POST, "/email/batch") => self.send_batch(request, test),
            // It belongs to no server.
            _ if test => error(401, 10, "Request does not contain a valid Server token."),
            (&Method::GET, "/server") => self.server(),
            (&Method::GET, "/messages/outbound") => self.outbound.search(&request.query),
            (_, "/webhooks") => webhooks::answer(&self.webhooks, request, None),
            (_, path) => match path.strip_prefix("/webhooks/") {
                Some(id) => webhooks::answer(&self.webhooks, request, Some(id)),
                None => error(404, 404, "Not found"),
            },
        }
    }

    fn report(&self, happened: &Happening) -> Option<Value> {
        calls::report(happened)
    }

    fn listeners(&self) -> Vec<Listener> {
        self.webhooks.listeners("Url", |_, webhook| {
            let text = |key: &str| webhook["HttpAuth"][key].as_str();
            Some(Arc::new(CallbackKeys::postmark(text("Username")?, text("Password")?)))
        })
    }

    fn fault(&self, fault: Fault) -> Option<ApiAnswer> {
        Some(match fault {
            Fault::Throttled | Fault::ThrottledWithoutTime => error(429, 429, "Rate limit exceeded"),
            Fault::Quota => error(422, 405, "Not allowed to send: you ran out of credits"),
            Fault::Suspended => error(422, 413, "Account may not send"),
            Fault::Unverified => {
                error(422, 400, "The 'From' address is not a Sender Signature on your account")
            }
            Fault::Unauthorized => error(401, 10, "Request does not contain a valid Server token."),
            Fault::Typed500 => error(500, 500, "Internal error"),
            Fault::Typed503 => error(503, 100, "Maintenance"),
            _ => return None,
        })
    }

    fn forget(&self) {
        self.outbound.forget();
    }
}

impl Postmark {
    fn new(token: String, delivery_type: &'static str) -> Self {
        Self { token, delivery_type, outbound: Outbound::default(), webhooks: Webhooks::default() }
    }

    fn send(&self, request: &ApiRequest, test: bool) -> ApiAnswer {
        let message = match parse::<Message>(request) {
            Ok(message) => message,
            Err((status, Mistake(code, message))) => return error(status, code, &message),
        };
        match accept(message, request.body.len()) {
            Ok(taken) => {
                let reply = taken.reply.clone();
                self.take(vec![taken], &reply, test)
            }
            Err(Mistake(code, message)) => error(422, code, &message),
        }
    }

    fn send_batch(&self, request: &ApiRequest, test: bool) -> ApiAnswer {
        if request.body.len() > MAX_BATCH_BYTES {
            return error(413, 0, "Payload too large");
        }
        let messages = match parse::<Vec<Value>>(request) {
            Ok(messages) => messages,
            Err((status, Mistake(code, message))) => return error(status, code, &message),
        };
        if messages.len() > MAX_BATCH {
            return error(422, 410, "Too many batch messages");
        }
        let mut taken = Vec::new();
        let mut replies = Vec::new();
        for message in messages {
            let bytes = message.to_string().len();
            let message = match serde_json::from_value(message) {
                Ok(message) => message,
                // What is no message at all spoils the whole request.
                Err(problem) => return error(422, 403, &problem.to_string()),
            };
            replies.push(match accept(message, bytes) {
                Ok(one) => {
                    let reply = one.reply.clone();
                    taken.push(one);
                    reply
                }
                Err(Mistake(code, message)) => json!({ "ErrorCode": code, "Message": message }),
            });
        }
        self.take(taken, &Value::Array(replies), test)
    }

    /// Answers, and takes responsibility unless it is a test.
    fn take(&self, taken: Vec<Taken>, reply: &Value, test: bool) -> ApiAnswer {
        if test {
            return ApiAnswer::json(200, reply);
        }
        self.outbound.keep(&taken);
        let ids: Vec<_> =
            taken.iter().filter_map(|one| one.reply["MessageID"].as_str().map(str::to_owned)).collect();
        ApiAnswer::json(200, reply).taking(taken.into_iter().map(|one| one.received)).under(ids)
    }

    fn server(&self) -> ApiAnswer {
        ApiAnswer::json(
            200,
            &json!({
                "ID": 1,
                "Name": "Emulator",
                "ApiTokens": [self.token],
                "SmtpApiActivated": true,
                "DeliveryType": self.delivery_type,
                "TrackOpens": false,
                "TrackLinks": "None",
            }),
        )
    }
}

fn parse<T: serde::de::DeserializeOwned>(request: &ApiRequest) -> Result<T, (u16, Mistake)> {
    if !request.header("content-type").is_some_and(|kind| kind.starts_with("application/json")) {
        return Err((415, Mistake(0, "Unsupported Media Type".to_owned())));
    }
    serde_json::from_slice(&request.body).map_err(|problem| {
        let code = if problem.is_data() { 403 } else { 402 };
        (422, Mistake(code, format!("Invalid JSON: {problem}")))
    })
}
