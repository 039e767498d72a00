//! The topic that SES publishes to, and who is told of it.
//!
//! <https://docs.aws.amazon.com/sns/latest/api/API_Operations.html>

use courierx_core::provider::{Refusal, RefusalKind, SendOptions};
use reqwest::Url;
use serde::Deserialize;
use serde_json::{Value, json};

use super::is_nothing;
use crate::callback::Fields;
use crate::ses::Ses;
use crate::ses::query::Attributed;

/// What our statement in a topic's policy is called.
const STATEMENT: &str = "CourierXSesPublishes";
/// With SHA-256 instead of SHA-1.
const SIGNATURE: &str = "2";
/// Pages of subscriptions that are looked at, of 100 each. The topic is ours, and has one.
const MOST_PAGES: usize = 5;
/// What stands for the name of a subscription that is no more; before anybody agreed to one it has no name either.
const GONE: &str = "Deleted";

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Topic {
    topic_arn: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Page {
    subscriptions: Members,
    next_token: Option<String>,
}

#[derive(Deserialize)]
struct Members {
    #[serde(default, rename = "member")]
    members: Vec<Subscription>,
}

/// Somebody who is told of what is published.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Subscription {
    subscription_arn: String,
    #[serde(default)]
    endpoint: String,
}

impl Subscription {
    pub(super) fn is_agreed(&self) -> bool {
        self.subscription_arn.starts_with("arn:")
    }

    fn is_at(&self, url: &str) -> bool {
        self.endpoint == url && self.subscription_arn != GONE
    }
}

impl Ses {
    /// Our topic, made if it is not there. Its attributes are set afterwards: a topic that is there with others would
    /// be an error.
    pub(super) async fn make_topic(&self, name: &str, options: &SendOptions) -> Result<String, Refusal> {
        let topic: Topic = self.ask("CreateTopic", &[("Name", name)], options).await?;
        Ok(topic.topic_arn)
    }

    /// Whether SES may publish to a topic, and it signs as it should.
    pub(super) async fn lets_ses_publish(&self, topic: &str, options: &SendOptions) -> Result<bool, Refusal> {
        match self.topic_attributes(topic, options).await {
            Ok(now) => Ok(signs(&now) && permitting(topic, now.get("Policy"))?.is_none()),
            Err(refusal) if is_nothing(&refusal) => Ok(false),
            Err(refusal) => Err(refusal),
        }
    }

    pub(super) async fn let_ses_publish(&self, topic: &str, options: &SendOptions) -> Result<(), Refusal> {
        let now = self.topic_attributes(topic, options).await?;
        if !signs(&now) {
            self.set_topic(topic, "SignatureVersion", SIGNATURE, options).await?;
        }
        if let Some(policy) = permitting(topic, now.get("Policy"))? {
            self.set_topic(topic, "Policy", &policy, options).await?;
        }
        Ok(())
    }

    async fn topic_attributes(&self, topic: &str, options: &SendOptions) -> Result<Attributed, Refusal> {
        self.ask("GetTopicAttributes", &[("TopicArn", topic)], options).await
    }

    async fn set_topic(
        &self,
        topic: &str,
        name: &str,
        value: &str,
        options: &SendOptions,
    ) -> Result<(), Refusal> {
        let about = [("TopicArn", topic), ("AttributeName", name), ("AttributeValue", value)];
        self.order("SetTopicAttributes", &about, options).await.map(drop)
    }

    /// Whom a topic tells at this URL, whether it has agreed or not.
    pub(super) async fn subscription(
        &self,
        topic: &str,
        url: &str,
        options: &SendOptions,
    ) -> Result<Option<Subscription>, Refusal> {
        let mut next = None::<String>;
        for _ in 0..MOST_PAGES {
            let mut about = vec![("TopicArn", topic)];
            about.extend(next.as_deref().map(|token| ("NextToken", token)));
            let page: Page = self.ask("ListSubscriptionsByTopic", &about, options).await?;
            let found = page.subscriptions.members.into_iter().find(|one| one.is_at(url));
            next = page.next_token.filter(|token| !token.is_empty());
            if found.is_some() || next.is_none() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    /// Sees to it that a topic tells this URL; answers whether that has agreed to it. If not, it is asked again.
    pub(super) async fn subscribe(
        &self,
        topic: &str,
        url: &str,
        options: &SendOptions,
    ) -> Result<bool, Refusal> {
        if let Some(found) = self.subscription(topic, url, options).await?.filter(Subscription::is_agreed) {
            if self.is_raw(&found, options).await? {
                let about = [
                    ("SubscriptionArn", found.subscription_arn.as_str()),
                    ("AttributeName", "RawMessageDelivery"),
                    ("AttributeValue", "false"),
                ];
                self.order("SetSubscriptionAttributes", &about, options).await?;
            }
            return Ok(true);
        }
        let plain = Url::parse(url).is_ok_and(|url| url.scheme() == "http");
        let about = [
            ("TopicArn", topic),
            ("Protocol", if plain { "http" } else { "https" }),
            ("Endpoint", url),
            ("ReturnSubscriptionArn", "true"),
        ];
        self.order("Subscribe", &about, options).await?;
        Ok(false)
    }

    /// Whether messages are delivered without what says whose they are.
    pub(super) async fn is_raw(
        &self,
        subscription: &Subscription,
        options: &SendOptions,
    ) -> Result<bool, Refusal> {
        let about = [("SubscriptionArn", subscription.subscription_arn.as_str())];
        let now: Attributed = self.ask("GetSubscriptionAttributes", &about, options).await?;
        Ok(now.get("RawMessageDelivery") == Some("true"))
    }
}

fn signs(attributes: &Attributed) -> bool {
    attributes.get("SignatureVersion") == Some(SIGNATURE)
}

/// The policy of a topic with what lets SES of the same account publish; none if that is in it.
///
/// <https://docs.aws.amazon.com/ses/latest/dg/event-publishing-add-event-destination-sns.html>
fn permitting(topic: &str, policy: Option<&str>) -> Result<Option<String>, Refusal> {
    let account = topic.split(':').nth(4).unwrap_or_default();
    let ours = json!({
        "Sid": STATEMENT, "Effect": "Allow", "Principal": { "Service": "ses.amazonaws.com" },
        "Action": "SNS:Publish", "Resource": topic,
        "Condition": { "StringEquals": { "AWS:SourceAccount": account } },
    });
    let mut policy = match policy.filter(|policy| !policy.is_empty()) {
        None => json!({ "Version": "2008-10-17", "Statement": [] }),
        // What others wrote into it is theirs.
        Some(policy) => serde_json::from_str(policy).unwrap_or(Value::Null),
    };
    let Some(statements) = policy.get_mut("Statement").and_then(Value::as_array_mut) else {
        let what = format!("the policy of the topic {topic} cannot be read");
        return Err(Refusal::new(RefusalKind::Auth, what));
    };
    // AWS may write it another way than it was given.
    let is_ours = |one: &Value| one.text("Sid") == Some(STATEMENT);
    let same = |one: &Value| ["Effect", "Resource"].iter().all(|key| one[*key] == ours[*key]);
    if statements.iter().any(|one| is_ours(one) && same(one)) {
        return Ok(None);
    }
    statements.retain(|one| !is_ours(one));
    statements.push(ours);
    Ok(Some(policy.to_string()))
}
