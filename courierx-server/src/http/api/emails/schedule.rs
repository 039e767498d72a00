//! Dates of messages, as clients write them.

use std::fmt;
use std::time::Duration;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;

use courierx_core::clock::Timestamp;

use crate::http::Input;
use crate::schema::{any_of, stands_for};
use crate::services::emails::SendAt;

/// A date, or a time from now.
#[derive(Debug, Clone)]
pub(super) struct When(pub(super) SendAt);

stands_for! {
    /// A time from now.
    FromNow: String.pattern(
        r"^\s*[Ii]n\s+(an?|[0-9]{1,9})\s+(s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?|w|weeks?)\s*$"
    );
}
any_of! { When: Timestamp, FromNow }

/// Another date for a message.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = Reschedule)]
pub struct NewDate {
    #[serde(default, alias = "send_at")]
    pub(super) scheduled_at: Option<When>,
}

impl Input for NewDate {
    const NEEDED: &'static [&'static str] = &["scheduled_at"];
}

impl<'de> Deserialize<'de> for When {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;

        impl Visitor<'_> for Text {
            type Value = When;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<When, E> {
                let date = text.parse().map(SendAt::At);
                let parsed = date.ok().or_else(|| from_now(text).map(SendAt::In)).map(When);
                parsed.ok_or_else(|| {
                    E::custom(
                        "is neither an RFC 3339 time, such as 2030-01-31T09:30:00Z, nor a time from now, such as \
                         \"in 2 hours\"",
                    )
                })
            }
        }

        deserializer.deserialize_str(Text)
    }
}

/// `in 2 hours`, `in 1 min`, `in an hour`.
fn from_now(text: &str) -> Option<Duration> {
    let text = text.to_ascii_lowercase();
    let mut words = text.split_ascii_whitespace();
    let (Some("in"), Some(count), Some(unit), None) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return None;
    };
    let count: u32 = if matches!(count, "a" | "an") { 1 } else { count.parse().ok()? };
    let seconds = match unit {
        "s" | "sec" | "secs" | "second" | "seconds" => 1,
        "m" | "min" | "mins" | "minute" | "minutes" => 60,
        "h" | "hr" | "hrs" | "hour" | "hours" => 60 * 60,
        "d" | "day" | "days" => 24 * 60 * 60,
        "w" | "week" | "weeks" => 7 * 24 * 60 * 60,
        _ => return None,
    };
    Some(Duration::from_secs(u64::from(count) * seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_from_now_are_a_number_and_a_unit() {
        let hours = |hours| Some(Duration::from_hours(hours));
        for (text, expected) in [
            ("in 2 hours", hours(2)),
            ("In An Hour", hours(1)),
            ("in 90 min", Some(Duration::from_mins(90))),
            (" in  1 week ", hours(7 * 24)),
            ("in 4294967295 weeks", hours(4_294_967_295 * 7 * 24)),
        ] {
            assert_eq!(from_now(text), expected, "{text}");
        }
        for wrong in
            ["", "in", "2 hours", "in 2", "in -1 hour", "in 1.5 hours", "in 2 hours or so", "in 2 months"]
        {
            assert_eq!(from_now(wrong), None, "{wrong}");
        }
    }
}
