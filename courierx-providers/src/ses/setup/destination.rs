//! What a configuration set publishes, and where.
//!
//! <https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_CreateConfigurationSetEventDestination.html>

use courierx_core::provider::{Refusal, SendOptions};
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Names, is_nothing};
use crate::http::{Answer, NoAnswer, Request, unreadable};
use crate::ses::provider::JSON;
use crate::ses::{SES, Ses};

/// What SES can tell of, as its settings name it.
const EVENTS: [&str; 10] = [
    "SEND",
    "REJECT",
    "BOUNCE",
    "COMPLAINT",
    "DELIVERY",
    "OPEN",
    "CLICK",
    "RENDERING_FAILURE",
    "DELIVERY_DELAY",
    "SUBSCRIPTION",
];

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Destinations {
    #[serde(default)]
    event_destinations: Vec<Destination>,
}

/// Where some events are published.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Destination {
    name: String,
    #[serde(default)]
    pub(super) enabled: bool,
    #[serde(default)]
    matching_event_types: Vec<String>,
    #[serde(rename = "SnsDestination")]
    topic: Option<Topic>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Topic {
    topic_arn: String,
}

impl Destination {
    pub(super) fn topic(&self) -> Option<&str> {
        self.topic.as_ref().map(|topic| topic.topic_arn.as_str())
    }

    /// What it is not told of.
    pub(super) fn missing(&self) -> Vec<String> {
        let is_told = |event: &&str| self.matching_event_types.iter().any(|one| one == event);
        EVENTS.iter().filter(|event| !is_told(event)).map(|event| (*event).to_owned()).collect()
    }

    fn leads_to(&self, topic: &str) -> bool {
        self.enabled && self.topic() == Some(topic) && self.missing().is_empty()
    }
}

impl Ses {
    async fn sets(
        &self,
        method: Method,
        path: &[&str],
        body: Option<Value>,
        options: &SendOptions,
    ) -> Result<Answer, Refusal> {
        let path = [&["v2", "email", "configuration-sets"], path].concat();
        let mut request = Request::new(method, self.base_url.join(&path));
        if let Some(body) = body {
            request = request.body(JSON, body.to_string());
        }
        let answer = self.http.exchange(self.signed(request, SES), options).await;
        let answer = answer.map_err(NoAnswer::into_refusal)?;
        if answer.status.is_success() { Ok(answer) } else { Err(self.reason(&answer)) }
    }

    /// Our destination; none if it or the set is not there.
    pub(super) async fn destination(
        &self,
        names: &Names,
        options: &SendOptions,
    ) -> Result<Option<Destination>, Refusal> {
        match self.destinations(names, options).await {
            Ok(all) => Ok(all.into_iter().find(|one| one.name == names.name)),
            Err(refusal) if is_nothing(&refusal) => Ok(None),
            Err(refusal) => Err(refusal),
        }
    }

    async fn destinations(&self, names: &Names, options: &SendOptions) -> Result<Vec<Destination>, Refusal> {
        let answer = self.sets(Method::GET, &[&names.set, "event-destinations"], None, options).await?;
        let all: Destinations = answer.json().ok_or_else(unreadable)?;
        Ok(all.event_destinations)
    }

    /// Sees to it that everything is published to this topic.
    pub(super) async fn publish_to(
        &self,
        topic: &str,
        names: &Names,
        options: &SendOptions,
    ) -> Result<(), Refusal> {
        let all = match self.destinations(names, options).await {
            Err(refusal) if names.is_ours && is_nothing(&refusal) => {
                let body = json!({ "ConfigurationSetName": names.set });
                self.sets(Method::POST, &[], Some(body), options).await?;
                Vec::new()
            }
            all => all?,
        };
        let found = all.iter().find(|one| one.name == names.name);
        if found.is_some_and(|found| found.leads_to(topic)) {
            return Ok(());
        }
        let mut body = json!({ "EventDestination": {
            "Enabled": true, "MatchingEventTypes": EVENTS, "SnsDestination": { "TopicArn": topic },
        } });
        let path = [names.set.as_str(), "event-destinations", names.name.as_str()];
        if found.is_some() {
            self.sets(Method::PUT, &path, Some(body), options).await?;
        } else {
            body["EventDestinationName"] = names.name.as_str().into();
            self.sets(Method::POST, &path[..2], Some(body), options).await?;
        }
        Ok(())
    }

    pub(super) async fn remove_destination(
        &self,
        names: &Names,
        options: &SendOptions,
    ) -> Result<(), Refusal> {
        let path = [names.set.as_str(), "event-destinations", names.name.as_str()];
        match self.sets(Method::DELETE, &path, None, options).await {
            Err(refusal) if !is_nothing(&refusal) => Err(refusal),
            _ => Ok(()),
        }
    }
}
