//! Whether recipients can leave with a click.

use serde::{Deserialize, Serialize};

use super::text::Topic;

/// What a message says of leaving; in JSON `true`, `false`, or an object with its `topic`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Form", into = "Form")]
pub enum Unsubscribe {
    /// It offers nothing, whatever is usual in its lane.
    No,
    /// Recipients can leave: with a link that its template may show, and with the button that mailbox providers show
    /// (RFC 8058). Who leaves gets no mail of the topic any more; no mail at all if there is none.
    Yes(Option<Topic>),
}

impl Unsubscribe {
    /// The topic, if there is one.
    pub const fn topic(&self) -> Option<&Topic> {
        match self {
            Self::Yes(topic) => topic.as_ref(),
            Self::No => None,
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Form {
    Switch(bool),
    Of { topic: Option<Topic> },
}

impl From<Form> for Unsubscribe {
    fn from(form: Form) -> Self {
        match form {
            Form::Switch(false) => Self::No,
            Form::Switch(true) => Self::Yes(None),
            Form::Of { topic } => Self::Yes(topic),
        }
    }
}

impl From<Unsubscribe> for Form {
    fn from(unsubscribe: Unsubscribe) -> Self {
        match unsubscribe {
            Unsubscribe::No => Self::Switch(false),
            Unsubscribe::Yes(None) => Self::Switch(true),
            Unsubscribe::Yes(topic) => Self::Of { topic },
        }
    }
}
