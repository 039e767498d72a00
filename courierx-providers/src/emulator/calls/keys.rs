//! Signing as vendors do.

use std::fmt;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use courierx_core::clock::Timestamp;
use courierx_core::provider::Callback;
use serde_json::{Value, json};
use uuid::Uuid;

use super::sns::Topic;
use crate::callback::{InvalidKey, MacKey, to_hex};

/// Events of one callback of SendGrid's.
const EVENTS: usize = 1000;
/// What stands before a key of P-256 (RFC 5480): its algorithm, and that its bits follow.
const SPKI: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86,
    0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

/// With what a vendor signs its callbacks.
pub struct CallbackKeys(Scheme);

enum Scheme {
    SendGrid(Box<EcdsaKeyPair>),
    Mailgun(MacKey),
    Postmark(String),
    Resend(MacKey),
    Sns(Topic),
}

impl CallbackKeys {
    /// SendGrid, with a key that is made here: [`verification_key`](Self::verification_key) tells its public half.
    pub fn sendgrid() -> Result<Self, InvalidKey> {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING);
        Ok(Self(Scheme::SendGrid(Box::new(key.map_err(|_| InvalidKey("no key could be made"))?))))
    }

    /// Mailgun, with this signing key.
    pub fn mailgun(signing_key: &str) -> Self {
        Self(Scheme::Mailgun(MacKey::new(signing_key.as_bytes())))
    }

    /// Postmark, with this user and password.
    pub fn postmark(user: &str, password: &str) -> Self {
        Self(Scheme::Postmark(format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))))
    }

    /// Resend, with this signing secret: `whsec_…`.
    pub fn resend(signing_secret: &str) -> Result<Self, InvalidKey> {
        let secret = STANDARD.decode(signing_secret.trim_start_matches("whsec_"));
        Ok(Self(Scheme::Resend(MacKey::new(&secret.map_err(|_| InvalidKey("not whsec_ and base64"))?))))
    }

    /// SES through this topic of SNS, with a key (PKCS #8, DER) whose certificate is at that URL.
    pub fn sns(topic: &str, key: &[u8], certificate: &str) -> Result<Self, InvalidKey> {
        let key = RsaKeyPair::from_pkcs8(key).map_err(|_| InvalidKey("not a key of RSA in PKCS #8"))?;
        let (arn, certificate) = (topic.to_owned(), certificate.to_owned());
        Ok(Self(Scheme::Sns(Topic { arn, key: Box::new(key), certificate })))
    }

    /// The question of SNS whether somebody agrees to be told; none if these are no keys of SNS.
    pub(in super::super) fn confirmation(&self, token: &str, url: &str, now: Timestamp) -> Option<Callback> {
        let Scheme::Sns(topic) = &self.0 else { return None };
        Some(topic.confirmation(token, url, now))
    }

    /// The public half of SendGrid's key, as SendGrid shows it; none for the others.
    pub fn verification_key(&self) -> Option<String> {
        let Scheme::SendGrid(key) = &self.0 else { return None };
        Some(STANDARD.encode([&SPKI[..], key.public_key().as_ref()].concat()))
    }

    /// The callbacks in which a vendor reports these events, signed at `now`.
    pub fn sign(&self, reports: Vec<Value>, now: Timestamp) -> Vec<Callback> {
        match &self.0 {
            Scheme::SendGrid(key) => {
                reports.chunks(EVENTS).map(|events| sendgrid(key, events, now)).collect()
            }
            Scheme::Mailgun(key) => reports.into_iter().map(|report| mailgun(key, &report, now)).collect(),
            Scheme::Postmark(basic) => {
                let call =
                    |report: Value| json_callback(report.to_string()).header("authorization", basic.as_str());
                reports.into_iter().map(call).collect()
            }
            Scheme::Resend(key) => reports.into_iter().map(|report| resend(key, &report, now)).collect(),
            Scheme::Sns(topic) => {
                reports.into_iter().map(|report| topic.notification(&report, now)).collect()
            }
        }
    }
}

fn json_callback(body: impl Into<Vec<u8>>) -> Callback {
    Callback::new(body).header("content-type", "application/json")
}

fn sendgrid(key: &EcdsaKeyPair, events: &[Value], now: Timestamp) -> Callback {
    let events: Vec<_> = events.iter().map(Value::to_string).collect();
    let body = format!("[{}]\r\n", events.join(",\r\n"));
    let time = now.as_secs().to_string();
    let signature = key.sign(&SystemRandom::new(), format!("{time}{body}").as_bytes());
    // A key that was made signs; without a signature nobody takes it.
    let signature = signature.map_or_else(|_| String::new(), |signature| STANDARD.encode(signature.as_ref()));
    json_callback(body)
        .header("x-twilio-email-event-webhook-signature", signature)
        .header("x-twilio-email-event-webhook-timestamp", time)
}

fn mailgun(key: &MacKey, data: &Value, now: Timestamp) -> Callback {
    let (time, token) = (now.as_secs().to_string(), format!("{0}{0}", Uuid::new_v4().simple()));
    let token = &token[..50];
    let signature = to_hex(&key.sign(&[time.as_bytes(), token.as_bytes()]));
    let body = json!({
        "signature": { "timestamp": time, "token": token, "signature": signature },
        "event-data": data,
    });
    json_callback(body.to_string())
}

fn resend(key: &MacKey, report: &Value, now: Timestamp) -> Callback {
    let (id, time, body) =
        (format!("msg_{}", Uuid::new_v4().simple()), now.as_secs().to_string(), report.to_string());
    let signature = STANDARD.encode(key.sign(&[format!("{id}.{time}.{body}").as_bytes()]));
    json_callback(body)
        .header("svix-id", id)
        .header("svix-timestamp", time)
        .header("svix-signature", format!("v1,{signature}"))
}

impl fmt::Debug for CallbackKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CallbackKeys(***)")
    }
}
