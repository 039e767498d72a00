//! What a provider is handed: one rendered message for some recipients.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::clock::Timestamp;
use crate::id::{DeliveryId, MessageId};
use crate::message::{
    Address, Attachment, Email, Headers, Lane, Mailbox, MetadataKey, Mode, RecipientField, Subject, Tag,
    Tracking,
};

/// The rendered content of a message: what the header shows and what the recipients read.
///
/// The same for every recipient and every attempt, and shared between them.
#[derive(Clone)]
pub struct Content {
    email: Email,
    /// What rendering made of the templates; none for a message that is taken as it stands.
    rendered: Option<Rendered>,
    /// All headers, where a tracker added some.
    headers: Option<Arc<Headers>>,
}

#[derive(Clone)]
struct Rendered {
    subject: Subject,
    html: Option<Arc<str>>,
    text: Option<Arc<str>>,
}

impl Content {
    /// The content of a message that is taken as it stands.
    pub fn literal(email: Email) -> Self {
        Self { email, rendered: None, headers: None }
    }

    /// The content of a message whose templates were filled.
    pub fn rendered(email: Email, subject: Subject, html: Option<Arc<str>>, text: Option<Arc<str>>) -> Self {
        Self { email, rendered: Some(Rendered { subject, html, text }), headers: None }
    }

    /// The same as a tracker makes it: its HTML, if that is another, and all headers.
    pub(crate) fn tracked(mut self, html: Option<String>, headers: Headers) -> Self {
        if let Some(html) = html {
            let (subject, text) = (self.subject().clone(), self.text().map(Arc::from));
            self.rendered = Some(Rendered { subject, html: Some(html.into()), text });
        }
        self.headers = Some(Arc::new(headers));
        self
    }

    /// The headers of the application's own, and ours.
    pub fn headers(&self) -> &Headers {
        self.headers.as_deref().unwrap_or_else(|| self.email.headers())
    }

    /// About how many bytes it has on the wire, attachments in base64.
    pub fn estimated_bytes(&self) -> usize {
        let email = self.email.estimated_bytes();
        let Some(headers) = &self.headers else { return email };
        let bytes = |headers: &Headers| -> usize {
            headers.iter().map(|one| one.name.as_str().len() + one.value.as_str().len() + 4).sum()
        };
        let length = |html: Option<&str>| html.map_or(0, str::len);
        // Links take more room than what they lead to.
        let more = length(self.html()).saturating_sub(length(self.email.html()));
        email + more + bytes(headers) - bytes(self.email.headers())
    }

    /// The message as it was handed over, templates not filled.
    pub fn email(&self) -> &Email {
        &self.email
    }

    /// The rendered subject.
    pub fn subject(&self) -> &Subject {
        self.rendered.as_ref().map_or_else(|| self.email.subject(), |rendered| &rendered.subject)
    }

    /// The rendered HTML body.
    pub fn html(&self) -> Option<&str> {
        self.rendered.as_ref().map_or_else(|| self.email.html(), |rendered| rendered.html.as_deref())
    }

    /// The rendered plain-text body.
    pub fn text(&self) -> Option<&str> {
        self.rendered.as_ref().map_or_else(|| self.email.text(), |rendered| rendered.text.as_deref())
    }
}

impl std::fmt::Debug for Content {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Content")
            .field("html_bytes", &self.html().map(str::len))
            .field("text_bytes", &self.text().map(str::len))
            .finish_non_exhaustive()
    }
}

/// One recipient of a hand-over.
#[derive(Clone, PartialEq, Eq)]
pub struct OutgoingRecipient {
    /// The recipient's position in the message; stable over attempts.
    pub index: u32,
    /// Which header it stands in.
    pub field: RecipientField,
    /// Its address, and its name if it has one.
    pub mailbox: Mailbox,
}

impl std::fmt::Debug for OutgoingRecipient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OutgoingRecipient")
            .field("index", &self.index)
            .field("field", &self.field)
            .finish_non_exhaustive()
    }
}

/// One message for some recipients, as a provider is handed it.
///
/// Repeating a hand-over to the same connection repeats this value exactly: identifiers, date and content
/// are frozen, so the bytes an adapter derives from it are the same too. Its `Debug` shows neither
/// addresses nor content.
#[derive(Clone)]
pub struct Outgoing {
    message_id: MessageId,
    delivery_id: DeliveryId,
    header_message_id: Arc<str>,
    date: Timestamp,
    content: Arc<Content>,
    recipients: Vec<OutgoingRecipient>,
    all_recipients: bool,
}

impl Outgoing {
    /// Starts an outgoing message for every recipient of `content`; what is not set is derived.
    pub fn builder(content: impl Into<Arc<Content>>) -> OutgoingBuilder {
        OutgoingBuilder {
            content: content.into(),
            message_id: None,
            date: Timestamp::EPOCH,
            connection: String::new(),
            only: None,
        }
    }

    /// The message this belongs to.
    pub fn message_id(&self) -> MessageId {
        self.message_id
    }

    /// What is the same in every repetition of this hand-over, and differs between hand-overs: the
    /// idempotency key, and what callbacks are matched by.
    pub fn delivery_id(&self) -> DeliveryId {
        self.delivery_id
    }

