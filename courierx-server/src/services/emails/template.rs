//! Sending with a template, and with variables that have to be complete.
//!
//! The texts of the published version go into the message as they are now, with the variables: it is filled when it is
//! delivered, as every message with variables is, and what is published later changes nothing of it.

use courierx_core::engine::{AcceptError, TemplateParts};
use courierx_core::id::MessageId;
use courierx_core::message::{Email, EmailBuilder};
use serde_json::{Map, Value};

use super::list::internal;
use super::send::{SentEmail, earlier, enqueue, refused};
use crate::App;
use crate::ctx::{Ctx, Scope};
use crate::error::{FieldError, ServiceError, ServiceResult};
use crate::model::email_templates::TemplateSource;
use crate::services::email_templates::{self, Published, variable};

/// Which template.
#[derive(Debug, Clone)]
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

/// Accepts a message as [`send`](super::send()) does, made of a template or not.
pub async fn send_filled(
    ctx: &Ctx,
    app: &App,
    email: EmailBuilder,
    filling: Filling,
) -> ServiceResult<SentEmail> {
    ctx.require(Scope::EmailsWrite)?;
    let Some(choice) = &filling.template else {
        let email = email.mode(ctx.mode).build()?;
        if filling.strict {
            is_complete(app, &email).await?;
        }
        return enqueue(ctx, app, email).await?.map_err(|error| refused(ctx, error));
    };
    let published = email_templates::published(app, ctx.tenant, choice).await?;
    let email = email.mode(ctx.mode);
    let (made, required) = fill(email.clone(), &published.source, &filling);
    if !required.is_empty() {
        let text = "is missing; the template requires it";
        let fields = required.iter().map(|name| FieldError::new(variable(name), text));
        return Err(ServiceError::Invalid(fields.collect()));
    }
    let made = made.build()?;
    if filling.strict {
        is_complete(app, &made).await?;
    }
    match enqueue(ctx, app, made).await? {
        Ok(sent) => Ok(sent),
        Err(AcceptError::IdempotencyConflict { message })
            if is_of_earlier_version(ctx, app, message, &email, &published, &filling).await? =>
        {
            earlier(ctx, app, message).await
        }
        Err(error) => Err(refused(ctx, error)),
    }
}

/// The message with the texts of the template; and which variables the template requires and was not given.
fn fill(mut email: EmailBuilder, source: &TemplateSource, filling: &Filling) -> (EmailBuilder, Vec<String>) {
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

/// Whether a message that was accepted under the same key is what this request made of an earlier version: then it is
/// the same request.
async fn is_of_earlier_version(
    ctx: &Ctx,
    app: &App,
    message: MessageId,
    email: &EmailBuilder,
    published: &Published,
    filling: &Filling,
) -> ServiceResult<bool> {
    let Some(message) = app.outbox.get(ctx.tenant, message).await? else { return Ok(false) };
    let Some(before) = app.outbox.content(&message).await.map_err(internal)? else {
        return Ok(false);
    };
    for version in &published.earlier {
        let Some(source) = email_templates::earlier(app, ctx.tenant, version).await? else { continue };
        let (made, _) = fill(email.clone(), &source, filling);
        if made.build().is_ok_and(|made| made == before) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Refuses a message whose texts need what it was not given.
async fn is_complete(app: &App, email: &Email) -> ServiceResult<()> {
    let email = email.clone();
    let filling = app.outbox.apart(move || {
        let variables = email.variables().cloned().unwrap_or_default();
        TemplateParts::of(&email).compile()?.fill(&variables)
    });
    let filled = filling.await.map_err(AcceptError::Render)?;
    if filled.missing.is_empty() {
        return Ok(());
    }
    let fields = filled.missing.paths().map(|path| FieldError::new(variable(path), "is missing"));
    Err(ServiceError::Invalid(fields.collect()))
}
