//! Previews: what a template makes of some variables. Nothing is sent.

use courierx_core::engine::{AcceptError, FilledParts};
use courierx_core::id::RecordId;
use courierx_core::message::limits;

use super::publish::find_version;
use super::{PreviewInput, TemplateView, check, fill, read};
use crate::App;
use crate::ctx::{Ctx, Scope};
use crate::error::{ServiceError, ServiceResult};
use crate::model::email_templates::EmailTemplate;
use crate::services::reading::Reading;

/// A filled template.
#[derive(Debug)]
pub struct Preview {
    /// Its texts.
    pub filled: FilledParts,
    /// What it needs and was not given.
    pub missing: Vec<String>,
    /// What it was given and does not name.
    pub unused: Vec<String>,
}

/// Fills a template as sending would, with the same limits; with the room for it.
pub async fn preview(
    ctx: &Ctx,
    app: &App,
    id: RecordId,
    input: PreviewInput,
) -> ServiceResult<(Preview, Reading)> {
    ctx.require(Scope::EmailTemplatesRead)?;
    let kept = |template: &EmailTemplate| match input.version {
        None => template.working().ok_or(ServiceError::NotFound),
        Some(number) => find_version(template, number)
            .map(|version| version.kept)
            .ok_or_else(|| ServiceError::field("version", "is none of the versions that are kept")),
    };
    let TemplateView { source, .. } = read(app, ctx.tenant, id, kept).await?;
    let given = input.variables.unwrap_or_default();
    let bytes = serde_json::to_string(&given)?.len();
    if bytes > limits::MAX_VARIABLES_BYTES {
        let text = format!("have more than {} bytes", limits::MAX_VARIABLES_BYTES);
        return Err(ServiceError::field("variables", text));
    }
    let (variables, required) = fill::with_defaults(&source.variables, given.clone());
    let filling = app.outbox.apart(move || {
        let compiled = check::parts(&source).compile()?;
        let names = compiled.variables();
        let is_unused = |name: &&String| {
            !names.uses(name) && source.variables.iter().all(|declared| declared.name != **name)
        };
        let unused: Vec<_> = given.keys().filter(is_unused).cloned().collect();
        Ok((compiled.fill(&variables)?, unused))
    });
    let (filled, unused) = filling.await.map_err(AcceptError::Render)?;
    let mut missing: Vec<String> = filled.missing.paths().map(str::to_owned).chain(required).collect();
    missing.sort_unstable();
    missing.dedup();
    let mut reading = Reading::new(app, ctx.tenant);
    let texts = [&filled.html, &filled.text].into_iter().flatten().map(String::len);
    reading.reserve(texts.sum())?;
    Ok((Preview { filled, missing, unused }, reading))
}
