//! What Resend remembers: requests by their idempotency key, and messages by their identifier.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use courierx_core::provider::conformance::{Person, Received};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{Mistake, mistake};

#[derive(Default)]
pub(super) struct Repeats(Mutex<Memory>);

#[derive(Default)]
struct Memory {
    /// The payload's hash, and what was answered. There is one account, so the key alone tells.
    requests: HashMap<String, ([u8; 32], Value)>,
    messages: HashMap<String, Value>,
}

impl Repeats {
    /// What was answered to an earlier request with this key, if there was one.
    pub(super) fn earlier(&self, key: &str, body: &Bytes) -> Result<Option<Value>, Mistake> {
        match self.lock().requests.get(key) {
            None => Ok(None),
            Some((hash, reply)) if *hash == digest(body) => Ok(Some(reply.clone())),
            Some(_) => mistake(
                409,
                "invalid_idempotent_request",
                "Same idempotency key used with a different request payload.",
            ),
        }
    }

    /// Remembers what was taken.
    pub(super) fn keep(&self, key: Option<&str>, body: &Bytes, reply: &Value, taken: &[Received]) {
        let mut memory = self.lock();
        if let Some(key) = key {
            memory.requests.insert(key.to_owned(), (digest(body), reply.clone()));
        }
        let one = [reply.clone()];
        let ids = reply.get("data").and_then(Value::as_array).map_or(one.as_slice(), Vec::as_slice);
        for (id, message) in ids.iter().filter_map(|one| one["id"].as_str()).zip(taken) {
            memory.messages.insert(id.to_owned(), email(id, message));
        }
    }

    /// A message that was taken.
    pub(super) fn find(&self, id: &str) -> Option<Value> {
        self.lock().messages.get(id).cloned()
    }

    pub(super) fn forget(&self) {
        *self.lock() = Memory::default();
    }

    fn lock(&self) -> MutexGuard<'_, Memory> {
        // Every change is one insertion: a panic elsewhere leaves nothing half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn digest(body: &Bytes) -> [u8; 32] {
    Sha256::digest(body).into()
}

/// A message as it is shown to who asks for it.
fn email(id: &str, message: &Received) -> Value {
    let addresses =
        |people: &[Person]| people.iter().map(|one| one.address.as_str().into()).collect::<Vec<Value>>();
    json!({
        "object": "email",
        "id": id,
        "to": addresses(&message.to),
        "from": message.from.address,
        "created_at": "2026-01-02T03:04:05.000Z",
        "subject": message.subject,
        "html": message.html,
        "text": message.text,
        "cc": addresses(&message.cc),
        "bcc": addresses(&message.bcc),
        "reply_to": addresses(&message.reply_to),
        "last_event": "delivered",
    })
}
