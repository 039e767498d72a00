//! `/v1`: the engine, for the operator's other programs.

mod input;
mod render;

use std::sync::Arc;

use axum::extract::State;

use crate::App;
use crate::ctx::Operator;
use crate::http::{Answer, ApiResult, Json};
use crate::services::engine::{self, AccountInput};

pub use input::EngineEmail;
use input::as_the_client_calls_it;
pub use render::Reported;

/// `POST /v1/send`: what became of the message, once that is known. Of the statuses 2xx mean that it must not be
/// sent again as it is, 4xx that this would change nothing, and 429 and 5xx that it is harmless.
pub async fn send(
    State(app): State<Arc<App>>,
    operator: Operator,
    Json(input): Json<EngineEmail>,
) -> ApiResult<Reported> {
    let (request, email_id) = input.into_request()?;
    let report = engine::send(&operator, &app, request).await.map_err(as_the_client_calls_it)?;
    Ok(render::report(&report, email_id.as_deref()))
}

/// `POST /v1/send/batch`: what became of each message.
pub async fn send_batch(
    State(app): State<Arc<App>>,
    operator: Operator,
    Json(input): Json<EngineEmail>,
) -> ApiResult<Answer<render::RenderedBatch<'static>>> {
    let batch = input.into_batch()?;
    let report = engine::send_batch(&operator, &app, batch).await.map_err(as_the_client_calls_it)?;
    Ok(render::batch(report))
}

/// `POST /v1/verify`, and `POST /internal/verify-provider`: whether an account works.
pub async fn verify(
    State(app): State<Arc<App>>,
    operator: Operator,
    Json(input): Json<AccountInput>,
) -> ApiResult<Answer<render::RenderedVerification<'static>>> {
    let provider = input.kind.clone();
    let verification = engine::verify(&operator, &app, input).await?;
    Ok(Answer::of(&render::verification(&verification, provider.as_deref())))
}
