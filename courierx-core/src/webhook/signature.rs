//! How a request to an endpoint is signed.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::WebhookSecret;
use crate::names::names;

names! {
    /// How a request is signed, with HMAC-SHA256 in every case. Where there are two secrets, as after a rotation, there
    /// is a signature of each, the newer one first.
    SignatureScheme, "courierx, standard, svix, timestamped, plain",
    /// `X-CourierX-Signature: sha256=<hex>` of `<timestamp>.<body>` under the secret as it is shown, and
    /// `X-CourierX-Timestamp`. A second signature follows after a comma.
    CourierX = "courierx",
    /// `webhook-id`, `webhook-timestamp` and `webhook-signature: v1,<base64>` of `<id>.<timestamp>.<body>`, as
    /// Standard Webhooks 1.0 has it.
    Standard = "standard",
    /// The same under the names `svix-id`, `svix-timestamp` and `svix-signature`.
    Svix = "svix",
    /// `X-CourierX-Signature: t=<timestamp>,v1=<hex>` of `<timestamp>.<body>`.
    Timestamped = "timestamped",
    /// `X-CourierX-Signature: sha256=<hex>` of the body alone, for receivers that know nothing else. It does not tell
    /// a repeated request from a new one.
    Plain = "plain",
}

/// What is signed.
#[derive(Debug, Clone, Copy)]
pub struct ToSign<'a> {
    /// The event's identifier, the same whenever it is told again.
    pub id: &'a str,
    /// When it is sent, in seconds since 1970.
    pub timestamp: u64,
    /// The body, as it is sent.
    pub body: &'a [u8],
}

const SIGNATURE: &str = "x-courierx-signature";
const TIMESTAMP: &str = "x-courierx-timestamp";

impl SignatureScheme {
    /// The headers that sign a request under these secrets, the newest first. Their names are in lower case.
    pub fn headers(self, what: ToSign<'_>, secrets: &[WebhookSecret]) -> Vec<(&'static str, String)> {
        let timestamp = what.timestamp.to_string();
        let dated = [timestamp.as_bytes(), b".", what.body];
        let list = |prefix: &str, parts: &[&[u8]]| {
            let sign =
                |secret: &WebhookSecret| format!("{prefix}{}", hex(&mac(secret.expose().as_bytes(), parts)));
            secrets.iter().map(sign).collect::<Vec<_>>().join(",")
        };
        match self {
            Self::CourierX => vec![(SIGNATURE, list("sha256=", &dated)), (TIMESTAMP, timestamp)],
            Self::Timestamped => vec![(SIGNATURE, format!("t={timestamp},{}", list("v1=", &dated)))],
            Self::Plain => vec![(SIGNATURE, list("sha256=", &[what.body]))],
            Self::Standard | Self::Svix => {
                let parts = [what.id.as_bytes(), b".", timestamp.as_bytes(), b".", what.body];
                let sign = |secret: &WebhookSecret| {
                    format!("v1,{}", STANDARD.encode(mac(&secret.decoded(), &parts)))
                };
                let signatures = secrets.iter().map(sign).collect::<Vec<_>>().join(" ");
                let [id, at, signature] = match self {
                    Self::Svix => ["svix-id", "svix-timestamp", "svix-signature"],
                    _ => ["webhook-id", "webhook-timestamp", "webhook-signature"],
                };
                vec![(id, what.id.to_owned()), (at, timestamp), (signature, signatures)]
            }
        }
    }
}

fn mac(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else {
        unreachable!("HMAC takes keys of any length")
    };
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

fn hex(bytes: &[u8]) -> String {
    // Formatting each byte takes as long as the digest.
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made with Python's `hmac` and `base64` of the standard library.
    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const OTHER: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

    fn headers(scheme: SignatureScheme, secrets: &[&str]) -> Vec<(&'static str, String)> {
        let secrets: Vec<_> = secrets.iter().map(|text| WebhookSecret::new(*text).unwrap()).collect();
        let what =
            ToSign { id: "msg_p5jXN8AQM9LWM0D4loKWxJek", timestamp: 1_614_265_330, body: BODY.as_bytes() };
        scheme.headers(what, &secrets)
    }

    const BODY: &str = r#"{"test": 2432232314}"#;

    include!("signature_vectors.rs");

    #[test]
    fn signatures_are_those_of_another_implementation() {
        for (scheme, secrets, expected) in VECTORS {
            let made = headers(*scheme, secrets);
            let made: Vec<_> = made.iter().map(|(name, value)| (*name, value.as_str())).collect();
            assert_eq!(made, *expected, "{scheme}");
        }
    }
}
