//! `/api/v1/dashboard`.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use courierx_core::clock::Timestamp;
use courierx_core::id::RecordId;
use courierx_core::names;
use courierx_core::store::Statistic;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::usage_stats::day;
use crate::App;
use crate::ctx::Ctx;
use crate::http::openapi::{Answers, Operation};
use crate::http::{Answer, ApiError, ApiResult, Params};
use crate::model::provider_connections::{ConnectionStatus, ProviderKind};
use crate::services::compliance;
use crate::services::provider_connections::Shown;
use crate::services::statistics::{self, Counts, DayCounts, Metrics};

names! {
    /// How many days a dashboard shows.
    Period, "7d, 30d, 90d",
    /// A week.
    Week = "7d",
    /// A month.
    Month = "30d",
    /// A quarter.
    Quarter = "90d",
}

impl Period {
    const fn days(self) -> u32 {
        match self {
            Self::Week => 7,
            Self::Month => 30,
            Self::Quarter => 90,
        }
    }
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DashboardMetrics)]
pub struct Rendered {
    period: Between,
    totals: Totals,
    rates: Rates,
    daily: Vec<Day>,
    tracking_coverage: TrackingCoverage,
    providers: Vec<Provider>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DashboardPeriod)]
pub struct Between {
    from: Timestamp,
    to: Timestamp,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DashboardTotals)]
pub struct Totals {
    sent: u64,
    delivered: u64,
    bounced: u64,
    complained: u64,
    failed: u64,
    opened: u64,
    clicked: u64,
}

/// In percent, with one digit behind the point.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DashboardRates)]
#[expect(clippy::struct_field_names, reason = "the names of the API")]
pub struct Rates {
    delivery_rate: f64,
    open_rate: f64,
    click_rate: f64,
    bounce_rate: f64,
    complaint_rate: f64,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DashboardDay)]
pub struct Day {
    date: String,
    #[serde(flatten)]
    counts: Totals,
}

/// By whom openings and clicks were seen: what we count, no provider is asked to count as well.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TrackingCoverage)]
pub struct TrackingCoverage {
    opened: Coverage,
    clicked: Coverage,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Coverage)]
pub struct Coverage {
    first_party_only: u64,
    provider_only: u64,
    both: u64,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DashboardProvider)]
#[expect(clippy::struct_field_names, reason = "the names of the API")]
pub struct Provider {
    id: RecordId,
    provider: ProviderKind,
    display_name: String,
    status: ConnectionStatus,
    /// In percent.
    success_rate: Option<f64>,
    avg_latency_ms: Option<f64>,
}

fn totals(counts: &Counts) -> Totals {
    Totals {
        sent: counts.of(Statistic::Sent),
        delivered: counts.of(Statistic::Delivered),
        bounced: counts.of(Statistic::Bounced),
        complained: counts.of(Statistic::Complained),
        failed: counts.failed(),
        opened: counts.of(Statistic::Opened),
        clicked: counts.of(Statistic::Clicked),
    }
}

fn coverage(seen: u64, own: u64) -> Coverage {
    Coverage { first_party_only: own, provider_only: seen.saturating_sub(own), both: 0 }
}

fn provider(Shown { connection, health, .. }: Shown) -> Provider {
    Provider {
        id: connection.id,
        provider: connection.value.kind(),
        success_rate: health.as_ref().map(|health| round(health.success_rate * 100.0)),
        avg_latency_ms: health
            .and_then(|health| health.latency)
            .map(|took| round(took.as_secs_f64() * 1000.0)),
        status: connection.value.status,
        display_name: connection.value.display_name,
    }
}

fn round(number: f64) -> f64 {
    (number * 10.0).round() / 10.0
}

fn render(Metrics { days, daily, totals: all, providers }: Metrics, now: Timestamp) -> Rendered {
    let rate = |part: Statistic, whole: Statistic| round(compliance::percent(all.of(part), all.of(whole)));
    let active = providers.into_iter().filter(|one| one.connection.value.status == ConnectionStatus::Active);
    Rendered {
        period: Between { from: days.from, to: now },
        totals: totals(&all),
        rates: Rates {
            delivery_rate: rate(Statistic::Delivered, Statistic::Sent),
            open_rate: rate(Statistic::Opened, Statistic::Delivered),
            click_rate: rate(Statistic::Clicked, Statistic::Delivered),
            bounce_rate: rate(Statistic::Bounced, Statistic::Sent),
            complaint_rate: rate(Statistic::Complained, Statistic::Delivered),
        },
        daily: daily
            .iter()
            .map(|DayCounts { date, counts, .. }| Day { date: day(*date), counts: totals(counts) })
            .collect(),
        tracking_coverage: TrackingCoverage {
            opened: coverage(all.of(Statistic::Opened), all.of(Statistic::OwnOpened)),
            clicked: coverage(all.of(Statistic::Clicked), all.of(Statistic::OwnClicked)),
        },
        providers: active.map(provider).collect(),
    }
}

/// Which days.
#[derive(Debug, IntoParams)]
pub struct MetricsQuery {
    /// How many; a week if nothing is said.
    #[param(inline)]
    pub period: Option<Period>,
}

/// `GET /api/v1/dashboard/metrics`
pub async fn metrics(
    State(app): State<Arc<App>>,
    ctx: Ctx,
    mut params: Params<MetricsQuery>,
) -> ApiResult<Answer<Rendered>> {
    let period = params.parsed("period").unwrap_or(Period::Week);
    params.finish()?;
    let metrics = statistics::metrics(&ctx, &app, period.days()).await?;
    Ok(Answer::of(&render(metrics, app.now())))
}

/// `GET /api/v1/dashboard/compliance`
pub async fn compliance(State(app): State<Arc<App>>, ctx: Ctx) -> ApiResult<Answer<compliance::Report>> {
    Ok(Answer::of(&compliance::report(&ctx, &app).await?))
}

/// That there is nothing to answer.
#[derive(Debug)]
pub enum Nothing {}

impl IntoResponse for Nothing {
    fn into_response(self) -> Response {
        match self {}
    }
}

impl Answers for Nothing {
    fn tell(operation: &mut Operation) {
        operation.errors([404]);
    }
}

/// `GET /api/v1/dashboard/billing`: nobody is billed here.
pub async fn billing(_: Ctx) -> ApiResult<Nothing> {
    let text = "Billing is a part of the hosted edition; this server has none";
    Err(ApiError::status(StatusCode::NOT_FOUND, "cloud_disabled", text))
}
