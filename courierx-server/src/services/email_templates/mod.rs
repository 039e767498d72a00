//! Email templates: texts that a tenant sends again and again, in versions.
//!
//! What is published never changes. Changing a template makes a draft, which nobody is sent before it is published;
//! going back to an earlier version publishes that once more.

mod check;
mod fill;
mod input;
mod preview;
mod publish;
mod starters;
mod write;

use courierx_core::id::{RecordId, TenantId};
use courierx_core::store::{Change, ConfigsExt, KeyValue, PageRequest, Versioned};

pub(super) use check::variable;
pub(super) use fill::{Published, earlier, published, with_defaults};
pub use input::{DuplicateInput, PreviewInput, PublishInput, TemplateInput, VariableInput};
pub use preview::{Preview, preview};
pub use publish::{publish, version, versions};
pub use starters::{Generated, generate};
pub use write::{create, delete, duplicate, update};

use crate::App;
use crate::ctx::{Ctx, Scope};
use crate::error::{ServiceError, ServiceResult};
use crate::model::email_templates::{
    EmailTemplate, KeptSource, TemplateCategory, TemplateSource, TemplateStatus, TemplateVersion,
};

/// Most templates of one tenant.
const MAX_TEMPLATES: usize = 500;
/// Versions of one template that are kept: the latest ones.
const MAX_VERSIONS: usize = 50;
/// Bytes of all texts of one tenant, earlier versions included.
const MAX_BYTES: usize = 64 * 1024 * 1024;
/// How often something is done again that somebody else's change came in between.
const TRIES: usize = 3;

/// A template, as it is kept.
pub type TemplateRecord = Versioned<EmailTemplate>;

/// A template and its texts.
#[derive(Debug)]
pub struct TemplateView {
    /// The template.
    pub template: TemplateRecord,
    /// The draft, or what is published where there is none.
    pub source: TemplateSource,
}

/// A version and its texts.
#[derive(Debug)]
pub struct VersionView {
    /// The version.
    pub version: TemplateVersion,
    /// Whether it is what is sent.
    pub is_current: bool,
    /// Its texts.
    pub source: TemplateSource,
}

/// Which templates are listed.
#[derive(Debug, Default)]
pub struct TemplateFilter {
    /// Of this status.
    pub status: Option<TemplateStatus>,
    /// Of this category.
    pub category: Option<TemplateCategory>,
    /// With this in the name, whatever the letter case.
    pub name: Option<String>,
}

impl TemplateFilter {
    fn takes(&self, template: &EmailTemplate) -> bool {
        self.status.is_none_or(|status| template.status == status)
            && self.category.is_none_or(|category| template.category == category)
            && self
                .name
                .as_ref()
                .is_none_or(|part| template.name.to_lowercase().contains(&part.to_lowercase()))
    }
}

/// The tenant's templates that the filter takes, by name.
pub async fn list(ctx: &Ctx, app: &App, filter: &TemplateFilter) -> ServiceResult<Vec<TemplateRecord>> {
    ctx.require(Scope::EmailTemplatesRead)?;
    let mut all = all(app, ctx.tenant).await?;
    all.retain(|one| filter.takes(&one.value));
    all.sort_by(|one, other| one.value.name.cmp(&other.value.name));
    Ok(all)
}

/// One template.
pub async fn get(ctx: &Ctx, app: &App, id: RecordId) -> ServiceResult<TemplateView> {
    ctx.require(Scope::EmailTemplatesRead)?;
    view(app, ctx.tenant, id).await
}

async fn all(app: &App, tenant: TenantId) -> ServiceResult<Vec<TemplateRecord>> {
    let page = PageRequest::first(PageRequest::MAX);
    Ok(app.store.list_of::<EmailTemplate>(tenant, None, &page).await?.items)
}

async fn find(app: &App, tenant: TenantId, id: RecordId) -> ServiceResult<TemplateRecord> {
    app.store.get::<EmailTemplate>(tenant, id).await?.ok_or(ServiceError::NotFound)
}

async fn find_by_name(app: &App, tenant: TenantId, name: &str) -> ServiceResult<Option<TemplateRecord>> {
    Ok(app.store.find::<EmailTemplate>(tenant, &KeyValue::new("name", name)).await?)
}

/// Texts; none if they were removed after the template was read.
async fn source(app: &App, tenant: TenantId, kept: KeptSource) -> ServiceResult<Option<TemplateSource>> {
    Ok(app.store.get::<TemplateSource>(tenant, kept.source).await?.map(|one| one.value))
}

/// A template, and those of its texts that `which` chooses.
async fn read(
    app: &App,
    tenant: TenantId,
    id: RecordId,
    which: impl Fn(&EmailTemplate) -> ServiceResult<KeptSource>,
) -> ServiceResult<TemplateView> {
    for _ in 0..TRIES {
        let template = find(app, tenant, id).await?;
        if let Some(source) = source(app, tenant, which(&template.value)?).await? {
            return Ok(TemplateView { template, source });
        }
    }
    Err(changed_meanwhile())
}

async fn view(app: &App, tenant: TenantId, id: RecordId) -> ServiceResult<TemplateView> {
    read(app, tenant, id, |template| template.working().ok_or(ServiceError::NotFound)).await
}

/// Commits changes of templates; a name that somebody else took meanwhile is told as one that was taken before.
async fn commit(ctx: &Ctx, app: &App, changes: Vec<Change>) -> ServiceResult<()> {
    app.commit_by(ctx, ctx.tenant, changes).await.map_err(taken)
}

fn taken(error: ServiceError) -> ServiceError {
    match error {
        ServiceError::Invalid(mut fields) if fields.len() == 1 && fields[0].field == "name" => {
            ServiceError::Taken(fields.remove(0))
        }
        error => error,
    }
}

fn changed_meanwhile() -> ServiceError {
    ServiceError::Conflict("it was changed by somebody else meanwhile; read it again".to_owned())
}
