//! Users: people who log in.

use std::fmt;

use courierx_core::clock::Timestamp;
use courierx_core::store::{KeyValue, Resource};
use serde::{Deserialize, Serialize};

/// A person who logs in. The record belongs to the tenant in which the person registered; membership in
/// others refers to it.
#[derive(Clone, Serialize, Deserialize)]
pub struct User {
    /// The address, as it was written.
    pub email: String,
    /// The password's Argon2id hash, as a PHC string.
    pub password_hash: String,
    /// Counts up whenever every token of the user is to end.
    pub epoch: u64,
    /// When the user was created.
    pub created_at: Timestamp,
}

impl User {
    /// The key by which a user is found: the address without regard to letter case.
    pub fn login(email: &str) -> KeyValue {
        KeyValue::new("email", email.trim().to_lowercase())
    }
}

impl Resource for User {
    const KIND: &'static str = "user";

    fn global_keys(&self) -> Vec<KeyValue> {
        vec![Self::login(&self.email)]
    }
}

impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User").field("epoch", &self.epoch).finish_non_exhaustive()
    }
}
