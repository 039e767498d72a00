//! Versions of templates: published, and gone back to.

use courierx_core::clock::Timestamp;
use courierx_core::id::RecordId;
use courierx_core::store::Change;

use super::{
    MAX_VERSIONS, PublishInput, TRIES, TemplateView, VersionView, changed_meanwhile, commit, find, read,
    source, view,
};
use crate::App;
use crate::ctx::{Ctx, Scope};
use crate::error::{ServiceError, ServiceResult};
use crate::model::email_templates::{EmailTemplate, TemplateSource, TemplateStatus, TemplateVersion};

/// Publishes the draft, or an earlier version once more. The next message is made of it.
pub async fn publish(
    ctx: &Ctx,
    app: &App,
    id: RecordId,
    input: &PublishInput,
) -> ServiceResult<TemplateView> {
    ctx.require(Scope::EmailTemplatesWrite)?;
    for _ in 0..TRIES {
        let TemplateView { template: current, source: working } = view(app, ctx.tenant, id).await?;
        let mut template = current.value.clone();
        match input.version {
            Some(number) => {
                let Some(earlier) = find_version(&template, number).cloned() else {
                    return Err(ServiceError::field("version", "is none of the versions that are kept"));
                };
                let Some(source) = source(app, ctx.tenant, earlier.kept).await? else { continue };
                restore(&mut template, &source, &earlier, app.now());
            }
            None if template.draft.is_none() => {
                let text = "there is nothing to publish: the template was not changed since it was published";
                return Err(ServiceError::Conflict(text.to_owned()));
            }
            None => publish_draft(&mut template, &working, app.now())?,
        }
        template.status = TemplateStatus::Active;
        let mut changes = vec![Change::update(ctx.tenant, id, current.version, &template)?];
        changes.extend(let_go(&current.value, &template));
        match commit(ctx, app, changes).await {
            Err(ServiceError::Conflict(_)) => {}
            Err(error) => return Err(error),
            Ok(()) => return view(app, ctx.tenant, id).await,
        }
    }
    Err(changed_meanwhile())
}

/// Every version that is kept, the present one first.
pub async fn versions(ctx: &Ctx, app: &App, id: RecordId) -> ServiceResult<Vec<TemplateVersion>> {
    ctx.require(Scope::EmailTemplatesRead)?;
    let mut versions = find(app, ctx.tenant, id).await?.value.versions;
    versions.reverse();
    Ok(versions)
}

/// One version.
pub async fn version(ctx: &Ctx, app: &App, id: RecordId, number: u32) -> ServiceResult<VersionView> {
    ctx.require(Scope::EmailTemplatesRead)?;
    let kept = |template: &EmailTemplate| {
        find_version(template, number).map(|version| version.kept).ok_or(ServiceError::NotFound)
    };
    let TemplateView { template, source } = read(app, ctx.tenant, id, kept).await?;
    let version = find_version(&template.value, number).cloned().ok_or(ServiceError::NotFound)?;
    let is_current = template.value.published().is_some_and(|one| one.number == number);
    Ok(VersionView { version, is_current, source })
}

pub(super) fn find_version(template: &EmailTemplate, number: u32) -> Option<&TemplateVersion> {
    template.versions.iter().find(|version| version.number == number)
}

/// Makes the draft, which has these texts, the present version.
pub(super) fn publish_draft(
    template: &mut EmailTemplate,
    source: &TemplateSource,
    now: Timestamp,
) -> ServiceResult<()> {
    let says_something = |body: &Option<String>| body.as_ref().is_some_and(|body| !body.trim().is_empty());
    if !says_something(&source.html) && !says_something(&source.text) {
        let text = "can't be blank together with text_body in a template that is to be sent";
        return Err(ServiceError::field("html_body", text));
    }
    if let Some(kept) = template.draft.take() {
        let number = next_number(template);
        add(template, TemplateVersion { number, kept, restores: None, published_at: now });
    }
    Ok(())
}

/// Makes an earlier version the present one; a draft goes.
fn restore(template: &mut EmailTemplate, source: &TemplateSource, earlier: &TemplateVersion, now: Timestamp) {
    template.draft = None;
    template.subject.clone_from(&source.subject);
    template.variables.clone_from(&source.variables);
    let (number, restores) = (next_number(template), Some(earlier.number));
    add(template, TemplateVersion { number, kept: earlier.kept, restores, published_at: now });
}

fn next_number(template: &EmailTemplate) -> u32 {
    template.published().map_or(0, |version| version.number).saturating_add(1)
}

fn add(template: &mut EmailTemplate, version: TemplateVersion) {
    template.versions.push(version);
    let surplus = template.versions.len().saturating_sub(MAX_VERSIONS);
    template.versions.drain(..surplus);
}

/// Removes the texts that a template had before and does not have any more.
pub(super) fn let_go(before: &EmailTemplate, after: &EmailTemplate) -> Vec<Change> {
    let stay = after.kept();
    let gone = before.kept().into_iter().filter(|kept| !stay.contains(kept));
    gone.map(|kept| Change::delete::<TemplateSource>(kept.source)).collect()
}
