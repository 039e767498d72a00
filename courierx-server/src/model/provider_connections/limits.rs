//! How much a connection may be given.

use courierx_core::router::{Quota, Rate};
use courierx_core::store::Window;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How much a connection may be given, as its tenant wants it. Without a limit the provider's own hold.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct Limits {
    /// Recipients in a day, UTC.
    pub daily_cap: Option<u64>,
    /// Recipients in a calendar month, UTC.
    pub monthly_cap: Option<u64>,
    /// Recipients in the last 24 hours.
    pub rolling_24h_cap: Option<u64>,
    /// Hand-overs at once.
    pub max_in_flight: Option<u32>,
    /// Messages in a second.
    pub rate_limit: Option<Rate>,
    /// Whether it gets nothing new, and only finishes what it began.
    pub drain: bool,
}

impl Limits {
    /// The caps, as the router counts them.
    pub fn quotas(&self) -> Vec<Quota> {
        let caps = [
            (Window::UtcDay, self.daily_cap),
            (Window::CalendarMonth, self.monthly_cap),
            (Window::Rolling24Hours, self.rolling_24h_cap),
        ];
        caps.into_iter().filter_map(|(window, cap)| cap.map(|cap| Quota::new(window, cap))).collect()
    }
}
