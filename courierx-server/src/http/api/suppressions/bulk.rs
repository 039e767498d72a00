//! Many entries at once: as JSON, and as tables in CSV.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};

use super::{CreateSuppression, Reasons, Suppressed, filter};
use crate::App;
use crate::ctx::Ctx;
use crate::error::{FieldError, ServiceError, ServiceResult};
use crate::http::openapi::{Answers, Operation};
use crate::http::{Answer, ApiResult, Input, Json, Params, Table};
use crate::schema::{Moment, Name};
use crate::services::suppressions::{
    self, Added, Imported, MAX_IMPORT_BYTES, MOST_AT_ONCE, Removed, RowError,
};

/// Entries to add.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = AddSuppressions)]
pub struct AddAll {
    #[serde(default)]
    #[schema(required)]
    suppressions: Vec<CreateSuppression>,
}

impl Input for AddAll {
    const MAX_BYTES: usize = 2 * 1024 * 1024;
}

/// Entries to remove.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = RemoveSuppressions)]
pub struct RemoveAll {
    #[serde(default)]
    #[schema(required, inline, value_type = Vec<Suppressed>)]
    emails: Vec<String>,
    /// Which entries go: those about this topic, or those about all mail if nothing is said.
    #[serde(default)]
    #[schema(inline, value_type = Option<Name>)]
    topic: Option<String>,
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

/// How many entries there are more, and how many were there.
#[derive(Debug, Serialize, ToSchema)]
pub struct AddedSuppressions {
    added: usize,
    updated: usize,
}

/// `POST /api/v1/suppressions/bulk`
pub async fn add(
    State(app): State<Arc<App>>,
    ctx: Ctx,
    Json(AddAll { suppressions }): Json<AddAll>,
) -> ApiResult<Answer<AddedSuppressions>> {
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
    Ok(Answer::of(&AddedSuppressions { added, updated }))
}

/// How many entries there are less, and how many were not there.
#[derive(Debug, Serialize, ToSchema)]
pub struct RemovedSuppressions {
    removed: usize,
    not_found: usize,
}

/// `POST /api/v1/suppressions/bulk/delete`
pub async fn remove(
    State(app): State<Arc<App>>,
    ctx: Ctx,
    Json(RemoveAll { emails, topic }): Json<RemoveAll>,
) -> ApiResult<Answer<RemovedSuppressions>> {
    bounded("emails", &emails)?;
    let (mut patterns, mut wrong) = (Vec::with_capacity(emails.len()), Vec::new());
    for (place, email) in emails.iter().enumerate() {
        match suppressions::pattern(email) {
            Ok(pattern) => patterns.push(pattern),
            Err(error) => wrong.push(FieldError::new(format!("emails[{place}]"), error.message)),
        }
    }
    let topic = topic.as_deref().map(suppressions::topic).transpose();
    let topic = topic.map_err(|error| wrong.push(error)).ok().flatten();
    if !wrong.is_empty() {
        return Err(ServiceError::Invalid(wrong).into());
    }
    let Removed { removed, not_found } =
        suppressions::remove_all(&ctx, &app, patterns, topic.as_ref()).await?;
    Ok(Answer::of(&RemovedSuppressions { removed, not_found }))
}

/// What was wrong with a row.
#[derive(Debug, Serialize, ToSchema)]
pub struct ImportError {
    /// The line of the table that it begins on, from 1.
    line: u64,
    errors: Vec<String>,
}

fn render(error: &RowError) -> ImportError {
    let errors = error.wrong.iter().map(|one| format!("{} {}", one.field, one.message)).collect();
    ImportError { line: error.line, errors }
}

/// What became of a table.
#[derive(Debug, Serialize, ToSchema)]
pub struct ImportedSuppressions {
    rows: u64,
    added: u64,
    updated: u64,
    failed: u64,
    /// The first of those that failed.
    errors: Vec<ImportError>,
}

/// `POST /api/v1/suppressions/import`
pub async fn import(
    State(app): State<Arc<App>>,
    ctx: Ctx,
    Table(table): Table<MAX_IMPORT_BYTES>,
) -> ApiResult<Answer<ImportedSuppressions>> {
    let Imported { rows, added, updated, failed, errors } = suppressions::import(&ctx, &app, table).await?;
    let errors = errors.iter().map(render).collect();
    Ok(Answer::of(&ImportedSuppressions { rows, added, updated, failed, errors }))
}

/// A table that is written while it is read.
#[derive(Debug)]
pub struct CsvFile(Response);

impl IntoResponse for CsvFile {
    fn into_response(self) -> Response {
        self.0
    }
}

impl Answers for CsvFile {
    fn tell(operation: &mut Operation) {
        let content = ("text/csv", json!({ "type": "string" }));
        operation.answer(200, "A table with a row of headers", Some(content));
    }
}

/// Which entries to export.
#[derive(Debug, IntoParams)]
pub struct ExportQuery {
    /// Why they are there; `hard_bounce` and `soft_bounce` are `bounce`.
    #[param(inline, value_type = Option<Reasons>, example = "bounce")]
    pub reason: Option<String>,
    /// About this topic; about any and about all mail if nothing is said.
    #[param(inline, value_type = Option<Name>)]
    pub topic: Option<String>,
    /// A part of the address.
    pub email: Option<String>,
    /// Made at this moment or day, or later.
    #[param(inline, value_type = Option<Moment>)]
    pub from: Option<String>,
    /// Made before this moment, or until the end of this day.
    #[param(inline, value_type = Option<Moment>)]
    pub to: Option<String>,
}

/// `GET /api/v1/suppressions/export`
pub async fn export(
    State(app): State<Arc<App>>,
    ctx: Ctx,
    mut params: Params<ExportQuery>,
) -> ApiResult<CsvFile> {
    let filter = filter(&mut params);
    params.finish()?;
    let table = suppressions::export(&ctx, app, &filter).await?;
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"suppressions.csv\""),
        (header::CACHE_CONTROL, "no-store"),
    ];
    Ok(CsvFile((headers, Body::from_stream(table)).into_response()))
}
