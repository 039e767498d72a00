//! `/api/v1/suppressions`.

pub mod bulk;

use std::sync::Arc;

use axum::extract::State;
use courierx_core::clock::Timestamp;
use courierx_core::id::{MessageId, RecordId};
use courierx_core::suppression::{Reason, Suppression};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::App;
use crate::ctx::Ctx;
use crate::error::{FieldError, ServiceError};
use crate::http::paging::DEEPEST;
use crate::http::{Answer, ApiResult, Created, Id, Input, Json, NoContent, Page, Paged, Params};
use crate::schema::{EmailAddress, Moment, Name, any_of, stands_for};
use crate::services::suppressions::{self, Checked, EntryFilter, NewEntry};

stands_for! {
    /// The reasons that a client may name, also as the first version named them.
    Reasons: String.enum_values(["bounce", "complaint", "unsubscribe", "manual", "hard_bounce", "soft_bounce"]);
    /// A domain with everybody in it.
    WholeDomain: String.pattern(r"^(\*?@)?[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*\.[a-z]{2,63}$");
}

/// Whom an entry is to match.
pub(super) struct Suppressed;

any_of! { Suppressed: EmailAddress, WholeDomain }

/// An entry to add.
#[derive(Debug, Deserialize, ToSchema)]
pub struct CreateSuppression {
    #[serde(default)]
    #[schema(required, inline, value_type = Suppressed)]
    email: String,
    #[serde(default)]
    #[schema(inline, value_type = Option<Reasons>)]
    reason: Option<String>,
    /// What it is about; all mail if nothing is said.
    #[serde(default)]
    #[schema(inline, value_type = Option<Name>)]
    topic: Option<String>,
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
    /// Which mail it holds back; all mail if none.
    topic: Option<&'a str>,
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
        topic: Some(entry.scope.as_str()).filter(|topic| !topic.is_empty()),
        note: entry.note.as_deref(),
        source: &entry.source,
        source_email_id: entry.source_message,
        created_at: entry.created_at,
        expires_at: entry.expires_at,
    }
}

impl CreateSuppression {
    fn read(self) -> Result<NewEntry, Vec<FieldError>> {
        let mut wrong = Vec::new();
        let pattern = suppressions::pattern(&self.email).map_err(|error| wrong.push(error)).ok();
        let reason = self.reason.as_deref().map_or(Ok(Reason::Manual), suppressions::reason);
        let reason = reason.map_err(|error| wrong.push(error)).ok();
        let topic = self.topic.as_deref().map(suppressions::topic).transpose();
        let topic = topic.map_err(|error| wrong.push(error)).ok();
        match (pattern, reason, topic) {
            (Some(pattern), Some(reason), Some(topic)) => {
                Ok(NewEntry { pattern, reason, topic, note: self.note, expires_at: self.expires_at })
            }
            _ => Err(wrong),
        }
    }
}

/// Which entries a query asks for.
fn filter<Q: IntoParams>(params: &mut Params<Q>) -> EntryFilter {
    EntryFilter {
        reason: params.read("reason", suppressions::reason),
        topic: params.read("topic", suppressions::topic),
        email: params.text("email"),
        from: params.moment("from"),
        to: params.end("to"),
    }
}

/// Which entries.
#[derive(Debug, IntoParams)]
pub struct SuppressionQuery {
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
    let filter = filter(&mut params);
    let paging = params.paging();
    params.finish()?;
    let (skip, limit) = (paging.skip()?, paging.per_page() as usize);
    let (entries, total) = suppressions::list(&ctx, &app, &filter, skip, limit, DEEPEST).await?;
    Ok(Paged { items: entries.iter().map(render).collect(), total, paging }.answer())
}

/// Whose address to look up.
#[derive(Debug, IntoParams)]
pub struct CheckQuery {
    /// The address.
    #[param(required, inline, value_type = EmailAddress)]
    pub email: Option<String>,
    /// Mail about this topic; mail about none if nothing is said.
    #[param(inline, value_type = Option<Name>)]
    pub topic: Option<String>,
}

/// Whether an address is suppressed, and by which entry.
#[derive(Debug, Serialize, ToSchema)]
pub struct CheckedAddress<'a> {
    email: &'a str,
    suppressed: bool,
    suppression: Option<Rendered<'a>>,
    /// The topics that are held back besides, by entries of their own.
    topics: &'a [String],
}

/// `GET /api/v1/suppressions/check`
pub async fn check(
    State(app): State<Arc<App>>,
    ctx: Ctx,
    mut params: Params<CheckQuery>,
) -> ApiResult<Answer<CheckedAddress<'static>>> {
    let email = params.text("email");
    let topic = params.read("topic", suppressions::topic);
    params.finish()?;
    let email = email.ok_or_else(|| ServiceError::field("email", "can't be blank"))?;
    let Checked { email, entry, topics } = suppressions::check(&ctx, &app, &email, topic.as_ref()).await?;
    let suppression = entry.as_ref().map(render);
    let suppressed = suppression.is_some();
    Ok(Answer::of(&CheckedAddress { email: &email, suppressed, suppression, topics: &topics }))
}

/// `POST /api/v1/suppressions`
pub async fn create(
    State(app): State<Arc<App>>,
    ctx: Ctx,
    Json(input): Json<CreateSuppression>,
) -> ApiResult<Created<Rendered<'static>>> {
    let entry = suppressions::create(&ctx, &app, input.read().map_err(ServiceError::Invalid)?).await?;
    Ok(Created::of(&render(&entry)))
}

/// `DELETE /api/v1/suppressions/{id}`
pub async fn delete(State(app): State<Arc<App>>, ctx: Ctx, Id(id): Id<RecordId>) -> ApiResult<NoContent> {
    suppressions::delete(&ctx, &app, id).await?;
    Ok(NoContent)
}
