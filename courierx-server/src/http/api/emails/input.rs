//! A message, as clients write it.

use courierx_core::clock::Timestamp;
use courierx_core::message::{
    DisplayName, DuplicatePolicy, Email, EmailBuilder, Field, HeaderName, IdempotencyKey, Lane, Mailbox,
    MetadataKey, Problem, RetryPreset, Topic, TrackedBy, Tracking, Unsubscribe, limits,
};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::parts::{AddressText, Addresses, AttachedFile};
use super::schedule::When;
use crate::error::{FieldError, ServiceError, ServiceResult};
use crate::http::Input;
use crate::schema::any_of;
use crate::services::emails::Draft;

/// Addresses in one list, before those given twice are left out.
pub(in crate::http::api) const MAX_ADDRESSES: usize = 10 * limits::MAX_RECIPIENTS;

/// A message to send. Documented names stand beside those that other clients use.
#[derive(Deserialize, ToSchema)]
pub struct SendEmail {
    #[serde(default, alias = "from")]
    #[schema(inline, value_type = Option<AddressText>)]
    from_email: Option<String>,
    #[serde(default)]
    from_name: Option<String>,
    #[serde(default, alias = "to")]
    to_email: Addresses,
    #[serde(default)]
    to_name: Option<String>,
    #[serde(default)]
    cc: Addresses,
    #[serde(default)]
    bcc: Addresses,
    #[serde(default)]
    reply_to: Addresses,
    #[serde(default)]
    pub(super) subject: Option<String>,
    #[serde(default, alias = "html")]
    pub(super) html_body: Option<String>,
    #[serde(default, alias = "text")]
    pub(super) text_body: Option<String>,
    #[serde(default)]
    tags: Option<Vec<String>>,
    #[serde(default)]
    metadata: Option<Map<String, Value>>,
    #[serde(default)]
    pub(super) variables: Option<Map<String, Value>>,
    #[serde(default)]
    headers: Option<Map<String, Value>>,
    #[serde(default)]
    attachments: Option<Vec<AttachedFile>>,
    #[serde(default, alias = "send_at")]
    scheduled_at: Option<When>,
    #[serde(default)]
    deliver_by: Option<Timestamp>,
    #[serde(default)]
    tracking: Option<Watched>,
    #[serde(default)]
    unsubscribe: Option<Leaving>,
    #[serde(default)]
    track_opens: Option<bool>,
    #[serde(default)]
    track_clicks: Option<bool>,
    #[serde(default, alias = "priority")]
    lane: Option<Lane>,
    #[serde(default)]
    duplicate_policy: Option<DuplicatePolicy>,
    #[serde(default)]
    retry: Option<RetryPreset>,
    #[serde(default)]
    pub(super) template_id: Option<String>,
    #[serde(default)]
    pub(super) template: Option<String>,
    #[serde(default)]
    pub(super) strict_variables: Option<bool>,
    /// Whether subject and bodies come from a template.
    #[serde(skip)]
    pub(super) is_templated: bool,
}

impl Input for SendEmail {
    const NEEDED: &'static [&'static str] = &["from_email", "to_email"];

    /// A message of moderate size with attachments in base64.
    const MAX_BYTES: usize = 10 * 1024 * 1024;
}

impl SendEmail {
    /// With something harmless for subject and body, if there are none: for who asks where it would go.
    pub(in crate::http::api) fn or_stand_ins(mut self) -> Self {
        // Which texts it has decides nothing.
        (self.template_id, self.template, self.strict_variables) = (None, None, None);
        self.subject.get_or_insert_with(|| "No subject".to_owned());
        if self.html_body.is_none() {
            self.text_body.get_or_insert_with(|| "No text".to_owned());
        }
        self
    }

    /// Whether it names anybody whom it is for.
    pub(super) fn names_recipients(&self) -> bool {
        [&self.to_email, &self.cc, &self.bcc].iter().any(|list| !list.0.is_empty())
    }

    /// Whether it has an idempotency key of its own.
    pub(super) fn has_key(&self) -> bool {
        let key = self.metadata.as_ref().and_then(|metadata| metadata.get("idempotency_key"));
        key.is_some_and(|key| !key.is_null())
    }

