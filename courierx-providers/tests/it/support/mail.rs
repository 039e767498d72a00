//! Messages to send.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use courierx_core::clock::Timestamp;
use courierx_core::id::MessageId;
use courierx_core::message::{Email, EmailBuilder};
use courierx_core::provider::{Content, Outgoing};

/// Two short parts from `sender@example.com`.
pub(crate) fn draft() -> EmailBuilder {
    Email::builder()
        .from("Sender <sender@example.com>")
        .subject("A test")
        .text("Hello.")
        .html("<p>Hello.</p>")
}

/// A hand-over of this message to all of its recipients. The same recipients make the same hand-over.
pub(crate) fn outgoing(email: EmailBuilder) -> Outgoing {
    let email = email.build().unwrap();
    let html = email.html().map(Into::into);
    let text = email.text().map(Into::into);
    let subject = email.subject().clone();
    let mut hash = DefaultHasher::new();
    email.recipients().for_each(|one| one.mailbox.hash(&mut hash));
    let id = u128::from(hash.finish()).to_be_bytes();
    Outgoing::builder(Content::rendered(email, subject, html, text))
        .message_id(MessageId::from_bytes(id))
        .date(Timestamp::from_secs(1_700_000_000))
        .connection("test")
        .build()
}

/// A short message to these recipients.
pub(crate) fn to(recipients: &[&str]) -> Outgoing {
    outgoing(recipients.iter().fold(draft(), |email, &one| email.to(one)))
}