    /// The value of the `Message-ID` header with its angle brackets (RFC 5322 §3.6.4): the same at every
    /// connection.
    pub fn header_message_id(&self) -> &str {
        &self.header_message_id
    }

    /// The value of the `Date` header: when the message was due, which is when it was accepted unless it was to wait.
    pub fn date(&self) -> Timestamp {
        self.date
    }

    /// Whom this hand-over is for: at least one.
    pub fn recipients(&self) -> &[OutgoingRecipient] {
        &self.recipients
    }

    /// Whether these are all recipients of the message.
    pub fn is_for_all_recipients(&self) -> bool {
        self.all_recipients
    }

    /// The envelope sender (RFC 5321 §3.3): the return path if there is one, else the address in From.
    pub fn envelope_from(&self) -> &Address {
        self.email().return_path().unwrap_or_else(|| self.email().from().address())
    }

    /// The author.
    pub fn from(&self) -> &Mailbox {
        self.email().from()
    }

    /// What the To header shows, whomever this hand-over is for.
    pub fn to(&self) -> &[Mailbox] {
        self.email().mailboxes(RecipientField::To)
    }

    /// What the Cc header shows, whomever this hand-over is for.
    pub fn cc(&self) -> &[Mailbox] {
        self.email().mailboxes(RecipientField::Cc)
    }

    /// Where answers go, if not to the author.
    pub fn reply_to(&self) -> &[Mailbox] {
        self.email().reply_to()
    }

    /// The rendered subject.
    pub fn subject(&self) -> &Subject {
        self.content.subject()
    }

    /// The rendered HTML body.
    pub fn html(&self) -> Option<&str> {
        self.content.html()
    }

    /// The rendered plain-text body.
    pub fn text(&self) -> Option<&str> {
        self.content.text()
    }

    /// Headers of the application's own.
    pub fn headers(&self) -> &Headers {
        self.content.headers()
    }

    /// Attachments and inline images.
    pub fn attachments(&self) -> &[Attachment] {
        self.email().attachments()
    }

    /// Tags, for the provider's statistics and callbacks.
    pub fn tags(&self) -> &[Tag] {
        self.email().tags()
    }

    /// Metadata, for the provider's callbacks.
    pub fn metadata(&self) -> &BTreeMap<MetadataKey, String> {
        self.email().metadata()
    }

    /// What the provider is asked to count, and what it must not.
    pub fn tracking(&self) -> Tracking {
        self.email().tracked_by().asked(self.email().tracking())
    }

    /// How urgent the message is.
    pub fn lane(&self) -> Lane {
        self.email().lane()
    }

    /// Whether the message may reach anybody.
    pub fn mode(&self) -> Mode {
        self.email().mode()
    }

    /// About how many bytes the message has on the wire, attachments in base64.
    pub fn estimated_bytes(&self) -> usize {
        self.content.estimated_bytes()
    }

    fn email(&self) -> &Email {
        &self.content.email
    }
}

impl std::fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Outgoing")
            .field("message_id", &self.message_id)
            .field("delivery_id", &self.delivery_id)
            .field("recipients", &self.recipients.len())
            .field("lane", &self.lane())
            .finish_non_exhaustive()
    }
}

/// Builds an [`Outgoing`]: the engine does, and tests of providers.
#[derive(Debug)]
#[must_use]
pub struct OutgoingBuilder {
    content: Arc<Content>,
    message_id: Option<MessageId>,
    date: Timestamp,
    connection: String,
    only: Option<Vec<u32>>,
}

impl OutgoingBuilder {
    /// Which message this is; a new one if it is never said.
    pub fn message_id(mut self, id: MessageId) -> Self {
        self.message_id = Some(id);
        self
    }

    /// When the message was due for the first time.
    pub fn date(mut self, date: Timestamp) -> Self {
        self.date = date;
        self
    }

    /// Which connection it goes to.
    pub fn connection(mut self, connection: &str) -> Self {
        connection.clone_into(&mut self.connection);
        self
    }

    /// Only the recipients at these positions of the message; positions it does not have are ignored.
    pub fn only(mut self, recipients: Vec<u32>) -> Self {
        self.only = Some(recipients);
        self
    }

    /// The finished value.
    pub fn build(self) -> Outgoing {
        let message_id = self.message_id.unwrap_or_else(MessageId::new);
        let email = &self.content.email;
        let total = email.recipient_count();
        let recipients: Vec<_> = email
            .recipients()
            .filter(|one| self.only.as_ref().is_none_or(|only| only.contains(&one.index)))
            .map(|one| OutgoingRecipient { index: one.index, field: one.field, mailbox: one.mailbox.clone() })
            .collect();
        let indexes: Vec<u32> = recipients.iter().map(|one| one.index).collect();
        let delivery_id = DeliveryId::derive(message_id, &indexes, &self.connection);
        let header_message_id = format!("<{message_id}@{}>", email.from().address().domain()).into();
        Outgoing {
            message_id,
            delivery_id,
            header_message_id,
            date: self.date,
            all_recipients: recipients.len() == total,
            recipients,
            content: self.content,
        }
    }
}
