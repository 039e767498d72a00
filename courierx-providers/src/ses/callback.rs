//! The callbacks of SES, which come through SNS.
//!
//! <https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html>

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use courierx_core::clock::Timestamp;
use courierx_core::provider::{
    Authentic, Callback, CallbackError, Confirmation, EventSource, ProviderEvent, Replay, Subject,
};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::certificates::{Cache, Certificates};
use super::events;
use super::sns::{Envelope, is_host_of_sns};
use crate::callback::{InvalidKey, Window, no_signature, object};
use crate::http::Http;

/// A topic repeats what is not taken for an hour at most, with the signature of the first time.
const WINDOW: Window = Window::new(Duration::from_mins(65));
/// The shortest password of a topic that delivers raw messages.
const LEAST_PASSWORD: usize = 16;

/// Reads the callbacks of SES by the SNS topics that its events are published to.
///
/// Any topic of anybody has a signature that holds, so only those named here are taken. The certificates of
/// signatures are fetched from SNS once, by the client that all providers share if no
/// [other way](Self::certificates) is given.
#[derive(Debug, Clone)]
pub struct Callbacks {
    topics: Vec<String>,
    certificates: Arc<Cache>,
    only_sha256: bool,
    /// Any of these is shown with raw messages.
    raw: Vec<Basic>,
}

/// Credentials of HTTP, as what stands for them.
#[derive(Clone)]
struct Basic([u8; 32]);

impl std::fmt::Debug for Basic {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

impl Callbacks {
    /// Callbacks of these topics, by their ARN: `arn:aws:sns:eu-central-1:123456789012:ses-events`.
    pub fn new<T: Into<String>>(topics: impl IntoIterator<Item = T>) -> Result<Self, InvalidKey> {
        let topics: Vec<_> = topics.into_iter().map(Into::into).collect();
        if topics.is_empty() || !topics.iter().all(|topic| is_topic(topic)) {
            return Err(InvalidKey("a topic is named by its ARN, arn:aws:sns:REGION:ACCOUNT:NAME"));
        }
        let certificates = Arc::new(Cache::new(Arc::new(Http::shared())));
        Ok(Self { topics, certificates, only_sha256: false, raw: Vec::new() })
    }

    /// Fetches certificates this way.
    #[must_use]
    pub fn certificates(mut self, certificates: Arc<dyn Certificates>) -> Self {
        self.certificates = Arc::new(Cache::new(certificates));
        self
    }

    /// Takes no signature that is made with SHA-1, which is what topics do unless they are set up with
    /// `SignatureVersion=2`.
    #[must_use]
    pub fn only_sha256(mut self) -> Self {
        self.only_sha256 = true;
        self
    }

    /// Takes what a topic delivers raw, which has no signature, with this user and password, of at least 16 bytes. Said
    /// once more, it takes that of another topic, or the next one, as well.
    ///
    /// SNS sends them, once they stand in the endpoint's URL, after an answer of 401 with `WWW-Authenticate: Basic`.
    pub fn raw_delivery(mut self, user: &str, password: &str) -> Result<Self, InvalidKey> {
        if password.len() < LEAST_PASSWORD {
            return Err(InvalidKey("the password of an endpoint has at least 16 bytes"));
        }
        let basic = format!("Basic {}", STANDARD.encode(format!("{user}:{password}")));
        self.raw.push(Basic(Sha256::digest(basic).into()));
        Ok(self)
    }

    fn knows(&self, topic: &str) -> Result<(), CallbackError> {
        if self.topics.iter().any(|one| one == topic) {
            return Ok(());
        }
        Err(CallbackError::signature("its topic is none of this connection's"))
    }

    /// A message without its envelope: whoever sends it knows a password.
    fn verify_raw(&self, callback: &Callback, body: &[u8]) -> Result<Authentic, CallbackError> {
        if self.raw.is_empty() {
            return Err(no_signature("signature, as the topic delivers raw messages"));
        }
        let given = callback.sole_header("authorization").ok_or_else(|| no_signature("password"))?;
        let given: [u8; 32] = Sha256::digest(given).into();
        if !self.raw.iter().any(|Basic(wanted)| given.ct_eq(wanted).into()) {
            return Err(CallbackError::signature("the credentials are wrong"));
        }
        self.knows(callback.sole_header("x-amz-sns-topic-arn").ok_or_else(|| no_signature("topic"))?)?;
        let mut authentic = Authentic::messages(body);
        authentic.id = callback.sole_header("x-amz-sns-message-id").map(str::to_owned);
        Ok(authentic)
    }

    async fn verify_signed(
        &self,
        callback: &Callback,
        message: &Value,
        now: Timestamp,
    ) -> Result<Authentic, CallbackError> {
        let envelope = Envelope::read(message)?;
        let agrees = |header: &str, value: &str| {
            callback
                .headers
                .iter()
                .filter(|(name, _)| name == header)
                .all(|(_, text)| text == value.as_bytes())
        };
        if !agrees("x-amz-sns-message-type", envelope.kind) || !agrees("x-amz-sns-message-id", envelope.id) {
            return Err(CallbackError::signature("its headers are another message's"));
        }
        // Before anything is fetched for a stranger.
        self.knows(envelope.topic)?;
        let sent = envelope.sent.parse().map_err(|_| no_signature("time of signing"))?;
        WINDOW.check(sent, now)?;
        if self.only_sha256 && envelope.version != "2" {
            return Err(CallbackError::signature("it is made with SHA-1"));
        }
        let certificate = self.certificates.get(envelope.certificate).await?;
        envelope.verify(&certificate)?;
        let subject = match envelope.kind {
            "Notification" => Subject::Messages(envelope.message.as_bytes().to_vec()),
            kind => {
                let url = envelope.confirm.filter(|url| is_host_of_sns(url));
                let url = url.ok_or_else(|| CallbackError::signature("what it leads to is not of SNS"))?;
                let confirmation = Confirmation::new(envelope.topic, url);
                match kind {
                    "SubscriptionConfirmation" => Subject::Subscribe(confirmation),
                    _ => Subject::Unsubscribed(confirmation),
                }
            }
        };
        let replay = Replay::new(envelope.id, &callback.body, WINDOW.memory());
        let mut authentic = Authentic::about(subject).replay(replay);
        authentic.id = Some(envelope.id.to_owned());
        Ok(authentic)
    }
}

fn is_topic(arn: &str) -> bool {
    let parts: Vec<_> = arn.split(':').collect();
    matches!(parts.as_slice(), ["arn", partition, "sns", region, account, name]
        if partition.starts_with("aws") && !region.is_empty() && !account.is_empty() && !name.is_empty())
}

#[async_trait]
impl EventSource for Callbacks {
    async fn verify(&self, callback: &Callback, now: Timestamp) -> Result<Authentic, CallbackError> {
        let body = callback.bounded_body()?;
        if callback.header_text("x-amz-sns-rawdelivery").is_some_and(|raw| raw.eq_ignore_ascii_case("true")) {
            return self.verify_raw(callback, body);
        }
        self.verify_signed(callback, &object(body)?, now).await
    }

    fn events(&self, authentic: &Authentic) -> Result<Vec<ProviderEvent>, CallbackError> {
        events::of(authentic)
    }
}
