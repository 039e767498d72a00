//! Templates.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Nothing, identified, query};
use crate::transport::{Request, Transport};
use crate::{Error, Pages};

/// Texts that are sent again and again.
#[derive(Debug, Clone, Copy)]
pub struct Templates<'a>(pub(crate) &'a Transport);

/// What is said of a template: everything of a new one, and what changes of an old one.
#[derive(Debug, Clone, Default, Serialize)]
pub struct TemplateFields {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    #[serde(rename = "html_body", skip_serializing_if = "Option::is_none")]
    pub html: Option<String>,
    #[serde(rename = "text_body", skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// `transactional`, `marketing`, `notification` or `onboarding`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// `draft`, `active` (publishes) or `archived`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variables: Option<Vec<TemplateVariable>>,
}

/// What is said of a variable.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct TemplateVariable {
    pub name: String,
    /// What it is where nothing is given.
    #[serde(default)]
    pub default: Option<Value>,
    /// Whether a message without it is refused.
    #[serde(default)]
    pub required: bool,
}

/// A template; a list has none of its texts.
#[derive(Debug, Clone, Deserialize)]
#[non_exhaustive]
pub struct Template {
    pub id: String,
    pub name: String,
    pub description: Option<String>,
    pub subject: String,
    pub category: String,
    pub status: String,
    /// The number of what is published; 0 if nothing is.
    pub version: u32,
    pub has_draft: bool,
    pub published_at: Option<Timestamp>,
    pub variables: Vec<TemplateVariable>,
    #[serde(default)]
    pub html_body: Option<String>,
    #[serde(default)]
    pub text_body: Option<String>,
    #[serde(default)]
    pub found_variables: Vec<String>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// A filled template.
#[derive(Debug, Clone, Deserialize)]
#[non_exhaustive]
pub struct Preview {
    pub subject: String,
    pub html_body: Option<String>,
    pub text_body: Option<String>,
    pub missing_variables: Vec<String>,
    pub unused_variables: Vec<String>,
}

/// Which templates a list has.
#[derive(Debug, Clone, Default)]
pub struct TemplateFilter {
    pub status: Option<String>,
    pub category: Option<String>,
    /// A part of the name.
    pub name: Option<String>,
}

identified!(Template);

const TEMPLATES: &str = "email_templates";

#[derive(Serialize)]
struct ToFill<'a> {
    variables: &'a Map<String, Value>,
}

#[derive(Serialize)]
struct Version {
    version: u32,
}

#[derive(Serialize)]
struct Copy<'a> {
    name: Option<&'a str>,
}

impl<'a> Templates<'a> {
    /// By name, without texts.
    pub fn list(&self, filter: TemplateFilter) -> Pages<'a, Template> {
        let TemplateFilter { status, category, name } = filter;
        Pages::new(self.0, &[TEMPLATES], query(&[("status", status), ("category", category), ("q", name)]))
    }

    /// One with its texts.
    pub async fn get(&self, id: &str) -> Result<Template, Error> {
        self.0.ask(Request::get(&[TEMPLATES, id])).await
    }

    /// Makes one.
    pub async fn create(&self, template: &TemplateFields) -> Result<Template, Error> {
        self.0.ask(Request::make(&[TEMPLATES]).body(template)?).await
    }

    /// Changes what is named; changed texts are a draft until they are published.
    pub async fn update(&self, id: &str, changes: &TemplateFields) -> Result<Template, Error> {
        self.0.ask(Request::change(&[TEMPLATES, id]).body(changes)?).await
    }

    /// Removes it with its versions.
    pub async fn delete(&self, id: &str) -> Result<(), Error> {
        self.0.send(Request::remove(&[TEMPLATES, id])).await.map(drop)
    }

    /// Fills it, and sends nothing.
    pub async fn preview(&self, id: &str, variables: &Map<String, Value>) -> Result<Preview, Error> {
        self.0.ask(Request::act(&[TEMPLATES, id, "preview"]).body(&ToFill { variables })?).await
    }

    /// A copy as a draft, under another name.
    pub async fn duplicate(&self, id: &str, name: Option<&str>) -> Result<Template, Error> {
        self.0.ask(Request::make(&[TEMPLATES, id, "duplicate"]).body(&Copy { name })?).await
    }

    /// Publishes the draft.
    pub async fn publish(&self, id: &str) -> Result<Template, Error> {
        self.0.ask(Request::make(&[TEMPLATES, id, "publish"]).body(&Nothing {})?).await
    }

    /// Publishes an earlier version once more.
    pub async fn restore(&self, id: &str, version: u32) -> Result<Template, Error> {
        self.0.ask(Request::make(&[TEMPLATES, id, "publish"]).body(&Version { version })?).await
    }
}
