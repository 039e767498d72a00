//! What is shown of messages: a summary in lists, the content of a single one.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::accept::AcceptError;
use super::content::ContentError;
use super::outbox::Outbox;
use crate::id::{MessageId, TenantId};
use crate::message::{Email, MetadataKey};
use crate::provider::Content;
use crate::store::{MessageRecord, StoredMessage};
use crate::vault::{SealContext, Sealed};

/// Bytes of metadata that stand in a summary; of more, it has none.
const MAX_METADATA: usize = 1024;

/// What lists show of a message's content. Sealed beside the message, so that a page of a list need not
/// open contents of any size.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Summary {
    /// The rendered subject.
    pub subject: String,
    /// The display name of the sender.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_name: Option<String>,
    /// The metadata; none if there is much of it, or the message was accepted by an earlier version: then its
    /// content has it.
    #[serde(rename = "m", default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<BTreeMap<MetadataKey, String>>,
}

impl Summary {
    pub(super) fn of(rendered: &Content, email: &Email) -> Self {
        let metadata = email.metadata();
        let bytes: usize = metadata.iter().map(|(key, value)| key.as_str().len() + value.len()).sum();
        Self {
            subject: rendered.subject().as_str().to_owned(),
            from_name: email.from().name().map(|name| name.as_str().to_owned()),
            metadata: (bytes <= MAX_METADATA).then(|| metadata.clone()),
        }
    }
}

impl std::fmt::Debug for Summary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Summary").field("subject_bytes", &self.subject.len()).finish_non_exhaustive()
    }
}

impl Outbox {
    /// Opens the summary of a message; none if it is purged.
    pub fn summary(&self, record: &MessageRecord) -> Result<Option<Summary>, ContentError> {
        let Some(sealed) = &record.summary else { return Ok(None) };
        let bytes = self.inner.vault.open(&summary_context(record.tenant, &record.id), sealed)?;
        serde_json::from_slice(&bytes).map(Some).map_err(|_| ContentError::Unreadable)
    }

    /// Opens the content of a message, wherever it is kept; none if it is purged.
    pub async fn content(&self, message: &StoredMessage) -> Result<Option<Email>, ContentError> {
        let Some(sealed) = &message.content else { return Ok(None) };
        self.inner.open_content(&message.record, sealed.clone()).await.map(Some)
    }

    /// How many bytes of content are kept of a message, wherever that is; none if it is purged. It tells what opening it
    /// will take, before it does: a message has megabytes.
    pub fn content_bytes(&self, message: &StoredMessage) -> Result<usize, ContentError> {
        let sealed = message.content.as_ref();
        sealed.map_or(Ok(0), |sealed| self.inner.content_bytes(&message.record, sealed))
    }

    pub(super) fn seal_summary(
        &self,
        tenant: TenantId,
        id: MessageId,
        summary: &Summary,
    ) -> Result<Sealed, AcceptError> {
        let bytes = serde_json::to_vec(summary).map_err(AcceptError::Content)?;
        Ok(self.inner.vault.seal(&summary_context(tenant, &id), &bytes))
    }
}

fn summary_context(tenant: TenantId, message: &MessageId) -> SealContext<'_> {
    SealContext { tenant, kind: "summary", record: message.as_bytes() }
}
