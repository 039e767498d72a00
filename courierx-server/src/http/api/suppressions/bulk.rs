//! Many entries at once: as JSON, and as tables in CSV.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{CreateSuppression, filter};
use crate::App;
use crate::ctx::Ctx;
use crate::error::{FieldError, ServiceError, ServiceResult};
use crate::http::{ApiResult, Input, Json, Params, Table};
use crate::services::suppressions::{
    self, Added, Imported, MAX_IMPORT_BYTES, MOST_AT_ONCE, Removed, RowError,
};

/// Entries to add.
#[derive(Debug, Deserialize)]
pub struct AddAll {
    #[serde(default)]
    suppressions: Vec<CreateSuppression>,
}

impl Input for AddAll {
    const MAX_BYTES: usize = 2 * 1024 * 1024;
}

/// Entries to remove.
#[derive(Debug, Deserialize)]
pub struct RemoveAll {
    #[serde(default)]
    emails: Vec<String>,
}

impl Input for RemoveAll {
    const MAX_BYTES: usize = 1024 * 1024;
}

/// Refuses a list with nothing in it, or too much.
fn bounded<T>(name: &str, items: &[T]) -> ServiceResult<()> {
    if items.is_empty() {
        return Err(ServiceError::field(name, "can't be blank"));
    }
    if items.len() > MOST_AT_ONCE {
        return Err(ServiceError::field(name, format!("are more than {MOST_AT_ONCE}; import a table")));
    }
    Ok(())
}

/// `POST /api/v1/suppressions/bulk`
pub async fn add(
    State(app): State<Arc<App>>,
    ctx: Ctx,
    Json(AddAll { suppressions }): Json<AddAll>,
) -> ApiResult<Response> {
    bounded("suppressions", &suppressions)?;
    let (mut new, mut wrong) = (Vec::with_capacity(suppressions.len()), Vec::new());
    for (place, one) in suppressions.into_iter().enumerate() {
        match one.read() {
            Ok(entry) => new.push(entry),
            Err(errors) => wrong.extend(errors.into_iter().map(|error| {
                FieldError::new(format!("suppressions[{place}].{}", error.field), error.message)
            })),
        }
    }
    if !wrong.is_empty() {
        return Err(ServiceError::Invalid(wrong).into());
    }
    let Added { added, updated } = suppressions::add_all(&ctx, &app, new).await?;
    Ok(axum::Json(json!({ "added": added, "updated": updated })).into_response())
}

/// `POST /api/v1/suppressions/bulk/delete`
pub async fn remove(
    State(app): State<Arc<App>>,
    ctx: Ctx,
    Json(RemoveAll { emails }): Json<RemoveAll>,
) -> ApiResult<Response> {
    bounded("emails", &emails)?;
    let (mut patterns, mut wrong) = (Vec::with_capacity(emails.len()), Vec::new());
    for (place, email) in emails.iter().enumerate() {
        match suppressions::pattern(email) {
            Ok(pattern) => patterns.push(pattern),
            Err(error) => wrong.push(FieldError::new(format!("emails[{place}]"), error.message)),
        }
    }
    if !wrong.is_empty() {
        return Err(ServiceError::Invalid(wrong).into());
    }
    let Removed { removed, not_found } = suppressions::remove_all(&ctx, &app, patterns).await?;
    Ok(axum::Json(json!({ "removed": removed, "not_found": not_found })).into_response())
}

fn render(error: &RowError) -> Value {
    let errors: Vec<_> = error.wrong.iter().map(|one| format!("{} {}", one.field, one.message)).collect();
    json!({ "line": error.line, "errors": errors })
}

/// `POST /api/v1/suppressions/import`
pub async fn import(
    State(app): State<Arc<App>>,
    ctx: Ctx,
    Table(table): Table<MAX_IMPORT_BYTES>,
) -> ApiResult<Response> {
    let Imported { rows, added, updated, failed, errors } = suppressions::import(&ctx, &app, table).await?;
    let errors: Vec<_> = errors.iter().map(render).collect();
    let body =
        json!({ "rows": rows, "added": added, "updated": updated, "failed": failed, "errors": errors });
    Ok(axum::Json(body).into_response())
}

/// `GET /api/v1/suppressions/export`
pub async fn export(State(app): State<Arc<App>>, ctx: Ctx, mut params: Params) -> ApiResult<Response> {
    let filter = filter(&mut params);
    params.finish()?;
    let table = suppressions::export(&ctx, app, &filter).await?;
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"suppressions.csv\""),
        (header::CACHE_CONTROL, "no-store"),
    ];
    Ok((headers, Body::from_stream(table)).into_response())
}
