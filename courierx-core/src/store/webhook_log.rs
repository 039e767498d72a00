//! What endpoints were told, and what they answered.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::{Page, PageRequest, StoreResult};
use crate::clock::Timestamp;
use crate::event::Sequence;
use crate::id::{EventId, MessageId, RecordId, TenantId};
use crate::webhook::WebhookEvent;

/// The log of requests to webhook endpoints: one entry for each try, read by people and by who repeats them.
///
/// It is no part of the promise that events are kept: the queue repeats what failed, whatever stands here.
#[async_trait]
pub trait WebhookLog: Send + Sync {
    /// Adds entries.
    async fn log_webhooks(&self, entries: Vec<WebhookTry>) -> StoreResult<()>;

    /// Lists an endpoint's entries, the latest first.
    async fn list_webhooks(
        &self,
        tenant: TenantId,
        endpoint: RecordId,
        filter: &WebhookFilter,
        page: &PageRequest,
    ) -> StoreResult<Page<WebhookTry>>;

    /// Removes entries from before a moment, the oldest first, at most `limit`; answers how many.
    async fn purge_webhooks(&self, before: Timestamp, limit: usize) -> StoreResult<usize>;
}

/// Which entries to list: all, unless it says something.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct WebhookFilter {
    /// Those that the endpoint took, or those that it did not.
    pub taken: Option<bool>,
    /// From this moment on.
    pub from: Option<Timestamp>,
    /// Before this moment.
    pub to: Option<Timestamp>,
}

impl WebhookFilter {
    /// Whether this entry is one of them.
    pub fn matches(&self, entry: &WebhookTry) -> bool {
        self.taken.is_none_or(|taken| taken == entry.taken())
            && self.from.is_none_or(|from| entry.at >= from)
            && self.to.is_none_or(|to| entry.at < to)
    }
}

/// One request to an endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookTry {
    /// Of the entry.
    pub id: RecordId,
    /// Whose endpoint it is.
    pub tenant: TenantId,
    /// The endpoint.
    pub endpoint: RecordId,
    /// The event it was told of.
    pub event: EventId,
    /// Where the event stands; none if it was made up for a test.
    pub sequence: Option<Sequence>,
    /// What the event is called.
    pub name: WebhookEvent,
    /// The message it is about.
    pub message: Option<MessageId>,
    /// Which try it was, from 1.
    pub number: u32,
    /// When the request was sent.
    pub at: Timestamp,
    /// How long the answer took, in milliseconds.
    pub took_ms: u64,
    /// What came of it.
    pub result: WebhookResult,
    /// When it is tried again; never if none.
    pub next_at: Option<Timestamp>,
}

/// What came of a request to an endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WebhookResult {
    /// It was answered.
    Answered {
        /// The status: the endpoint took it if that is 2xx.
        status: u16,
        /// The beginning of the body.
        body: String,
    },
    /// There was no answer.
    Failed(String),
}

impl WebhookTry {
    /// Whether the endpoint took it.
    pub fn taken(&self) -> bool {
        matches!(self.result, WebhookResult::Answered { status: 200..=299, .. })
    }
}
