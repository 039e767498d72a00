//! What was taken, for who asks for it.

use std::sync::{Mutex, MutexGuard, PoisonError};

use courierx_core::provider::conformance::Person;
use serde_json::{Value, json};

use super::super::vendor::ApiAnswer;
use super::error;
use super::message::{ORDINARY_STREAM, Taken};

/// Messages as the search shows them.
#[derive(Default)]
pub(super) struct Outbound(Mutex<Vec<Value>>);

impl Outbound {
    /// Remembers what was taken, with what was answered.
    pub(super) fn keep(&self, taken: &[Taken]) {
        self.lock().extend(taken.iter().map(show));
    }

    /// The messages that a query asks for, newest first: `count`, `offset`, a recipient, a tag, metadata; of one
    /// stream, the server's ordinary one unless another is named.
    pub(super) fn search(&self, query: &str) -> ApiAnswer {
        let query: Vec<_> = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        let number = |name: &str| {
            let (_, value) = query.iter().find(|(have, _)| have == name)?;
            value.parse::<usize>().ok()
        };
        let (Some(count @ 1..=500), Some(offset)) = (number("count"), number("offset")) else {
            return error(422, 600, "The parameters count (1 to 500) and offset are required.");
        };
        let named = query.iter().find(|(name, _)| name == "messagestream");
        let stream = named.map_or(ORDINARY_STREAM, |(_, stream)| stream.as_str());
        let mut found = Vec::new();
        for message in self.lock().iter().rev() {
            let mut matches = message["MessageStream"] == stream;
            for (name, value) in &query {
                matches &= match name.as_str() {
                    "count" | "offset" | "messagestream" => true,
                    "recipient" => message["Recipients"].as_array().is_some_and(|all| {
                        all.iter().any(|one| one.as_str().is_some_and(|one| one.eq_ignore_ascii_case(value)))
                    }),
                    "tag" => message["Tag"] == value.as_str(),
                    other => match other.strip_prefix("metadata_") {
                        Some(key) => message["Metadata"][key] == value.as_str(),
                        None => return error(422, 600, &format!("Unknown parameter {other}.")),
                    },
                };
            }
            if matches {
                found.push(message.clone());
            }
        }
        let total = found.len();
        let page: Vec<_> = found.into_iter().skip(offset).take(count).collect();
        ApiAnswer::json(200, &json!({ "TotalCount": total, "Messages": page }))
    }

    pub(super) fn forget(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Value>> {
        // A list that is only added to has nothing half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn show(taken: &Taken) -> Value {
    let message = &taken.received;
    let people = |people: &[Person]| -> Vec<Value> {
        people.iter().map(|one| json!({ "Email": one.address, "Name": one.name })).collect()
    };
    json!({
        "MessageID": taken.reply["MessageID"],
        "Tag": message.tags.first(),
        "To": people(&message.to),
        "Cc": people(&message.cc),
        "Bcc": people(&message.bcc),
        "Recipients": message.recipients(),
        "ReceivedAt": "2026-01-02T03:04:05.0000000Z",
        "From": message.from.address,
        "Subject": message.subject,
        "Status": "Sent",
        "Metadata": message.metadata,
        "MessageStream": taken.stream,
    })
}
