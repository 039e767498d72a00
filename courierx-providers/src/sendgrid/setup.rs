//! Telling SendGrid where to call back, and to sign.
//!
//! <https://www.twilio.com/docs/sendgrid/api-reference/webhooks>

use async_trait::async_trait;
use courierx_core::provider::{CallbackKey, CallbackSetup, CallbackState, Refusal, SendOptions};
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::SendGrid;
use crate::callback::Fields;
use crate::http::{Answer, NoAnswer, Request, unreadable};

/// What SendGrid can tell of, as its settings name it.
const EVENTS: [&str; 11] = [
    "processed",
    "delivered",
    "deferred",
    "bounce",
    "dropped",
    "open",
    "click",
    "spam_report",
    "unsubscribe",
    "group_unsubscribe",
    "group_resubscribe",
];

#[derive(Deserialize)]
struct Webhooks {
    webhooks: Vec<Value>,
}

fn state(webhook: &Value) -> Option<CallbackState> {
    let mut state = CallbackState::new(webhook.text("id")?);
    state.enabled = webhook["enabled"] == true;
    state.missing = EVENTS.iter().filter(|one| webhook[**one] != true).map(|one| (*one).to_owned()).collect();
    Some(state)
}

impl SendGrid {
    async fn webhooks(
        &self,
        method: Method,
        path: &[&str],
        body: Option<&Value>,
        options: &SendOptions,
    ) -> Result<Answer, Refusal> {
        let path = [&["v3", "user", "webhooks", "event", "settings"], path].concat();
        let mut request = self.authorize(Request::new(method, self.base_url.join(&path)));
        if let Some(body) = body {
            request = request.body("application/json", body.to_string());
        }
        let answer = self.http.exchange(request, options).await.map_err(NoAnswer::into_refusal)?;
        if answer.status.is_success() { Ok(answer) } else { Err(self.reason(&answer)) }
    }

    /// The public key, if the webhook's callbacks are signed.
    async fn signed(
        &self,
        method: Method,
        id: &str,
        options: &SendOptions,
    ) -> Result<Option<CallbackKey>, Refusal> {
        let body = (method == Method::PATCH).then(|| json!({ "enabled": true }));
        let answer = self.webhooks(method, &["signed", id], body.as_ref(), options).await?;
        let told: Value = answer.json().ok_or_else(unreadable)?;
        Ok(told.text("public_key").map(CallbackKey::new))
    }
}

#[async_trait]
impl CallbackSetup for SendGrid {
    async fn ensure(&self, url: &str, _: &str, options: &SendOptions) -> Result<CallbackState, Refusal> {
        let found = self.status(url, options).await?;
        let mut body: Value = EVENTS.iter().map(|one| ((*one).to_owned(), json!(true))).collect();
        body["enabled"] = true.into();
        body["url"] = url.into();
        let answer = match found {
            Some(state) if state.is_complete() && state.key.is_some() => return Ok(state),
            Some(state) => self.webhooks(Method::PATCH, &[&state.id], Some(&body), options).await?,
            None => self.webhooks(Method::POST, &[], Some(&body), options).await?,
        };
        let made: Value = answer.json().ok_or_else(unreadable)?;
        let mut state = state(&made).ok_or_else(unreadable)?;
        state.key = self.signed(Method::PATCH, &state.id, options).await?;
        Ok(state)
    }

    async fn status(&self, url: &str, options: &SendOptions) -> Result<Option<CallbackState>, Refusal> {
        let answer = self.webhooks(Method::GET, &["all"], None, options).await?;
        let all: Webhooks = answer.json().ok_or_else(unreadable)?;
        let found = all.webhooks.iter().find(|one| one["url"] == url).and_then(state);
        let Some(mut state) = found else { return Ok(None) };
        state.key = self.signed(Method::GET, &state.id, options).await?;
        Ok(Some(state))
    }

    async fn remove(&self, url: &str, options: &SendOptions) -> Result<bool, Refusal> {
        let Some(state) = self.status(url, options).await? else { return Ok(false) };
        self.webhooks(Method::DELETE, &[&state.id], None, options).await?;
        Ok(true)
    }

    /// <https://www.twilio.com/docs/sendgrid/api-reference/webhooks/test-an-event-webhooks-settings>
    async fn try_out(&self, url: &str, options: &SendOptions) -> Result<bool, Refusal> {
        let Some(state) = self.status(url, options).await? else { return Ok(false) };
        let path = ["v3", "user", "webhooks", "event", "test"];
        let body = json!({ "id": state.id, "url": url }).to_string();
        let request = Request::post(self.base_url.join(&path)).body("application/json", body);
        let answer = self.http.exchange(self.authorize(request), options).await;
        let answer = answer.map_err(NoAnswer::into_refusal)?;
        if answer.status.is_success() { Ok(true) } else { Err(self.reason(&answer)) }
    }
}
