//! What somebody chose of the topics of a contact list.
//!
//! <https://docs.aws.amazon.com/ses/latest/dg/sending-email-subscription-management.html>

use std::collections::HashMap;

use serde_json::Value;

use crate::callback::Fields;

/// A choice: `OptOut` or `OptIn`, and the topic; none if it is about all mail. Nothing if nobody can tell.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Choice<'a> {
    pub(super) state: &'a str,
    pub(super) topic: Option<&'a str>,
}

/// What somebody chose: what is otherwise than before, as preferences name all topics. One choice at least.
pub(super) fn chosen(about: &Value) -> Vec<Choice<'_>> {
    let preferences = |key: &str| about.get(key).filter(|all| all.is_object());
    let (new, old) = (preferences("newTopicPreferences"), preferences("oldTopicPreferences"));
    if leaves_all(new) == Some(true) {
        return vec![Choice { state: "OptOut", topic: None }];
    }
    let before: Option<HashMap<_, _>> = old.map(|_| topics(old).collect());
    let mut chosen = Vec::new();
    if leaves_all(new) == Some(false) && leaves_all(old) == Some(true) {
        chosen.push(Choice { state: "OptIn", topic: None });
    }
    for (topic, state) in topics(new) {
        let is_news = match &before {
            Some(before) => before.get(topic) != Some(&state),
            // Which topics were joined now is not told; those that were left stay left.
            None => state == "OptOut",
        };
        if is_news {
            chosen.push(Choice { state, topic: Some(topic) });
        }
    }
    if chosen.is_empty() {
        chosen.push(Choice::default());
    }
    chosen
}

fn leaves_all(preferences: Option<&Value>) -> Option<bool> {
    preferences?.get("unsubscribeAll")?.as_bool()
}

/// The topics of which it is known what somebody chose. One without a name would be all mail, so it is none.
fn topics(preferences: Option<&Value>) -> impl Iterator<Item = (&str, &str)> {
    let listed = preferences.and_then(|all| all.get("topicSubscriptionStatus")).and_then(Value::as_array);
    let each = listed.into_iter().flatten();
    each.filter_map(|one| Some((one.text("topicName")?, one.text("subscriptionStatus")?)))
        .filter(|(_, state)| ["OptOut", "OptIn"].contains(state))
}
