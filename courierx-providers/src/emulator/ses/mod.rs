//! Amazon SES, emulated.

mod calls;
mod message;
mod raw;
mod signature;
mod simple;

use axum::http::Method;
use courierx_core::clock::{Clock as _, SystemClock};
use serde_json::{Value, json};
use uuid::Uuid;

use super::calls::Happening;
use super::vendor::{ApiAnswer, ApiRequest, Vendor};
use super::{Emulator, EmulatorBuilder, Fault};

impl Emulator {
    /// Amazon SES in one region, for one access key. As everywhere in AWS, a key that begins with `ASIA` is temporary:
    /// it needs a session token, of which `expired` is an expired one.
    pub fn ses(
        access_key_id: impl Into<String>,
        secret_access_key: impl Into<String>,
        region: impl Into<String>,
    ) -> EmulatorBuilder {
        EmulatorBuilder::new(Ses {
            access_key_id: access_key_id.into(),
            secret_access_key: secret_access_key.into(),
            region: region.into(),
        })
    }
}

struct Ses {
    access_key_id: String,
    secret_access_key: String,
    region: String,
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
        let answer = signature::check(request, self, SystemClock.now())
            .and_then(|()| route(request))
            .unwrap_or_else(ApiAnswer::from);
        answer.header("x-amzn-requestid", &Uuid::new_v4().to_string())
    }

    fn report(&self, happened: &Happening) -> Option<Value> {
        Some(calls::report(happened))
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

fn route(request: &ApiRequest) -> Result<ApiAnswer, Mistake> {
    match (&request.method, request.path.as_str()) {
        (&Method::POST, "/v2/email/outbound-emails") => send(request),
        (&Method::GET, "/v2/email/account") => Ok(account()),
        (_, path) => Err(Mistake(404, "UnknownOperationException", format!("There is no {path}"))),
    }
}

fn send(request: &ApiRequest) -> Result<ApiAnswer, Mistake> {
    if !request.header("content-type").is_some_and(|kind| kind.starts_with("application/json")) {
        let message = "The content type is not application/json".to_owned();
        return Err(Mistake(415, "UnsupportedMediaTypeException", message));
    }
    let message = serde_json::from_slice(&request.body)
        .map_err(|problem| Mistake(400, "SerializationException", problem.to_string()))?;
    let received = message::accept(message)?;
    let id = format!("0100018bcfe56800-{}-000000", Uuid::new_v4());
    Ok(ApiAnswer::json(200, &json!({ "MessageId": id })).taking([received]).under([id]))
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
