//! Sending with a template, and with variables that have to be complete.
//!
//! The texts of the published version go into the message as they are now, with the variables: it is filled when it is
//! delivered, as every message with variables is, and what is published later changes nothing of it.

use std::sync::Arc;

use courierx_core::engine::{AcceptError, TemplateParts};
use courierx_core::message::{Email, EmailBuilder, Mode};
use courierx_core::tracking::{UNSUBSCRIBE_URL, offers_to_leave};
use serde::Serialize;
use serde_json::{Map, Value};

use super::Draft;
use super::making::Making;
use crate::App;
use crate::ctx::Ctx;
use crate::error::{FieldError, ServiceError, ServiceResult};
use crate::model::email_templates::TemplateSource;
use crate::services::email_templates::{self, Published, variable};

/// Which template.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum TemplateChoice {
    /// The one with this identifier.
    Id(String),
    /// The one of this name.
    Name(String),
}

impl TemplateChoice {
    /// The field in which clients name it.
    pub const fn field(&self) -> &'static str {
        match self {
            Self::Id(_) => "template_id",
            Self::Name(_) => "template",
        }
    }
}

/// What a message is made of besides what it says itself.
#[derive(Debug, Clone, Default)]
pub struct Filling {
    /// The template.
    pub template: Option<TemplateChoice>,
    /// The message's own subject, which goes before the template's.
    pub subject: Option<String>,
    /// The values for the template.
    pub variables: Option<Map<String, Value>>,
    /// Whether a variable that is missing refuses the message.
    pub strict: bool,
}

/// A message with its texts.
pub(super) struct Filled {
    pub(super) draft: Draft,
    /// What they were made of, if of a template.
    pub(super) template: Option<Source>,
}

/// A template, and the message without what it brought along.
pub(super) struct Source {
    unfilled: Draft,
    published: Published,
}

/// Gives a message the texts of its template, if it names one.
pub(super) async fn fill(app: &App, mut draft: Draft, making: &mut Making<'_>) -> ServiceResult<Filled> {
    let Some(choice) = &draft.filling.template else {
        return Ok(Filled { draft, template: None });
    };
    let published = email_templates::published(app, choice, making).await?;
    let unfilled = draft.clone();
    draft.email = complete(draft.email, &published, &draft.filling)?;
    Ok(Filled { draft, template: Some(Source { unfilled, published }) })
}

/// The templates that the messages of a batch name. Each is looked up once, so all messages are made of one version.
#[derive(Default)]
pub(super) struct Templates(Vec<(TemplateChoice, Arc<Published>)>);

impl Templates {
    /// Gives a message of the batch the texts of its template, if it names one.
    pub(super) async fn fill(
        &mut self,
        app: &App,
        mut draft: Draft,
        making: &mut Making<'_>,
    ) -> ServiceResult<Draft> {
        if let Some(choice) = &draft.filling.template {
            let published = self.published(app, choice, making).await?;
            draft.email = complete(draft.email, &published, &draft.filling)?;
        }
        Ok(draft)
    }

    async fn published(
        &mut self,
        app: &App,
        choice: &TemplateChoice,
        making: &mut Making<'_>,
    ) -> ServiceResult<Arc<Published>> {
        if let Some((_, known)) = self.0.iter().find(|(known, _)| known == choice) {
            return Ok(Arc::clone(known));
        }
        let published = Arc::new(email_templates::published(app, choice, making).await?);
        self.0.push((choice.clone(), Arc::clone(&published)));
        Ok(published)
    }
}

/// The message with the texts of the template, if it has all that this requires.
fn complete(email: EmailBuilder, published: &Published, filling: &Filling) -> ServiceResult<EmailBuilder> {
    let (made, required) = fill_with(email, &published.source, filling);
    if required.is_empty() {
        return Ok(made);
    }
    let text = "is missing; the template requires it";
    let fields = required.iter().map(|name| FieldError::new(variable(name), text));
    Err(ServiceError::Invalid(fields.collect()))
}

/// The message with the texts of the template; and which variables the template requires and was not given.
fn fill_with(
    mut email: EmailBuilder,
    source: &TemplateSource,
    filling: &Filling,
) -> (EmailBuilder, Vec<String>) {
    let given = filling.variables.clone().unwrap_or_default();
    let (variables, required) = email_templates::with_defaults(&source.variables, given);
    let own = filling.subject.as_deref();
    // Without any the message has none, and is told so.
    if let Some(subject) = own.or(Some(source.subject.as_str()).filter(|subject| !subject.is_empty())) {
        email = email.subject(subject);
    }
    if let Some(html) = &source.html {
        email = email.html(html.as_str());
    }
    if let Some(text) = &source.text {
        email = email.text(text.as_str());
    }
    (email.variables(variables), required)
}

impl Source {
    /// What the request came to while the texts of templates counted, with each version that is kept.
    pub(super) async fn digests_of_texts(&self, ctx: &Ctx, app: &App) -> ServiceResult<Vec<[u8; 32]>> {
        let mut digests = Vec::new();
        digests.extend(self.digest_with(&self.published.source, ctx.mode)?);
        for version in &self.published.earlier {
            if let Some(source) = email_templates::earlier(app, ctx.tenant, version).await? {
                digests.extend(self.digest_with(&source, ctx.mode)?);
            }
        }
        Ok(digests)
    }

    fn digest_with(&self, source: &TemplateSource, mode: Mode) -> ServiceResult<Option<[u8; 32]>> {
        let mut draft = self.unfilled.clone();
        draft.email = fill_with(draft.email, source, &draft.filling).0;
        draft.digest_of_texts(mode)
    }
}

/// Refuses a message whose texts need what it was not given.
pub(super) async fn is_complete(app: &App, email: &Email) -> ServiceResult<()> {
    let email = email.clone();
    let filling = app.outbox.apart(move || {
        let mut variables = email.variables().cloned().unwrap_or_default();
        if offers_to_leave(&email) {
            variables.insert(UNSUBSCRIBE_URL.to_owned(), "".into());
        }
        TemplateParts::of(&email).compile()?.fill(&variables)
    });
    let filled = filling.await.map_err(AcceptError::Render)?;
    if filled.missing.is_empty() {
        return Ok(());
    }
    let fields = filled.missing.paths().map(|path| FieldError::new(variable(path), "is missing"));
    Err(ServiceError::Invalid(fields.collect()))
}
