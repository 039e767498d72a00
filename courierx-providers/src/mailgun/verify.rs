//! Checking a domain and a key.
//!
//! <https://documentation.mailgun.com/docs/mailgun/api-reference/send/mailgun/domains/get-v4-domains--name->

use courierx_core::provider::{Refusal, RefusalKind, SendOptions, Verified};
use serde::Deserialize;

use super::Mailgun;
use crate::http::{Answer, NoAnswer, is_page, unreadable};

#[derive(Deserialize)]
struct Found {
    domain: Domain,
}

#[derive(Deserialize)]
struct Domain {
    #[serde(default)]
    state: String,
    #[serde(default)]
    r#type: String,
    #[serde(default)]
    is_disabled: bool,
    #[serde(default)]
    disabled: Option<Disabled>,
}

#[derive(Deserialize)]
struct Disabled {
    #[serde(default)]
    reason: Option<String>,
}

impl Mailgun {
    /// Reads the domain, or, with a key that may only send, has a request refused that names no recipient.
    pub(super) async fn check_domain(&self, options: &SendOptions) -> Result<Verified, Refusal> {
        let request = self.get(&["v4", "domains", &self.domain]);
        let answer = self.http.exchange(request, options).await.map_err(NoAnswer::into_refusal)?;
        let verified = match answer.status.as_u16() {
            200..=299 => self.domain_state(&answer),
            401 | 403 => self.check_sending(options).await,
            404 => Err(self.reason_about_region(&answer)),
            _ => Err(self.reason(&answer)),
        }?;
        Ok(if self.test_mode { verified.sandbox() } else { verified })
    }

    fn domain_state(&self, answer: &Answer) -> Result<Verified, Refusal> {
        if let Some(refusal) = self.wrong_place(answer) {
            return Err(refusal);
        }
        if is_page(answer) {
            return Err(unreadable());
        }
        let name = &self.domain;
        let Some(Found { domain }) = answer.json::<Found>() else {
            return Ok(Verified::new(format!(
                "the key is valid; what Mailgun says of {name} cannot be read"
            )));
        };
        let disabled = domain.disabled.and_then(|disabled| disabled.reason);
        if domain.is_disabled || domain.state == "disabled" || disabled.is_some() {
            let why = disabled.unwrap_or_else(|| "without a reason".to_owned());
            return Err(Refusal::new(RefusalKind::Auth, format!("Mailgun has disabled {name}: {why}")));
        }
        if domain.state == "unverified" {
            let detail = format!("the DNS records of {name} are not verified");
            return Err(Refusal::new(RefusalKind::Sender, detail));
        }
        let verified = Verified::new(format!("the key is valid for {name}, which is {}", domain.state));
        Ok(if domain.r#type == "sandbox" { verified.sandbox() } else { verified })
    }

    /// A sending key can do nothing but send: a request without sender and recipients tells whether it may, and
    /// sends nothing.
    async fn check_sending(&self, options: &SendOptions) -> Result<Verified, Refusal> {
        let answer = self.http.exchange(self.nothing(), options).await.map_err(NoAnswer::into_refusal)?;
        if let Some(refusal) = self.wrong_place(&answer) {
            return Err(refusal);
        }
        // What would be good news, were it Mailgun's.
        if is_page(&answer) && matches!(answer.status.as_u16(), 200..=299 | 400) {
            return Err(unreadable());
        }
        if answer.status.as_u16() == 404 {
            return Err(self.reason_about_region(&answer));
        }
        let reason = self.reason(&answer);
        // That something is missing in the request is what a key that may send is told.
        if answer.status.is_success() || answer.status.as_u16() == 400 && reason.kind == RefusalKind::Content
        {
            let detail = "the key may send, and cannot read the domain; the domain's state is not checked";
            return Ok(Verified::new(detail));
        }
        Err(reason)
    }

    fn reason_about_region(&self, answer: &Answer) -> Refusal {
        let mut reason = self.reason(answer);
        reason.detail.push_str(" (a domain belongs to one region, US or EU)");
        reason
    }
}
