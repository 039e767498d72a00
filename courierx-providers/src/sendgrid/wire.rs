//! The JSON of a request.
//!
//! <https://www.twilio.com/docs/sendgrid/api-reference/mail-send/mail-send>

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Serialize;

use crate::http::json::Base64;

#[derive(Serialize)]
pub(super) struct Body<'a> {
    pub(super) personalizations: Vec<Personalization<'a>>,
    pub(super) from: Person<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reply_to: Option<Person<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) reply_to_list: Vec<Person<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) subject: Option<Cow<'a, str>>,
    pub(super) content: Vec<Part<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) attachments: Vec<File<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) categories: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) asm: Option<Asm>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) ip_pool_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) mail_settings: Option<MailSettings>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tracking_settings: Option<TrackingSettings>,
}

/// One copy. What could be said once for all copies is said of each, since it is not documented for every field
/// whether the two are merged.
#[derive(Serialize)]
pub(super) struct Personalization<'a> {
    pub(super) to: Vec<Person<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) cc: Vec<Person<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) bcc: Vec<Person<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) subject: Option<Cow<'a, str>>,
    pub(super) headers: BTreeMap<&'a str, Cow<'a, str>>,
    pub(super) custom_args: BTreeMap<&'a str, Cow<'a, str>>,
}

#[derive(Serialize)]
pub(super) struct Person<'a> {
    pub(super) email: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<Cow<'a, str>>,
}

#[derive(Serialize)]
pub(super) struct Part<'a> {
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    pub(super) value: &'a str,
}

#[derive(Serialize)]
pub(super) struct File<'a> {
    pub(super) content: Base64<'a>,
    pub(super) filename: &'a str,
    #[serde(rename = "type")]
    pub(super) kind: &'a str,
    pub(super) disposition: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) content_id: Option<&'a str>,
}

#[derive(Serialize)]
pub(super) struct Asm {
    pub(super) group_id: u64,
}

#[derive(Serialize)]
pub(super) struct MailSettings {
    pub(super) sandbox_mode: Switch,
}

#[derive(Serialize)]
pub(super) struct TrackingSettings {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) click_tracking: Option<Switch>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) open_tracking: Option<Switch>,
}

#[derive(Serialize)]
pub(super) struct Switch {
    pub(super) enable: bool,
    /// Whether links in plain text count too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) enable_text: Option<bool>,
}
