//! Invitations: that somebody may join a tenant.

use courierx_core::clock::Timestamp;
use courierx_core::id::RecordId;
use courierx_core::names;
use courierx_core::store::{KeyValue, Resource};
use serde::{Deserialize, Serialize};

use crate::ctx::Role;

/// That whoever has this address may join, of whose token only the digest is kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Invitation {
    /// The address, as it was written.
    pub email: String,
    /// What they may do then.
    pub role: Role,
    /// The SHA-256 of the token, in hexadecimal.
    pub digest: String,
    /// What became of it.
    pub status: InvitationStatus,
    /// Who invited, and has the token.
    pub invited_by: RecordId,
    /// When it was made.
    pub created_at: Timestamp,
    /// When the token ends.
    pub expires_at: Timestamp,
}

names! {
    /// What became of an invitation.
    InvitationStatus, "pending, accepted, revoked",
    /// Nothing yet.
    Pending = "pending",
    /// Somebody joined.
    Accepted = "accepted",
    /// It was taken back.
    Revoked = "revoked",
}

impl Invitation {
    /// The key by which it is found, whosever it is.
    pub fn by_digest(digest: impl Into<String>) -> KeyValue {
        KeyValue::new("digest", digest)
    }

    /// Whether it can be accepted.
    pub fn is_open_at(&self, now: Timestamp) -> bool {
        self.status == InvitationStatus::Pending && self.expires_at > now
    }
}

impl Resource for Invitation {
    const KIND: &'static str = "invitation";

    fn unique_keys(&self) -> Vec<KeyValue> {
        let pending = self.status == InvitationStatus::Pending;
        pending.then(|| KeyValue::new("email", self.email.trim().to_lowercase())).into_iter().collect()
    }

    fn global_keys(&self) -> Vec<KeyValue> {
        vec![Self::by_digest(&self.digest)]
    }
}
