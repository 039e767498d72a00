//! Asking SNS: forms in, XML out.
//!
//! <https://docs.aws.amazon.com/sns/latest/api/welcome.html>

use courierx_core::provider::{Refusal, SendOptions};
use reqwest::Url;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use url::form_urlencoded;

use super::{SNS, Ses};
use crate::http::{Answer, BaseUrl, NoAnswer, Request, VendorError, unreadable};

const VERSION: &str = "2010-03-31";
const FORM: &str = "application/x-www-form-urlencoded; charset=utf-8";

/// An answer: what it is about stands in an element that is named after what was asked.
#[derive(Deserialize)]
struct Response<T> {
    #[serde(
        alias = "CreateTopicResult",
        alias = "GetTopicAttributesResult",
        alias = "SubscribeResult",
        alias = "ListSubscriptionsByTopicResult",
        alias = "GetSubscriptionAttributesResult"
    )]
    result: T,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ErrorResponse {
    error: Error,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Error {
    code: String,
    #[serde(default)]
    message: String,
}

/// The attributes of a topic or a subscription.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Attributed {
    attributes: Attributes,
}

#[derive(Deserialize)]
struct Attributes {
    #[serde(default, rename = "entry")]
    entries: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    key: String,
    #[serde(default)]
    value: String,
}

impl Attributed {
    pub(super) fn get(&self, key: &str) -> Option<&str> {
        self.attributes.entries.iter().find(|entry| entry.key == key).map(|entry| entry.value.as_str())
    }
}

impl Ses {
    /// Asks SNS for something, and reads what it answers.
    pub(super) async fn ask<T: DeserializeOwned>(
        &self,
        action: &str,
        about: &[(&str, &str)],
        options: &SendOptions,
    ) -> Result<T, Refusal> {
        let answer = self.order(action, about, options).await?;
        read::<Response<T>>(&answer).map(|response| response.result).ok_or_else(unreadable)
    }

    /// Asks SNS to do something of which there is nothing to be told.
    pub(super) async fn order(
        &self,
        action: &str,
        about: &[(&str, &str)],
        options: &SendOptions,
    ) -> Result<Answer, Refusal> {
        let request = Request::post(self.sns_url()).body(FORM, form(action, about));
        let answer = self.http.exchange(self.signed(request, SNS), options).await;
        let answer = answer.map_err(NoAnswer::into_refusal)?;
        if answer.status.is_success() {
            return Ok(answer);
        }
        Err(match read::<ErrorResponse>(&answer) {
            Some(ErrorResponse { error: Error { code, message } }) => {
                self.because(&answer, &VendorError { code: Some(code), message })
            }
            None => self.reason(&answer),
        })
    }

    /// Where SNS is: beside SES in AWS, and at the same address in whatever stands for AWS.
    fn sns_url(&self) -> Url {
        let domain = domain_of_aws(&self.base_url);
        let url =
            domain.and_then(|domain| BaseUrl::new(&format!("https://sns.{}.{domain}", self.region)).ok());
        url.as_ref().unwrap_or(&self.base_url).join(&[])
    }
}

/// Whether whoever is at an address stands for AWS, SNS included, rather than being an endpoint of it: a gateway, an
/// emulator.
pub fn stands_for_aws(base: &BaseUrl) -> bool {
    domain_of_aws(base).is_none()
}

fn domain_of_aws(base: &BaseUrl) -> Option<&'static str> {
    let is_below = |domain: &&str| base.host().strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'));
    ["amazonaws.com", "amazonaws.com.cn"].into_iter().find(is_below)
}

fn form(action: &str, about: &[(&str, &str)]) -> String {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("Action", action).append_pair("Version", VERSION).extend_pairs(about).finish()
}

fn read<T: DeserializeOwned>(answer: &Answer) -> Option<T> {
    quick_xml::de::from_str(std::str::from_utf8(&answer.body).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sns_is_beside_ses_or_where_aws_is_stood_for() {
        for (region, base, expected) in [
            ("eu-central-1", None, "https://sns.eu-central-1.amazonaws.com/"),
            ("cn-north-1", None, "https://sns.cn-north-1.amazonaws.com.cn/"),
            (
                "us-east-1",
                Some("https://email-fips.us-east-1.amazonaws.com"),
                "https://sns.us-east-1.amazonaws.com/",
            ),
            ("us-east-1", Some("http://127.0.0.1:4566"), "http://127.0.0.1:4566/"),
            ("us-east-1", Some("https://gateway.example.com/aws"), "https://gateway.example.com/aws"),
            ("us-east-1", Some("https://notamazonaws.com"), "https://notamazonaws.com/"),
        ] {
            let mut ses = Ses::new("key", "secret", region).unwrap();
            if let Some(base) = base {
                ses = ses.base_url(BaseUrl::new(base).unwrap());
            }
            assert_eq!(ses.sns_url().as_str(), expected);
        }
    }

    #[test]
    fn what_sns_answers_is_read() {
        let xml = r#"<?xml version="1.0"?>
            <GetTopicAttributesResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/">
              <GetTopicAttributesResult>
                <Attributes>
                  <entry><key>Owner</key><value>123456789012</value></entry>
                  <entry><key>Policy</key><value>{&quot;Version&quot;:&quot;2008-10-17&quot;}</value></entry>
                </Attributes>
              </GetTopicAttributesResult>
              <ResponseMetadata><RequestId>057f074c</RequestId></ResponseMetadata>
            </GetTopicAttributesResponse>"#;
        let read: Response<Attributed> = quick_xml::de::from_str(xml).unwrap();
        assert_eq!(read.result.get("Policy"), Some(r#"{"Version":"2008-10-17"}"#));
        assert_eq!(read.result.get("SignatureVersion"), None);
    }
}
