//! What became of the tenant's mail, by day: read from counters, which are written with what they count.
//!
//! Mail of keys for tests is counted apart, and is what such a key sees.

use std::collections::BTreeMap;
use std::time::Duration;

use courierx_core::clock::Timestamp;
use courierx_core::id::TenantId;
use courierx_core::message::Mode;
use courierx_core::store::{CounterQuery, Resolution, Statistic};

use crate::App;
use crate::ctx::{Ctx, Scope};
use crate::error::{ServiceError, ServiceResult};
use crate::model::provider_connections::ProviderKind;
use crate::services::provider_connections::{self, Shown};

const DAY: Duration = Duration::from_hours(24);
/// Most days that are read at once.
const MOST_DAYS: u64 = 366;
/// Days that are read if nothing else is asked for.
const USUAL_DAYS: u32 = 7;

/// How often what happened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts([u64; Statistic::ALL.len()]);

impl Counts {
    /// How often this happened.
    pub fn of(&self, what: Statistic) -> u64 {
        Self::place(what).map_or(0, |place| self.0[place])
    }

    /// What failed: given up by us, or dropped by the provider that had taken it.
    pub fn failed(&self) -> u64 {
        self.of(Statistic::Failed) + self.of(Statistic::Dropped)
    }

    fn add(&mut self, what: Statistic, value: i64) {
        if let Some(place) = Self::place(what) {
            self.0[place] += u64::try_from(value).unwrap_or(0);
        }
    }

    fn place(what: Statistic) -> Option<usize> {
        Statistic::ALL.iter().position(|one| *one == what)
    }
}

impl std::iter::Sum for Counts {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |mut sum, one| {
            for (sum, one) in sum.0.iter_mut().zip(one.0) {
                *sum += one;
            }
            sum
        })
    }
}

/// What happened on one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DayCounts {
    /// The day's first moment.
    pub date: Timestamp,
    /// At which kind of provider; at all together if none.
    pub provider: Option<ProviderKind>,
    /// How often what.
    pub counts: Counts,
}

/// How days are told apart further.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// Not at all: each day once, also where nothing happened.
    Day,
    /// By all kinds of providers at which anything happened.
    Provider,
    /// This kind of provider alone.
    Only(ProviderKind),
}

/// Some days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Days {
    /// The first moment of the first.
    pub from: Timestamp,
    /// The first moment after the last.
    pub until: Timestamp,
}

impl Days {
    /// So many days, of which today is the last.
    pub fn last(days: u32, now: Timestamp) -> Self {
        let until = Resolution::Day.end(now);
        let from = Timestamp::from_secs(until.as_secs() - i64::from(days) * DAY.as_secs().cast_signed());
        Self { from, until }
    }

    /// From one day to another, both included; the last week where nothing is said.
    pub fn between(from: Option<Timestamp>, to: Option<Timestamp>, now: Timestamp) -> ServiceResult<Self> {
        let until = Resolution::Day.end(to.unwrap_or(now));
        let from = from.unwrap_or_else(|| Self::last(USUAL_DAYS, to.unwrap_or(now)).from);
        let days = until.since(from).as_secs() / DAY.as_secs();
        if from >= until {
            return Err(ServiceError::field("from", "must not be after to"));
        }
        if days > MOST_DAYS {
            return Err(ServiceError::field("to", format!("must be within {MOST_DAYS} days from from")));
        }
        Ok(Self { from, until })
    }

    fn each(self) -> impl Iterator<Item = Timestamp> {
        std::iter::successors(Some(self.from), |day| Some(day.after(DAY)))
            .take_while(move |day| *day < self.until)
    }
}

/// What happened on each of these days.
pub async fn usage(ctx: &Ctx, app: &App, days: Days, by: By) -> ServiceResult<Vec<DayCounts>> {
    ctx.require(Scope::AnalyticsRead)?;
    let kinds: Vec<_> = match by {
        By::Day => return daily(app, ctx.tenant, ctx.mode, days).await,
        By::Provider => ProviderKind::ALL.to_vec(),
        By::Only(kind) => vec![kind],
    };
    let counter = |kind: ProviderKind| move |what: Statistic| what.counter_of(kind.provider_id(), ctx.mode);
    let mut all = Vec::new();
    for kind in kinds {
        let read = read(app, ctx.tenant, days, counter(kind)).await?;
        all.extend(read.into_iter().map(|(date, counts)| DayCounts { date, provider: Some(kind), counts }));
    }
    all.sort_by_key(|one| one.date);
    Ok(all)
}

/// What happened on each of these days, also where nothing did.
pub(super) async fn daily(
    app: &App,
    tenant: TenantId,
    mode: Mode,
    days: Days,
) -> ServiceResult<Vec<DayCounts>> {
    let read = read(app, tenant, days, |what| what.counter(mode)).await?;
    let day = |date| DayCounts { date, provider: None, counts: read.get(&date).copied().unwrap_or_default() };
    Ok(days.each().map(day).collect())
}

async fn read(
    app: &App,
    tenant: TenantId,
    days: Days,
    counter: impl Fn(Statistic) -> String,
) -> ServiceResult<BTreeMap<Timestamp, Counts>> {
    let names: BTreeMap<String, Statistic> = Statistic::ALL.iter().map(|one| (counter(*one), *one)).collect();
    let query = CounterQuery {
        names: names.keys().cloned().collect(),
        resolution: Resolution::Day,
        from: days.from,
        until: days.until,
    };
    let mut all: BTreeMap<Timestamp, Counts> = BTreeMap::new();
    for value in app.store.read_counters(tenant, &query).await? {
        if let Some(what) = names.get(&value.name) {
            all.entry(value.start).or_default().add(*what, value.value);
        }
    }
    Ok(all)
}

/// What the first page of a dashboard shows.
#[derive(Debug)]
pub struct Metrics {
    /// Of which days.
    pub days: Days,
    /// Each of them.
    pub daily: Vec<DayCounts>,
    /// All of them together.
    pub totals: Counts,
    /// The connections that are used, as they do at the moment.
    pub providers: Vec<Shown>,
}

/// How the last days were.
pub async fn metrics(ctx: &Ctx, app: &App, days: u32) -> ServiceResult<Metrics> {
    let days = Days::last(days, app.now());
    let daily = usage(ctx, app, days, By::Day).await?;
    let totals = daily.iter().map(|one| one.counts).sum();
    let connections = provider_connections::all(app, ctx.tenant).await?;
    let providers = provider_connections::show(ctx, app, connections).await?;
    Ok(Metrics { days, daily, totals, providers })
}
