//! How receivers took the tenant's mail.

use courierx_core::id::TenantId;
use courierx_core::message::Mode;
use courierx_core::store::Statistic;

use super::{Check, Part, percent};
use crate::App;
use crate::error::ServiceResult;
use crate::services::statistics::{self, Counts, Days};

/// Of how many days.
pub(super) const DAYS: u32 = 30;
/// Bounces in percent of what was sent: good below the first, bad from the second on.
const BOUNCES: (f64, f64) = (2.0, 5.0);
/// Complaints in percent of what was delivered. Large receivers refuse those who have more.
const COMPLAINTS: (f64, f64) = (0.1, 0.3);

pub(super) async fn checks(app: &App, tenant: TenantId) -> ServiceResult<Vec<Check>> {
    let daily = statistics::daily(app, tenant, Mode::Live, Days::last(DAYS, app.now())).await?;
    let counts: Counts = daily.iter().map(|one| one.counts).sum();
    let bounced = (counts.of(Statistic::Bounced), counts.of(Statistic::Sent));
    let complained = (counts.of(Statistic::Complained), counts.of(Statistic::Delivered));
    Ok(vec![
        rate(
            ("bounce_rate", 15),
            bounced,
            "sent",
            BOUNCES,
            "Send only to addresses that were confirmed, and remove those that bounce from your own lists.",
        ),
        rate(
            ("complaint_rate", 15),
            complained,
            "delivered",
            COMPLAINTS,
            "Send only what was asked for, say in each message why it came, and make leaving easy.",
        ),
        Check::new(
            "suppression",
            10,
            Part::All,
            format!(
                "who bounces for good or complains gets no more mail: {} were left out in {DAYS} days",
                counts.of(Statistic::Suppressed)
            ),
            "",
        ),
    ])
}

fn rate(
    (name, weight): (&'static str, u32),
    (part, whole): (u64, u64),
    of: &str,
    (good, bad): (f64, f64),
    fix: &str,
) -> Check {
    let found = percent(part, whole);
    let points = if found < good {
        Part::All
    } else if found < bad {
        Part::Half
    } else {
        Part::NONE
    };
    let detail = if whole == 0 {
        format!("nothing was {of} in {DAYS} days")
    } else {
        format!("{found:.2} % of {whole} {of} in {DAYS} days; below {good} % is good, {bad} % is too much")
    };
    Check::new(name, weight, points, detail, fix)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_good_middling_or_bad() {
        let points =
            |part, whole| rate(("bounce_rate", 15), (part, whole), "sent", BOUNCES, "mend it").points;
        assert_eq!([points(0, 0), points(19, 1000)], [15, 15]);
        assert_eq!([points(20, 1000), points(49, 1000)], [7, 7]);
        assert_eq!([points(50, 1000), points(1, 1)], [0, 0]);
        let bad = rate(("bounce_rate", 15), (1, 1), "sent", BOUNCES, "mend it");
        assert_eq!((bad.passed, bad.fix.as_deref()), (false, Some("mend it")));
    }
}
