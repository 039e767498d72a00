//! `/api/v1/audit_log`.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use courierx_core::store::Versioned;
use serde_json::{Value, json};

use crate::App;
use crate::ctx::Ctx;
use crate::http::{ApiResult, Paged, Params};
use crate::model::audit_log::AuditEntry;
use crate::services::audit_log;

fn render(record: &Versioned<AuditEntry>) -> Value {
    let AuditEntry { at, actor, actor_id, request_id, changes } = &record.value;
    json!({
        "id": record.id,
        "at": at,
        "actor": { "type": actor, "id": actor_id },
        "request_id": request_id,
        "changes": changes,
    })
}

/// `GET /api/v1/audit_log`
pub async fn list(State(app): State<Arc<App>>, ctx: Ctx, mut params: Params) -> ApiResult<Response> {
    let paging = params.paging();
    params.finish()?;
    let skip = paging.skip()?;
    let (entries, total) = audit_log::list(&ctx, &app, skip, paging.per_page() as usize).await?;
    Ok(Paged { items: entries.iter().map(render).collect(), total, paging }.into_response())
}
