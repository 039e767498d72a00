//! Making, changing and removing templates.

use courierx_core::id::RecordId;
use courierx_core::store::Change;
use serde_json::Map;

use super::check::{self, MAX_NAME};
use super::{
    DuplicateInput, MAX_BYTES, MAX_TEMPLATES, TRIES, TemplateInput, TemplateRecord, TemplateView, all,
    changed_meanwhile, commit, find, publish, taken, view,
};
use crate::App;
use crate::ctx::{Ctx, Scope};
use crate::error::{FieldError, ServiceError, ServiceResult};
use crate::model::email_templates::{
    EmailTemplate, KeptSource, TemplateCategory, TemplateSource, TemplateStatus,
};
use crate::services::audit_log::Author;
use crate::services::count::{self, Count};

/// Makes a template: a draft, unless the client says that it is active.
pub async fn create(ctx: &Ctx, app: &App, input: TemplateInput) -> ServiceResult<TemplateView> {
    ctx.require(Scope::EmailTemplatesWrite)?;
    let id = RecordId::new();
    let mut template = EmailTemplate {
        name: String::new(),
        description: None,
        category: TemplateCategory::Transactional,
        status: TemplateStatus::Draft,
        metadata: Map::new(),
        subject: String::new(),
        variables: Vec::new(),
        draft: None,
        versions: Vec::new(),
        created_at: app.now(),
    };
    let mut source = empty(id);
    let mut wrong = Vec::new();
    let status = check::apply(input, &mut template, &mut source, &mut wrong);
    let source = checked(app, source, wrong).await?;
    make(ctx, app, id, &template, &source, status).await
}

/// Makes a draft that says what another template says.
pub async fn duplicate(
    ctx: &Ctx,
    app: &App,
    id: RecordId,
    input: DuplicateInput,
) -> ServiceResult<TemplateView> {
    ctx.require(Scope::EmailTemplatesWrite)?;
    let TemplateView { template: original, source } = view(app, ctx.tenant, id).await?;
    let name = match input.name {
        Some(name) => name.trim().to_owned(),
        None => copy_name(&original.value.name, &all(app, ctx.tenant).await?),
    };
    let mut wrong = Vec::new();
    check::name(&name, &mut wrong);
    if !wrong.is_empty() {
        return Err(ServiceError::Invalid(wrong));
    }
    let copy = EmailTemplate {
        name,
        status: TemplateStatus::Draft,
        draft: None,
        versions: Vec::new(),
        created_at: app.now(),
        ..original.value
    };
    let id = RecordId::new();
    make(ctx, app, id, &copy, &TemplateSource { template: id, ..source }, None).await
}

/// The first of `name (copy)`, `name (copy 2)`, … that is free.
fn copy_name(name: &str, all: &[TemplateRecord]) -> String {
    let is_free = |name: &String| all.iter().all(|one| one.value.name != *name);
    let copies = (1..).map(|number: usize| {
        let end = if number == 1 { " (copy)".to_owned() } else { format!(" (copy {number})") };
        let mut start = MAX_NAME.saturating_sub(end.len()).min(name.len());
        while !name.is_char_boundary(start) {
            start -= 1;
        }
        format!("{}{end}", &name[..start])
    });
    // There are fewer templates than numbers.
    copies.into_iter().find(is_free).unwrap_or_default()
}

async fn make(
    ctx: &Ctx,
    app: &App,
    id: RecordId,
    template: &EmailTemplate,
    source: &TemplateSource,
    status: Option<TemplateStatus>,
) -> ServiceResult<TemplateView> {
    for _ in 0..count::TRIES {
        let count = Count::begin(app, ctx.tenant).await?;
        let all = all(app, ctx.tenant).await?;
        let room = count.at_most(MAX_TEMPLATES, "email templates", all.len())?;
        is_free(&template.name, id, &all)?;
        let (mut template, kept) = (template.clone(), keep(source, &all)?);
        draft(&mut template, source, kept);
        set_status(&mut template, status, source, app)?;
        let kept = Change::create(ctx.tenant, kept.source, source)?;
        let changes = vec![Change::create(ctx.tenant, id, &template)?, kept];
        match room.commit(app, &Author::of(ctx), changes).await {
            Err(ServiceError::Conflict(_)) => {}
            Err(error) => return Err(taken(error)),
            Ok(()) => return view(app, ctx.tenant, id).await,
        }
    }
    Err(changed_meanwhile())
}

