//! `/health`, `/api/v1/health` and `/metrics`: for load balancers, monitors and people.

use std::sync::Arc;

use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use courierx_core::store::LaneDepth;
use serde_json::{Map, Value, json};

use super::peer::is_local;
use super::{ApiError, ApiResult};
use crate::App;
use crate::error::ServiceError;
use crate::services::health::{self, Health};

/// The version of this server.
const VERSION: &str = env!("CARGO_PKG_VERSION");

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

/// `GET /health/live`: the process runs.
pub(super) async fn live() -> Response {
    axum::Json(json!({ "status": "ok", "service": "courierx" })).into_response()
}

/// `GET /health/ready` and `GET /health`: requests can be served.
pub(super) async fn ready(State(app): State<Arc<App>>) -> Response {
    let database = health::database(&app).await;
    let (status, word) =
        if database { (StatusCode::OK, "ready") } else { (StatusCode::SERVICE_UNAVAILABLE, "not_ready") };
    let body = json!({
        "status": word,
        "service": "courierx",
        "checks": { "database": { "status": healthy(database) } },
        "uptime_seconds": app.now().since(app.started_at).as_secs(),
    });
    (status, axum::Json(body)).into_response()
}

/// `GET /api/v1/health`: what works. How much is queued is for the operator alone.
pub(super) async fn show(State(app): State<Arc<App>>, FromOperator(operator): FromOperator) -> Response {
    let health = health::check(&app, operator).await;
    let (status, word) =
        if health.database { (StatusCode::OK, "ok") } else { (StatusCode::SERVICE_UNAVAILABLE, "degraded") };
    let body = json!({
        "status": word,
        "timestamp": app.now(),
        "version": VERSION,
        "services": {
            "database": { "status": ok(health.database), "adapter": app.settings.database.name() },
            "queue": queue(&health),
        },
    });
    (status, axum::Json(body)).into_response()
}

fn queue(Health { database, queue }: &Health) -> Value {
    let mut shown = Map::new();
    // The queue lives in the database.
    shown.insert("status".to_owned(), ok(*database).into());
    if let Some(lanes) = queue {
        let total = |count: fn(&LaneDepth) -> u64| Value::from(lanes.iter().map(count).sum::<u64>());
        shown.insert("due".to_owned(), total(|lane| lane.ready));
        shown.insert("waiting".to_owned(), total(|lane| lane.waiting));
        shown.insert("under_delivery".to_owned(), total(|lane| lane.leased));
        let oldest = lanes.iter().filter_map(|lane| lane.oldest_ready).min();
        shown.insert("oldest_due_at".to_owned(), json!(oldest));
    }
    Value::Object(shown)
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
) -> ApiResult<Response> {
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
    let format = [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    Ok((format, app.meters.render()).into_response())
}

/// Sets what is only known when somebody asks.
#[expect(clippy::cast_precision_loss, reason = "no queue has 2^52 messages")]
fn measure(app: &App, Health { database, queue }: &Health) {
    let now = app.now();
    let meters = &app.meters;
    meters.gauge("courierx_build_info", &[("version", VERSION)], 1.0);
    meters.gauge("courierx_up_seconds", &[], now.since(app.started_at).as_secs_f64());
    meters.gauge("courierx_database_up", &[], if *database { 1.0 } else { 0.0 });
    for lane in queue.iter().flat_map(|lanes| lanes.iter()) {
        let name = lane.lane.as_str();
        let counts = [("due", lane.ready), ("waiting", lane.waiting), ("under_delivery", lane.leased)];
        for (state, count) in counts {
            meters.gauge("courierx_queue_depth", &[("lane", name), ("state", state)], count as f64);
        }
        let oldest = lane.oldest_ready.map_or(0.0, |due| now.since(due).as_secs_f64());
        meters.gauge("courierx_queue_oldest_due_seconds", &[("lane", name)], oldest);
    }
}
