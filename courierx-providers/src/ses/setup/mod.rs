//! Telling SES where to call back: a configuration set publishes events to a topic of SNS, and that posts them.
//!
//! Topic and event destination are named after the URL, so that each is found again and none is another's. The
//! configuration set is the account's; where it has none, one of that name is made, and stays when the callbacks are
//! removed, as mail that is still to be sent may name it.
//!
//! <https://docs.aws.amazon.com/ses/latest/dg/event-publishing-add-event-destination-sns.html>

mod destination;
mod topic;

use async_trait::async_trait;
use courierx_core::provider::{CallbackSetup, CallbackState, Refusal, SendOptions};
use sha2::{Digest as _, Sha256};

use super::Ses;
use crate::callback::to_hex;

/// How what is set up for one URL is called.
struct Names {
    /// The topic and the event destination.
    name: String,
    /// The configuration set, and whether it is ours to make.
    set: String,
    is_ours: bool,
}

impl Ses {
    fn names(&self, url: &str) -> Names {
        // As much of it as nobody else's URL has by accident; names of destinations have 64 characters at most.
        let digest = to_hex(&Sha256::digest(url));
        let name = format!("courierx-{}", digest.get(..24).unwrap_or_default());
        let set = self.configuration_set.clone();
        Names { is_ours: set.is_none(), set: set.unwrap_or_else(|| name.clone()), name }
    }
}

/// Something that works, but for an agreement perhaps.
fn state(names: Names, topic: String, awaits_agreement: bool) -> CallbackState {
    let mut state = CallbackState::new(names.name);
    state.topic = Some(topic);
    state.configuration_set = Some(names.set);
    state.awaits_agreement = awaits_agreement;
    state
}

#[async_trait]
impl CallbackSetup for Ses {
    async fn ensure(&self, url: &str, _: &str, options: &SendOptions) -> Result<CallbackState, Refusal> {
        let names = self.names(url);
        let topic = self.make_topic(&names.name, options).await?;
        // In this order, since SES tries the topic when it is told of it.
        self.let_ses_publish(&topic, options).await?;
        self.publish_to(&topic, &names, options).await?;
        let agreed = self.subscribe(&topic, url, options).await?;
        Ok(state(names, topic, !agreed))
    }

    async fn status(&self, url: &str, options: &SendOptions) -> Result<Option<CallbackState>, Refusal> {
        let names = self.names(url);
        let Some(destination) = self.destination(&names, options).await? else { return Ok(None) };
        let Some(topic) = destination.topic().map(str::to_owned) else {
            // It leads somewhere else, and to nobody whom we could ask about it.
            let mut state = CallbackState::new(names.name);
            state.enabled = false;
            return Ok(Some(state));
        };
        let lets = self.lets_ses_publish(&topic, options).await?;
        let subscription = match self.subscription(&topic, url, options).await {
            Err(refusal) if is_nothing(&refusal) => None,
            found => found?,
        };
        let awaits = subscription.as_ref().is_some_and(|one| !one.is_agreed());
        let mut state = state(names, topic, awaits);
        state.enabled = destination.enabled && lets && subscription.is_some();
        if let Some(subscription) = subscription.filter(|one| state.enabled && one.is_agreed()) {
            // What is delivered raw has no signature.
            state.enabled = !self.is_raw(&subscription, options).await?;
        }
        state.missing = destination.missing();
        Ok(Some(state))
    }

    async fn remove(&self, url: &str, options: &SendOptions) -> Result<bool, Refusal> {
        let names = self.names(url);
        let Some(destination) = self.destination(&names, options).await? else { return Ok(false) };
        // First, as it is found by its destination. Its subscriptions go with it.
        if let Some(topic) = destination.topic().filter(|topic| topic.ends_with(&names.name)) {
            self.order("DeleteTopic", &[("TopicArn", topic)], options).await?;
        }
        self.remove_destination(&names, options).await?;
        Ok(true)
    }

    /// Publishes a message of our own, for which the access key needs `sns:Publish`.
    async fn try_out(&self, url: &str, options: &SendOptions) -> Result<bool, Refusal> {
        let destination = self.destination(&self.names(url), options).await?;
        let Some(topic) = destination.as_ref().and_then(|one| one.topic()) else { return Ok(false) };
        let about = [("TopicArn", topic), ("Message", "CourierX asks whether this arrives.")];
        self.order("Publish", &about, options).await?;
        Ok(true)
    }
}

/// Whether a refusal says that there is no such thing.
fn is_nothing(refusal: &Refusal) -> bool {
    matches!(refusal.code.as_deref(), Some("NotFoundException" | "NotFound"))
}
