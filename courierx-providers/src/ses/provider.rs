//! Handing over.

use async_trait::async_trait;
use courierx_core::provider::{
    CallbackSetup, Capability, EmailProvider, EventSource, Outcome, Outgoing, ProviderId, Refusal,
    RefusalKind, SendOptions, Verified,
};
use serde::Deserialize;

use super::classify::is_not_permitted;
use super::{SES, Ses};
use crate::http::{NoAnswer, Request, is_page, unreadable};

static ID: ProviderId = ProviderId::new("ses");

pub(super) const JSON: &str = "application/json";

/// What SES tells of an account, in one region.
///
/// <https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_GetAccount.html>
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Account {
    sending_enabled: Option<bool>,
    production_access_enabled: Option<bool>,
    enforcement_status: Option<String>,
}

#[async_trait]
impl EmailProvider for Ses {
    fn id(&self) -> &ProviderId {
        &ID
    }

    fn capability(&self) -> &Capability {
        &self.capability
    }

    async fn send(&self, message: &Outgoing, options: &SendOptions) -> Outcome {
        if let Some(refusal) = order(message) {
            return Outcome::Refused(refusal);
        }
        let url = self.base_url.join(&["v2", "email", "outbound-emails"]);
        let request = self.signed(Request::post(url).body(JSON, self.body(message)), SES);
        match self.http.exchange(request, options).await {
            Ok(answer) => self.outcome(&answer),
            Err(no_answer) => no_answer.into(),
        }
    }

    async fn verify(&self, options: &SendOptions) -> Result<Verified, Refusal> {
        let request = self.signed(Request::get(self.base_url.join(&["v2", "email", "account"])), SES);
        let answer = self.http.exchange(request, options).await.map_err(NoAnswer::into_refusal)?;
        if !answer.status.is_success() {
            let reason = self.reason(&answer);
            return if is_not_permitted(&reason) {
                let detail = "the access key is valid; without the permission ses:GetAccount it is not known \
                    whether the account may send";
                Ok(Verified::new(detail))
            } else {
                Err(reason)
            };
        }
        if is_page(&answer) {
            return Err(unreadable());
        }
        match answer.json::<Account>() {
            Some(account) => self.judge(&account),
            None => Ok(Verified::new("the access key is valid")),
        }
    }

    fn event_source(&self) -> Option<&dyn EventSource> {
        self.callbacks.as_ref().map(|callbacks| callbacks as &dyn EventSource)
    }

    fn callback_setup(&self) -> Option<&dyn CallbackSetup> {
        Some(self)
    }
}

/// Why a message is not handed over: one of its headers would be no header but an order to SES, to use another
/// configuration set or the identity of another account.
///
/// <https://docs.aws.amazon.com/ses/latest/dg/event-publishing-send-email.html>
fn order(message: &Outgoing) -> Option<Refusal> {
    let mut names = message.headers().iter().map(|header| header.name.as_str());
    let name = names.find(|name| name.get(..6).is_some_and(|start| start.eq_ignore_ascii_case("x-ses-")))?;
    let detail = format!(
        "the header {name} is an order to Amazon SES, which a message cannot give: its configuration set is an \
         option of the connection, and its tags are the message's metadata and tags"
    );
    Some(Refusal::new(RefusalKind::Content, detail))
}

impl Ses {
    /// Whether an account can send, and to whom.
    fn judge(&self, account: &Account) -> Result<Verified, Refusal> {
        let region = &self.region;
        let refuse = |what: &str| Err(Refusal::new(RefusalKind::Auth, format!("{what} in {region}")));
        let status = account.enforcement_status.as_deref().unwrap_or_default();
        if status.eq_ignore_ascii_case("SHUTDOWN") {
            return refuse("Amazon has shut the account's sending down");
        }
        if account.sending_enabled == Some(false) {
            return refuse("sending is switched off for the account");
        }
        let mut detail = format!("the access key is valid for Amazon SES in {region}");
        if status.eq_ignore_ascii_case("PROBATION") {
            detail.push_str("; Amazon is reviewing the account");
        }
        if account.production_access_enabled == Some(false) {
            detail.push_str("; the account is in the SES sandbox: only verified recipients get anything");
            return Ok(Verified::new(detail).sandbox());
        }
        Ok(Verified::new(detail))
    }
}
