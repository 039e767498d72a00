//! Amazon SES, by its API v2.
//!
//! <https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html>

mod callback;
mod certificates;
mod classify;
mod events;
mod provider;
mod query;
mod request;
mod setup;
mod sigv4;
#[cfg(test)]
mod sigv4_tests;
mod simple;
mod sns;
mod topics;

use std::time::Duration;

use courierx_core::provider::{Capability, TracksReaders};

use crate::http::{BaseUrl, Http, Request};
use crate::secret::Secret;
use sigv4::{Credentials, Scope};

pub use callback::Callbacks;
pub use certificates::Certificates;
pub(crate) use classify::RULES;
pub(crate) use events::EVENTS;
pub use query::stands_for_aws;

/// The names of services in signatures.
const SES: &str = "ses";
const SNS: &str = "sns";

/// Amazon SES in one region, by an access key of AWS.
///
/// ```
/// use courierx_providers::Ses;
///
/// # fn example() -> Result<(), courierx_providers::ses::InvalidRegion> {
/// let ses = Ses::new("AKIDEXAMPLE", "secret-access-key", "eu-central-1")?.configuration_set("transactional");
/// assert!(!format!("{ses:?}").contains("secret-access-key"));
/// # Ok(())
/// # }
/// # example().unwrap();
/// ```
///
/// The key needs the permissions `ses:SendEmail` and `ses:SendRawEmail`, and `ses:GetAccount` for
/// [`verify`](courierx_core::provider::EmailProvider::verify) to tell what the account may do. To set up callbacks it
/// needs more: `ses:CreateConfigurationSet`, `ses:GetConfigurationSetEventDestinations`,
/// `ses:CreateConfigurationSetEventDestination`, `ses:UpdateConfigurationSetEventDestination` and
/// `ses:DeleteConfigurationSetEventDestination`; `sns:CreateTopic`, `sns:DeleteTopic`, `sns:GetTopicAttributes`,
/// `sns:SetTopicAttributes`, `sns:Subscribe`, `sns:ListSubscriptionsByTopic`, `sns:GetSubscriptionAttributes` and
/// `sns:SetSubscriptionAttributes`, on topics whose names begin with `courierx-`.
///
/// Metadata become message tags, and tags become message tags of the value `true`: those whose names and values are
/// of letters, digits, `_` and `-` (ASCII), and no more than 49; others are left out, since another spelling could
/// be that of another tag. SES writes the `Message-ID` and the `Date` itself. Recipients on the account's suppression
/// list are accepted, and bounce afterwards.
///
/// Headers whose names begin with `X-SES-` are orders to SES rather than headers. A message with one is refused for
/// its content, and nothing of it is handed over: what they order is said by
/// [`configuration_set`](Self::configuration_set), metadata and tags.
#[derive(Debug, Clone)]
pub struct Ses {
    credentials: Credentials,
    region: String,
    base_url: BaseUrl,
    configuration_set: Option<String>,
    http: Http,
    callbacks: Option<Callbacks>,
    capability: Capability,
}

/// A text that cannot be the name of a region.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a region is named in lower-case letters, digits and hyphens, such as eu-central-1")]
#[non_exhaustive]
pub struct InvalidRegion;

impl Ses {
    /// SES in this region of AWS. The access key's user needs no console password.
    ///
    /// # Panics
    ///
    /// As [`Http::shared`] does, whose client it has until it is given another one.
    pub fn new(
        access_key_id: impl Into<String>,
        secret_access_key: impl Into<String>,
        region: impl Into<String>,
    ) -> Result<Self, InvalidRegion> {
        let region = region.into();
        let is_name = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
        if region.is_empty() || !region.bytes().all(is_name) {
            return Err(InvalidRegion);
        }
        let domain = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
        // Some texts of these characters are no labels of a host name.
        let base_url =
            BaseUrl::new(&format!("https://email.{region}.{domain}")).map_err(|_| InvalidRegion)?;
        let credentials = Credentials {
            access_key_id: access_key_id.into(),
            secret_access_key: Secret::new(secret_access_key),
            session_token: None,
        };
        let (http, capability) = (Http::shared(), capability());
        Ok(Self { credentials, region, base_url, configuration_set: None, http, callbacks: None, capability })
    }

    /// The token that belongs to a temporary access key. It is not renewed: when it has expired, hand-overs are
    /// refused for their credentials.
    #[must_use]
    pub fn session_token(mut self, token: impl Into<String>) -> Self {
        self.credentials.session_token = Some(Secret::new(token));
        self
    }

    /// Sends through this configuration set: it says which IP pool is used, and where events are published.
    #[must_use]
    pub fn configuration_set(mut self, name: impl Into<String>) -> Self {
        self.configuration_set = Some(name.into());
        // Only events that a configuration set publishes repeat the delivery id; without it nothing ever tells
        // of a message whose own id was not read.
        self.capability.unknown_wait = Some(Duration::from_mins(1));
        self
    }

    /// Talks to this address instead of the region's: another endpoint of AWS, a gateway, an emulator.
    #[must_use]
    pub fn base_url(mut self, url: BaseUrl) -> Self {
        self.base_url = url;
        self
    }

    /// Uses this client instead of the one that all providers share. Signatures take their time from its clock,
    /// which AWS wants to be right within five minutes.
    #[must_use]
    pub fn http(mut self, http: Http) -> Self {
        self.http = http;
        self
    }

    /// Takes callbacks that these keys verify; without them none are taken.
    #[must_use]
    pub fn callbacks(mut self, callbacks: Callbacks) -> Self {
        self.callbacks = Some(callbacks);
        self
    }

    fn signed(&self, request: Request, service: &str) -> Request {
        let scope = Scope { region: &self.region, service };
        sigv4::sign(request, &self.credentials, scope, self.http.clock().now())
    }
}

/// What SES can do: 50 recipients and 40 MB for each message.
pub(crate) fn capability() -> Capability {
    let mut capability = Capability::full();
    capability.max_recipients = 50;
    // Where nobody says how many bytes a megabyte has, the fewer.
    capability.max_message_bytes = 40_000_000;
    // Only templates have a batch call.
    capability.max_batch = 1;
    // A raw message shows everybody in its header, whomever it is for.
    capability.separate_envelope = true;
    capability.smtputf8 = false;
    capability.tracking = TracksReaders::AsAsked;
    capability.reports_delivery = true;
    capability
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_have_their_endpoints() {
        for (region, url) in [
            ("us-east-1", "https://email.us-east-1.amazonaws.com"),
            ("us-gov-west-1", "https://email.us-gov-west-1.amazonaws.com"),
            ("cn-north-1", "https://email.cn-north-1.amazonaws.com.cn"),
        ] {
            let ses = Ses::new("key", "secret", region).unwrap();
            assert_eq!(ses.base_url.as_str().trim_end_matches('/'), url);
        }
    }

    #[test]
    fn other_texts_are_no_regions() {
        for region in
            ["", "EU", "eu_central", "eu.central", "eu-central-1/", "a@b", "é", "xn--a", "a b", "a\n"]
        {
            assert_eq!(Ses::new("key", "secret", region).unwrap_err(), InvalidRegion, "{region:?}");
        }
    }
}