    /// Takes the key out that makes the request repeatable: the message's own, or what the header says.
    pub(super) fn take_key(
        &mut self,
        header: Option<IdempotencyKey>,
    ) -> ServiceResult<Option<IdempotencyKey>> {
        let own = self.metadata.as_mut().and_then(|metadata| metadata.remove("idempotency_key"));
        let own = own.map(|key| Map::from_iter([("idempotency_key".to_owned(), key)]));
        let mut wrong = Vec::new();
        let key = texts(own, "metadata", &mut wrong)
            .fold(header, |key, (_, said)| one_key(key.as_ref(), said, &mut wrong));
        if wrong.is_empty() { Ok(key) } else { Err(ServiceError::Invalid(wrong)) }
    }

    /// The message; `key` is what the header says to make the request repeatable.
    pub(in crate::http::api) fn into_draft(
        mut self,
        mut key: Option<IdempotencyKey>,
    ) -> ServiceResult<Draft> {
        let filling = self.take_filling()?;
        let mut wrong = Vec::new();
        let lists = [("to_email", &self.to_email), ("cc", &self.cc), ("bcc", &self.bcc)];
        for (field, list) in lists.into_iter().chain([("reply_to", &self.reply_to)]) {
            limit(field, list.0.len(), MAX_ADDRESSES, &mut wrong);
        }
        limit("headers", self.headers.as_ref().map_or(0, Map::len), limits::MAX_HEADERS, &mut wrong);
        // With the key that is none of them.
        limit("metadata", self.metadata.as_ref().map_or(0, Map::len), limits::MAX_METADATA + 1, &mut wrong);
        let files = self.attachments.as_ref().map_or(0, Vec::len);
        limit("attachments", files, limits::MAX_ATTACHMENTS, &mut wrong);
        // What is far too much is not looked at one by one.
        if !wrong.is_empty() {
            return Err(ServiceError::Invalid(wrong));
        }
        let mut email = Email::builder();
        if let Some(address) = &self.from_email {
            email = email.from(Named { address, name: name(self.from_name, "from_name", &mut wrong) });
        }
        let mut to_name = name(self.to_name, "to_name", &mut wrong);
        for address in &self.to_email.0 {
            email = email.to(Named { address, name: to_name.take() });
        }
        email = self.cc.0.iter().fold(email, |email, one| email.cc(one.as_str()));
        email = self.bcc.0.iter().fold(email, |email, one| email.bcc(one.as_str()));
        email = self.reply_to.0.iter().fold(email, |email, one| email.reply_to(one.as_str()));
        email = self.tags.iter().flatten().fold(email, EmailBuilder::tag);
        for (name, value) in texts(self.headers, "headers", &mut wrong) {
            if let Some(name) = named("headers", &name, HeaderName::new(&*name), &mut wrong) {
                email = email.header(name, value);
            }
        }
        let mut files = Vec::new();
        for (index, file) in self.attachments.into_iter().flatten().enumerate() {
            match file.into_remote() {
                Ok(remote) => {
                    // Its name and its type are checked with everything else.
                    email = remote.hold_place(email);
                    files.push((index, remote));
                }
                Err(file) => email = file.attach_to(email, index, &mut wrong),
            }
        }
        for (name, value) in texts(self.metadata, "metadata", &mut wrong) {
            // Where clients of the first version put it.
            if name == "idempotency_key" {
                key = one_key(key.as_ref(), value, &mut wrong);
            } else if let Some(name) = named("metadata", &name, MetadataKey::new(&*name), &mut wrong) {
                email = email.metadata(name, value);
            }
        }
        let (tracking, by) = tracking(self.tracking, (self.track_opens, self.track_clicks), &mut wrong);
        email = email.tracking(tracking).tracked_by(by);
        let unsubscribe = self.unsubscribe.and_then(|leaving| unsubscribe(leaving, &mut wrong));
        email = set(email, unsubscribe, EmailBuilder::unsubscribe);
        email = set(email, key, EmailBuilder::idempotency_key);
        email = set(email, self.subject, EmailBuilder::subject);
        email = set(email, self.html_body, EmailBuilder::html);
        email = set(email, self.text_body, EmailBuilder::text);
        email = set(email, self.variables, EmailBuilder::variables);
        email = set(email, self.deliver_by, EmailBuilder::deliver_by);
        email = set(email, self.lane, EmailBuilder::lane);
        email = set(email, self.duplicate_policy, EmailBuilder::duplicate_policy);
        email = set(email, self.retry, EmailBuilder::retry);
        let send_at = self.scheduled_at.map(|When(at)| at);
        if wrong.is_empty() {
            return Ok(Draft { email, send_at, files, filling });
        }
        if self.is_templated {
            // What the template brings along is not missing.
            email = email.subject("").text("");
        }
        if let Err(invalid) = email.build()
            && let ServiceError::Invalid(more) = as_the_client_calls_it(invalid.into())
        {
            wrong.extend(more);
        }
        Err(ServiceError::Invalid(wrong))
    }
}

