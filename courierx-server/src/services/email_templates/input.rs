//! What a client says of a template.

use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use crate::services::provider_connections::Given;

/// What a client says of a template: everything of a new one, and what changes of an old one.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct TemplateInput {
    /// What people call it.
    pub name: Option<String>,
    /// What it is for.
    pub description: Given<String>,
    /// What kind of mail it makes.
    pub category: Option<String>,
    /// Whether it can be sent; `active` publishes what is not published.
    pub status: Option<String>,
    /// The subject.
    pub subject: Given<String>,
    /// The HTML body.
    #[serde(alias = "html")]
    pub html_body: Given<String>,
    /// The text body.
    #[serde(alias = "text")]
    pub text_body: Given<String>,
    /// What is said of its variables.
    pub variables: Given<Vec<VariableInput>>,
    /// The client's own.
    pub metadata: Given<Map<String, Value>>,
}

/// What a client says of a variable: an object, or its name alone.
#[derive(Debug, Clone)]
pub struct VariableInput {
    /// Its name.
    pub name: String,
    /// What it is where nothing is given.
    pub default: Option<Value>,
    /// Whether it has to be given.
    pub required: bool,
}

impl<'de> Deserialize<'de> for VariableInput {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "a name, or an object with name, default and required")]
        enum Form {
            Name(String),
            Object {
                name: String,
                #[serde(default)]
                default: Option<Value>,
                #[serde(default)]
                required: Option<bool>,
            },
        }

        Ok(match Form::deserialize(deserializer)? {
            Form::Name(name) => Self { name, default: None, required: false },
            Form::Object { name, default, required } => {
                Self { name, default, required: required.unwrap_or(false) }
            }
        })
    }
}

/// What a client wants to see filled.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct PreviewInput {
    /// The values.
    pub variables: Option<Map<String, Value>>,
    /// Of which version; the draft, or what is published where there is none.
    pub version: Option<u32>,
}

/// What a client wants to publish.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct PublishInput {
    /// An earlier version, to be the present one again; the draft if none.
    pub version: Option<u32>,
}

/// What a client says of a copy.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct DuplicateInput {
    /// What it is called; the original's name and `(copy)` if none.
    pub name: Option<String>,
}
