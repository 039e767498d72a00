//! Amazon SNS, as far as SES publishes through it: topics, and who is told of what is published.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use courierx_core::clock::Timestamp;
use courierx_core::provider::Callback;
use serde_json::{Value, json};
use uuid::Uuid;

use super::super::calls::{CallbackKeys, Listener};
use super::super::vendor::{ApiAnswer, ApiRequest};
use super::Mistake;
use super::message::is_word;

/// Whose topics they are.
const ACCOUNT: &str = "123456789012";
/// The file of the certificate.
pub(super) const CERTIFICATE: &str = "/SimpleNotificationService-emulated.pem";
/// With what messages are signed: a key that serves nothing else.
const KEY: &[u8] = include_bytes!("sns_key.der");
pub(super) const PEM: &str = include_str!("sns_certificate.pem");
/// What can be changed of a topic here.
const ATTRIBUTES: [&str; 3] = ["Policy", "SignatureVersion", "DisplayName"];

pub(super) struct Sns {
    region: String,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The attributes of topics, by their ARNs.
    topics: BTreeMap<String, BTreeMap<String, String>>,
    subscriptions: Vec<Subscription>,
    /// What is published by hand: to which topic, and what.
    published: Vec<(String, String)>,
}

struct Subscription {
    arn: String,
    topic: String,
    protocol: String,
    endpoint: String,
    token: String,
    agreed: bool,
    raw: bool,
    /// Whether it still has to be asked whether it agrees.
    is_new: bool,
}

/// A form, as it came.
struct Form(BTreeMap<String, String>);

impl Form {
    fn get(&self, name: &str) -> &str {
        self.0.get(name).map(String::as_str).unwrap_or_default()
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// An error in XML.
pub(super) fn error(Mistake(status, code, message): Mistake) -> ApiAnswer {
    let body = format!(
        "<ErrorResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\"><Error><Type>Sender</Type>\
         <Code>{code}</Code><Message>{}</Message></Error><RequestId>{}</RequestId></ErrorResponse>",
        escape(&message),
        Uuid::new_v4()
    );
    ApiAnswer::text(status, "text/xml", body)
}

fn invalid<T>(message: impl Into<String>) -> Result<T, Mistake> {
    Err(Mistake(400, "InvalidParameter", format!("Invalid parameter: {}", message.into())))
}

fn none_such<T>(what: &str) -> Result<T, Mistake> {
    Err(Mistake(404, "NotFound", format!("{what} does not exist")))
}

fn entries<'a>(all: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let entry = |(key, value): (&str, &str)| {
        format!("<entry><key>{key}</key><value>{}</value></entry>", escape(value))
    };
    format!("<Attributes>{}</Attributes>", all.into_iter().map(entry).collect::<String>())
}

impl Sns {
    pub(super) fn new(region: &str) -> Self {
        Self { region: region.to_owned(), state: Mutex::default() }
    }