/// The key of a request, which its header and its body may both name.
fn one_key(
    header: Option<&IdempotencyKey>,
    said: String,
    wrong: &mut Vec<FieldError>,
) -> Option<IdempotencyKey> {
    let said = named("metadata", "idempotency_key", IdempotencyKey::new(said), wrong)?;
    if header.is_some_and(|header| *header != said) {
        let text = "differs from the header Idempotency-Key";
        wrong.push(FieldError::new("metadata[idempotency_key]", text));
    }
    Some(said)
}

/// What is to be counted of readers.
enum Watched {
    All(bool),
    Each(Map<String, Value>),
}

any_of! { Watched: bool, AskedTracking }

/// What is to be counted of readers, and by whom.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its schema is read")]
struct AskedTracking {
    opens: Option<bool>,
    clicks: Option<bool>,
    /// `courierx` or `provider`
    by: Option<TrackedBy>,
}

/// Whether recipients can leave.
enum Leaving {
    All(bool),
    Of(Map<String, Value>),
}

any_of! { Leaving: bool, LeavingTopic }

/// What recipients leave.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its schema is read")]
struct LeavingTopic {
    topic: Option<String>,
}

impl<'de> Deserialize<'de> for Leaving {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::Bool(all) => Ok(Self::All(all)),
            Value::Object(of) => Ok(Self::Of(of)),
            _ => Err(D::Error::custom("must be a boolean, or an object with a topic")),
        }
    }
}

impl<'de> Deserialize<'de> for Watched {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::Bool(all) => Ok(Self::All(all)),
            Value::Object(each) => Ok(Self::Each(each)),
            _ => Err(D::Error::custom("must be a boolean, or an object with opens and clicks")),
        }
    }
}

/// Refuses more than `max` items.
pub(in crate::http::api) fn limit(field: &str, actual: usize, max: usize, wrong: &mut Vec<FieldError>) {
    if actual > max {
        wrong.push(FieldError::new(field, Problem::TooMany { max, actual }.to_string()));
    }
}

/// What was made of an entry of an object, or what is wrong with it by the entry's name: the order in which
/// the client wrote it is not known here.
pub(in crate::http::api) fn named<T>(
    field: &'static str,
    name: &str,
    made: Result<T, Problem>,
    wrong: &mut Vec<FieldError>,
) -> Option<T> {
    let tell = |problem: Problem| {
        wrong.push(FieldError::new(Field::key(field, name).to_string(), problem.to_string()));
    };
    made.map_err(tell).ok()
}

pub(in crate::http::api) fn set<T>(
    email: EmailBuilder,
    value: Option<T>,
    set: impl FnOnce(EmailBuilder, T) -> EmailBuilder,
) -> EmailBuilder {
    match value {
        Some(value) => set(email, value),
        None => email,
    }
}

/// An address, and a name that came apart from it.
pub struct Named<'a> {
    address: &'a str,
    name: Option<DisplayName>,
}

impl TryFrom<Named<'_>> for Mailbox {
    type Error = Problem;

    fn try_from(Named { address, name }: Named<'_>) -> Result<Self, Problem> {
        let mailbox: Self = address.parse()?;
        Ok(match name {
            Some(name) => mailbox.with_name(name),
            None => mailbox,
        })
    }
}

