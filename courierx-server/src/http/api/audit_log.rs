//! `/api/v1/audit_log`.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use courierx_core::store::{AuditEntry, AuditFilter};
use serde_json::{Value, json};

use crate::App;
use crate::ctx::Ctx;
use crate::error::FieldError;
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

/// What is called so in the log: `created`, `api_key`.
fn word(field: &str, text: &str) -> Result<String, FieldError> {
    let is_word = text.len() <= 64 && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    if is_word { Ok(text.to_owned()) } else { Err(FieldError::new(field, "is no name of the log")) }
}

/// `GET /api/v1/audit_log`
pub async fn list(State(app): State<Arc<App>>, ctx: Ctx, mut params: Params) -> ApiResult<Response> {
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
    Ok(Paged { items: entries.iter().map(render).collect(), total, paging }.into_response())
}
