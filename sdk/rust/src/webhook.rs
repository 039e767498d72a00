//! Whether a webhook is from the server.

use std::time::{Duration, SystemTime};

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::Deserialize;
use serde_json::{Map, Value};
use sha2::Sha256;
use subtle::{Choice, ConstantTimeEq as _};

/// The header with the signature.
pub const SIGNATURE_HEADER: &str = "X-CourierX-Signature";
/// The header with the moment, in seconds since 1970.
pub const TIMESTAMP_HEADER: &str = "X-CourierX-Timestamp";
/// How old a webhook may be, or how far ahead its clock, unless it is said.
pub const TOLERANCE: Duration = Duration::from_mins(5);

/// What a webhook tells.
#[derive(Debug, Clone, Deserialize)]
#[non_exhaustive]
pub struct Event {
    /// The same whenever the event is told again: what was seen can be left out by it.
    #[serde(default)]
    pub id: String,
    /// What happened: `delivered`, `bounced`, `complained`, `opened`, `clicked` and others.
    pub event: String,
    /// The email's identifier.
    #[serde(default)]
    pub message_id: Option<String>,
    /// Everything else.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// Why a webhook is refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// No secret was given, or an empty one.
    #[error("a secret is empty")]
    NoSecret,
    /// The timestamp is no number of seconds.
    #[error("the webhook's timestamp is no number of seconds")]
    Timestamp,
    /// The signature is not made with any of the secrets.
    #[error("the webhook is not signed with this secret")]
    Signature,
    /// It is too old, or from the future: an old one may be somebody's copy.
    #[error("the webhook is not of the present")]
    Age,
    /// Its body is not what a webhook says.
    #[error("the webhook's body cannot be read")]
    Body(#[source] serde_json::Error),
}

/// Returns what a webhook tells if it is from your server and not older than five minutes.
///
/// `raw_body` is the body as it came; `timestamp` and `signature` are the values of [`TIMESTAMP_HEADER`] and
/// [`SIGNATURE_HEADER`]; `secrets` is what the endpoint's creation answered, and the former one while it is being replaced.
///
/// ```
/// use courierx_client::webhook::{self, Refused};
///
/// let refused = webhook::verify(b"{}", "1900000000", "sha256=00", &["the secret"]);
/// assert!(matches!(refused, Err(Refused::Signature)));
/// ```
pub fn verify(raw_body: &[u8], timestamp: &str, signature: &str, secrets: &[&str]) -> Result<Event, Refused> {
    verify_at(raw_body, timestamp, signature, secrets, SystemTime::now(), TOLERANCE)
}

/// Likewise, at another moment than the present or with another tolerance.
pub fn verify_at(
    raw_body: &[u8],
    timestamp: &str,
    signature: &str,
    secrets: &[&str],
    now: SystemTime,
    tolerance: Duration,
) -> Result<Event, Refused> {
    if secrets.is_empty() || secrets.iter().any(|secret| secret.is_empty()) {
        return Err(Refused::NoSecret);
    }
    let digits = !timestamp.is_empty() && timestamp.bytes().all(|byte| byte.is_ascii_digit());
    let seconds = timestamp.parse().ok().filter(|_| digits && timestamp.len() <= 12);
    let moment = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds.ok_or(Refused::Timestamp)?);
    let given: Vec<[u8; 32]> = signature.split(',').filter_map(digest).collect();
    let mut matches = Choice::from(0);
    for secret in secrets {
        let mut mac = mac(secret)?;
        mac.update(timestamp.as_bytes());
        mac.update(b".");
        mac.update(raw_body);
        let expected = mac.finalize().into_bytes();
        for digest in &given {
            matches |= digest.as_slice().ct_eq(&expected);
        }
    }
    if !bool::from(matches) {
        return Err(Refused::Signature);
    }
    // Afterwards: who does not know the secret learns nothing of the clock.
    let age = now.duration_since(moment).unwrap_or_else(|future| future.duration());
    if age > tolerance {
        return Err(Refused::Age);
    }
    serde_json::from_slice(raw_body).map_err(Refused::Body)
}

/// Keys of any length are taken, so the error has no case.
fn mac(secret: &str) -> Result<Hmac<Sha256>, Refused> {
    Hmac::new_from_slice(secret.as_bytes()).map_err(|_| Refused::NoSecret)
}

/// `sha256=` and 64 hexadecimal digits.
fn digest(text: &str) -> Option<[u8; 32]> {
    let digits = text.trim().strip_prefix("sha256=")?.as_bytes();
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let mut digest = [0; 32];
    if digits.len() != 64 {
        return None;
    }
    for (byte, pair) in digest.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(digest)
}
