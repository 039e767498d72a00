//! What the router is asked, and what it answers.

use super::{ConnectionId, History, Skipped};
use crate::clock::Timestamp;
use crate::event::Disposition;
use crate::message::{DuplicatePolicy, Email, Mode, Tracking};
use crate::provider::{Capability, Content};

/// What a message needs of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Requirements {
    /// Its size on the wire, about.
    pub bytes: usize,
    /// Whether it can only be read as HTML.
    pub html: bool,
    /// Whether answers go to another address than the author's.
    pub reply_to: bool,
    /// Whether bounces go to an address of its own.
    pub return_path: bool,
    /// Whether it has headers of its own.
    pub custom_headers: bool,
    /// Whether it has attachments that are shown as such.
    pub attachments: bool,
    /// Whether it has inline images.
    pub inline_attachments: bool,
    /// What is to be counted of its readers.
    pub tracking: Tracking,
    /// Whether it may reach anybody.
    pub mode: Mode,
}

impl Requirements {
    /// What this email needs.
    pub fn of(email: &Email) -> Self {
        Self {
            bytes: email.estimated_bytes(),
            html: email.text().is_none(),
            reply_to: !email.reply_to().is_empty(),
            return_path: email.return_path().is_some(),
            custom_headers: !email.headers().is_empty(),
            attachments: email.attachments().iter().any(|one| one.content_id().is_none()),
            inline_attachments: email.attachments().iter().any(|one| one.content_id().is_some()),
            tracking: email.tracked_by().needed(email.tracking()),
            mode: email.mode(),
        }
    }

    /// What this content needs, with what is made of the email.
    pub(crate) fn of_content(content: &Content) -> Self {
        Self {
            bytes: content.estimated_bytes(),
            custom_headers: !content.headers().is_empty(),
            ..Self::of(content.email())
        }
    }

    /// The first thing that a connection lacks for it.
    pub(super) fn lacking_in(&self, capability: &Capability) -> Option<&'static str> {
        if self.bytes > capability.max_message_bytes {
            Some("the message is too large")
        } else if self.html && !capability.html {
            Some("HTML")
        } else if self.reply_to && !capability.reply_to {
            Some("an address for answers")
        } else if self.return_path && !capability.return_path {
            Some("an address for bounces")
        } else if self.custom_headers && !capability.custom_headers {
            Some("headers of its own")
        } else if self.attachments && !capability.attachments {
            Some("attachments")
        } else if self.inline_attachments && !capability.inline_attachments {
            Some("inline images")
        } else if !capability.tracking.allows(self.tracking) {
            Some("a choice of what is counted of readers")
        } else {
            None
        }
    }
}

/// What is asked: where to hand which recipients next.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// The message, for what rules look at.
    pub email: &'a Email,
    /// What the message needs.
    pub requirements: &'a Requirements,
    /// The recipients that are still open: position, and whether the address needs SMTPUTF8.
    pub open: &'a [(u32, bool)],
    /// What happened so far.
    pub history: &'a History,
    /// What follows from unknown outcomes.
    pub duplicates: DuplicatePolicy,
    /// A number that is another for each message, and the same whenever the same question is asked: by it, shares
    /// are dealt out.
    pub seed: u64,
    /// Whether the message can wait for a connection to come back. One that cannot goes to a failing connection
    /// where there is no other.
    pub can_wait: bool,
    /// When the message is of no use any more.
    pub deliver_by: Option<Timestamp>,
    /// Connections at which no place was free for a while: others come first.
    pub busy: &'a [ConnectionId],
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Decision {
    /// Hand these recipients to this connection.
    Send {
        /// The connection.
        connection: ConnectionId,
        /// The recipients, by position, at most as many as the connection takes at once.
        recipients: Vec<u32>,
        /// Whether it goes to a failing connection ahead of its time, since there is no other way.
        ahead: bool,
        /// Whether one of the recipients was handed to it before.
        again: bool,
        /// Whether it repeats, under its key, what the connection may have taken: for all of them or for nobody.
        repeats: bool,
        /// Which connections were passed over on the way, and why.
        skipped: Vec<Skipped>,
    },
    /// Nothing can be handed over in this round.
    Rest {
        /// Recipients to be tried at the next step of the retry schedule.
        scheduled: Vec<u32>,
        /// Recipients that wait for a moment, which is no step of the schedule, and the earliest moment.
        waiting: Option<(Timestamp, Vec<u32>)>,
        /// Recipients for which nothing can help any more.
        given_up: Vec<GiveUp>,
        /// Why no connection was chosen.
        skipped: Vec<Skipped>,
    },
}

/// A recipient for which nothing can help any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GiveUp {
    /// The recipient, by position.
    pub recipient: u32,
    /// How it ends.
    pub disposition: Disposition,
}
