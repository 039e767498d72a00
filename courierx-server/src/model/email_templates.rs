//! Email templates: texts that a tenant sends again and again, in versions.

use courierx_core::clock::Timestamp;
use courierx_core::id::RecordId;
use courierx_core::names;
use courierx_core::store::{KeyValue, OnDelete, Reference, Resource};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A tenant's template, without its texts: these are [`TemplateSource`]s, so that a list stays small.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EmailTemplate {
    /// What people call it, unique for the tenant.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// What kind of mail it makes.
    pub category: TemplateCategory,
    /// Whether it can be sent.
    pub status: TemplateStatus,
    /// What the tenant wants to find again.
    pub metadata: Map<String, Value>,
    /// The subject of the draft, or of what is published where there is none: for lists.
    pub subject: String,
    /// The declared variables of the same.
    pub variables: Vec<DeclaredVariable>,
    /// What was changed and is not published.
    pub draft: Option<KeptSource>,
    /// What was published, the present version last.
    pub versions: Vec<TemplateVersion>,
    /// When it was created.
    pub created_at: Timestamp,
}

/// Where texts are kept, and how much they take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptSource {
    /// The [`TemplateSource`].
    pub source: RecordId,
    /// How many bytes it has.
    pub bytes: usize,
}

/// A published version. Its texts never change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TemplateVersion {
    /// Its number, from 1.
    pub number: u32,
    /// Its texts.
    pub kept: KeptSource,
    /// Which earlier version it is again.
    pub restores: Option<u32>,
    /// When it was published.
    pub published_at: Timestamp,
}

/// The texts of a template. They never change: other texts are another record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TemplateSource {
    /// Whose they are.
    pub template: RecordId,
    /// The subject.
    pub subject: String,
    /// The HTML body.
    pub html: Option<String>,
    /// The text body.
    pub text: Option<String>,
    /// The variables that somebody declared.
    pub variables: Vec<DeclaredVariable>,
    /// The variables that the texts name.
    pub found: Vec<String>,
}

/// What is said of a variable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeclaredVariable {
    /// Its name.
    pub name: String,
    /// What it is where a message gives nothing, or null.
    pub default: Option<Value>,
    /// Whether a message that gives nothing is refused, if there is no default.
    pub required: bool,
}

names! {
    /// Whether a template can be sent.
    TemplateStatus, "draft, active, archived",
    /// Not yet, or not at the moment.
    Draft = "draft",
    /// What is published is sent.
    Active = "active",
    /// Not any more.
    Archived = "archived",
}

names! {
    /// What kind of mail a template makes.
    TemplateCategory, "transactional, marketing, notification, onboarding",
    /// An answer to what somebody did.
    Transactional = "transactional",
    /// News and offers.
    Marketing = "marketing",
    /// Something happened.
    Notification = "notification",
    /// Welcome.
    Onboarding = "onboarding",
}

impl EmailTemplate {
    /// What is sent, if anything was published.
    pub fn published(&self) -> Option<&TemplateVersion> {
        self.versions.last()
    }

    /// What is worked on: the draft, or what is published where there is none.
    pub fn working(&self) -> Option<KeptSource> {
        self.draft.or_else(|| self.published().map(|version| version.kept))
    }

    /// The texts that are kept, each once.
    pub fn kept(&self) -> Vec<KeptSource> {
        let mut all: Vec<_> = self.versions.iter().map(|version| version.kept).chain(self.draft).collect();
        all.sort_by_key(|kept| kept.source);
        all.dedup_by_key(|kept| kept.source);
        all
    }
}

impl Resource for EmailTemplate {
    const KIND: &'static str = "email_template";

    fn unique_keys(&self) -> Vec<KeyValue> {
        vec![KeyValue::new("name", &self.name)]
    }
}

impl Resource for TemplateSource {
    const KIND: &'static str = "email_template_source";

    fn parent(&self) -> Option<RecordId> {
        Some(self.template)
    }

    fn references(&self) -> Vec<Reference> {
        let template = Reference {
            kind: EmailTemplate::KIND.to_owned(),
            id: self.template,
            on_delete: OnDelete::Cascade,
        };
        vec![template]
    }
}
