//! Messages to send.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::Error;

/// A message to send. The server says what is wrong with one, so nothing is checked here.
#[derive(Debug, Clone, Default, Serialize)]
#[must_use = "a message does nothing before it is sent"]
pub struct Message {
    from_email: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    to_email: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    cc: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    bcc: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    reply_to: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    html_body: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text_body: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    template_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    template: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    variables: Option<Map<String, Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    strict_variables: Option<bool>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: Vec<String>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    metadata: Map<String, Value>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    headers: Map<String, Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    attachments: Vec<Attachment>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scheduled_at: Option<When>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deliver_by: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tracking: Option<Tracking>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unsubscribe: Option<Unsubscribe>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lane: Option<Lane>,
    #[serde(skip)]
    idempotency_key: Option<String>,
}

#[derive(Debug, Clone, Copy, Serialize)]
struct Tracking {
    opens: bool,
    clicks: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<&'static str>,
}

#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
enum Unsubscribe {
    All(bool),
    Of { topic: String },
}

/// How much a message hurries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Lane {
    /// The usual one.
    Transactional,
    /// Newsletters and the like.
    Bulk,
    /// Someone waits for it.
    Critical,
}

/// When delivery begins: a moment, or a time from now, such as `in 2 hours`.
#[derive(Debug, Clone, Serialize)]
#[serde(transparent)]
pub struct When(String);

impl From<Timestamp> for When {
    fn from(moment: Timestamp) -> Self {
        Self(moment.to_string())
    }
}

impl From<&str> for When {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl Message {
    /// From this address to that one; both may be `Name <address>`.
    pub fn new(from: impl Into<String>, to: impl Into<String>) -> Self {
        Self::from(from).to(to)
    }

    /// From this address, to nobody yet: for a batch.
    pub fn from(from: impl Into<String>) -> Self {
        Self { from_email: from.into(), ..Self::default() }
    }

    /// Another recipient.
    pub fn to(mut self, address: impl Into<String>) -> Self {
        self.to_email.push(address.into());
        self
    }

    /// Another recipient of a copy.
    pub fn cc(mut self, address: impl Into<String>) -> Self {
        self.cc.push(address.into());
        self
    }

    /// Another recipient, of whom the others do not know.
    pub fn bcc(mut self, address: impl Into<String>) -> Self {
        self.bcc.push(address.into());
        self
    }

    /// Where answers go.
    pub fn reply_to(mut self, address: impl Into<String>) -> Self {
        self.reply_to.push(address.into());
        self
    }

    /// The subject.
    pub fn subject(mut self, subject: impl Into<String>) -> Self {
        self.subject = Some(subject.into());
        self
    }

    /// The HTML body.
    pub fn html(mut self, html: impl Into<String>) -> Self {
        self.html_body = Some(html.into());
        self
    }

    /// The text body.
    pub fn text(mut self, text: impl Into<String>) -> Self {
        self.text_body = Some(text.into());
        self
    }

    /// A template in place of the bodies, by its identifier.
    pub fn template_id(mut self, id: impl Into<String>) -> Self {
        self.template_id = Some(id.into());
        self
    }

    /// A template in place of the bodies, by its name.
    pub fn template(mut self, name: impl Into<String>) -> Self {
        self.template = Some(name.into());
        self
    }

    /// A variable; with one, subject and bodies are Handlebars templates.
    pub fn variable(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.variables.get_or_insert_default().insert(name.into(), value.into());
        self
    }

    /// Refuses the message if its texts need a variable that it does not have.
    pub fn strict_variables(mut self) -> Self {
        self.strict_variables = Some(true);
        self
    }

    /// A tag to find it by.
    pub fn tag(mut self, tag: impl Into<String>) -> Self {
        self.tags.push(tag.into());
        self
    }

    /// Something of yours.
    pub fn metadata(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.metadata.insert(name.into(), Value::String(value.into()));
        self
    }

    /// A header of yours.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.insert(name.into(), Value::String(value.into()));
        self
    }

    /// A file.
    pub fn attach(mut self, file: Attachment) -> Self {
        self.attachments.push(file);
        self
    }

    /// When delivery begins: a [`Timestamp`], or a time from now, such as `in 2 hours`.
    pub fn scheduled_at(mut self, when: impl Into<When>) -> Self {
        self.scheduled_at = Some(when.into());
        self
    }

    /// When delivery ends.
    pub fn deliver_by(mut self, moment: Timestamp) -> Self {
        self.deliver_by = Some(moment);
        self
    }

    /// Whether the provider counts opens and clicks; without it, as its account is set up.
    pub fn tracking(mut self, opens: bool, clicks: bool) -> Self {
        self.tracking = Some(Tracking { opens, clicks, by: None });
        self
    }

