//! Building a message, step by step.

use std::fmt;

use serde::Serialize;
use serde_json::{Map, Value};

use super::address::Address;
use super::attachment::Attachment;
use super::email::Email;
use super::error::{InvalidEmail, Problem};
use super::field::Field;
use super::header::{Header, HeaderName, HeaderValue};
use super::lane::{DuplicatePolicy, Lane, Mode};
use super::mailbox::Mailbox;
use super::parts::Draft;
use super::problems::Problems;
use super::retry::RetryPreset;
use super::text::{IdempotencyKey, MetadataKey, Subject, Tag};
use super::tracking::{TrackedBy, Tracking};
use super::unsubscribe::Unsubscribe;
use crate::clock::Timestamp;

/// A message in the making.
///
/// No step fails: what is wrong is kept until [`build`](Self::build) tells everything at once. A step that
/// sets one value replaces it when repeated; a step that adds, adds.
///
/// ```
/// use courierx_core::message::Email;
///
/// let email = Email::to("ada@example.com")
///     .from("Acme <hi@acme.example>")
///     .subject("Hello {{name}}")
///     .html("<p>Hi {{name}}</p>")
///     .variable("name", "Ada")
///     .build()?;
/// assert_eq!(email.recipient_count(), 1);
///
/// let invalid = Email::to("ada@").from("Acme <hi@acme.example>").subject("Hello").build().unwrap_err();
/// assert_eq!(
///     invalid.to_string(),
///     "invalid email: to[0]: the part after the @ is not a domain name; html: neither html nor text is given",
/// );
/// # Ok::<(), courierx_core::message::InvalidEmail>(())
/// ```
#[derive(Clone, Default)]
#[must_use = "a builder does nothing until `build` is called"]
pub struct EmailBuilder {
    /// Each step moves the builder, and this is large.
    draft: Box<Draft>,
    problems: Problems,
}

impl EmailBuilder {
    /// A builder with nothing in it.
    pub fn new() -> Self {
        Self::default()
    }

    pub(super) fn from_draft(draft: Draft) -> Self {
        Self { draft: Box::new(draft), problems: Problems::default() }
    }

    /// Who it is from.
    pub fn from(mut self, mailbox: impl TryInto<Mailbox, Error: Into<Problem>>) -> Self {
        if let Some(mailbox) = self.problems.take(Field::new("from"), mailbox.try_into()) {
            self.draft.from = Some(mailbox);
        }
        self
    }

    /// Adds a recipient. Of one address given twice, in whatever spelling and over to, cc and bcc, the first
    /// in that order stays.
    pub fn to(mut self, mailbox: impl TryInto<Mailbox, Error: Into<Problem>>) -> Self {
        self.problems.add("to", &mut self.draft.to, mailbox.try_into());
        self
    }

    /// Adds a recipient of a copy; see [`to`](Self::to).
    pub fn cc(mut self, mailbox: impl TryInto<Mailbox, Error: Into<Problem>>) -> Self {
        self.problems.add("cc", &mut self.draft.cc, mailbox.try_into());
        self
    }

    /// Adds a recipient whom nobody else sees; see [`to`](Self::to).
    pub fn bcc(mut self, mailbox: impl TryInto<Mailbox, Error: Into<Problem>>) -> Self {
        self.problems.add("bcc", &mut self.draft.bcc, mailbox.try_into());
        self
    }

    /// Adds an address for answers.
    pub fn reply_to(mut self, mailbox: impl TryInto<Mailbox, Error: Into<Problem>>) -> Self {
        self.problems.add("reply_to", &mut self.draft.reply_to, mailbox.try_into());
        self
    }

    /// Sets the envelope sender, where bounces go.
    pub fn return_path(mut self, address: impl TryInto<Address, Error: Into<Problem>>) -> Self {
        if let Some(address) = self.problems.take(Field::new("return_path"), address.try_into()) {
            self.draft.return_path = Some(address);
        }
        self
    }

    /// Sets the subject. It may be empty, but not absent.
    pub fn subject(mut self, subject: impl TryInto<Subject, Error: Into<Problem>>) -> Self {
        if let Some(subject) = self.problems.take(Field::new("subject"), subject.try_into()) {
            self.draft.subject = Some(subject);
        }
        self
    }

    /// Sets the HTML body.
    pub fn html(mut self, html: impl Into<String>) -> Self {
        self.draft.html = Some(html.into());
        self
    }

    /// Sets the text body.
    pub fn text(mut self, text: impl Into<String>) -> Self {
        self.draft.text = Some(text.into());
        self
    }

