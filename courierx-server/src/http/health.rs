//! `/health`, `/api/v1/health` and `/metrics`: for load balancers, monitors and people.

use std::sync::Arc;

use axum::extract::{FromRequestParts, State};
use axum::http::header;
use axum::http::request::Parts;
use courierx_core::clock::Timestamp;
use courierx_core::store::LaneDepth;
use serde::Serialize;
use utoipa::ToSchema;

use super::openapi::{Operation, Takes};
use super::peer::is_local;
use super::{Answer, ApiError, ApiResult, Either, Text};
use crate::App;
use crate::error::ServiceError;
use crate::services::health::{self, Health};

/// The version of this server.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What the program is called.
const SERVICE: &str = "courierx";

/// An answer that is 503 if something does not work.
type Healthy<T> = Either<Answer<T>, Answer<T, 503>>;

/// That the process runs.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Live {
    status: &'static str,
    service: &'static str,
}

/// Whether requests can be served.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Ready {
    status: &'static str,
    service: &'static str,
    checks: Checks,
    uptime_seconds: u64,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ReadyChecks)]
struct Checks {
    database: Check,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ReadyCheck)]
struct Check {
    status: &'static str,
}

/// What works.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Health)]
pub(super) struct Shown {
    status: &'static str,
    timestamp: Timestamp,
    version: &'static str,
    services: Services,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = HealthServices)]
struct Services {
    database: Database,
    queue: Queue,
    /// For the operator alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    callbacks: Option<Callbacks>,
}

/// What providers told and is not recorded yet.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = HealthCallbacks)]
struct Callbacks {
    waiting: u64,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = HealthDatabase)]
struct Database {
    status: &'static str,
    adapter: &'static str,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = HealthQueue)]
struct Queue {
    status: &'static str,
    #[serde(flatten)]
    #[schema(value_type = Depth)]
    depth: Option<Depth>,
}

/// How much is queued, which is for the operator alone.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = HealthQueueDepth)]
struct Depth {
    #[schema(required = false)]
    due: u64,
    #[schema(required = false)]
    waiting: u64,
    #[schema(required = false)]
    under_delivery: u64,
    oldest_due_at: Option<Timestamp>,
}

/// Whether the operator asks: with `METRICS_TOKEN`, or from this machine if there is none.
#[derive(Debug, Clone, Copy)]
pub(super) struct FromOperator(bool);

impl FromRequestParts<Arc<App>> for FromOperator {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        let header = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let given = header.and_then(|header| header.rsplit(' ').next()).unwrap_or_default();
        // With a token nothing else counts: a proxy on this machine may not say for whom it asks.
        Ok(Self(match &app.settings.metrics_token {
            Some(token) => token.matches(given),
            None => is_local(parts),
        }))
    }
}

/// To others some answers are refused, or not there at all.
impl Takes for FromOperator {
    fn tell(operation: &mut Operation) {
        operation.errors([403, 404]);
    }
}

/// `GET /health/live`: the process runs.
pub(super) async fn live() -> Answer<Live> {
    Answer::of(&Live { status: "ok", service: SERVICE })
}

/// `GET /health/ready` and `GET /health`: requests can be served.
pub(super) async fn ready(State(app): State<Arc<App>>) -> Healthy<Ready> {
    let database = health::database(&app).await;
    let body = Ready {
        status: if database { "ready" } else { "not_ready" },
        service: SERVICE,
        checks: Checks { database: Check { status: healthy(database) } },
        uptime_seconds: app.now().since(app.started_at).as_secs(),
    };
    if database { Either::One(Answer::of(&body)) } else { Either::Other(Answer::of(&body)) }
}

/// `GET /api/v1/health`: what works. How much is queued is for the operator alone.
pub(super) async fn show(
    State(app): State<Arc<App>>,
    FromOperator(operator): FromOperator,
) -> Healthy<Shown> {
    let health = health::check(&app, operator).await;
    let database = Database { status: ok(health.database), adapter: app.settings.database.name() };
    let body = Shown {
        status: if health.database { "ok" } else { "degraded" },
        timestamp: app.now(),
        version: VERSION,
        services: Services {
            database,
            queue: queue(&health),
            callbacks: health.queue.as_ref().map(|backlog| Callbacks { waiting: backlog.callbacks }),
        },
    };
    if health.database { Either::One(Answer::of(&body)) } else { Either::Other(Answer::of(&body)) }
}

fn queue(Health { database, queue }: &Health) -> Queue {
    let depth = queue.as_ref().map(|backlog| {
        let lanes = &backlog.lanes;
        let total = |count: fn(&LaneDepth) -> u64| lanes.iter().map(count).sum::<u64>();
        Depth {
            due: total(|lane| lane.ready),
            waiting: total(|lane| lane.waiting),
            under_delivery: total(|lane| lane.leased),
            oldest_due_at: lanes.iter().filter_map(|lane| lane.oldest_ready).min(),
        }
    });
    // The queue lives in the database.
    Queue { status: ok(*database), depth }
}

fn ok(is: bool) -> &'static str {
    if is { "ok" } else { "error" }
}

fn healthy(is: bool) -> &'static str {
    if is { "healthy" } else { "unhealthy" }
}

/// `GET /metrics`, in the text format of Prometheus.
pub(super) async fn metrics(
    State(app): State<Arc<App>>,
    FromOperator(operator): FromOperator,
) -> ApiResult<Text> {
    if !app.settings.metrics {
        return Err(ServiceError::NotFound.into());
    }
    if !operator {
        let needs = "metrics are for this machine, or need METRICS_TOKEN as a bearer token";
        return Err(ServiceError::Forbidden(needs.to_owned()).into());
    }
    let routes = Arc::clone(&app.routes);
    // Of ten thousand tenants it takes longer than others should wait for.
    let census = tokio::task::spawn_blocking(move || routes.census());
    let (health, census) = tokio::join!(health::check(&app, true), census);
    measure(&app, &health);
    census.map_err(ServiceError::internal)?.show(&app.meters);
    Ok(Text { media: "text/plain; version=0.0.4; charset=utf-8", body: app.meters.render() })
}

/// Sets what is only known when somebody asks.
#[expect(clippy::cast_precision_loss, reason = "no queue has 2^52 messages")]
fn measure(app: &App, Health { database, queue }: &Health) {
    let now = app.now();
    let meters = &app.meters;
    meters.gauge("courierx_build_info", &[("version", VERSION)], 1.0);
    meters.gauge("courierx_up_seconds", &[], now.since(app.started_at).as_secs_f64());
    meters.gauge("courierx_database_up", &[], if *database { 1.0 } else { 0.0 });
    if let Some(backlog) = queue {
        meters.gauge("courierx_callbacks_waiting", &[], backlog.callbacks as f64);
    }
    for lane in queue.iter().flat_map(|backlog| backlog.lanes.iter()) {
        let name = lane.lane.as_str();
        let counts = [("due", lane.ready), ("waiting", lane.waiting), ("under_delivery", lane.leased)];
        for (state, count) in counts {
            meters.gauge("courierx_queue_depth", &[("lane", name), ("state", state)], count as f64);
        }
        let oldest = lane.oldest_ready.map_or(0.0, |due| now.since(due).as_secs_f64());
        meters.gauge("courierx_queue_oldest_due_seconds", &[("lane", name)], oldest);
    }
}
