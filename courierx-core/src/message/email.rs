//! A message, complete and checked.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::de::Error as _;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::address::Address;
use super::attachment::Attachment;
use super::builder::EmailBuilder;
use super::error::{InvalidEmail, Problem};
use super::field::Field;
use super::header::Headers;
use super::lane::{DuplicatePolicy, Lane, Mode};
use super::mailbox::Mailbox;
use super::parts::{Checked, Draft};
use super::problems::Problems;
use super::recipient::{Recipient, RecipientField};
use super::retry::RetryPreset;
use super::text::{IdempotencyKey, MetadataKey, Subject, Tag};
use super::tracking::{TrackedBy, Tracking};
use super::unsubscribe::Unsubscribe;
use crate::clock::Timestamp;
use crate::suppression::Scope;

/// A message that can be sent: it has a sender, at least one recipient, a subject and a body, and keeps every
/// limit of [`limits`](super::limits).
///
/// It never changes, and cloning it copies a pointer. Its serde form is what a store keeps (sealed): it is
/// checked again when it is read, ignores fields it does not know, and takes absent ones for their defaults.
/// `Debug` shows counts and sizes, never an address, the subject or a body.
#[derive(Clone, PartialEq, Eq)]
pub struct Email(pub(super) Arc<Checked>);

impl Email {
    /// Begins a message to this recipient. What is wrong with it, [`EmailBuilder::build`] tells.
    pub fn to(mailbox: impl TryInto<Mailbox, Error: Into<Problem>>) -> EmailBuilder {
        EmailBuilder::new().to(mailbox)
    }

    /// Begins a message.
    pub fn builder() -> EmailBuilder {
        EmailBuilder::new()
    }

    /// A builder with everything this message has, to make another one like it.
    pub fn to_builder(&self) -> EmailBuilder {
        let parts = Checked::clone(&self.0);
        let (from, subject) = (Some(parts.from.clone()), Some(parts.subject.clone()));
        EmailBuilder::from_draft(parts.with(from, subject))
    }

    /// Who it is from.
    pub fn from(&self) -> &Mailbox {
        &self.0.from
    }

    /// The mailboxes of one header, in order. `To` may have none if another has some.
    pub fn mailboxes(&self, field: RecipientField) -> &[Mailbox] {
        match field {
            RecipientField::To => &self.0.to,
            RecipientField::Cc => &self.0.cc,
            RecipientField::Bcc => &self.0.bcc,
        }
    }

