//! Telling Resend where to call back.
//!
//! <https://resend.com/docs/api-reference/webhooks/create-webhook>

use async_trait::async_trait;
use courierx_core::provider::{CallbackKey, CallbackSetup, CallbackState, Refusal, SendOptions};
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Resend;
use super::events::EVENTS;
use super::provider::JSON;
use crate::http::{Answer, NoAnswer, Request, unreadable};

#[derive(Deserialize)]
struct Webhooks {
    data: Vec<Webhook>,
}

#[derive(Deserialize)]
struct Webhook {
    id: String,
    #[serde(default)]
    endpoint: String,
    #[serde(default)]
    status: String,
    #[serde(default)]
    events: Vec<String>,
    signing_secret: Option<String>,
}

/// Every event that means something.
fn wanted() -> Vec<&'static str> {
    let mut names: Vec<_> = EVENTS.iter().map(|rule| rule.name).collect();
    names.dedup();
    names
}

impl Webhook {
    fn state(self) -> CallbackState {
        let mut state = CallbackState::new(self.id);
        state.enabled = self.status != "disabled";
        let untold = |name: &&&str| !self.events.iter().any(|event| event == *name);
        state.missing = wanted().iter().filter(untold).map(|name| (*name).to_owned()).collect();
        state.key = self.signing_secret.map(CallbackKey::new);
        state
    }
}

impl Resend {
    async fn webhooks(
        &self,
        method: Method,
        id: Option<&str>,
        body: Option<&Value>,
        options: &SendOptions,
    ) -> Result<Answer, Refusal> {
        let path: Vec<_> = ["webhooks"].into_iter().chain(id).collect();
        let mut request = self.authorize(Request::new(method, self.base_url.join(&path)));
        if let Some(body) = body {
            request = request.body(JSON, body.to_string());
        }
        let answer = self.http.exchange(request, options).await.map_err(NoAnswer::into_refusal)?;
        if answer.status.is_success() { Ok(answer) } else { Err(self.reason(&answer)) }
    }

    /// The webhook with this identifier: lists do not tell secrets.
    async fn webhook(&self, id: &str, options: &SendOptions) -> Result<CallbackState, Refusal> {
        let answer = self.webhooks(Method::GET, Some(id), None, options).await?;
        answer.json::<Webhook>().map(Webhook::state).ok_or_else(unreadable)
    }
}

#[async_trait]
impl CallbackSetup for Resend {
    async fn ensure(&self, url: &str, _: &str, options: &SendOptions) -> Result<CallbackState, Refusal> {
        let found = self.status(url, options).await?;
        let body = json!({ "endpoint": url, "events": wanted() });
        match found {
            Some(state) if state.is_complete() => Ok(state),
            Some(state) => {
                let mut body = body;
                body["status"] = "enabled".into();
                self.webhooks(Method::PATCH, Some(&state.id), Some(&body), options).await?;
                self.webhook(&state.id, options).await
            }
            None => {
                let answer = self.webhooks(Method::POST, None, Some(&body), options).await?;
                let made: Webhook = answer.json().ok_or_else(unreadable)?;
                self.webhook(&made.id, options).await
            }
        }
    }

    async fn status(&self, url: &str, options: &SendOptions) -> Result<Option<CallbackState>, Refusal> {
        let answer = self.webhooks(Method::GET, None, None, options).await?;
        let all: Webhooks = answer.json().ok_or_else(unreadable)?;
        match all.data.into_iter().find(|one| one.endpoint == url) {
            Some(found) => self.webhook(&found.id, options).await.map(Some),
            None => Ok(None),
        }
    }

    async fn remove(&self, url: &str, options: &SendOptions) -> Result<bool, Refusal> {
        let Some(state) = self.status(url, options).await? else { return Ok(false) };
        self.webhooks(Method::DELETE, Some(&state.id), None, options).await?;
        Ok(true)
    }
}
