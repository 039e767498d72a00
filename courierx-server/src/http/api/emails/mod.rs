//! `/api/v1/emails`.

mod batch;
mod change;
pub(super) mod input;
pub(super) mod parts;
mod reconcile;
mod render;
mod schedule;
mod skipped;
mod template;

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use courierx_core::event::MessageStatus;
use courierx_core::id::MessageId;
use courierx_core::message::{IdempotencyKey, Mode};
use serde::Serialize;
use serde_json::json;
use utoipa::{IntoParams, ToSchema};

use crate::App;
use crate::ctx::Ctx;
use crate::error::ServiceError;
use crate::http::openapi::{Operation, Takes};
use crate::http::paging::DEEPEST;
use crate::http::{Accepted, Answer, ApiError, ApiResult, Id, Lasting, New, Page, Paged, Params};
use crate::schema::Moment;
use crate::services::emails::{self, EmailFilter, SentEmail};

pub use batch::send_batch;
pub use change::{cancel, reschedule};
pub use input::SendEmail;
pub(super) use input::as_the_client_calls_it;
pub use reconcile::{reconcile, reconcile_stale};
pub(super) use skipped::{RenderedSkip, skip};

/// `POST /api/v1/emails`: 202 with the email, at the top level and once more under `email`.
pub async fn send(
    State(app): State<Arc<App>>,
    ctx: Ctx,
    RepeatableAs(key): RepeatableAs,
    New(input): New<SendEmail>,
) -> ApiResult<Accepted<Answered<'static>>> {
    let draft = input.into_draft(key)?;
    // In a box of its own: what is under way is moved around as a pointer.
    let sent = Box::pin(emails::send(&ctx, &app, draft)).await.map_err(as_the_client_calls_it)?;
    let item = match &sent {
        SentEmail::New { id, email, written, suppressed } => {
            render::accepted(*id, email, *written, suppressed)
        }
        SentEmail::Earlier(email) => render::item(email),
    };
    answer(&item)
}

/// The item at the top level, as the documents show it, and under `email`, as the first version's clients
/// read it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AcceptedEmail)]
pub struct Answered<'a> {
    #[serde(flatten)]
    item: render::Item<'a>,
    email: render::Item<'a>,
}

/// Both of them: the item is rendered once, and its text copied.
fn answer<const STATUS: u16>(item: &render::Item<'_>) -> ApiResult<Answer<Answered<'static>, STATUS>> {
    // Most need no more.
    let mut body = Vec::with_capacity(1024);
    serde_json::to_writer(&mut body, item).map_err(ServiceError::from)?;
    // Without the brace at its end, which comes after what is added.
    let fields = body.len() - 1;
    body.truncate(fields);
    body.extend_from_slice(b",\"email\":");
    body.extend_from_within(..fields);
    body.extend_from_slice(b"}}");
    Ok(Answer::written(body))
}

/// What the header says to make the request repeatable.
#[derive(Debug)]
pub struct RepeatableAs(Option<IdempotencyKey>);

impl Takes for RepeatableAs {
    fn tell(operation: &mut Operation) {
        let key = json!({ "type": "string", "minLength": 1, "maxLength": 255 });
        operation.header(
            "Idempotency-Key",
            "Makes the request repeatable: within 24 hours nothing is sent twice",
            &key,
        );
    }
}

impl<S: Send + Sync> FromRequestParts<S> for RepeatableAs {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let wrong = |text: String| ServiceError::field("Idempotency-Key", text);
        let mut values = parts.headers.get_all("idempotency-key").iter();
        let Some(value) = values.next() else { return Ok(Self(None)) };
        if values.next().is_some() {
            return Err(wrong("is given more than once".to_owned()).into());
        }
        let text = value.to_str().map_err(|_| wrong("must be printable ASCII".to_owned()))?;
        Ok(Self(Some(IdempotencyKey::new(text).map_err(|problem| wrong(problem.to_string()))?)))
    }
}

/// Which messages.
#[derive(Debug, IntoParams)]
pub struct EmailQuery {
    /// Their status.
    #[param(inline)]
    pub status: Option<MessageStatus>,
    /// A part of the first recipient's address.
    pub recipient: Option<String>,
    /// One of their tags.
    pub tag: Option<String>,
    /// Accepted from then on: a moment, or the beginning of a day.
    #[param(inline, value_type = Option<Moment>, example = "2026-03-22")]
    pub from: Option<String>,
    /// Accepted until then: a moment, or the end of a day.
    #[param(inline, value_type = Option<Moment>, example = "2026-03-22T12:00:00Z")]
    pub to: Option<String>,
    /// Whether they were real.
    #[param(inline)]
    pub mode: Option<Mode>,
    /// The page, from 1.
    #[param(minimum = 1)]
    pub page: Option<u32>,
    /// How many items a page has; 25 if nothing else is asked for.
    #[param(minimum = 1, maximum = 100)]
    pub per_page: Option<u32>,
}

/// For how long a list is right, where something in it follows from the time: the date of a message may come.
const LIST_LASTS: Duration = Duration::from_secs(1);
/// The same of a message that is still to be sent: what it waits for may be over at any moment.
const OPEN_LASTS: Duration = Duration::from_secs(1);
/// The same of any other: nothing of it follows from the time.
const SENT_LASTS: Duration = Duration::from_secs(5);

/// `GET /api/v1/emails`
pub async fn list(
    State(app): State<Arc<App>>,
    ctx: Ctx,
    mut params: Params<EmailQuery>,
) -> ApiResult<Lasting<Page<render::Item<'static>>>> {
    let filter = EmailFilter {
        status: params.parsed("status"),
        recipient: params.text("recipient"),
        tag: params.text("tag"),
        from: params.moment("from"),
        until: params.end("to"),
        mode: params.parsed("mode"),
    };
    let paging = params.paging();
    params.finish()?;
    let (skip, limit) = (paging.skip()?, paging.per_page() as usize);
    let (views, total) = emails::list(&ctx, &app, &filter, skip, limit, DEEPEST).await?;
    let items = views.iter().map(render::item).collect();
    Ok(Lasting::new(Paged { items, total, paging }.answer(), LIST_LASTS))
}

/// `GET /api/v1/emails/{id}`
pub async fn get(
    State(app): State<Arc<App>>,
    ctx: Ctx,
    Id(id): Id<MessageId>,
) -> ApiResult<Lasting<Answer<render::Full<'static>>>> {
    let (email, reading) = emails::get(&ctx, &app, id).await?;
    let lasts = match email.view.message.record.status {
        MessageStatus::Scheduled | MessageStatus::Queued | MessageStatus::Sending => OPEN_LASTS,
        _ => SENT_LASTS,
    };
    Ok(Lasting::new(Answer::read(&render::full(&email), reading)?, lasts))
}
