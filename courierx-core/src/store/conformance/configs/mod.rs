//! The rules of [`Configs`](crate::store::Configs) and of the typed records over it.

mod keys;
mod lists;
mod references;
mod typed;
mod versions;

pub use keys::*;
pub use lists::*;
pub use references::*;
pub use typed::*;
pub use versions::*;

use serde_json::json;

use super::Subject;
use crate::id::{RecordId, TenantId};
use crate::store::{Change, CommitError, ConfigRecord, KeyValue};

/// The kind of most records in these cases.
const RULE: &str = "rule";

fn record(tenant: TenantId, name: &str) -> ConfigRecord {
    ConfigRecord {
        unique: vec![KeyValue::new("name", name)],
        ..ConfigRecord::new(tenant, RULE, RecordId::new(), json!({ "name": name }))
    }
}

fn put(record: &ConfigRecord, expected: Option<u64>) -> Change {
    Change::Put { record: Box::new(record.clone()), expected }
}

fn delete(record: &ConfigRecord) -> Change {
    Change::Delete { kind: record.kind.clone(), id: record.id, expected: None }
}

async fn try_commit(
    subject: &Subject,
    tenant: TenantId,
    changes: impl Into<Vec<Change>>,
) -> Result<(), CommitError> {
    subject.store().commit_configs(tenant, changes.into()).await.expect("commit_configs")
}

async fn commit(subject: &Subject, tenant: TenantId, changes: impl Into<Vec<Change>>) {
    try_commit(subject, tenant, changes).await.expect("nothing stands against these changes");
}

async fn read(subject: &Subject, record: &ConfigRecord) -> Option<ConfigRecord> {
    subject.store().get_config(record.tenant, &record.kind, record.id).await.expect("get_config")
}
