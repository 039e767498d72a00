//! Users: people who log in.

use std::fmt;

use courierx_core::clock::Timestamp;
use courierx_core::id::TenantId;
use courierx_core::store::{KeyValue, Resource};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A person who logs in. The record belongs to the tenant in which the person registered; membership in
/// others refers to it.
#[derive(Clone, Serialize, Deserialize)]
pub struct User {
    /// The address, as it was written.
    pub email: String,
    /// What the person is called; nothing if they did not say.
    #[serde(default)]
    pub full_name: String,
    /// The password's Argon2id hash, as a PHC string.
    pub password_hash: String,
    /// Counts up whenever every token of the user is to end.
    pub epoch: u64,
    /// Tokens that were ended one by one.
    #[serde(default)]
    pub ended: Vec<EndedToken>,
    /// Tenants besides that of this record which the user has joined; they may have left them since.
    #[serde(default)]
    pub joined: Vec<TenantId>,
    /// When the user was created.
    pub created_at: Timestamp,
}

/// A token that its user has ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndedToken {
    /// Its name.
    pub token: Uuid,
    /// When it would have ended by itself.
    pub ends_at: Timestamp,
}

impl User {
    /// Somebody who logs in with this address and the password of this hash.
    pub const fn new(email: String, password_hash: String, now: Timestamp) -> Self {
        Self {
            email,
            full_name: String::new(),
            password_hash,
            epoch: 0,
            ended: Vec::new(),
            joined: Vec::new(),
            created_at: now,
        }
    }

    /// Ends every token that there is.
    pub fn end_all_tokens(&mut self) {
        self.epoch += 1;
        self.ended.clear();
    }

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
