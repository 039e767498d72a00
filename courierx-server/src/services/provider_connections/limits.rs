//! What a client says of how much a connection may be given.

use courierx_core::router::{InvalidRate, Rate};
use serde::Deserialize;
use utoipa::ToSchema;

use super::check::Applied;
use super::input::{ConnectionInput, Given};
use crate::model::provider_connections::Limits;

/// Largest cap: more than anybody sends, and a whole number in every client.
const MAX_CAP: i64 = 1_000_000_000_000;
/// Most hand-overs at once.
const MAX_IN_FLIGHT: i64 = 1000;

/// A rate, as a client says it.
#[derive(Debug, Clone, PartialEq, Deserialize, ToSchema)]
pub struct RateInput {
    /// Messages in a second, on average.
    #[schema(exclusive_minimum = 0)]
    pub per_second: f64,
    /// Messages at once after a rest; those of a second if left out.
    #[schema(minimum = 1)]
    pub burst: Option<i64>,
}

impl Applied<'_> {
    /// Changes the limits as the client says. What is null goes.
    pub(super) fn limits(&mut self, input: &ConnectionInput, limits: &mut Limits) {
        self.whole("daily_cap", &input.daily_cap, MAX_CAP, &mut limits.daily_cap);
        self.whole("monthly_cap", &input.monthly_cap, MAX_CAP, &mut limits.monthly_cap);
        self.whole("rolling_24h_cap", &input.rolling_24h_cap, MAX_CAP, &mut limits.rolling_24h_cap);
        self.whole("max_in_flight", &input.max_in_flight, MAX_IN_FLIGHT, &mut limits.max_in_flight);
        match &input.rate_limit {
            Given::No => {}
            Given::Null => limits.rate_limit = None,
            Given::Value(given) => match rate(given) {
                Ok(rate) => limits.rate_limit = Some(rate),
                Err(error) => self.is_wrong("rate_limit", error.to_string()),
            },
        }
        if let Some(drain) = input.drain {
            limits.drain = drain;
        }
    }

    fn whole<N: TryFrom<i64>>(
        &mut self,
        field: &'static str,
        given: &Given<i64>,
        max: i64,
        number: &mut Option<N>,
    ) {
        match given {
            Given::No => {}
            Given::Null => *number = None,
            Given::Value(given) => match N::try_from(*given) {
                Ok(valid) if (1..=max).contains(given) => *number = Some(valid),
                _ => self.is_wrong(field, format!("must be from 1 to {max}, or null")),
            },
        }
    }
}

fn rate(input: &RateInput) -> Result<Rate, InvalidRate> {
    #[expect(clippy::cast_possible_truncation, reason = "what is beyond the numbers is beyond every rate")]
    let burst = input.burst.unwrap_or_else(|| input.per_second.ceil().max(1.0) as i64);
    // None of four billion either.
    Rate::new(input.per_second, u32::try_from(burst).unwrap_or(0))
}
