//! Telling Postmark where to call back.
//!
//! <https://postmarkapp.com/developer/api/webhooks-api>

use async_trait::async_trait;
use courierx_core::provider::{CallbackKey, CallbackSetup, CallbackState, Refusal, SendOptions};
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Postmark;
use crate::callback::Fields;
use crate::http::{Answer, NoAnswer, Request, unreadable};

/// The user that callbacks show.
const USER: &str = "courierx";
/// What Postmark can tell of.
const TRIGGERS: [&str; 6] = ["Open", "Click", "Delivery", "Bounce", "SpamComplaint", "SubscriptionChange"];

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Webhooks {
    webhooks: Vec<Value>,
}

fn state(webhook: &Value) -> Option<CallbackState> {
    let mut state = CallbackState::new(webhook.number("ID")?);
    let enabled = |trigger: &&str| webhook["Triggers"][*trigger]["Enabled"] == true;
    state.missing = TRIGGERS.iter().filter(|one| !enabled(one)).map(|one| (*one).to_owned()).collect();
    state.key = webhook["HttpAuth"].text("Password").map(CallbackKey::new);
    Some(state)
}

impl Postmark {
    fn wanted(&self, url: &str, secret: &str) -> Value {
        let mut triggers: Value =
            TRIGGERS.iter().map(|one| ((*one).to_owned(), json!({ "Enabled": true }))).collect();
        triggers["Open"]["PostFirstOpenOnly"] = false.into();
        // What bounced is no business of ours.
        triggers["Bounce"]["IncludeContent"] = false.into();
        triggers["SpamComplaint"]["IncludeContent"] = false.into();
        json!({
            "Url": url, "MessageStream": self.stream(), "Triggers": triggers,
            "HttpAuth": { "Username": USER, "Password": secret },
        })
    }

    fn stream(&self) -> &str {
        self.message_stream.as_deref().unwrap_or("outbound")
    }

    async fn webhooks(
        &self,
        method: Method,
        id: Option<&str>,
        body: Option<&Value>,
        options: &SendOptions,
    ) -> Result<Answer, Refusal> {
        let path: Vec<_> = ["webhooks"].into_iter().chain(id).collect();
        let mut request = self.authorize(Request::new(method.clone(), self.base_url.join(&path)));
        match body {
            Some(body) => request = request.body("application/json", body.to_string()),
            None if method == Method::GET => {
                request.url.query_pairs_mut().append_pair("MessageStream", self.stream());
            }
            None => {}
        }
        let answer = self.http.exchange(request, options).await.map_err(NoAnswer::into_refusal)?;
        if answer.status.is_success() { Ok(answer) } else { Err(self.reason(&answer)) }
    }
}

#[async_trait]
impl CallbackSetup for Postmark {
    async fn ensure(&self, url: &str, secret: &str, options: &SendOptions) -> Result<CallbackState, Refusal> {
        let found = self.status(url, options).await?;
        let knows = |state: &CallbackState| state.key.as_ref().is_some_and(|key| key.expose() == secret);
        let body = self.wanted(url, secret);
        let answer = match found {
            Some(state) if state.is_complete() && knows(&state) => return Ok(state),
            Some(state) => self.webhooks(Method::PUT, Some(&state.id), Some(&body), options).await?,
            None => self.webhooks(Method::POST, None, Some(&body), options).await?,
        };
        let made: Value = answer.json().ok_or_else(unreadable)?;
        state(&made).ok_or_else(unreadable)
    }

    async fn status(&self, url: &str, options: &SendOptions) -> Result<Option<CallbackState>, Refusal> {
        let answer = self.webhooks(Method::GET, None, None, options).await?;
        let all: Webhooks = answer.json().ok_or_else(unreadable)?;
        Ok(all.webhooks.iter().find(|one| one["Url"] == url).and_then(state))
    }

    async fn remove(&self, url: &str, options: &SendOptions) -> Result<bool, Refusal> {
        let Some(state) = self.status(url, options).await? else { return Ok(false) };
        self.webhooks(Method::DELETE, Some(&state.id), None, options).await?;
        Ok(true)
    }
}
