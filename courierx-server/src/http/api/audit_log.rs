//! `/api/v1/audit_log`.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use courierx_core::store::{AuditEntry, AuditFilter};
use serde_json::{Value, json};

use crate::App;
use crate::ctx::Ctx;
use crate::http::{ApiResult, Paged, Params};
use crate::services::audit_log;

fn render(entry: &AuditEntry) -> Value {
    json!({
        "id": entry.id,
        "at": entry.at,
        "actor": { "type": entry.actor, "id": entry.actor_id },
        "action": entry.action,
        "resource": entry.kind,
        "resource_id": entry.subject,
        "fields": entry.fields,
        "request_id": entry.request,
    })
}

/// `GET /api/v1/audit_log`
pub async fn list(State(app): State<Arc<App>>, ctx: Ctx, mut params: Params) -> ApiResult<Response> {
    let mut filter = AuditFilter::default();
    filter.actor_id = params.parsed("actor");
    filter.action = params.text("action");
    filter.kind = params.text("resource");
    filter.subject = params.parsed("resource_id");
    filter.from = params.moment("from");
    filter.to = params.end("to");
    let paging = params.paging();
    params.finish()?;
    let (skip, limit) = (paging.skip()?, paging.per_page() as usize);
    let (entries, total) = audit_log::list(&ctx, &app, &filter, skip, limit).await?;
    Ok(Paged { items: entries.iter().map(render).collect(), total, paging }.into_response())
}
