//! What providers call back: who may say it, and what it means.

mod fixtures;
mod hostile;
mod lives;
mod meanings;
mod setup;
mod setup_ses;
mod told;
mod vectors;

use std::sync::Arc;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use courierx_core::clock::Timestamp;
use courierx_core::provider::{Authentic, Callback, CallbackError, EventSource, ProviderEvent};
use courierx_providers::emulator::CallbackKeys;
use courierx_providers::ses::Certificates;
use courierx_providers::{mailgun, postmark, resend, sendgrid, ses};
use serde_json::Value;

/// When the vectors were signed.
const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);

/// Callbacks that another implementation signed: `vectors.py` made them.
fn vectors() -> Value {
    serde_json::from_str(include_str!("vectors.json")).unwrap()
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_else(|| panic!("{key} in {value}"))
}

/// SNS, as far as certificates are concerned.
#[derive(Debug)]
struct Pem(String);

#[async_trait]
impl Certificates for Pem {
    async fn fetch(&self, _: &str) -> Result<Vec<u8>, String> {
        Ok(self.0.clone().into_bytes())
    }
}

const PASSWORD: &str = "a-password-of-some-length";
const SIGNING_KEY: &str = "signing-key-of-this-test";
const SECRET: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX";
const CERTIFICATE: &str = "https://sns.eu-central-1.amazonaws.com/SimpleNotificationService-0.pem";

/// A vendor: how it signs, and how that is read.
struct Vendor {
    name: &'static str,
    keys: CallbackKeys,
    source: Box<dyn EventSource>,
}

fn sns() -> (String, ses::Callbacks) {
    let ses = &vectors()["ses"];
    let topic = text(ses, "topic").to_owned();
    let pem = Arc::new(Pem(text(ses, "certificate").to_owned()));
    (topic.clone(), ses::Callbacks::new([topic]).unwrap().certificates(pem))
}

fn vendors() -> Vec<Vendor> {
    let vectors = vectors();
    let sendgrid_keys = CallbackKeys::sendgrid().unwrap();
    let verification_key = sendgrid_keys.verification_key().unwrap();
    let (topic, sns) = sns();
    let key = STANDARD.decode(text(&vectors["ses"], "key")).unwrap();
    let vendor = |name, keys, source| Vendor { name, keys, source };
    vec![
        vendor("sendgrid", sendgrid_keys, Box::new(sendgrid::Callbacks::new(&verification_key).unwrap())),
        vendor("ses", CallbackKeys::sns(&topic, &key, CERTIFICATE).unwrap(), Box::new(sns)),
        vendor(
            "mailgun",
            CallbackKeys::mailgun(SIGNING_KEY),
            Box::new(mailgun::Callbacks::new(SIGNING_KEY).unwrap()),
        ),
        vendor(
            "postmark",
            CallbackKeys::postmark("courierx", PASSWORD),
            Box::new(postmark::Callbacks::basic("courierx", PASSWORD).unwrap()),
        ),
        vendor(
            "resend",
            CallbackKeys::resend(SECRET).unwrap(),
            Box::new(resend::Callbacks::new(SECRET).unwrap()),
        ),
    ]
}

fn vendor(name: &str) -> Vendor {
    vendors().into_iter().find(|vendor| vendor.name == name).unwrap()
}

/// The events of a body that somebody verified.
#[expect(clippy::needless_pass_by_value, reason = "callers make it for this")]
fn events(vendor: &str, body: impl ToString) -> Vec<ProviderEvent> {
    let vendor = self::vendor(vendor);
    let mut authentic = Authentic::messages(body.to_string());
    authentic.id = Some("callback-1".to_owned());
    vendor.source.events(&authentic).unwrap()
}

#[track_caller]
#[expect(clippy::needless_pass_by_value, reason = "callers make it for this")]
fn refused(read: Result<impl std::fmt::Debug, CallbackError>, what: &str) {
    assert!(matches!(read, Err(CallbackError::Signature(_))), "{what}: {read:?}");
}

/// The same callback with another bit at this place of its body.
fn flipped(callback: &Callback, at: usize) -> Callback {
    let mut flipped = callback.clone();
    flipped.body[at] ^= 1;
    flipped
}
