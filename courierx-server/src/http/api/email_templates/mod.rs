//! `/api/v1/email_templates`.

mod generate;
mod render;

use std::sync::Arc;

use axum::extract::{Path, State};
use courierx_core::id::RecordId;
use utoipa::IntoParams;

use crate::App;
use crate::ctx::Ctx;
use crate::error::ServiceError;
use crate::http::{
    Answer, ApiResult, Created, Id, Input, Json, MaybeEmpty, New, NoContent, Page, Paged, Pages, Params,
};
use crate::model::email_templates::{TemplateCategory, TemplateStatus};
use crate::services::email_templates::{
    self, DuplicateInput, PreviewInput, PublishInput, TemplateFilter, TemplateInput,
};
use crate::services::pages::Total;
pub use generate::generate;
use render::{Full, FullVersion, Item, RenderedPreview, Version};

impl Input for TemplateInput {
    const NEEDED: &'static [&'static str] = &["name"];

    /// Two bodies, each as long as a template may be, and escaped.
    const MAX_BYTES: usize = 3 * 1024 * 1024;
}

impl Input for PreviewInput {
    /// The variables of a message.
    const MAX_BYTES: usize = 1024 * 1024;
}

impl Input for PublishInput {}

impl Input for DuplicateInput {}

/// Which templates.
#[derive(Debug, IntoParams)]
pub struct TemplateQuery {
    /// Whether they can be sent.
    #[param(inline)]
    pub status: Option<TemplateStatus>,
    /// What kind of mail they make.
    #[param(inline)]
    pub category: Option<TemplateCategory>,
    /// A part of their name.
    pub q: Option<String>,
    /// The page, from 1.
    #[param(minimum = 1)]
    pub page: Option<u32>,
    /// How many items a page has; 25 if nothing else is asked for.
    #[param(minimum = 1, maximum = 100)]
    pub per_page: Option<u32>,
}

/// `GET /api/v1/email_templates`
pub async fn list(
    State(app): State<Arc<App>>,
    ctx: Ctx,
    mut params: Params<TemplateQuery>,
) -> ApiResult<Page<Item<'static>>> {
    let filter = TemplateFilter {
        status: params.parsed("status"),
        category: params.parsed("category"),
        name: params.text("q"),
    };
    let paging = params.paging();
    params.finish()?;
    let skip = paging.skip()?;
    let templates = email_templates::list(&ctx, &app, &filter).await?;
    let total = Total { count: templates.len() as u64, exact: true };
    let items = templates.iter().skip(skip).take(paging.per_page() as usize).map(render::item).collect();
    Ok(Paged { items, total, paging }.answer())
}

/// `GET /api/v1/email_templates/{id}`
pub async fn get(
    State(app): State<Arc<App>>,
    ctx: Ctx,
    Id(id): Id<RecordId>,
) -> ApiResult<Answer<Full<'static>>> {
    let template = email_templates::get(&ctx, &app, id).await?;
    Ok(Answer::of(&render::full(&template)))
}

/// `POST /api/v1/email_templates`
pub async fn create(
    State(app): State<Arc<App>>,
    ctx: Ctx,
    New(input): New<TemplateInput>,
) -> ApiResult<Created<Full<'static>>> {
    let template = Box::pin(email_templates::create(&ctx, &app, input)).await?;
    Ok(Created::of(&render::full(&template)))
}

/// `PATCH /api/v1/email_templates/{id}`
pub async fn update(
    State(app): State<Arc<App>>,
    ctx: Ctx,
    Id(id): Id<RecordId>,
    Json(input): Json<TemplateInput>,
) -> ApiResult<Answer<Full<'static>>> {
    let template = Box::pin(email_templates::update(&ctx, &app, id, &input)).await?;
    Ok(Answer::of(&render::full(&template)))
}

/// `DELETE /api/v1/email_templates/{id}`
pub async fn delete(State(app): State<Arc<App>>, ctx: Ctx, Id(id): Id<RecordId>) -> ApiResult<NoContent> {
    email_templates::delete(&ctx, &app, id).await?;
    Ok(NoContent)
}

/// `POST /api/v1/email_templates/{id}/preview`
pub async fn preview(
    State(app): State<Arc<App>>,
    ctx: Ctx,
    Id(id): Id<RecordId>,
    Json(input): Json<PreviewInput>,
) -> ApiResult<Answer<RenderedPreview<'static>>> {
    let (preview, reading) = Box::pin(email_templates::preview(&ctx, &app, id, input)).await?;
    Ok(Answer::read(&render::preview(&preview), reading)?)
}

/// `POST /api/v1/email_templates/{id}/duplicate`
pub async fn duplicate(
    State(app): State<Arc<App>>,
    ctx: Ctx,
    Id(id): Id<RecordId>,
    MaybeEmpty(input): MaybeEmpty<DuplicateInput>,
) -> ApiResult<Created<Full<'static>>> {
    let copy = Box::pin(email_templates::duplicate(&ctx, &app, id, input)).await?;
    Ok(Created::of(&render::full(&copy)))
}

/// `POST /api/v1/email_templates/{id}/publish`
pub async fn publish(
    State(app): State<Arc<App>>,
    ctx: Ctx,
    Id(id): Id<RecordId>,
    MaybeEmpty(input): MaybeEmpty<PublishInput>,
) -> ApiResult<Answer<Full<'static>>> {
    let template = Box::pin(email_templates::publish(&ctx, &app, id, &input)).await?;
    Ok(Answer::of(&render::full(&template)))
}

/// `GET /api/v1/email_templates/{id}/versions`
pub async fn versions(
    State(app): State<Arc<App>>,
    ctx: Ctx,
    Id(id): Id<RecordId>,
    mut params: Params<Pages>,
) -> ApiResult<Page<Version>> {
    let paging = params.paging();
    params.finish()?;
    let skip = paging.skip()?;
    let versions = email_templates::versions(&ctx, &app, id).await?;
    let total = Total { count: versions.len() as u64, exact: true };
    let all = versions.iter().enumerate().map(|(index, version)| render::version(version, index == 0));
    let items = all.skip(skip).take(paging.per_page() as usize).collect();
    Ok(Paged { items, total, paging }.answer())
}

/// `GET /api/v1/email_templates/{id}/versions/{number}`
pub async fn version(
    State(app): State<Arc<App>>,
    ctx: Ctx,
    Path((id, number)): Path<(String, String)>,
) -> ApiResult<Answer<FullVersion<'static>>> {
    let (Ok(id), Ok(number)) = (id.parse(), number.parse()) else {
        return Err(ServiceError::NotFound.into());
    };
    let version = email_templates::version(&ctx, &app, id, number).await?;
    Ok(Answer::of(&render::full_version(&version)))
}
