//! The names of blobs.

use std::fmt;
use std::str::FromStr;

use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::clock::Timestamp;
use crate::id::{MessageId, TenantId};

/// A day, in UTC: `2026-11-21`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(Date);

impl Day {
    /// The first one that there is: 1970-01-01.
    pub const FIRST: Self = Self(Date::constant(1970, 1, 1));

    /// The day of a moment; [`FIRST`](Self::FIRST) for one before it.
    pub fn of(moment: Timestamp) -> Self {
        let moment = moment.clamp(Timestamp::EPOCH, Timestamp::MAX);
        let time = jiff::Timestamp::from_microsecond(moment.as_micros());
        time.map_or(Self::FIRST, |time| Self(time.to_zoned(TimeZone::UTC).date()))
    }

    /// The day after.
    #[must_use]
    pub fn next(self) -> Self {
        // There is none after the year 9999.
        Self(self.0.tomorrow().unwrap_or(self.0))
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.0.year(), self.0.month(), self.0.day())
    }
}

impl FromStr for Day {
    type Err = InvalidBlobKey;

    fn from_str(text: &str) -> Result<Self, InvalidBlobKey> {
        let day = text.parse::<Date>().map(Self).map_err(|_| InvalidBlobKey)?;
        // Dates are written in many ways; a key in one.
        if day >= Self::FIRST && day.to_string() == text { Ok(day) } else { Err(InvalidBlobKey) }
    }
}

/// The name of a blob: the day, the tenant and the identifier of its message, and nothing that a user chose.
///
/// As text it is `2026-11-21/<tenant>/<message>`, and keys have the order of their texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlobKey {
    day: Day,
    tenant: TenantId,
    message: MessageId,
}

impl BlobKey {
    /// The key of the content of a tenant's message that was accepted on that day.
    pub const fn new(day: Day, tenant: TenantId, message: MessageId) -> Self {
        Self { day, tenant, message }
    }

    /// The day on which the message was accepted.
    pub const fn day(&self) -> Day {
        self.day
    }

    /// Whose message it is.
    pub const fn tenant(&self) -> TenantId {
        self.tenant
    }

    /// The message.
    pub const fn message(&self) -> MessageId {
        self.message
    }
}

impl fmt::Display for BlobKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.day, self.tenant, self.message)
    }
}

impl FromStr for BlobKey {
    type Err = InvalidBlobKey;

    fn from_str(text: &str) -> Result<Self, InvalidBlobKey> {
        let mut parts = text.splitn(3, '/');
        let mut part = || parts.next().ok_or(InvalidBlobKey);
        let (day, tenant, message) = (part()?.parse()?, part()?, part()?);
        let key = Self {
            day,
            tenant: tenant.parse().map_err(|_| InvalidBlobKey)?,
            message: message.parse().map_err(|_| InvalidBlobKey)?,
        };
        // Identifiers can be written in several ways, too.
        if key.to_string() == text { Ok(key) } else { Err(InvalidBlobKey) }
    }
}

/// A text that is not the name of a blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the name of a blob, which is a day and two identifiers: 2026-11-21/<tenant>/<message>")]
pub struct InvalidBlobKey;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn keys() -> impl Strategy<Value = BlobKey> {
        (0..=Timestamp::MAX.as_micros(), any::<[u8; 16]>(), any::<[u8; 16]>()).prop_map(
            |(micros, tenant, message)| {
                let day = Day::of(Timestamp::from_micros(micros));
                BlobKey::new(day, TenantId::from_bytes(tenant), MessageId::from_bytes(message))
            },
        )
    }

    proptest! {
        #[test]
        fn a_key_is_read_back_and_has_the_order_of_its_text(one in keys(), other in keys()) {
            prop_assert_eq!(one.to_string().parse(), Ok(one));
            prop_assert_eq!(one.cmp(&other), one.to_string().cmp(&other.to_string()));
        }
    }

    #[test]
    fn nothing_else_is_a_key() {
        let id = MessageId::new();
        let right = format!("2026-11-21/{id}/{id}");
        assert!(right.parse::<BlobKey>().is_ok());
        for wrong in [
            String::new(),
            "2026-11-21".to_owned(),
            format!("2026-11-21/{id}"),
            format!("{right}/x"),
            format!("/{right}"),
            format!("20261121/{id}/{id}"),
            format!("2026-13-01/{id}/{id}"),
            format!("1969-12-31/{id}/{id}"),
            format!("2026-11-21/../{id}"),
            right.to_uppercase(),
        ] {
            assert_eq!(wrong.parse::<BlobKey>(), Err(InvalidBlobKey), "{wrong}");
        }
    }

    #[test]
    fn days_begin_at_midnight_in_utc() {
        let day = |text: &str| Day::of(text.parse().unwrap()).to_string();
        assert_eq!(day("2026-11-21T23:59:59.999999Z"), "2026-11-21");
        assert_eq!(day("2026-11-22T00:30:00+01:00"), "2026-11-21");
        assert_eq!(Day::of("2028-02-28T12:00:00Z".parse().unwrap()).next().to_string(), "2028-02-29");
        assert_eq!(Day::of(Timestamp::from_micros(i64::MIN)), Day::FIRST);
        assert!(Day::of(Timestamp::MAX).next() >= Day::of(Timestamp::MAX));
    }
}
