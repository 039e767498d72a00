//! `/api/v1/emails`.

mod batch;
mod change;
pub(super) mod input;
pub(super) mod parts;
mod render;
mod schedule;
mod skipped;
mod template;

use std::sync::Arc;

use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use courierx_core::id::MessageId;
use courierx_core::message::IdempotencyKey;

use crate::App;
use crate::ctx::Ctx;
use crate::error::ServiceError;
use crate::http::paging::DEEPEST;
use crate::http::{ApiError, ApiResult, Id, Json, Paged, Params};
use crate::services::emails::{self, EmailFilter, SentEmail};

pub use batch::send_batch;
pub use change::{cancel, reschedule};
pub use input::SendEmail;
pub(super) use input::as_the_client_calls_it;
pub(super) use skipped::{RenderedSkip, skip};

/// `POST /api/v1/emails`: 202 with the email, at the top level and once more under `email`.
pub async fn send(
    State(app): State<Arc<App>>,
    ctx: Ctx,
    RepeatableAs(key): RepeatableAs,
    Json(input): Json<SendEmail>,
) -> ApiResult<Response> {
    let draft = input.into_draft(key)?;
    // In a box of its own: what is under way is moved around as a pointer.
    let sent = Box::pin(emails::send(&ctx, &app, draft)).await.map_err(as_the_client_calls_it)?;
    let item = match &sent {
        SentEmail::New { id, email, written, suppressed } => {
            render::accepted(*id, email, *written, suppressed)
        }
        SentEmail::Earlier(email) => render::item(&email.view),
    };
    answer(StatusCode::ACCEPTED, &item)
}

/// The item at the top level, as the documents show it, and under `email`, as the first version's clients
/// read it. It is rendered once, and its text copied.
fn answer(status: StatusCode, item: &render::Item<'_>) -> ApiResult<Response> {
    // Most need no more.
    let mut body = Vec::with_capacity(1024);
    serde_json::to_writer(&mut body, item).map_err(ServiceError::from)?;
    // Without the brace at its end, which comes after what is added.
    let fields = body.len() - 1;
    body.truncate(fields);
    body.extend_from_slice(b",\"email\":");
    body.extend_from_within(..fields);
    body.extend_from_slice(b"}}");
    Ok((status, [(header::CONTENT_TYPE, "application/json")], body).into_response())
}

/// What the header says to make the request repeatable.
#[derive(Debug)]
pub struct RepeatableAs(Option<IdempotencyKey>);

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

/// `GET /api/v1/emails`
pub async fn list(State(app): State<Arc<App>>, ctx: Ctx, mut params: Params) -> ApiResult<Response> {
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
    Ok(Paged { items, total, paging }.into_response())
}

/// `GET /api/v1/emails/{id}`
pub async fn get(State(app): State<Arc<App>>, ctx: Ctx, Id(id): Id<MessageId>) -> ApiResult<Response> {
    let email = emails::get(&ctx, &app, id).await?;
    Ok(axum::Json(render::full(&email)).into_response())
}
