//! `/api/v1/usage_stats`.

use std::sync::Arc;

use axum::extract::State;
use courierx_core::clock::Timestamp;
use courierx_core::names;
use courierx_core::store::Statistic;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use crate::App;
use crate::ctx::Ctx;
use crate::error::ServiceError;
use crate::http::{ApiResult, Page, Paged, Params};
use crate::model::provider_connections::ProviderKind;
use crate::schema::Day;
use crate::services::statistics::{self, By, DayCounts, Days};

names! {
    /// How days are told apart further.
    GroupBy, "day, provider",
    /// Not at all.
    Day = "day",
    /// By the kind of provider.
    Provider = "provider",
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = UsageOfDay)]
pub struct Rendered {
    date: String,
    provider: Option<ProviderKind>,
    accepted: u64,
    sent: u64,
    delivered: u64,
    bounced: u64,
    complained: u64,
    failed: u64,
    suppressed: u64,
    opened: u64,
    clicked: u64,
    unsubscribed: u64,
    machine_opened: u64,
    machine_clicked: u64,
}

fn render(DayCounts { date, provider, counts }: &DayCounts) -> Rendered {
    Rendered {
        date: day(*date),
        provider: *provider,
        accepted: counts.of(Statistic::Accepted),
        sent: counts.of(Statistic::Sent),
        delivered: counts.of(Statistic::Delivered),
        bounced: counts.of(Statistic::Bounced),
        complained: counts.of(Statistic::Complained),
        failed: counts.failed(),
        suppressed: counts.of(Statistic::Suppressed),
        opened: counts.of(Statistic::Opened),
        clicked: counts.of(Statistic::Clicked),
        unsubscribed: counts.of(Statistic::Unsubscribed),
        machine_opened: counts.of(Statistic::MachineOpened),
        machine_clicked: counts.of(Statistic::MachineClicked),
    }
}

/// The date of a moment.
pub(super) fn day(moment: Timestamp) -> String {
    let mut text = moment.to_string();
    text.truncate("2026-03-22".len());
    text
}

/// Which days.
#[derive(Debug, IntoParams)]
pub struct UsageQuery {
    /// The first one; a week before the last if nothing is said.
    #[param(inline, value_type = Option<Day>)]
    pub from: Option<String>,
    /// The last one; today if nothing is said.
    #[param(inline, value_type = Option<Day>)]
    pub to: Option<String>,
    /// How they are told apart further.
    #[param(inline)]
    pub group_by: Option<GroupBy>,
    /// Of this kind of provider only.
    #[param(inline, value_type = Option<ProviderKind>)]
    pub provider: Option<String>,
}

/// `GET /api/v1/usage_stats`
pub async fn list(
    State(app): State<Arc<App>>,
    ctx: Ctx,
    mut params: Params<UsageQuery>,
) -> ApiResult<Page<Rendered>> {
    let (from, to) = (params.day("from"), params.day("to"));
    let group = params.parsed::<GroupBy>("group_by");
    let provider = params.text("provider");
    params.finish()?;
    let by = match (provider, group) {
        (Some(name), _) => By::Only(
            ProviderKind::named(&name)
                .ok_or_else(|| ServiceError::field("provider", "is the name of no kind of provider"))?,
        ),
        (None, Some(GroupBy::Provider)) => By::Provider,
        (None, Some(GroupBy::Day) | None) => By::Day,
    };
    let days = Days::between(from, to, app.now())?;
    let all = statistics::usage(&ctx, &app, days, by).await?;
    Ok(Paged::whole(all.iter().map(render).collect()).answer())
}
