//! What an API answered.

use std::time::Duration;

use bytes::Bytes;
use courierx_core::clock::Timestamp;
use reqwest::StatusCode;
use reqwest::header::{HeaderMap, RETRY_AFTER};

/// The longest time to be left alone that is believed: a mistake in a header must not park a connection for good.
const LONGEST_WAIT: Duration = Duration::from_hours(24);

/// A complete answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    /// The body; empty if it was too large to be read.
    pub(crate) body: Bytes,
    /// When it came.
    pub(crate) at: Timestamp,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The body as JSON, if it is.
    pub(crate) fn json<T: serde::de::DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_slice(&self.body).ok()
    }

    /// How long the vendor asks to be left alone (RFC 9110 §10.2.3): seconds, or a date.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        self.wait(self.headers.get(RETRY_AFTER)?.to_str().ok()?)
    }

    /// How long a text asks to wait that has the form of a `Retry-After`.
    pub(crate) fn wait(&self, value: &str) -> Option<Duration> {
        let value = value.trim();
        let wait = match value.parse::<f64>() {
            Ok(seconds) => Duration::try_from_secs_f64(seconds).ok()?,
            Err(_) => self.until(date(value)?),
        };
        Some(wait.min(LONGEST_WAIT))
    }

    /// How long it is until the moment that a header names in seconds since 1970.
    pub(crate) fn until_epoch(&self, header: &str) -> Option<Duration> {
        // Some write fractions, which do not matter here.
        let whole = self.header(header)?.trim().split('.').next()?;
        let seconds: i64 = whole.parse().ok()?;
        // What looks like a moment of today is one; anything else is left alone.
        let wait = self.until(Timestamp::from_secs(seconds));
        (wait <= LONGEST_WAIT).then_some(wait)
    }

    /// How long it is until then, by the vendor's clock if it tells: ours may be wrong.
    fn until(&self, moment: Timestamp) -> Duration {
        let now = self.header("date").and_then(date).unwrap_or(self.at);
        moment.since(now)
    }
}

/// A date of RFC 9110 §5.6.7.
fn date(text: &str) -> Option<Timestamp> {
    let time = httpdate::parse_http_date(text).ok()?;
    let since = time.duration_since(std::time::UNIX_EPOCH).ok()?;
    Some(Timestamp::from_secs(i64::try_from(since.as_secs()).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(name: &'static str, value: &str) -> Answer {
        let mut headers = HeaderMap::new();
        headers.insert(name, value.parse().unwrap());
        let at = Timestamp::from_secs(1_700_000_000);
        Answer { status: StatusCode::TOO_MANY_REQUESTS, headers, body: Bytes::new(), at }
    }

    #[test]
    fn waits_are_read_in_every_form_and_bounded() {
        for (value, seconds) in [
            ("7", Some(7)),
            ("0", Some(0)),
            (" 1.0 ", Some(1)),
            ("Tue, 14 Nov 2023 22:13:50 GMT", Some(30)),
            ("Tue, 14 Nov 2023 22:00:00 GMT", Some(0)),
            ("999999999", Some(86_400)),
            ("-1", None),
            ("NaN", None),
            ("inf", None),
            ("soon", None),
            ("", None),
        ] {
            let wait = answer("retry-after", value).retry_after();
            assert_eq!(wait, seconds.map(Duration::from_secs), "{value}");
        }
        for (value, seconds) in [
            ("1700000060", Some(60)),
            ("1700000060.75", Some(60)),
            ("1600000000", Some(0)),
            ("60", Some(0)),
            ("9999999999", None),
            ("x", None),
        ] {
            let wait = answer("x-ratelimit-reset", value).until_epoch("x-ratelimit-reset");
            assert_eq!(wait, seconds.map(Duration::from_secs), "{value}");
        }
    }
}
