//! What a recorder was handed.

use std::fmt;

use crate::provider::{Outgoing, RecipientOutcome};

/// An email as a provider was handed it, and what the provider answered.
#[derive(Debug, Clone)]
pub struct RecordedEmail {
    outgoing: Outgoing,
    answers: Vec<RecipientOutcome>,
}

impl RecordedEmail {
    pub(super) fn new(outgoing: Outgoing, answers: Vec<RecipientOutcome>) -> Self {
        Self { outgoing, answers }
    }

    /// Everything that was handed over.
    pub fn outgoing(&self) -> &Outgoing {
        &self.outgoing
    }

    /// What was answered for each recipient, in the order of [`Outgoing::recipients`].
    pub fn answers(&self) -> &[RecipientOutcome] {
        &self.answers
    }

    /// The subject, rendered.
    pub fn subject(&self) -> &str {
        self.outgoing.subject().as_str()
    }

    /// The HTML body, rendered.
    pub fn html(&self) -> Option<&str> {
        self.outgoing.html()
    }

    /// The plain-text body, rendered.
    pub fn text(&self) -> Option<&str> {
        self.outgoing.text()
    }

    /// The author's address.
    pub fn from(&self) -> &str {
        self.outgoing.from().address().as_str()
    }

    /// The addresses it was for, in every header.
    pub fn recipients(&self) -> Vec<&str> {
        self.outgoing.recipients().iter().map(|one| one.mailbox.address().as_str()).collect()
    }

    /// Whether it was for this address, in any header.
    pub fn is_to(&self, address: impl AsRef<str>) -> bool {
        self.recipients().contains(&address.as_ref())
    }

    pub(super) fn was_accepted(&self) -> bool {
        self.answers.iter().any(|answer| matches!(answer, RecipientOutcome::Accepted(_)))
    }
}

/// The email as a reader would see it, for people.
impl fmt::Display for RecordedEmail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "From: {}", self.outgoing.from())?;
        for recipient in self.outgoing.recipients() {
            writeln!(f, "{}: {}", recipient.field, recipient.mailbox)?;
        }
        writeln!(f, "Subject: {}", self.subject())?;
        for attachment in self.outgoing.attachments() {
            writeln!(f, "Attachment: {} ({} bytes)", attachment.file_name(), attachment.content().len())?;
        }
        writeln!(f)?;
        writeln!(f, "{}", self.text().or_else(|| self.html()).unwrap_or_default())
    }
}
