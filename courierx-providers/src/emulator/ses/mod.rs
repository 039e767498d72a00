//! Amazon SES, emulated.

mod calls;
mod message;
mod raw;
mod sets;
mod signature;
mod simple;
mod sns;

use axum::http::Method;
use courierx_core::clock::{Clock as _, SystemClock, Timestamp};
use courierx_core::provider::Callback;
use serde_json::{Value, json};
use uuid::Uuid;

use super::calls::{Happening, Listener};
use super::vendor::{ApiAnswer, ApiRequest, Vendor};
use super::{Emulator, EmulatorBuilder, Fault};
use sets::Sets;
use sns::Sns;

impl Emulator {
    /// Amazon SES in one region, for one access key. As everywhere in AWS, a key that begins with `ASIA` is temporary:
    /// it needs a session token, of which `expired` is an expired one.
    ///
    /// SNS is at the same address. What its topics are told is signed, by a certificate that is said to be at
    /// `https://sns.REGION.amazonaws.com` and is found here under the same path; so is what subscriptions are confirmed
    /// by. Messages may name any configuration set, and of those that name none or one without a destination nothing
    /// is told.
    pub fn ses(
        access_key_id: impl Into<String>,
        secret_access_key: impl Into<String>,
        region: impl Into<String>,
    ) -> EmulatorBuilder {
        let region = region.into();
        EmulatorBuilder::new(Ses {
            access_key_id: access_key_id.into(),
            secret_access_key: secret_access_key.into(),
            sns: Sns::new(&region),
            sets: Sets::default(),
            region,
        })
    }
}

struct Ses {
    access_key_id: String,
    secret_access_key: String,
    region: String,
    sns: Sns,
    sets: Sets,
}

/// An error: the status, the code, and what it says.
struct Mistake(u16, &'static str, String);

/// Something is wrong with the request.
fn bad<T>(message: impl Into<String>) -> Result<T, Mistake> {
    Err(Mistake(400, "BadRequestException", message.into()))
}

impl From<Mistake> for ApiAnswer {
    fn from(Mistake(status, code, message): Mistake) -> Self {
        Self::json(status, &json!({ "message": message })).header("x-amzn-errortype", code)
    }
}

impl Vendor for Ses {
    fn answer(&self, request: &ApiRequest) -> ApiAnswer {
        match (&request.method, request.path.as_str()) {
            (&Method::GET, sns::CERTIFICATE) => {
                return ApiAnswer::text(200, "application/x-pem-file", sns::PEM);
            }
            (&Method::GET, "/") => return self.sns.answer(request, false).unwrap_or_else(sns::error),
            _ => {}
        }
        let is_sns = request.path == "/";
        let service = if is_sns { "sns" } else { "ses" };
        let checked = signature::check(request, self, service, SystemClock.now());
        if is_sns {
            return checked.and_then(|()| self.sns.answer(request, true)).unwrap_or_else(sns::error);
        }
        let answer = checked.and_then(|()| self.route(request)).unwrap_or_else(ApiAnswer::from);
        answer.header("x-amzn-requestid", &Uuid::new_v4().to_string())
    }

    fn report(&self, happened: &Happening) -> Option<Value> {
        Some(calls::report(happened))
    }

    fn listeners(&self) -> Vec<Listener> {
        self.sns.listeners()
    }

    fn tells(&self, listener: &Listener, happened: &Happening) -> bool {
        let report = calls::report(happened);
        let event = report["eventType"].as_str().unwrap_or_default();
        self.sets.tell(&happened.id, event, &listener.name)
    }

    fn greetings(&self, now: Timestamp) -> Vec<(String, Callback)> {
        self.sns.greetings(now)
    }

    fn fault(&self, fault: Fault) -> Option<ApiAnswer> {
        let (status, code, message) = match fault {
            Fault::Throttled | Fault::ThrottledWithoutTime => {
                (429, "TooManyRequestsException", "Maximum sending rate exceeded.")
            }
            Fault::Quota => (429, "TooManyRequestsException", "Daily message quota exceeded."),
            Fault::Suspended => {
                (400, "AccountSuspendedException", "Sending is suspended for this account, permanently.")
            }
            Fault::Unverified => (
                400,
                "MessageRejected",
                "Email address is not verified. The following identities failed the check in region \
                 US-EAST-1: sender@example.com",
            ),
            Fault::Unauthorized => {
                (403, "UnrecognizedClientException", "The security token included in the request is invalid.")
            }
            Fault::Typed500 => (500, "InternalFailure", "Something went wrong inside."),
            Fault::Typed503 => (503, "ServiceUnavailable", "Out of order for a moment."),
            _ => return None,
        };
        Some(Mistake(status, code, message.to_owned()).into())
    }
}

impl Ses {
    fn route(&self, request: &ApiRequest) -> Result<ApiAnswer, Mistake> {
        let path: Vec<_> = request.path.trim_start_matches('/').split('/').collect();
        match (&request.method, path.as_slice()) {
            (&Method::POST, ["v2", "email", "outbound-emails"]) => self.send(request),
            (&Method::GET, ["v2", "email", "account"]) => Ok(account()),
            (_, ["v2", "email", "configuration-sets", rest @ ..]) => {
                self.sets.answer(request, rest, |topic| self.sns.lets_ses_publish(topic))
            }
            _ => {
                let message = format!("There is no {}", request.path);
                Err(Mistake(404, "UnknownOperationException", message))
            }
        }
    }

    fn send(&self, request: &ApiRequest) -> Result<ApiAnswer, Mistake> {
        if !request.header("content-type").is_some_and(|kind| kind.starts_with("application/json")) {
            let message = "The content type is not application/json".to_owned();
            return Err(Mistake(415, "UnsupportedMediaTypeException", message));
        }
        let message: message::Message = serde_json::from_slice(&request.body)
            .map_err(|problem| Mistake(400, "SerializationException", problem.to_string()))?;
        let set = message.configuration_set_name.clone();
        let received = message::accept(message)?;
        let id = format!("0100018bcfe56800-{}-000000", Uuid::new_v4());
        if let Some(set) = set {
            self.sets.name(&id, set);
        }
        Ok(ApiAnswer::json(200, &json!({ "MessageId": id })).taking([received]).under([id]))
    }
}

/// What SES tells of an account in good order.
fn account() -> ApiAnswer {
    let account = json!({
        "DedicatedIpAutoWarmupEnabled": false,
        "EnforcementStatus": "HEALTHY",
        "ProductionAccessEnabled": true,
        "SendQuota": { "Max24HourSend": 50000.0, "MaxSendRate": 14.0, "SentLast24Hours": 0.0 },
        "SendingEnabled": true,
        "SuppressionAttributes": { "SuppressedReasons": ["BOUNCE", "COMPLAINT"] },
    });
    ApiAnswer::json(200, &account)
}
