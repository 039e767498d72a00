//! The messages that events are about.

use std::collections::{BTreeMap, HashMap};

use courierx_core::event::Event;
use courierx_core::id::{MessageId, TenantId};
use courierx_core::message::{Email, MetadataKey};
use courierx_core::store::StoredMessage;

use crate::App;
use crate::error::ServiceResult;

/// A message, as far as it is still kept: without its content.
#[derive(Debug)]
pub(crate) struct About {
    pub(crate) stored: StoredMessage,
    pub(super) subject: Option<String>,
    pub(super) metadata: BTreeMap<MetadataKey, String>,
}

/// The messages that events are about, as far as they are still kept.
pub(crate) async fn abouts(
    app: &App,
    tenant: TenantId,
    events: &[Event],
) -> ServiceResult<HashMap<MessageId, About>> {
    let mut ids: Vec<_> = events.iter().filter_map(|event| event.message).collect();
    ids.sort_unstable();
    ids.dedup();
    let keys: Vec<_> = ids.iter().map(|id| (tenant, *id)).collect();
    let mut abouts = HashMap::new();
    for stored in app.store.outline(&keys).await?.into_iter().flatten() {
        // What cannot be opened is told without.
        let summary = app.outbox.summary(&stored.record).ok().flatten();
        let (subject, metadata) = summary.map(|one| (one.subject, one.metadata)).unzip();
        let metadata = match metadata.flatten() {
            Some(metadata) => metadata,
            None => metadata_of(app, tenant, stored.record.id).await?,
        };
        abouts.insert(stored.record.id, About { stored, subject, metadata });
    }
    Ok(abouts)
}

/// What its content has, of a message whose summary does not: of one after another, since contents are large.
async fn metadata_of(
    app: &App,
    tenant: TenantId,
    message: MessageId,
) -> ServiceResult<BTreeMap<MetadataKey, String>> {
    let Some(stored) = app.store.load(&[(tenant, message)]).await?.pop().flatten() else {
        return Ok(BTreeMap::new());
    };
    let email = app.outbox.content(&stored).await.ok().flatten();
    Ok(email.as_ref().map(Email::metadata).cloned().unwrap_or_default())
}
