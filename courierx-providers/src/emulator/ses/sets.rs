//! Configuration sets: what is told of messages that name one, and where.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use axum::http::Method;
use serde_json::{Value, json};

use super::super::vendor::{ApiAnswer, ApiRequest};
use super::message::is_word;
use super::{Mistake, bad};

const EVENTS: [&str; 10] = [
    "SEND",
    "REJECT",
    "BOUNCE",
    "COMPLAINT",
    "DELIVERY",
    "OPEN",
    "CLICK",
    "RENDERING_FAILURE",
    "DELIVERY_DELAY",
    "SUBSCRIPTION",
];
/// The most destinations of one set.
const MOST: usize = 10;
/// Messages of which it is remembered which set they named.
const MOST_MESSAGES: usize = 10_000;

#[derive(Default)]
pub(super) struct Sets(Mutex<State>);

#[derive(Default)]
struct State {
    /// The destinations of each set.
    sets: BTreeMap<String, Vec<Value>>,
    named: HashMap<String, String>,
    order: VecDeque<String>,
}

fn none_such(what: &str, name: &str) -> Mistake {
    Mistake(404, "NotFoundException", format!("{what} <{name}> does not exist."))
}

impl Sets {
    fn kept(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers that a message named a set.
    pub(super) fn name(&self, message: &str, set: String) {
        let mut kept = self.kept();
        if kept.order.len() == MOST_MESSAGES
            && let Some(oldest) = kept.order.pop_front()
        {
            kept.named.remove(&oldest);
        }
        kept.order.push_back(message.to_owned());
        kept.named.insert(message.to_owned(), set);
    }

    /// Whether this topic is told of an event of a message.
    pub(super) fn tell(&self, message: &str, event: &str, topic: &str) -> bool {
        let kept = self.kept();
        let set = kept.named.get(message).and_then(|set| kept.sets.get(set));
        let event = event.to_uppercase().replace(' ', "_").replace("DELIVERYDELAY", "DELIVERY_DELAY");
        set.into_iter().flatten().any(|one| {
            let told = one["MatchingEventTypes"].as_array().is_some_and(|all| all.contains(&json!(event)));
            told && one["Enabled"] == true && one["SnsDestination"]["TopicArn"] == topic
        })
    }

    /// `may_publish` tells whether SES may publish to a topic.
    pub(super) fn answer(
        &self,
        request: &ApiRequest,
        path: &[&str],
        may_publish: impl Fn(&str) -> bool,
    ) -> Result<ApiAnswer, Mistake> {
        let mut kept = self.kept();
        let ok = || Ok(ApiAnswer::json(200, &json!({})));
        if let ([], &Method::POST) = (path, &request.method) {
            let name = body(request)?["ConfigurationSetName"].as_str().unwrap_or_default().to_owned();
            if !is_word(&name, 64) {
                return bad("The name of the configuration set is invalid.");
            }
            if kept.sets.contains_key(&name) {
                let message = format!("Configuration set <{name}> already exists.");
                return Err(Mistake(400, "AlreadyExistsException", message));
            }
            kept.sets.insert(name, Vec::new());
            return ok();
        }
        let [name, "event-destinations", rest @ ..] = path else {
            return Err(Mistake(404, "UnknownOperationException", "There is no such thing".to_owned()));
        };
        let all = kept.sets.get_mut(*name).ok_or_else(|| none_such("Configuration set", name))?;
        let at = |id: &str| all.iter().position(|one| one["Name"] == id);
        match (&request.method, rest) {
            (&Method::GET, []) => Ok(ApiAnswer::json(200, &json!({ "EventDestinations": all }))),
            (&Method::POST, []) => {
                let id = body(request)?["EventDestinationName"].as_str().unwrap_or_default().to_owned();
                if at(&id).is_some() {
                    let message = format!("An event destination <{id}> already exists.");
                    return Err(Mistake(400, "AlreadyExistsException", message));
                }
                if !is_word(&id, 64) {
                    return bad("The name of the event destination is invalid.");
                }
                if all.len() == MOST {
                    let message = "There are too many event destinations.".to_owned();
                    return Err(Mistake(400, "LimitExceededException", message));
                }
                all.push(destination(request, &id, may_publish)?);
                ok()
            }
            (method, [id]) => {
                let at = at(id).ok_or_else(|| none_such("Event destination", id))?;
                match *method {
                    Method::PUT => all[at] = destination(request, id, may_publish)?,
                    Method::DELETE => drop(all.remove(at)),
                    _ => return bad("This method is not allowed."),
                }
                ok()
            }
            _ => bad("This method is not allowed."),
        }
    }
}

fn body(request: &ApiRequest) -> Result<Value, Mistake> {
    serde_json::from_slice(&request.body)
        .map_err(|problem| Mistake(400, "SerializationException", problem.to_string()))
}

/// A destination, as it is asked for.
fn destination(
    request: &ApiRequest,
    name: &str,
    may_publish: impl Fn(&str) -> bool,
) -> Result<Value, Mistake> {
    let asked = &body(request)?["EventDestination"];
    let known = ["Enabled", "MatchingEventTypes", "SnsDestination"];
    if asked.as_object().is_none_or(|asked| asked.keys().any(|key| !known.contains(&key.as_str()))) {
        return bad("The event destination is missing, or has a field that is unknown.");
    }
    let events = asked["MatchingEventTypes"].as_array().cloned().unwrap_or_default();
    let is_event = |event: &Value| event.as_str().is_some_and(|event| EVENTS.contains(&event));
    if events.is_empty() || !events.iter().all(is_event) {
        return bad("The matching event types are missing or unknown.");
    }
    let topic = asked["SnsDestination"]["TopicArn"].as_str().unwrap_or_default();
    if !may_publish(topic) {
        return bad(format!("Could not publish to SNS topic <{topic}>."));
    }
    Ok(json!({
        "Name": name, "Enabled": asked["Enabled"] == true, "MatchingEventTypes": events,
        "SnsDestination": { "TopicArn": topic },
    }))
}
