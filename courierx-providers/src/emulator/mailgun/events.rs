//! Events, and the questions that they answer.

use std::collections::{HashMap, VecDeque};
use std::time::{SystemTime, UNIX_EPOCH};

use courierx_core::provider::conformance::{Person, Received};
use serde_json::{Value, json};

use super::super::Fault;
use super::super::vendor::ApiAnswer;
use super::{Taken, error};

/// Events that are kept: an emulator may run for long.
const MOST: usize = 10_000;

/// What happened, from the oldest.
#[derive(Default)]
pub(super) struct Events(VecDeque<Value>);

impl Events {
    /// What becomes of a message: it is accepted, and delivered unless its recipient is suppressed.
    pub(super) fn record(&mut self, taken: &Taken) {
        for message in &taken.messages {
            let shown = message.to.iter().chain(&message.cc).chain(&message.bcc);
            let recipients: Vec<_> = match &taken.envelope {
                Some(envelope) => envelope.iter().collect(),
                None => shown.collect(),
            };
            for recipient in recipients {
                let mut accepted = event("accepted", message, recipient, taken);
                accepted["method"] = "http".into();
                self.push(accepted);
                self.push(end(message, recipient, taken));
            }
        }
    }

    fn push(&mut self, event: Value) {
        if self.0.len() == MOST {
            self.0.pop_front();
        }
        self.0.push_back(event);
    }

    /// Answers a question.
    pub(super) fn find(&self, query: &str) -> ApiAnswer {
        let query: HashMap<String, String> =
            url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        let get = |name: &str| query.get(name).map(String::as_str);
        let known = ["begin", "end", "ascending", "limit", "event", "recipient", "message-id", "pretty"];
        if let Some(name) = query.keys().find(|name| !known.contains(&name.as_str())) {
            return error(400, &format!("{name} is no filter"));
        }
        let limit = get("limit").map_or(Ok(100), str::parse::<usize>);
        let begin = get("begin").map_or(Ok(f64::MAX), str::parse::<f64>);
        let (Ok(limit @ 1..=300), Ok(begin)) = (limit, begin) else {
            return error(400, "begin or limit cannot be read");
        };
        let ascending = get("ascending") == Some("yes");
        if !ascending && get("ascending") != Some("no") && get("end").is_none() {
            return error(400, "the end of the range or its direction is missing");
        }
        let holds = |event: &&Value| {
            let at = event["timestamp"].as_f64().unwrap_or_default();
            let inside = if ascending { at >= begin } else { at <= begin };
            let of = |value: &Value, filter: &str| is_one_of(value.as_str().unwrap_or_default(), filter);
            inside
                && get("event").is_none_or(|filter| of(&event["event"], filter))
                && get("recipient").is_none_or(|filter| of(&event["recipient"], filter))
                && get("message-id").is_none_or(|id| event["message"]["headers"]["message-id"] == id)
        };
        let found = self.0.iter().filter(holds);
        let items: Vec<_> =
            if ascending { found.take(limit).collect() } else { found.rev().take(limit).collect() };
        ApiAnswer::json(200, &json!({ "items": items, "paging": {} }))
    }
}

/// Whether a value is one of a filter's: `"a" OR b`.
fn is_one_of(value: &str, filter: &str) -> bool {
    filter.split(" OR ").any(|term| term.trim().trim_matches('"').eq_ignore_ascii_case(value))
}

fn event(kind: &str, message: &Received, recipient: &Person, taken: &Taken) -> Value {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let to: Vec<_> = message.to.iter().map(|one| one.address.as_str()).collect();
    json!({
        "event": kind,
        "id": format!("{kind}-{}-{}", taken.id.trim_matches(['<', '>']), recipient.address),
        "timestamp": now.as_secs_f64(),
        "recipient": recipient.address,
        "tags": message.tags,
        "user-variables": message.metadata,
        "flags": { "is-test-mode": taken.test_mode },
        "message": {
            "headers": {
                "to": to.join(", "),
                "from": message.from.address,
                "subject": message.subject,
                "message-id": taken.id.trim_matches(['<', '>']),
            },
            "attachments": [],
        },
    })
}

fn end(message: &Received, recipient: &Person, taken: &Taken) -> Value {
    if recipient.address.eq_ignore_ascii_case(&Fault::Suppressed.address()) {
        let mut failed = event("failed", message, recipient, taken);
        failed["severity"] = "permanent".into();
        failed["reason"] = "suppress-bounce".into();
        failed["delivery-status"] = json!({ "code": 605, "message": "", "description": "bounced before" });
        return failed;
    }
    let mut delivered = event("delivered", message, recipient, taken);
    delivered["delivery-status"] = json!({ "code": 250, "message": "OK", "description": "" });
    delivered
}
