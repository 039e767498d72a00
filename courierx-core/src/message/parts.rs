//! What a message consists of.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::address::Address;
use super::attachment::Attachment;
use super::header::Headers;
use super::lane::{DuplicatePolicy, Lane, Mode};
use super::mailbox::Mailbox;
use super::retry::RetryPreset;
use super::text::{IdempotencyKey, MetadataKey, Subject, Tag};
use super::tracking::{TrackedBy, Tracking};
use super::unsubscribe::Unsubscribe;
use crate::clock::Timestamp;

/// The parts of a message, and its form as JSON. Only sender and subject differ between a draft and an email:
/// a draft may lack them.
///
/// Fields that are absent mean what they meant before they existed; unknown ones are ignored.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Parts<Sender, Subj> {
    pub(super) from: Sender,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) to: Vec<Mailbox>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) cc: Vec<Mailbox>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) bcc: Vec<Mailbox>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) reply_to: Vec<Mailbox>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) return_path: Option<Address>,
    pub(super) subject: Subj,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) html: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) text: Option<String>,
    #[serde(default, skip_serializing_if = "Headers::is_empty")]
    pub(super) headers: Headers,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) attachments: Vec<Attachment>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) tags: Vec<Tag>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) metadata: BTreeMap<MetadataKey, String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) variables: Option<Map<String, Value>>,
    #[serde(default)]
    pub(super) lane: Lane,
    #[serde(default)]
    pub(super) mode: Mode,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) send_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) deliver_by: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) duplicate_policy: Option<DuplicatePolicy>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) idempotency_key: Option<IdempotencyKey>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) retry: Option<RetryPreset>,
    #[serde(default, skip_serializing_if = "Tracking::is_default")]
    pub(super) tracking: Tracking,
    #[serde(default, skip_serializing_if = "TrackedBy::is_default")]
    pub(super) tracked_by: TrackedBy,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) unsubscribe: Option<Unsubscribe>,
}

/// A message in the making.
pub(super) type Draft = Parts<Option<Mailbox>, Option<Subject>>;
/// A message that passed every check.
pub(super) type Checked = Parts<Mailbox, Subject>;

impl<Sender, Subj> Parts<Sender, Subj> {
    pub(super) fn recipient_count(&self) -> usize {
        self.to.len() + self.cc.len() + self.bcc.len()
    }

    /// See [`Email::estimated_bytes`](super::Email::estimated_bytes).
    pub(super) fn estimated_bytes(&self) -> usize {
        /// Boundary and headers of one MIME part; the headers that the engine writes itself.
        const PART: usize = 300;
        const MESSAGE: usize = 1500;

        let mailbox = |mailbox: &Mailbox| {
            mailbox.name().map_or(0, |name| name.as_str().len()) + mailbox.address().as_str().len() + 6
        };
        let mailboxes =
            [&self.to, &self.cc, &self.reply_to].into_iter().flatten().map(mailbox).sum::<usize>();
        let headers = self.headers.iter().map(|h| h.name.as_str().len() + h.value.as_str().len() + 4);
        let body = |body: &String| PART + if body.is_ascii() { body.len() } else { base64_bytes(body.len()) };
        let bodies = [&self.html, &self.text].into_iter().flatten().map(body).sum::<usize>();
        let attachments = self.attachments.iter().map(|attachment| {
            PART + attachment.file_name().as_str().len() + base64_bytes(attachment.content().len())
        });
        MESSAGE + mailboxes + headers.sum::<usize>() + bodies + attachments.sum::<usize>()
    }

    /// The same parts with another sender and subject.
    pub(super) fn with<F, S>(self, from: F, subject: S) -> Parts<F, S> {
        Parts {
            from,
            to: self.to,
            cc: self.cc,
            bcc: self.bcc,
            reply_to: self.reply_to,
            return_path: self.return_path,
            subject,
            html: self.html,
            text: self.text,
            headers: self.headers,
            attachments: self.attachments,
            tags: self.tags,
            metadata: self.metadata,
            variables: self.variables,
            lane: self.lane,
            mode: self.mode,
            send_at: self.send_at,
            deliver_by: self.deliver_by,
            duplicate_policy: self.duplicate_policy,
            idempotency_key: self.idempotency_key,
            retry: self.retry,
            tracking: self.tracking,
            tracked_by: self.tracked_by,
            unsubscribe: self.unsubscribe,
        }
    }
}

/// Bytes of so many bytes in base64, in lines of 76 characters (RFC 2045 §6.8).
const fn base64_bytes(bytes: usize) -> usize {
    let encoded = bytes.div_ceil(3) * 4;
    encoded + encoded.div_ceil(76) * 2
}
