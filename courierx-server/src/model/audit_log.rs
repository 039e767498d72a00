//! The audit log: who changed what of a tenant's configuration, and when.

use courierx_core::clock::Timestamp;
use courierx_core::id::RecordId;
use courierx_core::names;
use courierx_core::store::{Change, Resource};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::ctx::{Actor, Ctx};

/// That somebody changed something. It names records and has nothing of their content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// When.
    pub at: Timestamp,
    /// Whether a person or a program.
    pub actor: ActorKind,
    /// The user or the API key.
    pub actor_id: RecordId,
    /// By which request; none if it needed no token.
    pub request_id: Option<String>,
    /// What, in the order in which it was done; all of it or none.
    pub changes: Vec<AuditChange>,
}

/// One record that was changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditChange {
    /// What became of it.
    pub action: Action,
    /// What it is.
    pub kind: String,
    /// Its identifier.
    pub id: RecordId,
}

names! {
    /// Who changes things.
    ActorKind, "user, api_key",
    /// A person.
    User = "user",
    /// A program.
    ApiKey = "api_key",
}

names! {
    /// What becomes of a record.
    Action, "created, updated, deleted",
    /// It is new.
    Created = "created",
    /// It is another.
    Updated = "updated",
    /// It is gone.
    Deleted = "deleted",
}

impl AuditEntry {
    /// These changes, made by whoever asks.
    pub fn by(ctx: &Ctx, at: Timestamp, changes: &[Change]) -> Self {
        let (actor, actor_id) = match &ctx.actor {
            Actor::User { id, .. } => (ActorKind::User, *id),
            Actor::ApiKey { id, .. } => (ActorKind::ApiKey, *id),
        };
        let request_id = Some(ctx.request_id.as_str().to_owned());
        Self { at, actor, actor_id, request_id, changes: changes.iter().map(described).collect() }
    }

    /// These changes, made by a user who proved to be one without a token.
    pub fn by_user(user: RecordId, at: Timestamp, changes: &[Change]) -> Self {
        let changes = changes.iter().map(described).collect();
        Self { at, actor: ActorKind::User, actor_id: user, request_id: None, changes }
    }

    /// An identifier that stands before all earlier ones: records are listed by it, and here the newest comes first.
    pub fn next_id() -> RecordId {
        RecordId::from_bytes(Uuid::now_v7().into_bytes().map(|byte| !byte))
    }
}

fn described(change: &Change) -> AuditChange {
    match change {
        Change::Put { record, expected } => {
            let action = if expected.is_some() { Action::Updated } else { Action::Created };
            AuditChange { action, kind: record.kind.clone(), id: record.id }
        }
        Change::Delete { kind, id, .. } => {
            AuditChange { action: Action::Deleted, kind: kind.clone(), id: *id }
        }
    }
}

impl Resource for AuditEntry {
    const KIND: &'static str = "audit_entry";
}
