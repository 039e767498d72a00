//! How trustworthy a tenant's mail looks to those who receive it, as a number that says how it is made.
//!
//! Everything is known already: what DNS had at the last look at each domain, and what the counters say.

mod domains;
mod rates;

use serde::Serialize;

pub use domains::DomainReport;

use crate::App;
use crate::ctx::{Ctx, Scope};
use crate::error::ServiceResult;

/// The score, and what it is made of.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = ComplianceReport)]
pub struct Report {
    /// The points of all checks, of 100.
    pub score: u32,
    /// Each check.
    pub checks: Vec<Check>,
    /// Each domain, as it was found at the last look.
    pub domains: Vec<DomainReport>,
    /// Of how many days the rates are.
    pub period_days: u32,
}

/// One thing that was looked at.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = ComplianceCheck)]
pub struct Check {
    /// What.
    pub name: &'static str,
    /// How many points there are for it.
    pub weight: u32,
    /// How many it has.
    pub points: u32,
    /// Whether these are all.
    pub passed: bool,
    /// What was found.
    pub detail: String,
    /// What can be done about it; nothing if all is well.
    pub fix: Option<String>,
}

impl Check {
    /// A check with this part of its points.
    fn new(name: &'static str, weight: u32, part: Part, detail: String, fix: &str) -> Self {
        let points = match part {
            Part::All => weight,
            Part::Half => weight / 2,
            Part::Of(found, all) => {
                u32::try_from(u64::from(weight) * found as u64 / all.max(1) as u64).unwrap_or(0)
            }
        };
        let passed = points == weight;
        Self { name, weight, points, passed, detail, fix: (!passed).then(|| fix.to_owned()) }
    }
}

/// How much of a check's points there are.
#[derive(Debug, Clone, Copy)]
enum Part {
    All,
    Half,
    /// So many of so many.
    Of(usize, usize),
}

impl Part {
    const NONE: Self = Self::Of(0, 1);
}

/// Looks at everything.
pub async fn report(ctx: &Ctx, app: &App) -> ServiceResult<Report> {
    ctx.require(Scope::AnalyticsRead)?;
    let (mut checks, domains) = domains::checks(app, ctx.tenant).await?;
    checks.extend(rates::checks(app, ctx.tenant).await?);
    Ok(Report {
        score: checks.iter().map(|check| check.points).sum(),
        checks,
        domains,
        period_days: rates::DAYS,
    })
}

/// A part of a whole in percent; nothing of nothing is 0.
pub fn percent(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        return 0.0;
    }
    #[expect(clippy::cast_precision_loss, reason = "nobody counts that far")]
    let (part, whole) = (part as f64, whole as f64);
    part * 100.0 / whole
}
