//! Typed records.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::super::Subject;
use super::commit;
use crate::id::{RecordId, TenantId};
use crate::store::{
    Change, ConfigRecord, ConfigsExt, KeyValue, OnDelete, PageRequest, Reference, Resource, StoreError,
};

/// A type of record, at its second version: `label` was called `title` before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Folder {
    label: String,
    token: String,
    inside: Option<RecordId>,
}

impl Resource for Folder {
    const KIND: &'static str = "folder";
    const SCHEMA: u32 = 2;

    fn parent(&self) -> Option<RecordId> {
        self.inside
    }

    fn unique_keys(&self) -> Vec<KeyValue> {
        vec![KeyValue::new("label", &self.label)]
    }

    fn global_keys(&self) -> Vec<KeyValue> {
        vec![KeyValue::new("token", &self.token)]
    }

    fn references(&self) -> Vec<Reference> {
        let inside = self.inside.iter();
        inside
            .map(|id| Reference { kind: Self::KIND.to_owned(), id: *id, on_delete: OnDelete::Cascade })
            .collect()
    }

    fn upcast(schema: u32, mut body: serde_json::Value) -> serde_json::Value {
        if schema < 2
            && let Some(fields) = body.as_object_mut()
            && let Some(title) = fields.remove("title")
        {
            fields.insert("label".to_owned(), title);
        }
        body
    }
}

fn folder(label: &str, inside: Option<RecordId>) -> Folder {
    Folder { label: label.to_owned(), token: format!("token of {label}"), inside }
}

/// Records are written, found, listed and changed by their type.
pub async fn records_have_types(subject: &Subject) {
    let (tenant, store) = (TenantId::new(), subject.store());
    let (outer_id, inner_id) = (RecordId::new(), RecordId::new());
    let (outer, inner) = (folder("outer", None), folder("inner", Some(outer_id)));
    let create = |id, value| Change::create(tenant, id, value).expect("a record");
    commit(subject, tenant, [create(outer_id, &outer), create(inner_id, &inner)]).await;

    let read = store.get::<Folder>(tenant, inner_id).await.expect("get").expect("a folder");
    assert_eq!((read.id, read.tenant, read.version, &read.value), (inner_id, tenant, 1, &inner));
    let found = store.find::<Folder>(tenant, &KeyValue::new("label", "outer")).await.expect("find");
    assert_eq!(found.map(|one| one.value), Some(outer));
    let token = KeyValue::new("token", "token of inner");
    let global = store.find_global(Folder::KIND, &token).await.expect("find_global");
    assert_eq!(global.map(|one| one.id), Some(inner_id));
    let listed =
        store.list_of::<Folder>(tenant, Some(outer_id), &PageRequest::default()).await.expect("list_of");
    assert_eq!(listed.items.iter().map(|one| one.id).collect::<Vec<_>>(), [inner_id]);

    let renamed = folder("renamed", Some(outer_id));
    commit(subject, tenant, [Change::update(tenant, inner_id, 1, &renamed).expect("a record")]).await;
    let read = store.get::<Folder>(tenant, inner_id).await.expect("get").expect("a folder");
    assert_eq!((read.version, read.value), (2, renamed));
    commit(subject, tenant, [Change::delete::<Folder>(outer_id)]).await;
    assert!(store.get::<Folder>(tenant, inner_id).await.expect("get").is_none(), "removed with its parent");
}

/// A record of an earlier version of its type is read as one of today; one that cannot be read says so.
pub async fn earlier_versions_are_upcast(subject: &Subject) {
    let (tenant, store) = (TenantId::new(), subject.store());
    let old_body = json!({ "title": "old", "token": "t", "inside": null });
    let old = ConfigRecord::new(tenant, Folder::KIND, RecordId::new(), old_body);
    let broken = ConfigRecord {
        schema: Folder::SCHEMA,
        ..ConfigRecord::new(tenant, Folder::KIND, RecordId::new(), json!({ "title": "broken" }))
    };
    let put = |record: &ConfigRecord| Change::Put { record: Box::new(record.clone()), expected: None };
    commit(subject, tenant, [put(&old), put(&broken)]).await;
    let read = store.get::<Folder>(tenant, old.id).await.expect("get").expect("a folder");
    assert_eq!(read.value.label, "old", "the field has its new name");
    let refused = store.get::<Folder>(tenant, broken.id).await;
    assert!(matches!(refused, Err(StoreError::Corrupt { .. })), "what cannot be read is no folder");
}