    /// Every recipient: to, then cc, then bcc. The order, and so each position, never changes.
    pub fn recipients(&self) -> impl Iterator<Item = Recipient<'_>> {
        let all = RecipientField::ALL
            .iter()
            .flat_map(|&field| self.mailboxes(field).iter().map(move |mailbox| (field, mailbox)));
        (0..).zip(all).map(|(index, (field, mailbox))| Recipient { index, field, mailbox })
    }

    /// How many recipients there are: 1 to [`MAX_RECIPIENTS`](super::limits::MAX_RECIPIENTS).
    pub fn recipient_count(&self) -> usize {
        self.0.recipient_count()
    }

    /// Where answers go; the sender if there are none.
    pub fn reply_to(&self) -> &[Mailbox] {
        &self.0.reply_to
    }

    /// The envelope sender, where bounces go, if it is not the provider's choice.
    pub fn return_path(&self) -> Option<&Address> {
        self.0.return_path.as_ref()
    }

    /// The subject; the source of a template if there are [`variables`](Self::variables).
    pub fn subject(&self) -> &Subject {
        &self.0.subject
    }

    /// The HTML body; the source of a template if there are [`variables`](Self::variables).
    pub fn html(&self) -> Option<&str> {
        self.0.html.as_deref()
    }

    /// The text body; the source of a template if there are [`variables`](Self::variables).
    pub fn text(&self) -> Option<&str> {
        self.0.text.as_deref()
    }

    /// Custom headers.
    pub fn headers(&self) -> &Headers {
        &self.0.headers
    }

    /// Attachments and inline parts.
    pub fn attachments(&self) -> &[Attachment] {
        &self.0.attachments
    }

    /// Labels that statistics group by, each once.
    pub fn tags(&self) -> &[Tag] {
        &self.0.tags
    }

    /// What the application wants to find again in events. No value has control characters.
    pub fn metadata(&self) -> &BTreeMap<MetadataKey, String> {
        &self.0.metadata
    }

    /// The values for templates. With them, empty or not, subject and bodies are Handlebars templates;
    /// without, they are literal.
    pub fn variables(&self) -> Option<&Map<String, Value>> {
        self.0.variables.as_ref()
    }

    /// How urgent it is.
    pub fn lane(&self) -> Lane {
        self.0.lane
    }

    /// Whether it is real.
    pub fn mode(&self) -> Mode {
        self.0.mode
    }

    /// When delivery begins; at once if absent or past.
    pub fn send_at(&self) -> Option<Timestamp> {
        self.0.send_at
    }

    /// When it is of no use any more and delivery ends.
    pub fn deliver_by(&self) -> Option<Timestamp> {
        self.0.deliver_by
    }

    /// What to do after an attempt of unknown result: its own choice, or the default of its lane.
    pub fn duplicate_policy(&self) -> DuplicatePolicy {
        self.0.duplicate_policy.unwrap_or_else(|| self.0.lane.default_duplicate_policy())
    }

    /// Its own choice of a duplicate policy, if it made one.
    pub fn chosen_duplicate_policy(&self) -> Option<DuplicatePolicy> {
        self.0.duplicate_policy
    }

    /// What makes accepting it repeatable.
    pub fn idempotency_key(&self) -> Option<&IdempotencyKey> {
        self.0.idempotency_key.as_ref()
    }

    /// Its own choice of a retry schedule, if it made one.
    pub fn retry(&self) -> Option<RetryPreset> {
        self.0.retry
    }

    /// What is to be counted of its readers, and what must not be.
    pub fn tracking(&self) -> Tracking {
        self.0.tracking
    }

    /// Who counts that.
    pub fn tracked_by(&self) -> TrackedBy {
        self.0.tracked_by
    }

    /// What it says of leaving, if it says anything.
    pub fn unsubscribe(&self) -> Option<&Unsubscribe> {
        self.0.unsubscribe.as_ref()
    }

    /// Which suppressions hold it back besides those of all mail: those of its topic.
    pub fn scope(&self) -> Scope {
        let topic = self.unsubscribe().and_then(Unsubscribe::topic);
        topic.map_or(Scope::ALL, |topic| Scope::named(topic.as_str()))
    }

    /// About how many bytes it has as MIME, before templates are rendered: attachments and bodies beyond ASCII
    /// in base64, bcc left out.
    pub fn estimated_bytes(&self) -> usize {
        self.0.estimated_bytes()
    }

    /// Refuses a message whose `deliver_by` is not after `now`. A `send_at` in the past is no problem.
    pub fn check_dates(&self, now: Timestamp) -> Result<(), InvalidEmail> {
        let mut problems = Problems::default();
        if self.0.deliver_by.is_some_and(|deliver_by| deliver_by <= now) {
            problems.push(Field::new("deliver_by"), Problem::Expired);
        }
        problems.finish()
    }
}

impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Email")
            .field("to", &self.0.to.len())
            .field("cc", &self.0.cc.len())
            .field("bcc", &self.0.bcc.len())
            .field("subject_bytes", &self.0.subject.as_str().len())
            .field("html_bytes", &self.0.html.as_ref().map(String::len))
            .field("text_bytes", &self.0.text.as_ref().map(String::len))
            .field("headers", &self.0.headers.len())
            .field("attachments", &self.0.attachments.len())
            .field("tags", &self.0.tags.len())
            .field("metadata", &self.0.metadata.len())
            .field("variables", &self.0.variables.as_ref().map(Map::len))
            .field("lane", &self.0.lane)
            .field("mode", &self.0.mode)
            .field("send_at", &self.0.send_at)
            .field("deliver_by", &self.0.deliver_by)
            .field("duplicate_policy", &self.duplicate_policy())
            .field("retry", &self.0.retry)
            .field("tracking", &self.0.tracking)
            .field("tracked_by", &self.0.tracked_by)
            .field("unsubscribe", &self.0.unsubscribe)
            .field("estimated_bytes", &self.estimated_bytes())
            .finish_non_exhaustive()
    }
}

impl Serialize for Email {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Email {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let draft = Draft::deserialize(deserializer)?;
        draft.check(Problems::default()).map_err(D::Error::custom)
    }
}
