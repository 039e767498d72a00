//! A request as a client sends it. Whatever else it has is a mistake.

use std::fmt;

use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Message {
    #[serde(default)]
    pub(super) personalizations: Vec<Personalization>,
    pub(super) from: Option<Mailbox>,
    pub(super) reply_to: Option<Mailbox>,
    pub(super) reply_to_list: Option<Vec<Mailbox>>,
    pub(super) subject: Option<String>,
    #[serde(default)]
    pub(super) content: Vec<Part>,
    #[serde(default)]
    pub(super) attachments: Vec<File>,
    #[serde(default)]
    pub(super) headers: Pairs,
    pub(super) custom_args: Option<Pairs>,
    #[serde(default)]
    pub(super) categories: Vec<String>,
    pub(super) send_at: Option<i64>,
    #[serde(rename = "batch_id")]
    pub(super) _batch_id: Option<String>,
    pub(super) template_id: Option<String>,
    pub(super) asm: Option<Asm>,
    pub(super) ip_pool_name: Option<String>,
    #[serde(default)]
    pub(super) mail_settings: MailSettings,
    #[serde(default)]
    pub(super) tracking_settings: TrackingSettings,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Personalization {
    #[serde(default)]
    pub(super) to: Vec<Mailbox>,
    #[serde(default)]
    pub(super) cc: Vec<Mailbox>,
    #[serde(default)]
    pub(super) bcc: Vec<Mailbox>,
    pub(super) subject: Option<String>,
    #[serde(default)]
    pub(super) headers: Pairs,
    pub(super) custom_args: Option<Pairs>,
    pub(super) send_at: Option<i64>,
    #[serde(rename = "dynamic_template_data")]
    pub(super) _dynamic_template_data: Option<Map<String, Value>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Mailbox {
    pub(super) email: String,
    pub(super) name: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Part {
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) value: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub(super) content: String,
    pub(super) filename: String,
    #[serde(rename = "type")]
    pub(super) kind: Option<String>,
    pub(super) disposition: Option<String>,
    pub(super) content_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asm {
    #[serde(rename = "group_id")]
    pub(super) _group_id: u64,
    #[serde(default)]
    pub(super) groups_to_display: Vec<u64>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct MailSettings {
    pub(super) sandbox_mode: Option<Switch>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct TrackingSettings {
    pub(super) click_tracking: Option<ClickTracking>,
    pub(super) open_tracking: Option<Switch>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Switch {
    pub(super) enable: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ClickTracking {
    pub(super) enable: bool,
    #[serde(rename = "enable_text")]
    pub(super) _enable_text: Option<bool>,
}

/// An object of texts, in which a name may stand once, in whatever letter case.
#[derive(Default, Clone)]
pub(super) struct Pairs(pub(super) Vec<(String, String)>);

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Texts;

        impl<'de> Visitor<'de> for Texts {
            type Value = Pairs;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of texts")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs, A::Error> {
                let mut pairs: Vec<(String, String)> = Vec::new();
                while let Some((key, value)) = map.next_entry::<String, String>()? {
                    if pairs.iter().any(|(have, _)| have.eq_ignore_ascii_case(&key)) {
                        return Err(A::Error::custom("a name stands twice"));
                    }
                    pairs.push((key, value));
                }
                Ok(Pairs(pairs))
            }
        }

        deserializer.deserialize_map(Texts)
    }
}

impl Pairs {
    /// These, and of the general ones those that are not among them.
    pub(super) fn over(&self, general: &Self) -> Vec<(String, String)> {
        let have = |key: &str| self.0.iter().any(|(own, _)| own.eq_ignore_ascii_case(key));
        let rest = general.0.iter().filter(|(key, _)| !have(key));
        self.0.iter().chain(rest).cloned().collect()
    }
}