/// Changes a template. Other texts are a draft until they are published.
pub async fn update(
    ctx: &Ctx,
    app: &App,
    id: RecordId,
    input: &TemplateInput,
) -> ServiceResult<TemplateView> {
    ctx.require(Scope::EmailTemplatesWrite)?;
    for _ in 0..TRIES {
        let TemplateView { template: current, source: before } = view(app, ctx.tenant, id).await?;
        let (mut template, mut after, mut wrong) = (current.value.clone(), before.clone(), Vec::new());
        let status = check::apply(input.clone(), &mut template, &mut after, &mut wrong);
        let after = checked(app, after, wrong).await?;
        let all = all(app, ctx.tenant).await?;
        is_free(&template.name, id, &all)?;
        let mut created = None;
        if after != before {
            let kept = keep(&after, &all)?;
            draft(&mut template, &after, kept);
            created = Some(Change::create(ctx.tenant, kept.source, &after)?);
        }
        set_status(&mut template, status, &after, app)?;
        let mut changes = vec![Change::update(ctx.tenant, id, current.version, &template)?];
        changes.extend(created);
        changes.extend(publish::let_go(&current.value, &template));
        match commit(ctx, app, changes).await {
            Err(ServiceError::Conflict(_)) => {}
            Err(error) => return Err(error),
            Ok(()) => return view(app, ctx.tenant, id).await,
        }
    }
    Err(changed_meanwhile())
}

/// Removes a template with all its versions. Mail that was accepted is sent.
pub async fn delete(ctx: &Ctx, app: &App, id: RecordId) -> ServiceResult<()> {
    ctx.require(Scope::EmailTemplatesWrite)?;
    find(app, ctx.tenant, id).await?;
    commit(ctx, app, vec![Change::delete::<EmailTemplate>(id)]).await
}

/// The texts of a template of which nothing is known.
fn empty(template: RecordId) -> TemplateSource {
    TemplateSource {
        template,
        subject: String::new(),
        html: None,
        text: None,
        variables: Vec::new(),
        found: Vec::new(),
    }
}

/// The texts with what they name, unless something is wrong with them or was before.
async fn checked(
    app: &App,
    source: TemplateSource,
    mut wrong: Vec<FieldError>,
) -> ServiceResult<TemplateSource> {
    match check::compile(app, source).await {
        Ok(source) if wrong.is_empty() => return Ok(source),
        Ok(_) => {}
        Err(more) => wrong.extend(more),
    }
    Err(ServiceError::Invalid(wrong))
}

fn is_free(name: &str, id: RecordId, all: &[TemplateRecord]) -> ServiceResult<()> {
    if all.iter().any(|other| other.id != id && other.value.name == name) {
        return Err(ServiceError::Taken(FieldError::new("name", "has already been taken")));
    }
    Ok(())
}

/// A place for texts, if there is room for them.
fn keep(source: &TemplateSource, all: &[TemplateRecord]) -> ServiceResult<KeptSource> {
    let bodies = [&source.html, &source.text].into_iter().flatten();
    let bytes = source.subject.len() + bodies.map(String::len).sum::<usize>();
    let kept: usize = all.iter().flat_map(|one| one.value.kept()).map(|kept| kept.bytes).sum();
    if kept + bytes > MAX_BYTES {
        let text = format!(
            "email templates and their versions have {MAX_BYTES} bytes at most; delete those that are not needed"
        );
        return Err(ServiceError::Conflict(text));
    }
    Ok(KeptSource { source: RecordId::new(), bytes })
}

/// Makes these texts the draft.
fn draft(template: &mut EmailTemplate, source: &TemplateSource, kept: KeptSource) {
    template.subject.clone_from(&source.subject);
    template.variables.clone_from(&source.variables);
    template.draft = Some(kept);
}

/// Gives a template the status that the client wants. One that becomes active, or is said to be once more, publishes
/// its draft.
fn set_status(
    template: &mut EmailTemplate,
    status: Option<TemplateStatus>,
    source: &TemplateSource,
    app: &App,
) -> ServiceResult<()> {
    match status {
        None => {}
        Some(TemplateStatus::Active) => {
            if template.draft.is_some() {
                publish::publish_draft(template, source, app.now())?;
            }
            template.status = TemplateStatus::Active;
        }
        Some(status) => template.status = status,
    }
    Ok(())
}
