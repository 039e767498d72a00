//! Messages of SNS, signed as SNS signs them.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use courierx_core::clock::Timestamp;
use courierx_core::provider::Callback;
use serde_json::{Map, Value};
use uuid::Uuid;

/// A topic, and with what its messages are signed.
pub(super) struct Topic {
    pub(super) arn: String,
    pub(super) key: Box<RsaKeyPair>,
    /// Where the certificate is.
    pub(super) certificate: String,
}

impl Topic {
    /// An event of SES.
    pub(super) fn notification(&self, report: &Value, now: Timestamp) -> Callback {
        let subject = "Amazon SES Email Event Notification";
        // What is published by hand is a text, and not one of JSON.
        let message = report.as_str().map_or_else(|| report.to_string(), str::to_owned);
        self.message("Notification", &[("Message", &message), ("Subject", subject)], now)
    }

    /// The question whether an endpoint agrees to be told.
    pub(super) fn confirmation(&self, token: &str, subscribe_url: &str, now: Timestamp) -> Callback {
        let message = format!(
            "You have chosen to subscribe to the topic {}.\nVisit the SubscribeURL to confirm the subscription.",
            self.arn
        );
        let fields = [("Message", message.as_str()), ("SubscribeURL", subscribe_url), ("Token", token)];
        self.message("SubscriptionConfirmation", &fields, now)
    }

    fn message(&self, kind: &str, fields: &[(&str, &str)], now: Timestamp) -> Callback {
        let (id, time) = (Uuid::new_v4().to_string(), now.to_string());
        let always =
            [("MessageId", id.as_str()), ("Timestamp", &time), ("TopicArn", &self.arn), ("Type", kind)];
        let mut signed = [fields, &always].concat();
        signed.sort_unstable();
        let mut text = String::new();
        for (name, value) in &signed {
            text.extend([name, "\n", value, "\n"]);
        }
        let mut signature = vec![0; self.key.public_modulus_len()];
        // A key that was read signs; without a signature nobody takes it.
        let _ = self.key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text.as_bytes(), &mut signature);
        let signature = STANDARD.encode(signature);
        let around =
            [("SignatureVersion", "2"), ("Signature", &signature), ("SigningCertURL", &self.certificate)];
        let body: Map<_, _> =
            signed.into_iter().chain(around).map(|(name, value)| (name.to_owned(), value.into())).collect();
        Callback::new(Value::Object(body).to_string())
            .header("content-type", "text/plain; charset=UTF-8")
            .header("x-amz-sns-message-type", kind)
            .header("x-amz-sns-message-id", id)
            .header("x-amz-sns-topic-arn", self.arn.as_str())
    }
}