fn name(text: Option<String>, field: &str, wrong: &mut Vec<FieldError>) -> Option<DisplayName> {
    let text = text.filter(|text| !text.is_empty())?;
    DisplayName::new(text).map_err(|problem| wrong.push(FieldError::new(field, problem.to_string()))).ok()
}

/// The entries of an object whose values are texts, numbers or booleans; null counts as absent.
pub(in crate::http::api) fn texts(
    object: Option<Map<String, Value>>,
    field: &'static str,
    wrong: &mut Vec<FieldError>,
) -> std::vec::IntoIter<(String, String)> {
    let mut texts = Vec::new();
    for (name, value) in object.into_iter().flatten() {
        match value {
            Value::String(text) => texts.push((name, text)),
            Value::Number(number) => texts.push((name, number.to_string())),
            Value::Bool(value) => texts.push((name, value.to_string())),
            Value::Null => {}
            Value::Array(_) | Value::Object(_) => {
                let field = Field::key(field, &name);
                wrong.push(FieldError::new(field.to_string(), "must be a text, a number or a boolean"));
            }
        }
    }
    texts.into_iter()
}

/// What is to be counted of readers, as an object, or in fields of their own; null counts as absent.
fn tracking(
    object: Option<Watched>,
    (opens, clicks): (Option<bool>, Option<bool>),
    wrong: &mut Vec<FieldError>,
) -> (Tracking, TrackedBy) {
    let mut object = match object {
        Some(Watched::All(true)) => return (Tracking::ON, TrackedBy::default()),
        Some(Watched::All(false)) => return (Tracking::OFF, TrackedBy::default()),
        Some(Watched::Each(object)) => object,
        None => Map::new(),
    };
    let by = match object.remove("by") {
        None | Some(Value::Null) => None,
        Some(Value::String(name)) => {
            let by = name.parse().ok();
            if by.is_none() {
                let names = names_of_trackers();
                wrong.push(FieldError::new("tracking[by]", format!("must be one of: {names}")));
            }
            by
        }
        Some(_) => {
            wrong.push(FieldError::new("tracking[by]", "must be a string"));
            None
        }
    };
    let mut switch = |name: &str| match object.remove(name) {
        None | Some(Value::Null) => None,
        Some(Value::Bool(value)) => Some(value),
        Some(_) => {
            wrong.push(FieldError::new(Field::key("tracking", name).to_string(), "must be a boolean"));
            None
        }
    };
    let tracking = Tracking { opens: switch("opens").or(opens), clicks: switch("clicks").or(clicks) };
    (tracking, by.unwrap_or_default())
}

fn names_of_trackers() -> String {
    TrackedBy::ALL.iter().map(|one| one.as_str()).collect::<Vec<_>>().join(", ")
}

/// What a message says of leaving.
fn unsubscribe(leaving: Leaving, wrong: &mut Vec<FieldError>) -> Option<Unsubscribe> {
    let mut of = match leaving {
        Leaving::All(false) => return Some(Unsubscribe::No),
        Leaving::All(true) => return Some(Unsubscribe::Yes(None)),
        Leaving::Of(of) => of,
    };
    match of.remove("topic") {
        None | Some(Value::Null) => Some(Unsubscribe::Yes(None)),
        Some(Value::String(topic)) => {
            named("unsubscribe", "topic", Topic::new(topic), wrong).map(|topic| Unsubscribe::Yes(Some(topic)))
        }
        Some(_) => {
            wrong.push(FieldError::new("unsubscribe[topic]", "must be a string"));
            None
        }
    }
}

/// The same error, with the fields as they are documented.
pub(in crate::http::api) fn as_the_client_calls_it(error: ServiceError) -> ServiceError {
    let ServiceError::Invalid(mut fields) = error else { return error };
    for field in &mut fields {
        let documented = match field.field.as_str() {
            "from" => "from_email",
            "to" | "to[0]" => "to_email",
            "html" => "html_body",
            "text" => "text_body",
            "send_at" => "scheduled_at",
            "reply_to[0]" => "reply_to",
            "idempotency_key" => "metadata[idempotency_key]",
            other => match other.strip_prefix("to[") {
                Some(rest) => &format!("to_email[{rest}"),
                None => continue,
            },
        };
        documented.clone_into(&mut field.field);
    }
    ServiceError::Invalid(fields)
}
