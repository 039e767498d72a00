//! Changing messages that wait.

use std::sync::Arc;

use axum::extract::State;
use courierx_core::id::MessageId;

use super::schedule::NewDate;
use super::{Answered, answer, as_the_client_calls_it, render};
use crate::App;
use crate::ctx::Ctx;
use crate::http::{Answer, ApiResult, Id, New};
use crate::services::emails;

/// `POST /api/v1/emails/{id}/cancel`
pub async fn cancel(
    State(app): State<Arc<App>>,
    ctx: Ctx,
    Id(id): Id<MessageId>,
) -> ApiResult<Answer<Answered<'static>>> {
    let looked = emails::cancel(&ctx, &app, id).await?;
    answer(&render::looked(&looked))
}

/// `PATCH /api/v1/emails/{id}`
pub async fn reschedule(
    State(app): State<Arc<App>>,
    ctx: Ctx,
    Id(id): Id<MessageId>,
    New(input): New<NewDate>,
) -> ApiResult<Answer<Answered<'static>>> {
    let at = input.scheduled_at.map(|at| at.0);
    let looked = emails::reschedule(&ctx, &app, id, at).await.map_err(as_the_client_calls_it)?;
    answer(&render::looked(&looked))
}
