//! Telling Mailgun where to call back.
//!
//! <https://documentation.mailgun.com/docs/mailgun/api-reference/send/mailgun/domain-webhooks>

use async_trait::async_trait;
use courierx_core::provider::{CallbackKey, CallbackSetup, CallbackState, Refusal, SendOptions};
use reqwest::{Method, Url};
use serde_json::Value;
use url::form_urlencoded;

use super::Mailgun;
use crate::callback::{Fields, strings};
use crate::http::{Answer, NoAnswer, Request, unreadable};

/// What Mailgun can tell of, as its settings name it.
const EVENTS: [&str; 8] = [
    "accepted",
    "delivered",
    "temporary_fail",
    "permanent_fail",
    "opened",
    "clicked",
    "unsubscribed",
    "complained",
];
const FORM: &str = "application/x-www-form-urlencoded";

impl Mailgun {
    fn webhooks(&self, version: &str) -> Url {
        self.base_url.join(&[version, "domains", &self.domain, "webhooks"])
    }

    async fn told(&self, request: Request, options: &SendOptions) -> Result<Answer, Refusal> {
        let answer = self.http.exchange(self.authorize(request), options).await;
        let answer = answer.map_err(NoAnswer::into_refusal)?;
        if let Some(trapped) = self.wrong_place(&answer) {
            return Err(trapped);
        }
        if answer.status.is_success() { Ok(answer) } else { Err(self.reason(&answer)) }
    }

    /// The account's signing key; none if the API key may not ask for it.
    async fn signing_key(&self, options: &SendOptions) -> Option<CallbackKey> {
        let url = self.base_url.join(&["v5", "accounts", "http_signing_key"]);
        let told: Value = self.told(Request::get(url), options).await.ok()?.json()?;
        told.text("http_signing_key").map(CallbackKey::new)
    }
}

/// Asks for everything to be told at this URL.
fn everything(url: &str) -> String {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("url", url);
    for event in EVENTS {
        form.append_pair("event_types", event);
    }
    form.finish()
}

#[async_trait]
impl CallbackSetup for Mailgun {
    async fn ensure(&self, url: &str, _: &str, options: &SendOptions) -> Result<CallbackState, Refusal> {
        let method = match self.status(url, options).await? {
            Some(state) if state.is_complete() => return Ok(state),
            // It says anew of what this URL is told.
            Some(_) => Method::PUT,
            None => Method::POST,
        };
        let request = Request::new(method, self.webhooks("v4")).body(FORM, everything(url));
        self.told(request, options).await?;
        self.status(url, options).await?.ok_or_else(unreadable)
    }

    async fn status(&self, url: &str, options: &SendOptions) -> Result<Option<CallbackState>, Refusal> {
        let answer = self.told(Request::get(self.webhooks("v3")), options).await?;
        let all: Value = answer.json().ok_or_else(unreadable)?;
        let told = |event: &&str| {
            let urls = all["webhooks"].get(*event).and_then(|event| event.get("urls"));
            urls.is_some_and(|urls| strings(urls).any(|one| one == url))
        };
        let missing: Vec<_> = EVENTS.iter().filter(|one| !told(one)).map(|one| (*one).to_owned()).collect();
        if missing.len() == EVENTS.len() {
            return Ok(None);
        }
        let mut state = CallbackState::new(url);
        state.missing = missing;
        state.key = self.signing_key(options).await;
        Ok(Some(state))
    }

    async fn remove(&self, url: &str, options: &SendOptions) -> Result<bool, Refusal> {
        if self.status(url, options).await?.is_none() {
            return Ok(false);
        }
        let mut address = self.webhooks("v4");
        address.query_pairs_mut().append_pair("url", url);
        self.told(Request::new(Method::DELETE, address), options).await?;
        Ok(true)
    }
}
