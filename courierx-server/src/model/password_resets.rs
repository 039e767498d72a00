//! Password resets: that somebody may set another password.

use courierx_core::clock::Timestamp;
use courierx_core::id::RecordId;
use courierx_core::store::{KeyValue, OnDelete, Reference, Resource};
use serde::{Deserialize, Serialize};

use super::users::User;

/// A token that was mailed to a user, of which only the digest is kept. A user has one at most.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PasswordReset {
    /// Whose password it is about.
    pub user: RecordId,
    /// The SHA-256 of the token, in hexadecimal.
    pub digest: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
}

impl PasswordReset {
    /// The record of a user's reset: there is one at most, so it has the user's identifier.
    pub const fn of(user: RecordId) -> RecordId {
        user
    }

    /// The key by which it is found, whosever it is.
    pub fn by_digest(digest: impl Into<String>) -> KeyValue {
        KeyValue::new("digest", digest)
    }
}

impl Resource for PasswordReset {
    const KIND: &'static str = "password_reset";

    fn global_keys(&self) -> Vec<KeyValue> {
        vec![Self::by_digest(&self.digest)]
    }

    fn references(&self) -> Vec<Reference> {
        vec![Reference { kind: User::KIND.to_owned(), id: self.user, on_delete: OnDelete::Cascade }]
    }
}
