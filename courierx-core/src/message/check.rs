//! The checks that turn a draft into an [`Email`]: what one value alone cannot tell.

use std::collections::HashSet;
use std::sync::Arc;

use serde_json::Value;

use super::address::AddressKey;
use super::email::Email;
use super::error::{InvalidEmail, Problem};
use super::field::Field;
use super::limits;
use super::parts::Draft;
use super::problems::Problems;
use super::text::check_metadata_value;
use super::unsubscribe::Unsubscribe;
use crate::clock::Timestamp;

impl Draft {
    /// Checks everything that is not checked by a type, and adds what is found to `problems`.
    pub(super) fn check(mut self, mut problems: Problems) -> Result<Email, InvalidEmail> {
        self.drop_repeats();
        self.check_recipients(&mut problems);
        self.check_bodies(&mut problems);
        self.check_attachments(&mut problems);
        self.check_labels(&mut problems);
        self.check_variables(&mut problems);
        self.check_dates(&mut problems);
        if matches!(self.unsubscribe, Some(Unsubscribe::Yes(_))) && self.recipient_count() > 1 {
            problems.push(Field::new("unsubscribe"), Problem::NeedsOneRecipient);
        }
        problems.limit_bytes("message", self.estimated_bytes(), limits::MAX_MESSAGE_BYTES);
        for (field, missing) in [("from", self.from.is_none()), ("subject", self.subject.is_none())] {
            if missing && !problems.concern(field) {
                problems.push(Field::new(field), Problem::Missing);
            }
        }
        match (self.from.take(), self.subject.take()) {
            (Some(from), Some(subject)) if problems.is_empty() => {
                Ok(Email(Arc::new(self.with(from, subject))))
            }
            _ => Err(problems.into_error()),
        }
    }

    /// Keeps the first of equal recipients, in the order to, cc, bcc, and the first of equal tags.
    fn drop_repeats(&mut self) {
        if self.recipient_count() > 1 {
            let mut seen: HashSet<AddressKey> = HashSet::new();
            for list in [&mut self.to, &mut self.cc, &mut self.bcc] {
                list.retain(|mailbox| seen.insert(mailbox.address().key()));
            }
        }
        if self.tags.len() > 1 {
            // There are few, and mostly none is repeated.
            let mut first = Vec::with_capacity(self.tags.len());
            for tag in self.tags.drain(..) {
                if !first.contains(&tag) {
                    first.push(tag);
                }
            }
            self.tags = first;
        }
    }

    fn check_recipients(&self, problems: &mut Problems) {
        let count = self.recipient_count();
        let all_invalid = ["to", "cc", "bcc"].iter().any(|field| problems.concern(field));
        if count == 0 && !all_invalid {
            problems.push(Field::new("to"), Problem::Missing);
        }
        problems.limit_items("recipients", count, limits::MAX_RECIPIENTS);
        problems.limit_items("reply_to", self.reply_to.len(), limits::MAX_REPLY_TO);
    }

    fn check_bodies(&self, problems: &mut Problems) {
        if self.html.is_none() && self.text.is_none() {
            problems.push(Field::new("html"), Problem::NoBody);
        }
        for (field, body) in [("html", &self.html), ("text", &self.text)] {
            let Some(body) = body else { continue };
            problems.limit_bytes(field, body.len(), limits::MAX_BODY_BYTES);
            if body.contains('\0') {
                problems.push(Field::new(field), Problem::ControlCharacter { character: '\0' });
            }
        }
    }

    fn check_attachments(&self, problems: &mut Problems) {
        problems.limit_items("attachments", self.attachments.len(), limits::MAX_ATTACHMENTS);
        let mut seen = HashSet::new();
        for (index, attachment) in self.attachments.iter().enumerate() {
            if attachment.content_id().is_some_and(|content_id| !seen.insert(content_id)) {
                problems.push(Field::at("attachments", index).part("content_id"), Problem::Duplicate);
            }
        }
    }

    fn check_labels(&self, problems: &mut Problems) {
        problems.limit_items("tags", self.tags.len(), limits::MAX_TAGS);
        problems.limit_items("metadata", self.metadata.len(), limits::MAX_METADATA);
        for (key, value) in &self.metadata {
            problems.take(Field::key("metadata", key.as_str()), check_metadata_value(value));
        }
    }

    fn check_variables(&self, problems: &mut Problems) {
        let Some(variables) = &self.variables else { return };
        let max = limits::MAX_VARIABLES_DEPTH;
        if !variables.values().all(|value| is_within_depth(value, max)) {
            // Measuring it would recurse as deep as it nests.
            problems.push(Field::new("variables"), Problem::TooDeep { max });
            return;
        }
        let mut size = Counter(0);
        match serde_json::to_writer(&mut size, variables) {
            Ok(()) => problems.limit_bytes("variables", size.0, limits::MAX_VARIABLES_BYTES),
            Err(_) => problems.push(Field::new("variables"), Problem::NotSerializable),
        }
    }

    fn check_dates(&self, problems: &mut Problems) {
        let years = Timestamp::EPOCH..=Timestamp::MAX;
        for (field, time) in [("send_at", self.send_at), ("deliver_by", self.deliver_by)] {
            if time.is_some_and(|time| !years.contains(&time)) {
                problems.push(Field::new(field), Problem::OutOfRange);
            }
        }
        if let (Some(send_at), Some(deliver_by)) = (self.send_at, self.deliver_by)
            && deliver_by <= send_at
        {
            problems.push(Field::new("deliver_by"), Problem::NotAfterSendAt);
        }
    }
}

/// Whether arrays and objects nest at most `levels` deep.
fn is_within_depth(value: &Value, levels: usize) -> bool {
    match value {
        Value::Array(items) => levels > 0 && items.iter().all(|item| is_within_depth(item, levels - 1)),
        Value::Object(map) => levels > 0 && map.values().all(|item| is_within_depth(item, levels - 1)),
        _ => true,
    }
}

/// A sink that counts.
struct Counter(usize);

impl std::io::Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
