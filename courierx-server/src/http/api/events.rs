//! `/api/v1/events`.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use axum::response::sse;
use courierx_core::event::Sequence;
use courierx_core::id::MessageId;
use courierx_core::message::Mode;
use courierx_core::webhook::WebhookEvent;
use futures_util::stream::{self, Stream};
use serde::Serialize;
use serde_json::json;
use utoipa::{IntoParams, ToSchema};

use crate::App;
use crate::auth::Credential;
use crate::ctx::Ctx;
use crate::error::{FieldError, ServiceError};
use crate::http::openapi::{Operation, Takes};
use crate::http::{Answer, ApiError, ApiResult, Params, Streamed};
use crate::services::events::{self, Chosen, EventFilter, Follow, Step};
use crate::webhooks::Payload;

/// Events of a page if nothing else is asked for, and at most.
const LIMIT: (usize, usize) = (100, 500);
/// When a reader comes back whose stream was cut off.
const RETRY: Duration = Duration::from_secs(2);

/// Something that happened, as webhooks tell it too.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Event)]
pub struct Rendered<'a> {
    /// Where it stands in the order of events.
    #[schema(value_type = i64)]
    sequence: Sequence,
    #[serde(flatten)]
    payload: Payload<'a>,
}

fn render((sequence, payload): (Sequence, Payload<'_>)) -> Rendered<'_> {
    Rendered { sequence, payload }
}

/// Some of what happened.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = EventPage)]
pub struct RenderedPage<'a> {
    data: Vec<Rendered<'a>>,
    /// What to go on `after`, now or later.
    #[schema(value_type = i64)]
    next_cursor: Sequence,
    /// Whether there may be more already.
    has_more: bool,
}

/// Which events of the log.
#[derive(Debug, IntoParams)]
pub struct EventQuery {
    /// After this one: a `sequence`, or the `next_cursor` of a page. From the first one on if none.
    #[param(minimum = 0)]
    pub after: Option<i64>,
    /// How many at most; 100 if nothing else is asked for.
    #[param(minimum = 1, maximum = 500)]
    pub limit: Option<u32>,
    /// Of these names, with commas between them: `delivered,bounced`, or `email.delivered`.
    pub events: Option<String>,
    /// Of this name.
    pub event: Option<String>,
    /// Of this message.
    #[param(inline)]
    pub message_id: Option<MessageId>,
    /// Of this connection.
    #[param(pattern = "^[A-Za-z0-9._-]{1,64}$")]
    pub connection_id: Option<String>,
    /// Of real mail, or of tests'.
    #[param(inline)]
    pub mode: Option<Mode>,
}

/// Which events of those to come.
#[derive(Debug, IntoParams)]
pub struct StreamQuery {
    /// After this one: a `sequence`, or the `next_cursor` of a page. From now on if none.
    #[param(minimum = 0)]
    pub after: Option<i64>,
    /// Of these names, with commas between them: `delivered,bounced`, or `email.delivered`.
    pub events: Option<String>,
    /// Of this name.
    pub event: Option<String>,
    /// Of this message.
    #[param(inline)]
    pub message_id: Option<MessageId>,
    /// Of this connection.
    #[param(pattern = "^[A-Za-z0-9._-]{1,64}$")]
    pub connection_id: Option<String>,
    /// Of real mail, or of tests'.
    #[param(inline)]
    pub mode: Option<Mode>,
}

fn filter<Q: IntoParams>(params: &mut Params<Q>) -> EventFilter {
    let mut names = params.read("events", |text| names("events", text)).unwrap_or_default();
    names.extend(params.read("event", |text| self::names("event", text)).unwrap_or_default());
    EventFilter {
        names,
        message: params.parsed("message_id"),
        connection: params.parsed("connection_id"),
        mode: params.parsed("mode"),
    }
}

fn names(field: &str, text: &str) -> Result<Vec<WebhookEvent>, FieldError> {
    let names = text.split(',').map(|name| WebhookEvent::named(name.trim()));
    names.collect::<Result<_, _>>().map_err(|error| FieldError::new(field, error.to_string()))
}

fn position(field: &str, text: &str) -> Result<Sequence, FieldError> {
    let position = text.parse().ok().filter(|position| *position >= 0).map(Sequence);
    position
        .ok_or_else(|| FieldError::new(field, "must be the sequence of an event, or the cursor of a page"))
}

fn limit(text: &str) -> Result<usize, FieldError> {
    let limit = text.parse().ok().filter(|limit| (1..=LIMIT.1).contains(limit));
    limit.ok_or_else(|| FieldError::new("limit", format!("must be from 1 to {}", LIMIT.1)))
}

/// `GET /api/v1/events`
pub async fn list(
    State(app): State<Arc<App>>,
    ctx: Ctx,
    mut params: Params<EventQuery>,
) -> ApiResult<Answer<RenderedPage<'static>>> {
    let filter = filter(&mut params);
    let after = params.read("after", |text| position("after", text)).unwrap_or(Sequence::START);
    let limit = params.read("limit", limit).unwrap_or(LIMIT.0);
    params.finish()?;
    let chosen = events::list(&ctx, &app, &filter, after, limit).await?;
    let data = chosen.told().map(render).collect();
    Ok(Answer::of(&RenderedPage { data, next_cursor: chosen.looked, has_more: chosen.more }))
}