    /// Whether CourierX counts opens and clicks, whichever provider carries the message.
    pub fn tracking_by_courierx(mut self, opens: bool, clicks: bool) -> Self {
        self.tracking = Some(Tracking { opens, clicks, by: Some("courierx") });
        self
    }

    /// Whether the recipient can leave with a click, and then gets no mail at all; in the lane `bulk` they can unless it
    /// says otherwise.
    pub fn unsubscribe(mut self, offered: bool) -> Self {
        self.unsubscribe = Some(Unsubscribe::All(offered));
        self
    }

    /// Lets the recipient leave mail of this topic with a click.
    pub fn unsubscribe_from(mut self, topic: impl Into<String>) -> Self {
        self.unsubscribe = Some(Unsubscribe::Of { topic: topic.into() });
        self
    }

    /// How much it hurries.
    pub fn lane(mut self, lane: Lane) -> Self {
        self.lane = Some(lane);
        self
    }

    /// Makes it repeatable: within a day the same key is the same message. Without it each send has a key of its own.
    pub fn idempotency_key(mut self, key: impl Into<String>) -> Self {
        self.idempotency_key = Some(key.into());
        self
    }

    /// The key that the request has.
    pub(crate) fn key(&self) -> Option<String> {
        let own = self.metadata.get("idempotency_key").and_then(Value::as_str);
        self.idempotency_key.clone().or_else(|| own.map(str::to_owned))
    }

    /// As a part of a batch, which has no header of its own for its key.
    fn to_part(&self) -> Result<Value, Error> {
        let mut part = self.clone();
        if let Some(key) = part.idempotency_key.take() {
            part = part.metadata("idempotency_key", key);
        }
        serde_json::to_value(part).map_err(|error| Error::Request(error.to_string()))
    }
}

/// A file to attach.
#[derive(Debug, Clone, Serialize)]
pub struct Attachment {
    #[serde(skip_serializing_if = "Option::is_none")]
    filename: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_type: Option<String>,
    /// In base64.
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_id: Option<String>,
}

impl Attachment {
    /// A file with this content.
    pub fn new(
        filename: impl Into<String>,
        content_type: impl Into<String>,
        content: impl AsRef<[u8]>,
    ) -> Self {
        let content = Some(STANDARD.encode(content));
        let (filename, content_type) = (Some(filename.into()), Some(content_type.into()));
        Self { filename, content_type, content, url: None, content_id: None }
    }

    /// A file that the server fetches: https.
    pub fn from_url(url: impl Into<String>) -> Self {
        Self { filename: None, content_type: None, content: None, url: Some(url.into()), content_id: None }
    }

    /// Makes it inline: `<img src="cid:…">` with this identifier shows it.
    #[must_use]
    pub fn inline(mut self, content_id: impl Into<String>) -> Self {
        self.content_id = Some(content_id.into());
        self
    }
}

/// Who gets a message of their own.
#[derive(Debug, Clone, Serialize)]
pub struct BatchRecipient {
    email: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    variables: Option<Map<String, Value>>,
}

impl BatchRecipient {
    /// Somebody.
    pub fn new(email: impl Into<String>) -> Self {
        Self { email: email.into(), name: None, variables: None }
    }

    /// What they are called.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// A variable of their own, before those of the message.
    #[must_use]
    pub fn variable(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.variables.get_or_insert_default().insert(name.into(), value.into());
        self
    }
}

/// Many messages in one request.
#[derive(Debug, Clone)]
pub struct Batch {
    body: Result<Value, String>,
    key: Option<String>,
}

impl Batch {
    /// Up to 100 messages.
    pub fn of(messages: &[Message]) -> Self {
        let parts: Result<Vec<Value>, Error> = messages.iter().map(Message::to_part).collect();
        let body =
            parts.map(|parts| serde_json::json!({ "emails": parts })).map_err(|error| error.to_string());
        Self { body, key: None }
    }

    /// One message to up to 1000 people, each in a mail of their own.
    pub fn to_each(message: &Message, recipients: &[BatchRecipient]) -> Self {
        #[derive(Serialize)]
        struct Body<'a> {
            #[serde(flatten)]
            message: &'a Message,
            recipients: &'a [BatchRecipient],
        }
        let body = serde_json::to_value(Body { message, recipients }).map_err(|error| error.to_string());
        Self { body, key: message.key() }
    }

    /// Makes it repeatable: within a day the same key is the same batch.
    #[must_use]
    pub fn idempotency_key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }

    pub(crate) fn into_parts(self) -> Result<(Value, Option<String>), Error> {
        Ok((self.body.map_err(Error::Request)?, self.key))
    }
}
