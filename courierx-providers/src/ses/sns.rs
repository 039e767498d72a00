//! What SNS puts around a message, and its signature.

use aws_lc_rs::signature::{
    ParsedPublicKey, RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY, RSA_PKCS1_2048_8192_SHA256,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use courierx_core::provider::CallbackError;
use serde_json::Value;
use url::Url;

use super::certificates::Certificate;
use crate::callback::{Fields, no_signature};

/// A message with what SNS puts around it.
pub(super) struct Envelope<'a> {
    whole: &'a Value,
    pub(super) kind: &'a str,
    pub(super) id: &'a str,
    pub(super) topic: &'a str,
    pub(super) message: &'a str,
    pub(super) sent: &'a str,
    pub(super) version: &'a str,
    /// Where the certificate is.
    pub(super) certificate: &'a str,
    /// What to fetch to agree.
    pub(super) confirm: Option<&'a str>,
    signature: Vec<u8>,
}

/// What is signed of a notification, in its order.
const NOTIFICATION: [&str; 6] = ["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"];
/// What is signed of a confirmation, in its order.
const CONFIRMATION: [&str; 7] =
    ["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"];

impl<'a> Envelope<'a> {
    pub(super) fn read(whole: &'a Value) -> Result<Self, CallbackError> {
        let field = |key: &str| whole.text(key).ok_or_else(|| no_signature(key));
        let kind = field("Type")?;
        if !["Notification", "SubscriptionConfirmation", "UnsubscribeConfirmation"].contains(&kind) {
            return Err(CallbackError::Malformed("a message of SNS of another type".to_owned()));
        }
        // Functions of AWS spell it another way.
        let certificate = field("SigningCertURL").or_else(|_| field("SigningCertUrl"))?;
        if !is_certificate_of_sns(certificate) {
            return Err(CallbackError::signature("its certificate is not at SNS"));
        }
        let signature = STANDARD.decode(field("Signature")?);
        Ok(Self {
            whole,
            kind,
            id: field("MessageId")?,
            topic: field("TopicArn")?,
            // An empty message is one.
            message: whole.or_empty("Message"),
            sent: field("Timestamp")?,
            version: field("SignatureVersion")?,
            certificate,
            confirm: whole.text("SubscribeURL"),
            signature: signature.map_err(|_| no_signature("signature in base64"))?,
        })
    }

    /// Checks the signature by this certificate.
    pub(super) fn verify(&self, certificate: &Certificate) -> Result<(), CallbackError> {
        let key = match self.version {
            "1" => ParsedPublicKey::new(&RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY, certificate.key()),
            "2" => ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, certificate.key()),
            _ => return Err(CallbackError::signature("it is of a version that is not known")),
        };
        let mismatch = |_| CallbackError::signature("it does not match");
        let key = key.map_err(|_| CallbackError::signature("its certificate has no key of RSA"))?;
        key.verify_sig(self.signed().as_bytes(), &self.signature).map_err(mismatch)
    }

    /// What is signed: names and values, each on a line.
    fn signed(&self) -> String {
        let names: &[&str] = if self.kind == "Notification" { &NOTIFICATION } else { &CONFIRMATION };
        let mut text = String::new();
        for name in names {
            if let Some(value) = self.whole.get(name).and_then(Value::as_str) {
                for part in [name, "\n", value, "\n"] {
                    text.push_str(part);
                }
            }
        }
        text
    }
}

/// Whether a URL leads to SNS, in a region of AWS or of its partition in China, and to nobody else.
pub(super) fn is_host_of_sns(url: &str) -> bool {
    sns(url).is_some()
}

fn is_certificate_of_sns(url: &str) -> bool {
    sns(url).is_some_and(|url| {
        url.path().strip_suffix(".pem").is_some() && url.query().is_none() && url.fragment().is_none()
    })
}

fn sns(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    let plain = url.scheme() == "https"
        && url.username().is_empty()
        && url.password().is_none()
        && url.port().is_none();
    let host = url.host_str()?.strip_prefix("sns.")?;
    let region = host.strip_suffix(".amazonaws.com").or_else(|| host.strip_suffix(".amazonaws.com.cn"))?;
    let is_region = region.len() >= 3 && region.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-');
    // What the parser makes of other spellings (backslashes, tabs) is not for us to find out.
    let as_written = text.starts_with(&format!("https://{}/", url.host_str()?));
    (plain && is_region && as_written).then_some(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificates_are_fetched_from_sns_alone() {
        for url in [
            "https://sns.eu-central-1.amazonaws.com/SimpleNotificationService-7ff5.pem",
            "https://sns.us-gov-west-1.amazonaws.com/a.pem",
            "https://sns.cn-north-1.amazonaws.com.cn/SimpleNotificationService-7ff5.pem",
        ] {
            assert!(is_certificate_of_sns(url), "{url}");
        }
        for url in [
            "http://sns.eu-central-1.amazonaws.com/a.pem",
            "https://sns.eu-central-1.amazonaws.com:444/a.pem",
            "https://sns.eu-central-1.amazonaws.com/a.txt",
            "https://sns.eu-central-1.amazonaws.com/a?x=.pem",
            "https://sns.eu-central-1.amazonaws.com/a#.pem",
            "https://sns.eu-central-1.amazonaws.com.evil.example/a.pem",
            "https://sns.evil.eu-central-1.amazonaws.com/a.pem",
            "https://sns.eu-central-1.amazonaws.com@evil.example/a.pem",
            "https://user@sns.eu-central-1.amazonaws.com/a.pem",
            "https://evil.example/sns.eu-central-1.amazonaws.com/a.pem",
            "https://evil.example#sns.eu-central-1.amazonaws.com/a.pem",
            "https://evil.example\\.sns.eu-central-1.amazonaws.com/a.pem",
            "https://xsns.eu-central-1.amazonaws.com/a.pem",
            "https://sns.eu.amazonaws.com/a.pem",
            "https://sns..amazonaws.com/a.pem",
            "https://sns.eu-central-1.amazonaws.com.cn.example/a.pem",
            "https://s3.amazonaws.com/bucket/a.pem",
            "https://sns.eu-central-1.amazonaws.com",
            "\thttps://sns.eu-central-1.amazonaws.com/a.pem",
            "https:\\\\sns.eu-central-1.amazonaws.com/a.pem",
            "https://SNS.eu-central-1.amazonaws.com/a.pem",
            "",
        ] {
            assert!(!is_certificate_of_sns(url), "{url}");
        }
    }
}
