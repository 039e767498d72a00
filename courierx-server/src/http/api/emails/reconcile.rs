//! Looking after messages that seem to be stuck.

use std::borrow::Cow;
use std::sync::Arc;

use axum::extract::State;
use courierx_core::engine::Reconciled;
use courierx_core::id::MessageId;
use serde::Serialize;
use utoipa::ToSchema;

use super::render;
use crate::App;
use crate::ctx::Ctx;
use crate::http::{Answer, ApiResult, Id};
use crate::services::emails;

/// What looking after a message came to.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ReconciledEmail)]
pub struct Looked<'a> {
    email: render::Item<'a>,
    action: Action,
    /// What that means, for people.
    detail: Cow<'static, str>,
}

/// What was done.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ReconcileAction)]
enum Action {
    /// Nothing: it has an end.
    Terminal,
    /// Nothing: it is younger than five minutes.
    TooRecent,
    /// It had lost its place in the queue, and has one again.
    Reenqueued,
    /// A provider told what had not been known.
    Resynced,
    /// Nothing: it waits in the queue, or is being handed over.
    StillPending,
    /// Its provider is certain never to have taken it.
    MarkedFailed,
    /// Nothing: nobody knows more.
    Noop,
}

/// Which messages are looked after.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ReconciledStale)]
pub struct Stale {
    /// How many.
    enqueued_count: usize,
    /// The first hundred of them.
    #[schema(max_items = 100)]
    email_ids: Vec<MessageId>,
    /// Whether there may be more than were taken.
    truncated: bool,
}

/// `POST /api/v1/emails/{id}/reconcile`
pub async fn reconcile(
    State(app): State<Arc<App>>,
    ctx: Ctx,
    Id(id): Id<MessageId>,
) -> ApiResult<Answer<Looked<'static>>> {
    let (looked, reconciled) = emails::reconcile(&ctx, &app, id).await?;
    let email = render::looked(&looked);
    let (action, detail) = told(reconciled);
    Ok(Answer::like(&Looked { email, action, detail }))
}

/// `POST /api/v1/emails/reconcile_stale`
pub async fn reconcile_stale(State(app): State<Arc<App>>, ctx: Ctx) -> ApiResult<Answer<Stale>> {
    let emails::Stale { count, named, truncated } = emails::reconcile_stale(&ctx, &app).await?;
    Ok(Answer::of(&Stale { enqueued_count: count, email_ids: named, truncated }))
}

fn told(reconciled: Reconciled) -> (Action, Cow<'static, str>) {
    match reconciled {
        Reconciled::Terminal => (Action::Terminal, "it has come to an end".into()),
        Reconciled::TooRecent => {
            (Action::TooRecent, "it is due for less than five minutes; ask again later".into())
        }
        Reconciled::StillPending => (
            Action::StillPending,
            "it waits for its turn or is being handed over; GET /api/v1/emails/{id} tells why it waits"
                .into(),
        ),
        Reconciled::Reenqueued => {
            (Action::Reenqueued, "it had lost its place in the queue, and has one again".into())
        }
        Reconciled::Resynced(events) => {
            (Action::Resynced, format!("the provider told of {events} more events").into())
        }
        Reconciled::MarkedFailed => {
            (Action::MarkedFailed, "the provider is certain never to have taken it".into())
        }
        Reconciled::Noop(why) if why.is_empty() => (Action::Noop, "nobody knows more".into()),
        Reconciled::Noop(why) => (Action::Noop, why.into()),
        _ => (Action::Noop, "nothing was to be done".into()),
    }
}
