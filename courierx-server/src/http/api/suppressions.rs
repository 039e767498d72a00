//! `/api/v1/suppressions`.

use std::sync::Arc;

use axum::extract::State;
use courierx_core::clock::Timestamp;
use courierx_core::id::{MessageId, RecordId};
use courierx_core::suppression::{Pattern, Reason, Suppression};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::App;
use crate::ctx::Ctx;
use crate::error::{FieldError, ServiceError, ServiceResult};
use crate::http::paging::DEEPEST;
use crate::http::{ApiResult, Created, Id, Input, Json, NoContent, Page, Paged, Params};
use crate::services::suppressions::{self, EntryFilter, NewEntry};

/// An entry to add.
#[derive(Debug, Deserialize, ToSchema)]
pub struct CreateSuppression {
    #[serde(default)]
    #[schema(required)]
    email: String,
    #[serde(default)]
    reason: Option<String>,
    #[serde(default)]
    note: Option<String>,
    #[serde(default)]
    expires_at: Option<Timestamp>,
}

impl Input for CreateSuppression {}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Suppression)]
pub struct Rendered<'a> {
    id: RecordId,
    email: &'a str,
    reason: Reason,
    note: Option<&'a str>,
    source: &'a str,
    source_email_id: Option<MessageId>,
    created_at: Timestamp,
    expires_at: Option<Timestamp>,
}

fn render(entry: &Suppression) -> Rendered<'_> {
    Rendered {
        id: entry.id,
        email: entry.pattern.as_str(),
        reason: entry.reason,
        note: entry.note.as_deref(),
        source: &entry.source,
        source_email_id: entry.source_message,
        created_at: entry.created_at,
        expires_at: entry.expires_at,
    }
}

/// A reason, also as the first version named it.
fn reason(text: &str) -> Result<Reason, FieldError> {
    match text {
        "hard_bounce" | "soft_bounce" => Ok(Reason::Bounce),
        other => other
            .parse()
            .map_err(|_| FieldError::new("reason", "is none of: bounce, complaint, unsubscribe, manual")),
    }
}

impl CreateSuppression {
    fn read(self) -> ServiceResult<NewEntry> {
        let mut wrong = Vec::new();
        let pattern = self.email.parse::<Pattern>();
        if let Err(error) = &pattern {
            let text = if self.email.trim().is_empty() {
                "can't be blank".to_owned()
            } else {
                format!("is {error}")
            };
            wrong.push(FieldError::new("email", text));
        }
        let reason = match self.reason.as_deref().map(reason) {
            None => Reason::Manual,
            Some(Ok(reason)) => reason,
            Some(Err(error)) => {
                wrong.push(error);
                Reason::Manual
            }
        };
        match pattern {
            Ok(pattern) if wrong.is_empty() => {
                Ok(NewEntry { pattern, reason, note: self.note, expires_at: self.expires_at })
            }
            _ => Err(ServiceError::Invalid(wrong)),
        }
    }
}

/// Which entries.
#[derive(Debug, IntoParams)]
pub struct SuppressionQuery {
    /// Why they are there; `hard_bounce` and `soft_bounce` are `bounce`.
    #[param(example = "bounce")]
    pub reason: Option<String>,
    /// A part of the address.
    pub email: Option<String>,
    /// The page, from 1.
    #[param(minimum = 1)]
    pub page: Option<u32>,
    /// How many items a page has; 25 if nothing else is asked for.
    #[param(minimum = 1, maximum = 100)]
    pub per_page: Option<u32>,
}

/// `GET /api/v1/suppressions`
pub async fn list(
    State(app): State<Arc<App>>,
    ctx: Ctx,
    mut params: Params<SuppressionQuery>,
) -> ApiResult<Page<Rendered<'static>>> {
    let asked = params.text("reason");
    let email = params.text("email");
    let paging = params.paging();
    params.finish()?;
    let reason = asked.as_deref().map(reason).transpose();
    let filter = EntryFilter { reason: reason.map_err(|wrong| ServiceError::Invalid(vec![wrong]))?, email };
    let (skip, limit) = (paging.skip()?, paging.per_page() as usize);
    let (entries, total) = suppressions::list(&ctx, &app, &filter, skip, limit, DEEPEST).await?;
    Ok(Paged { items: entries.iter().map(render).collect(), total, paging }.answer())
}

/// `POST /api/v1/suppressions`
pub async fn create(
    State(app): State<Arc<App>>,
    ctx: Ctx,
    Json(input): Json<CreateSuppression>,
) -> ApiResult<Created<Rendered<'static>>> {
    let entry = suppressions::create(&ctx, &app, input.read()?).await?;
    Ok(Created::of(&render(&entry)))
}

/// `DELETE /api/v1/suppressions/{id}`
pub async fn delete(State(app): State<Arc<App>>, ctx: Ctx, Id(id): Id<RecordId>) -> ApiResult<NoContent> {
    suppressions::delete(&ctx, &app, id).await?;
    Ok(NoContent)
}
