//! Templates, as clients read them.

use courierx_core::clock::Timestamp;
use courierx_core::id::RecordId;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::model::email_templates::{
    DeclaredVariable, TemplateCategory, TemplateSource, TemplateStatus, TemplateVersion,
};
use crate::services::email_templates::{Preview, TemplateRecord, TemplateView, VersionView};

/// A template in a list.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TemplateItem)]
pub struct Item<'a> {
    id: RecordId,
    name: &'a str,
    description: Option<&'a str>,
    subject: &'a str,
    category: TemplateCategory,
    status: TemplateStatus,
    /// The number of what is published; 0 if nothing is.
    version: u32,
    /// Whether there is something that is not published.
    has_draft: bool,
    published_at: Option<Timestamp>,
    variables: Vec<Variable<'a>>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

/// What is said of a variable.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TemplateVariable)]
struct Variable<'a> {
    name: &'a str,
    default: Option<&'a Value>,
    required: bool,
}

/// A template with everything.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Template)]
pub struct Full<'a> {
    #[serde(flatten)]
    item: Item<'a>,
    html_body: Option<&'a str>,
    text_body: Option<&'a str>,
    found_variables: &'a [String],
    metadata: &'a Map<String, Value>,
}

/// A version in a list.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TemplateVersion)]
pub struct Version {
    #[serde(rename = "version")]
    number: u32,
    is_current: bool,
    /// Which earlier one it is again.
    restores: Option<u32>,
    published_at: Timestamp,
}

/// A version with its texts.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = FullTemplateVersion)]
pub struct FullVersion<'a> {
    #[serde(flatten)]
    version: Version,
    subject: &'a str,
    html_body: Option<&'a str>,
    text_body: Option<&'a str>,
    variables: Vec<Variable<'a>>,
    found_variables: &'a [String],
}

/// A filled template.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TemplatePreview)]
pub struct RenderedPreview<'a> {
    subject: &'a str,
    html_body: Option<&'a str>,
    text_body: Option<&'a str>,
    missing_variables: &'a [String],
    unused_variables: &'a [String],
}

pub(super) fn item(template: &TemplateRecord) -> Item<'_> {
    let value = &template.value;
    let published = value.published();
    Item {
        id: template.id,
        name: &value.name,
        description: value.description.as_deref(),
        subject: &value.subject,
        category: value.category,
        status: value.status,
        version: published.map_or(0, |version| version.number),
        has_draft: value.draft.is_some(),
        published_at: published.map(|version| version.published_at),
        variables: variables(&value.variables),
        created_at: value.created_at,
        updated_at: template.updated_at,
    }
}

fn variables(declared: &[DeclaredVariable]) -> Vec<Variable<'_>> {
    let all = declared.iter().map(|DeclaredVariable { name, default, required }| Variable {
        name,
        default: default.as_ref(),
        required: *required,
    });
    all.collect()
}

pub(super) fn full(TemplateView { template, source }: &TemplateView) -> Full<'_> {
    Full {
        item: item(template),
        html_body: source.html.as_deref(),
        text_body: source.text.as_deref(),
        found_variables: &source.found,
        metadata: &template.value.metadata,
    }
}

pub(super) fn version(version: &TemplateVersion, is_current: bool) -> Version {
    let TemplateVersion { number, restores, published_at, .. } = *version;
    Version { number, is_current, restores, published_at }
}

pub(super) fn full_version(view: &VersionView) -> FullVersion<'_> {
    let TemplateSource { subject, html, text, variables: declared, found, .. } = &view.source;
    FullVersion {
        version: version(&view.version, view.is_current),
        subject,
        html_body: html.as_deref(),
        text_body: text.as_deref(),
        variables: variables(declared),
        found_variables: found,
    }
}

pub(super) fn preview(preview: &Preview) -> RenderedPreview<'_> {
    RenderedPreview {
        subject: preview.filled.subject.as_str(),
        html_body: preview.filled.html.as_deref(),
        text_body: preview.filled.text.as_deref(),
        missing_variables: &preview.missing,
        unused_variables: &preview.unused,
    }
}
