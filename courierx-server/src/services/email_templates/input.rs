//! What a client says of a template.

use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::model::email_templates::{TemplateCategory, TemplateStatus};
use crate::schema::{Name, any_of};
use crate::services::provider_connections::Given;

/// What a client says of a template: everything of a new one, and what changes of an old one.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
pub struct TemplateInput {
    /// What people call it.
    #[serde(default)]
    #[schema(inline, value_type = Option<Name>)]
    pub name: Option<String>,
    /// What it is for.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 1000)]
    pub description: Given<String>,
    /// What kind of mail it makes.
    #[serde(default)]
    #[schema(value_type = Option<TemplateCategory>)]
    pub category: Option<String>,
    /// Whether it can be sent; `active` publishes what is not published.
    #[serde(default)]
    #[schema(value_type = Option<TemplateStatus>)]
    pub status: Option<String>,
    /// The subject.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub subject: Given<String>,
    /// The HTML body.
    #[serde(default, alias = "html")]
    #[schema(value_type = Option<String>)]
    pub html_body: Given<String>,
    /// The text body.
    #[serde(default, alias = "text")]
    #[schema(value_type = Option<String>)]
    pub text_body: Given<String>,
    /// What is said of its variables.
    #[serde(default)]
    #[schema(value_type = Option<Vec<VariableInput>>)]
    pub variables: Given<Vec<VariableInput>>,
    /// The client's own.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
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

/// A variable, as an object.
#[derive(ToSchema)]
#[schema(as = VariableObject)]
#[expect(dead_code, reason = "the schema of an object")]
struct VariableObject {
    /// Its name.
    #[schema(inline, value_type = Name)]
    name: String,
    /// What it is where nothing is given.
    #[schema(required = false)]
    default: Option<Value>,
    /// Whether it has to be given.
    required: Option<bool>,
}

any_of! { VariableInput: Name, VariableObject }

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
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
pub struct PreviewInput {
    /// The values.
    #[serde(default)]
    pub variables: Option<Map<String, Value>>,
    /// Of which version; the draft, or what is published where there is none.
    #[serde(default)]
    #[schema(minimum = 1)]
    pub version: Option<u32>,
}

/// What a client wants to publish.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
pub struct PublishInput {
    /// An earlier version, to be the present one again; the draft if none.
    #[serde(default)]
    #[schema(minimum = 1)]
    pub version: Option<u32>,
}

/// What a client says of a copy.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
pub struct DuplicateInput {
    /// What it is called; the original's name and `(copy)` if none.
    #[serde(default)]
    #[schema(inline, value_type = Option<Name>)]
    pub name: Option<String>,
}