    /// Adds a header. A second one of the same name is a problem.
    pub fn header(
        mut self,
        name: impl TryInto<HeaderName, Error: Into<Problem>>,
        value: impl TryInto<HeaderValue, Error: Into<Problem>>,
    ) -> Self {
        let index = self.draft.headers.len() + self.problems.items("headers");
        let Some(name) = self.problems.take(Field::at("headers", index), name.try_into()) else {
            return self;
        };
        let field = Field::key("headers", name.as_str());
        if let Some(value) = self.problems.take(field.clone(), value.try_into()) {
            self.problems.take(field, self.draft.headers.insert(Header { name, value }));
        }
        self
    }

    /// Adds an attachment: one that was built before, or what [`Attachment::new`] returns.
    pub fn attach(mut self, attachment: impl TryInto<Attachment, Error: Into<InvalidEmail>>) -> Self {
        let index = self.draft.attachments.len() + self.problems.items("attachments");
        match attachment.try_into().map_err(Into::into) {
            Ok(attachment) => self.draft.attachments.push(attachment),
            Err(invalid) => self.problems.extend_inside("attachments", index, invalid),
        }
        self
    }

    /// Sets the attachments, in place of those that were added.
    pub fn attachments(mut self, attachments: Vec<Attachment>) -> Self {
        self.draft.attachments = attachments;
        self
    }

    /// Adds a tag. One that is there already stays once.
    pub fn tag(mut self, tag: impl TryInto<Tag, Error: Into<Problem>>) -> Self {
        self.problems.add("tags", &mut self.draft.tags, tag.try_into());
        self
    }

    /// Sets a metadata entry.
    pub fn metadata(
        mut self,
        key: impl TryInto<MetadataKey, Error: Into<Problem>>,
        value: impl Into<String>,
    ) -> Self {
        let index = self.draft.metadata.len() + self.problems.items("metadata");
        if let Some(key) = self.problems.take(Field::at("metadata", index), key.try_into()) {
            self.draft.metadata.insert(key, value.into());
        }
        self
    }

    /// Sets a template variable; subject and bodies become templates.
    pub fn variable(mut self, name: impl Into<String>, value: impl Serialize) -> Self {
        let name = name.into();
        match serde_json::to_value(value) {
            Ok(value) => drop(self.draft.variables.get_or_insert_default().insert(name, value)),
            // The cause may repeat the value.
            Err(_) => self.problems.push(Field::key("variables", &name), Problem::NotSerializable),
        }
        self
    }

    /// Sets several template variables; subject and bodies become templates, even if there are none.
    pub fn variables(mut self, variables: Map<String, Value>) -> Self {
        self.draft.variables.get_or_insert_default().extend(variables);
        self
    }

    /// Sets how urgent it is; [`Lane::Transactional`] if not set.
    pub fn lane(mut self, lane: Lane) -> Self {
        self.draft.lane = lane;
        self
    }

    /// Sets whether it is real; [`Mode::Live`] if not set.
    pub fn mode(mut self, mode: Mode) -> Self {
        self.draft.mode = mode;
        self
    }

    /// Sets when delivery begins.
    pub fn send_at(mut self, time: impl Into<Timestamp>) -> Self {
        self.draft.send_at = Some(time.into());
        self
    }

    /// Sets when delivery ends, successful or not. It must be after `send_at`.
    pub fn deliver_by(mut self, time: impl Into<Timestamp>) -> Self {
        self.draft.deliver_by = Some(time.into());
        self
    }

    /// Sets what to do after an attempt of unknown result.
    pub fn duplicate_policy(mut self, policy: DuplicatePolicy) -> Self {
        self.draft.duplicate_policy = Some(policy);
        self
    }

    /// Sets what makes accepting it repeatable.
    pub fn idempotency_key(mut self, key: impl TryInto<IdempotencyKey, Error: Into<Problem>>) -> Self {
        if let Some(key) = self.problems.take(Field::new("idempotency_key"), key.try_into()) {
            self.draft.idempotency_key = Some(key);
        }
        self
    }

    /// Sets what is to be counted of its readers, and what must not be.
    pub fn tracking(mut self, tracking: Tracking) -> Self {
        self.draft.tracking = tracking;
        self
    }

    /// Sets who counts it.
    pub fn tracked_by(mut self, tracked_by: TrackedBy) -> Self {
        self.draft.tracked_by = tracked_by;
        self
    }

    /// Sets whether recipients can leave with a click; such a message has one recipient.
    pub fn unsubscribe(mut self, unsubscribe: Unsubscribe) -> Self {
        self.draft.unsubscribe = Some(unsubscribe);
        self
    }

    /// Sets the retry schedule.
    pub fn retry(mut self, preset: RetryPreset) -> Self {
        self.draft.retry = Some(preset);
        self
    }

    /// The message, or everything that is wrong with it.
    pub fn build(self) -> Result<Email, InvalidEmail> {
        self.draft.check(self.problems)
    }
}

impl fmt::Debug for EmailBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EmailBuilder")
            .field("recipients", &self.draft.recipient_count())
            .field("problems", &self.problems)
            .finish_non_exhaustive()
    }
}