/// The last event that somebody got before their stream was cut off.
#[derive(Debug)]
pub struct LastEventId(Option<Sequence>);

impl Takes for LastEventId {
    fn tell(operation: &mut Operation) {
        operation.header(
            "Last-Event-ID",
            "The `id` of the last event that was read; goes before `after`",
            &json!({ "type": "integer", "minimum": 0 }),
        );
    }
}

impl<S: Send + Sync> FromRequestParts<S> for LastEventId {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let Some(value) = parts.headers.get("last-event-id") else { return Ok(Self(None)) };
        let last = position("Last-Event-ID", value.to_str().unwrap_or_default());
        Ok(Self(Some(last.map_err(|wrong| ServiceError::Invalid(vec![wrong]))?)))
    }
}

/// `GET /api/v1/events/stream`
pub async fn stream(
    State(app): State<Arc<App>>,
    ctx: Ctx,
    credential: Credential,
    LastEventId(last): LastEventId,
    mut params: Params<StreamQuery>,
) -> ApiResult<Streamed<Rendered<'static>>> {
    let filter = filter(&mut params);
    let after = params.read("after", |text| position("after", text));
    params.finish()?;
    let follow = events::follow(ctx, app, credential, filter, last.or(after)).await?;
    Ok(Streamed::of(told(follow)))
}

/// What a stream tells, in its own words.
fn told(follow: Follow) -> impl Stream<Item = Result<sse::Event, Infallible>> + Send {
    let start = (follow, VecDeque::new(), true);
    stream::unfold(start, async |(mut follow, mut ready, is_first)| {
        let mut is_first = is_first;
        while ready.is_empty() {
            match follow.next().await? {
                Step::Events(chosen) => ready.extend(write(&chosen)),
                Step::Alive(looked) => {
                    let mut alive = sse::Event::default().id(looked.0.to_string()).comment("");
                    if std::mem::take(&mut is_first) {
                        alive = alive.retry(RETRY);
                    }
                    ready.push_back(alive);
                }
            }
        }
        Some((Ok(ready.pop_front()?), (follow, ready, is_first)))
    })
}

fn write(chosen: &Chosen) -> impl Iterator<Item = sse::Event> {
    chosen.told().map(render).filter_map(|item| {
        let event = sse::Event::default().id(item.sequence.0.to_string());
        let event = event.event(item.payload.event.as_str()).json_data(&item);
        // Nothing in it can fail to be JSON.
        event
            .inspect_err(|error| {
                tracing::error!(error = error as &dyn std::error::Error, "an event is not told");
            })
            .ok()
    })
}
