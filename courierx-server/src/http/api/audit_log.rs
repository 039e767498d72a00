//! `/api/v1/audit_log`.

use std::sync::Arc;

use axum::extract::State;
use courierx_core::clock::Timestamp;
use courierx_core::id::RecordId;
use courierx_core::store::{AuditEntry, AuditFilter};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use crate::App;
use crate::ctx::Ctx;
use crate::error::FieldError;
use crate::http::{ApiResult, Page, Paged, Params};
use crate::schema::Moment;
use crate::services::audit_log;

/// That somebody changed something.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AuditEntry)]
pub struct Rendered<'a> {
    id: RecordId,
    at: Timestamp,
    actor: RenderedActor<'a>,
    /// `created`, `updated`, `deleted`, …
    action: &'a str,
    /// The kind of thing that changed.
    resource: &'a str,
    /// Which one; none if it was many.
    resource_id: Option<RecordId>,
    /// The names of the fields that changed.
    fields: &'a [String],
    request_id: Option<&'a str>,
}

/// Who changed it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AuditActor)]
pub struct RenderedActor<'a> {
    /// `user`, `api_key`, …
    r#type: &'a str,
    /// Which one; none for whoever operates the server.
    id: Option<RecordId>,
}

fn render(entry: &AuditEntry) -> Rendered<'_> {
    Rendered {
        id: entry.id,
        at: entry.at,
        actor: RenderedActor { r#type: &entry.actor, id: entry.actor_id },
        action: &entry.action,
        resource: &entry.kind,
        resource_id: entry.subject,
        fields: &entry.fields,
        request_id: entry.request.as_deref(),
    }
}

/// Which entries.
#[derive(Debug, IntoParams)]
pub struct AuditQuery {
    /// Of this user or key.
    #[param(inline)]
    pub actor: Option<RecordId>,
    /// What was done: `created`.
    pub action: Option<String>,
    /// With what kind of thing: `api_key`.
    pub resource: Option<String>,
    /// With which one.
    #[param(inline)]
    pub resource_id: Option<RecordId>,
    /// At this moment or day, or later.
    #[param(inline, value_type = Option<Moment>)]
    pub from: Option<String>,
    /// Before this moment, or until the end of this day.
    #[param(inline, value_type = Option<Moment>)]
    pub to: Option<String>,
    /// The page, from 1.
    #[param(minimum = 1)]
    pub page: Option<u32>,
    /// How many items a page has; 25 if nothing else is asked for.
    #[param(minimum = 1, maximum = 100)]
    pub per_page: Option<u32>,
}

/// What is called so in the log: `created`, `api_key`.
fn word(field: &str, text: &str) -> Result<String, FieldError> {
    let is_word = text.len() <= 64 && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    if is_word { Ok(text.to_owned()) } else { Err(FieldError::new(field, "is no name of the log")) }
}

/// `GET /api/v1/audit_log`
pub async fn list(
    State(app): State<Arc<App>>,
    ctx: Ctx,
    mut params: Params<AuditQuery>,
) -> ApiResult<Page<Rendered<'static>>> {
    let mut filter = AuditFilter::default();
    filter.actor_id = params.parsed("actor");
    filter.action = params.read("action", |text| word("action", text));
    filter.kind = params.read("resource", |text| word("resource", text));
    filter.subject = params.parsed("resource_id");
    filter.from = params.moment("from");
    filter.to = params.end("to");
    let paging = params.paging();
    params.finish()?;
    let (skip, limit) = (paging.skip()?, paging.per_page() as usize);
    let (entries, total) = audit_log::list(&ctx, &app, &filter, skip, limit).await?;
    Ok(Paged { items: entries.iter().map(render).collect(), total, paging }.answer())
}
