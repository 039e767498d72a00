//! The audit log of a tenant: who changed what, written by [`App::commit_by`] in the commit of each change.
//!
//! An entry has the names of the fields that changed and nothing of what is in them, so no secret gets there.

use std::collections::BTreeSet;

use courierx_core::id::{RecordId, TenantId};
use courierx_core::store::{AuditEntry, AuditFilter, AuditPage, Change, Resource};
use serde_json::Value;

use crate::App;
use crate::ctx::{Actor, Ctx, Role};
use crate::error::ServiceResult;
use crate::model::email_templates::TemplateSource;
use crate::model::password_resets::PasswordReset;
use crate::services::pages::Total;

/// For how many days an entry is kept.
pub const DAYS: u16 = 400;
/// Records that are no resources of their own: what they belong to tells of them.
const PARTS: &[&str] = &[TemplateSource::KIND, PasswordReset::KIND];
/// Fields that people know by another name, and those that say nothing to them.
const NAMES: &[(&str, Option<&str>)] = &[
    ("password_hash", Some("password")),
    ("digest", Some("secret")),
    ("former", None),
    ("epoch", None),
    ("ended", None),
    ("joined", None),
];

/// Whoever changes something.
#[derive(Debug, Clone)]
pub struct Author {
    kind: &'static str,
    id: RecordId,
    request: Option<String>,
}

impl Author {
    /// Whoever asks.
    pub fn of(ctx: &Ctx) -> Self {
        let (kind, id) = match &ctx.actor {
            Actor::User { id, .. } => ("user", *id),
            Actor::ApiKey { id, .. } => ("api_key", *id),
        };
        Self { kind, id, request: Some(ctx.request_id.as_str().to_owned()) }
    }

    /// A user who proved to be one without a token.
    pub fn user(id: RecordId) -> Self {
        Self { kind: "user", id, request: None }
    }

    fn entry(&self, action: &str, kind: &str, subject: Option<RecordId>, fields: Vec<String>) -> Change {
        let mut entry = AuditEntry::new(self.kind, action, kind);
        entry.actor_id = Some(self.id);
        entry.request.clone_from(&self.request);
        entry.subject = subject;
        entry.fields = fields;
        Change::Note(Box::new(entry))
    }

    /// Entries that tell of these changes. What an update changes is found by what is there now: if that is not
    /// what the update is made of, it will be refused, together with its entry.
    pub(crate) async fn entries(
        &self,
        app: &App,
        tenant: TenantId,
        changes: &[Change],
    ) -> ServiceResult<Vec<Change>> {
        let mut entries = Vec::new();
        for change in changes {
            entries.extend(match change {
                Change::Put { record, .. } if PARTS.contains(&record.kind.as_str()) => None,
                Change::Put { record, expected: None } => {
                    Some(self.entry("created", &record.kind, Some(record.id), Vec::new()))
                }
                Change::Put { record, expected: Some(_) } => {
                    let before = app.store.get_config(tenant, &record.kind, record.id).await?;
                    let fields = before.map_or_else(Vec::new, |before| changed(&before.body, &record.body));
                    // Some records are written as they were, so that of two changes one is refused.
                    (!fields.is_empty()).then(|| self.entry("updated", &record.kind, Some(record.id), fields))
                }
                Change::Delete { kind, .. } if PARTS.contains(&kind.as_str()) => None,
                Change::Delete { kind, id, .. } => Some(self.entry("deleted", kind, Some(*id), Vec::new())),
                Change::Note(_) => None,
            });
        }
        Ok(entries)
    }
}

/// The fields of a record that differ, as people know them.
fn changed(before: &Value, after: &Value) -> Vec<String> {
    let (Some(before), Some(after)) = (before.as_object(), after.as_object()) else {
        return Vec::new();
    };
    let names: BTreeSet<_> = before.keys().chain(after.keys()).collect();
    let differs = |name: &&&String| before.get(name.as_str()) != after.get(name.as_str());
    let shown = |name: &String| match NAMES.iter().find(|(kept, _)| kept == name) {
        Some((_, shown)) => shown.map(str::to_owned),
        None => Some(name.clone()),
    };
    names.iter().filter(differs).filter_map(|name| shown(name)).collect()
}

/// Writes down what whoever asks has just done to something that is no configuration.
pub(super) async fn note(
    ctx: &Ctx,
    app: &App,
    action: &str,
    kind: &str,
    subject: Option<RecordId>,
) -> ServiceResult<()> {
    let entry = Author::of(ctx).entry(action, kind, subject, Vec::new());
    // Past the caches: nothing that is remembered changes by it.
    Ok(app.store.commit_configs(ctx.tenant, vec![entry]).await??)
}

/// Some entries of the log, the newest first, and how many there are.
pub async fn list(
    ctx: &Ctx,
    app: &App,
    filter: &AuditFilter,
    skip: usize,
    limit: usize,
) -> ServiceResult<(Vec<AuditEntry>, Total)> {
    ctx.require_role(Role::Admin)?;
    let AuditPage { items, count, exact } = app.store.list_audit(ctx.tenant, filter, skip, limit).await?;
    Ok((items, Total { count, exact }))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_changed_is_told_by_name_alone() {
        let before = json!({ "name": "a", "password_hash": "x", "epoch": 1, "same": [1], "gone": null });
        let after = json!({ "name": "b", "password_hash": "y", "epoch": 2, "same": [1], "new": {} });
        assert_eq!(changed(&before, &after), ["gone", "name", "new", "password"]);
        assert!(changed(&before, &before).is_empty());
    }
}
