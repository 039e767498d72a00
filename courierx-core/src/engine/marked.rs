//! What recipients read, with links of ours where a message asks for them.

use std::sync::Arc;

use super::apart::is_heavy;
use super::content::ContentError;
use super::outbox::{Inner, Outbox};
use super::render::{RenderError, render_marked};
use crate::id::{MessageId, TenantId};
use crate::message::Email;
use crate::provider::Content;
use crate::store::StoredMessage;
use crate::tracking::needs_tracker;

impl Inner {
    /// Renders a message as it is handed over.
    pub(super) async fn render(
        &self,
        tenant: TenantId,
        id: MessageId,
        email: &Email,
    ) -> Result<Content, RenderError> {
        let marker = match &self.options.tracker {
            Some(tracker) => {
                let base = tracker.base_for(tenant, email).await;
                Some(tracker.message(base, tenant, id, email))
            }
            None if needs_tracker(email) => return Err(RenderError::NoTracker),
            None => None,
        };
        let source = email.clone();
        self.apart.run(is_heavy(email), move || render_marked(&source, marker.as_ref())).await
    }

    /// Renders a message that is just accepted, to see that it can be. Which host its links have is seen later.
    pub(super) fn render_at_once(
        &self,
        tenant: TenantId,
        id: MessageId,
        email: &Email,
    ) -> Result<Content, RenderError> {
        let tracker = self.options.tracker.as_ref();
        if tracker.is_none() && needs_tracker(email) {
            return Err(RenderError::NoTracker);
        }
        let marker = tracker.map(|tracker| tracker.message(Arc::from(tracker.base()), tenant, id, email));
        render_marked(email, marker.as_ref())
    }
}

/// What a message becomes, for tests of trackers.
#[cfg(test)]
pub(crate) fn render_marked_for_tests(
    tracker: &crate::tracking::Tracker,
    tenant: TenantId,
    id: MessageId,
    email: &Email,
) -> Content {
    let marker = tracker.message(Arc::from(tracker.base()), tenant, id, email);
    render_marked(email, Some(&marker)).unwrap()
}

impl Outbox {
    /// What recipients of a message read, with links of ours if it asks for them; none once its content is purged.
    ///
    /// A message that cannot be rendered as it would be handed over any more is rendered without them.
    pub async fn rendered(&self, message: &StoredMessage) -> Result<Option<Content>, ContentError> {
        let Some(email) = self.content(message).await? else { return Ok(None) };
        let (tenant, id) = (message.record.tenant, message.record.id);
        match self.inner.render(tenant, id, &email).await {
            Ok(content) => Ok(Some(content)),
            Err(RenderError::NoTracker) => {
                render_marked(&email, None).map(Some).map_err(|_| ContentError::Unreadable)
            }
            Err(_) => Err(ContentError::Unreadable),
        }
    }

    /// What a message says, without links of ours: who looks at it is no reader. It is rendered [apart](Self::apart) if that
    /// may take long.
    pub async fn rendered_unmarked(&self, email: Email) -> Result<Content, RenderError> {
        self.inner.apart.run(is_heavy(&email), move || render_marked(&email, None)).await
    }
}
