//! `/api/v1/emails`.

mod input;
mod parts;
mod render;

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use courierx_core::id::MessageId;
use courierx_core::message::IdempotencyKey;

use crate::App;
use crate::ctx::Ctx;
use crate::error::{ServiceError, ServiceResult};
use crate::http::paging::DEEPEST;
use crate::http::{ApiResult, Id, Json, Paged, Params};
use crate::services::emails::{self, EmailFilter, SentEmail};

pub use input::SendEmail;

/// `POST /api/v1/emails`: 202 with the email, at the top level and once more under `email`.
pub async fn send(
    State(app): State<Arc<App>>,
    ctx: Ctx,
    headers: HeaderMap,
    Json(input): Json<SendEmail>,
) -> ApiResult<Response> {
    let key = idempotency_key(&headers)?;
    let email = input.into_email(key)?;
    let sent = emails::send(&ctx, &app, email).await.map_err(input::as_the_client_calls_it)?;
    let json = match &sent {
        SentEmail::New { id, email, written, suppressed } => {
            serde_json::to_string(&render::accepted(*id, email, *written, suppressed))
        }
        SentEmail::Earlier(email) => serde_json::to_string(&render::item(&email.view)),
    };
    Ok(accepted(&json.map_err(ServiceError::from)?))
}

/// The item at the top level, as the documents show it, and under `email`, as the first version's clients
/// read it. Put together as text: the item is rendered once.
fn accepted(item: &str) -> Response {
    let fields = item.trim_end_matches('}');
    let body = format!("{fields},\"email\":{item}}}");
    (StatusCode::ACCEPTED, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}

fn idempotency_key(headers: &HeaderMap) -> ServiceResult<Option<IdempotencyKey>> {
    let wrong = |text: String| ServiceError::field("Idempotency-Key", text);
    let mut values = headers.get_all("idempotency-key").iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(wrong("is given more than once".to_owned()));
    }
    let text = value.to_str().map_err(|_| wrong("must be printable ASCII".to_owned()))?;
    IdempotencyKey::new(text).map(Some).map_err(|problem| wrong(problem.to_string()))
}

/// `GET /api/v1/emails`
pub async fn list(State(app): State<Arc<App>>, ctx: Ctx, mut params: Params) -> ApiResult<Response> {
    let filter = EmailFilter {
        status: params.parsed("status"),
        recipient: params.text("recipient"),
        tag: params.text("tag"),
        from: params.moment("from"),
        until: params.moment("to"),
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