    fn kept(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn host(&self) -> String {
        format!("https://sns.{}.amazonaws.com", self.region)
    }

    /// Answers a request by somebody who was checked; or by anybody, who can do nothing but agree.
    pub(super) fn answer(&self, request: &ApiRequest, is_owner: bool) -> Result<ApiAnswer, Mistake> {
        let text = if is_owner { &request.body[..] } else { request.query.as_bytes() };
        let form = Form(url::form_urlencoded::parse(text).into_owned().collect());
        let action = form.get("Action").to_owned();
        if is_owner && form.get("Version") != "2010-03-31" {
            return Err(Mistake(400, "InvalidAction", format!("Could not find operation {action}")));
        }
        let result = match action.as_str() {
            "ConfirmSubscription" => self.confirm(&form)?,
            _ if !is_owner => {
                return Err(Mistake(
                    403,
                    "MissingAuthenticationToken",
                    "Missing Authentication Token".into(),
                ));
            }
            "CreateTopic" => self.create_topic(&form)?,
            "DeleteTopic" => self.delete_topic(&form),
            "GetTopicAttributes" => self.topic(&form)?,
            "SetTopicAttributes" => self.set_topic(&form)?,
            "Subscribe" => self.subscribe(&form)?,
            "Publish" => self.publish(&form)?,
            "ListSubscriptionsByTopic" => self.list(&form)?,
            "GetSubscriptionAttributes" | "SetSubscriptionAttributes" => self.subscription(&form)?,
            _ => return Err(Mistake(400, "InvalidAction", format!("Could not find operation {action}"))),
        };
        let body = format!(
            "<{action}Response xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\"><{action}Result>{result}\
             </{action}Result><ResponseMetadata><RequestId>{}</RequestId></ResponseMetadata></{action}Response>",
            Uuid::new_v4()
        );
        Ok(ApiAnswer::text(200, "text/xml", body))
    }

    fn create_topic(&self, form: &Form) -> Result<String, Mistake> {
        let name = form.get("Name");
        if !is_word(name, 256) {
            return invalid("Topic Name");
        }
        let arn = format!("arn:aws:sns:{}:{ACCOUNT}:{name}", self.region);
        // What a topic has before anybody says otherwise: all of its own account may do all.
        let policy = json!({ "Version": "2008-10-17", "Id": "__default_policy_ID", "Statement": [{
            "Sid": "__default_statement_ID", "Effect": "Allow", "Principal": { "AWS": "*" },
            "Action": ["SNS:Publish", "SNS:Subscribe"], "Resource": arn,
            "Condition": { "StringEquals": { "AWS:SourceOwner": ACCOUNT } },
        }] });
        let fresh = || BTreeMap::from([("Policy".to_owned(), policy.to_string())]);
        self.kept().topics.entry(arn.clone()).or_insert_with(fresh);
        Ok(format!("<TopicArn>{arn}</TopicArn>"))
    }

    fn delete_topic(&self, form: &Form) -> String {
        let mut kept = self.kept();
        kept.topics.remove(form.get("TopicArn"));
        kept.subscriptions.retain(|one| one.topic != form.get("TopicArn"));
        String::new()
    }

    fn topic(&self, form: &Form) -> Result<String, Mistake> {
        let (kept, arn) = (self.kept(), form.get("TopicArn"));
        let Some(topic) = kept.topics.get(arn) else { return none_such("Topic") };
        let own = [("TopicArn", arn), ("Owner", ACCOUNT)];
        Ok(entries(topic.iter().map(|(key, value)| (key.as_str(), value.as_str())).chain(own)))
    }

    fn set_topic(&self, form: &Form) -> Result<String, Mistake> {
        let mut kept = self.kept();
        let Some(topic) = kept.topics.get_mut(form.get("TopicArn")) else { return none_such("Topic") };
        let (name, value) = (form.get("AttributeName"), form.get("AttributeValue"));
        let fits = match name {
            "Policy" => {
                serde_json::from_str::<Value>(value).is_ok_and(|policy| policy["Statement"].is_array())
            }
            "SignatureVersion" => ["1", "2"].contains(&value),
            name => ATTRIBUTES.contains(&name),
        };
        if !fits {
            return invalid(format!("AttributeName or AttributeValue of {name}"));
        }
        topic.insert(name.to_owned(), value.to_owned());
        Ok(String::new())
    }

    fn subscribe(&self, form: &Form) -> Result<String, Mistake> {
        let (topic, endpoint, protocol) = (form.get("TopicArn"), form.get("Endpoint"), form.get("Protocol"));
        let mut kept = self.kept();
        if !kept.topics.contains_key(topic) {
            return none_such("Topic");
        }
        if !["http", "https"].contains(&protocol) || !endpoint.starts_with(&format!("{protocol}://")) {
            return invalid("Endpoint must match the specified protocol");
        }
        let found = kept.subscriptions.iter_mut().find(|one| one.topic == topic && one.endpoint == endpoint);
        let arn = if let Some(found) = found {
            found.is_new |= !found.agreed;
            found.arn.clone()
        } else {
            let arn = format!("{topic}:{}", Uuid::new_v4());
            kept.subscriptions.push(Subscription {
                arn: arn.clone(),
                topic: topic.to_owned(),
                protocol: protocol.to_owned(),
                endpoint: endpoint.to_owned(),
                token: Uuid::new_v4().simple().to_string(),
                agreed: false,
                raw: false,
                is_new: true,
            });
            arn
        };
        let shown = if form.get("ReturnSubscriptionArn") == "true" { &arn } else { "pending confirmation" };
        Ok(format!("<SubscriptionArn>{shown}</SubscriptionArn>"))
    }

    fn publish(&self, form: &Form) -> Result<String, Mistake> {
        let (mut kept, topic) = (self.kept(), form.get("TopicArn"));
        if !kept.topics.contains_key(topic) {
            return none_such("Topic");
        }
        if form.get("Message").is_empty() {
            return invalid("Empty message");
        }
        kept.published.push((topic.to_owned(), form.get("Message").to_owned()));
        Ok(format!("<MessageId>{}</MessageId>", Uuid::new_v4()))
    }

    fn list(&self, form: &Form) -> Result<String, Mistake> {
        let (kept, topic) = (self.kept(), form.get("TopicArn"));
        if !kept.topics.contains_key(topic) {
            return none_such("Topic");
        }
        let member = |one: &Subscription| {
            let arn = if one.agreed { &one.arn } else { "PendingConfirmation" };
            format!(
                "<member><TopicArn>{topic}</TopicArn><Protocol>{}</Protocol><SubscriptionArn>{arn}\
                 </SubscriptionArn><Owner>{ACCOUNT}</Owner><Endpoint>{}</Endpoint></member>",
                one.protocol,
                escape(&one.endpoint)
            )
        };
        let all: String = kept.subscriptions.iter().filter(|one| one.topic == topic).map(member).collect();
        Ok(format!("<Subscriptions>{all}</Subscriptions>"))
    }

    fn subscription(&self, form: &Form) -> Result<String, Mistake> {
        let mut kept = self.kept();
        let found = kept.subscriptions.iter_mut().find(|one| one.arn == form.get("SubscriptionArn"));
        let Some(found) = found else { return none_such("Subscription") };
        if form.get("Action") == "GetSubscriptionAttributes" {
            let word = |is| if is { "true" } else { "false" };
            let all = [("RawMessageDelivery", word(found.raw)), ("PendingConfirmation", word(!found.agreed))];
            return Ok(entries(all));
        }
        match (form.get("AttributeName"), form.get("AttributeValue")) {
            ("RawMessageDelivery", value @ ("true" | "false")) => found.raw = value == "true",
            _ => return invalid("AttributeName"),
        }
        Ok(String::new())
    }

    fn confirm(&self, form: &Form) -> Result<String, Mistake> {
        let mut kept = self.kept();
        let (topic, token) = (form.get("TopicArn"), form.get("Token"));
        let found = kept.subscriptions.iter_mut().find(|one| one.topic == topic && one.token == token);
        let Some(found) = found else { return invalid("Token") };
        found.agreed = true;
        Ok(format!("<SubscriptionArn>{}</SubscriptionArn>", found.arn))
    }

    /// Whether SES may publish to a topic.
    pub(super) fn lets_ses_publish(&self, topic: &str) -> bool {
        let kept = self.kept();
        let policy = kept.topics.get(topic).and_then(|topic| topic.get("Policy"));
        let policy = policy.and_then(|policy| serde_json::from_str::<Value>(policy).ok());
        policy.is_some_and(|policy| {
            policy["Statement"].as_array().into_iter().flatten().any(|one| {
                let account = one["Condition"]["StringEquals"]["AWS:SourceAccount"].as_str();
                one["Effect"] == "Allow"
                    && one["Principal"]["Service"] == "ses.amazonaws.com"
                    && one["Action"].as_str().is_some_and(|action| action.eq_ignore_ascii_case("sns:publish"))
                    && one["Resource"] == topic
                    && account.is_none_or(|account| account == ACCOUNT)
            })
        })
    }

    fn keys(&self, topic: &str) -> Option<CallbackKeys> {
        CallbackKeys::sns(topic, KEY, &(self.host() + CERTIFICATE)).ok()
    }

    /// Who is told of what is published; by name, the topic.
    pub(super) fn listeners(&self) -> Vec<Listener> {
        let kept = self.kept();
        let signed = |one: &Subscription| {
            let version = kept.topics.get(&one.topic).and_then(|topic| topic.get("SignatureVersion"));
            // The other one is made with SHA-1, which is not made here; and raw messages have none.
            one.agreed && !one.raw && version.is_some_and(|version| version == "2")
        };
        let told = kept.subscriptions.iter().filter(|one| signed(one));
        let listener = |one: &Subscription| {
            let keys = Arc::new(self.keys(&one.topic)?);
            Some(Listener { url: one.endpoint.clone(), keys, name: one.topic.clone() })
        };
        told.filter_map(listener).collect()
    }

    /// What is published by hand, for whom.
    fn notices(&self, now: Timestamp) -> Vec<(String, Callback)> {
        let published = std::mem::take(&mut self.kept().published);
        let listeners = self.listeners();
        let told = published.iter().flat_map(|(topic, text)| {
            let heard = listeners.iter().filter(move |one| one.name == *topic);
            heard.flat_map(move |one| {
                let calls = one.keys.sign(vec![Value::from(text.as_str())], now);
                calls.into_iter().map(|call| (one.url.clone(), call))
            })
        });
        told.collect()
    }

    /// Asks those who are new whether they agree; and tells the others what was published by hand.
    pub(super) fn greetings(&self, now: Timestamp) -> Vec<(String, Callback)> {
        let notices = self.notices(now);
        let mut kept = self.kept();
        let asked = kept.subscriptions.iter_mut().filter_map(|one| {
            if !std::mem::take(&mut one.is_new) || one.agreed {
                return None;
            }
            let host = self.host();
            let url =
                format!("{host}/?Action=ConfirmSubscription&TopicArn={}&Token={}", one.topic, one.token);
            let call = self.keys(&one.topic)?.confirmation(&one.token, &url, now)?;
            Some((one.endpoint.clone(), call))
        });
        asked.chain(notices).collect()
    }
}
