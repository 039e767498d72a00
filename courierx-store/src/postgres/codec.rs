//! Between columns and values.

use std::str::FromStr;

use courierx_core::clock::Timestamp;
use courierx_core::message::Lane;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::postgres::PgRow;
use sqlx::{Decode, Postgres, Row, Type};
use uuid::Uuid;

use super::error::{Fault, Run};

/// Reads a column of a row.
pub(super) trait Columns {
    /// A column whose type the database knows.
    fn column<'r, T: Decode<'r, Postgres> + Type<Postgres>>(&'r self, column: usize) -> Run<T>;
    /// An identifier.
    fn id<T: From<Uuid>>(&self, column: usize) -> Run<T>;
    /// An identifier, or none.
    fn optional_id<T: From<Uuid>>(&self, column: usize) -> Run<Option<T>>;
    /// A number that is never negative.
    fn count<T: TryFrom<i64>>(&self, column: usize) -> Run<T>;
    /// A moment.
    fn time(&self, column: usize) -> Run<Timestamp>;
    /// A moment, or none.
    fn optional_time(&self, column: usize) -> Run<Option<Timestamp>>;
    /// A value that is stored by its name.
    fn named<T: FromStr>(&self, column: usize) -> Run<T>;
    /// A value that is stored as JSON.
    fn json<T: DeserializeOwned>(&self, column: usize) -> Run<T>;
    /// A list that is stored as JSON, or as NULL if it is empty.
    fn list<T: DeserializeOwned>(&self, column: usize) -> Run<Vec<T>>;
    /// A lane.
    fn lane(&self, column: usize) -> Run<Lane>;
}

impl Columns for PgRow {
    fn column<'r, T: Decode<'r, Postgres> + Type<Postgres>>(&'r self, column: usize) -> Run<T> {
        Ok(self.try_get(column)?)
    }

    fn id<T: From<Uuid>>(&self, column: usize) -> Run<T> {
        Ok(self.try_get::<Uuid, _>(column)?.into())
    }

    fn optional_id<T: From<Uuid>>(&self, column: usize) -> Run<Option<T>> {
        Ok(self.try_get::<Option<Uuid>, _>(column)?.map(Into::into))
    }

    fn count<T: TryFrom<i64>>(&self, column: usize) -> Run<T> {
        let number: i64 = self.try_get(column)?;
        number.try_into().map_err(|_| Fault::corrupt("a number", format!("{number} is out of range")))
    }

    fn time(&self, column: usize) -> Run<Timestamp> {
        Ok(Timestamp::from_micros(self.try_get(column)?))
    }

    fn optional_time(&self, column: usize) -> Run<Option<Timestamp>> {
        Ok(self.try_get::<Option<i64>, _>(column)?.map(Timestamp::from_micros))
    }

    fn named<T: FromStr>(&self, column: usize) -> Run<T> {
        text(self.try_get(column)?)
    }

    fn json<T: DeserializeOwned>(&self, column: usize) -> Run<T> {
        from_json(self.try_get(column)?)
    }

    fn list<T: DeserializeOwned>(&self, column: usize) -> Run<Vec<T>> {
        self.try_get::<Option<&str>, _>(column)?.map_or(Ok(Vec::new()), from_json)
    }

    fn lane(&self, column: usize) -> Run<Lane> {
        let position: i16 = self.try_get(column)?;
        let known = usize::try_from(position).ok().and_then(|position| Lane::ALL.get(position));
        known.copied().ok_or_else(|| Fault::corrupt("a lane", position.to_string()))
    }
}

/// The value of this name. The error repeats no text: it may be an address.
pub(super) fn text<T: FromStr>(name: &str) -> Run<T> {
    name.parse().map_err(|_| {
        let what = std::any::type_name::<T>().rsplit("::").next().unwrap_or_default();
        Fault::corrupt(what, format!("a name of {} bytes that this version does not know", name.len()))
    })
}

/// The value of a JSON text.
pub(super) fn from_json<T: DeserializeOwned>(text: &str) -> Run<T> {
    serde_json::from_str(text).map_err(|error| Fault::corrupt("a document", error))
}

/// A value as JSON.
pub(super) fn json<T: Serialize + ?Sized>(value: &T) -> Run<String> {
    serde_json::to_string(value)
        .map_err(|error| Fault::invalid(format!("cannot be written as JSON: {error}")))
}

/// A list as JSON; NULL if it is empty.
pub(super) fn list<T: Serialize>(values: &[T]) -> Run<Option<String>> {
    if values.is_empty() { Ok(None) } else { json(values).map(Some) }
}

/// How a lane is stored: by its urgency.
pub(super) const fn lane(lane: Lane) -> i16 {
    match lane {
        Lane::Critical => 0,
        Lane::Transactional => 1,
        Lane::Bulk => 2,
    }
}

/// Every lane, as they are stored.
pub(super) fn lanes() -> Vec<i16> {
    Lane::ALL.iter().copied().map(lane).collect()
}

/// An amount as the database keeps it.
pub(super) fn amount(amount: u64) -> i64 {
    i64::try_from(amount).unwrap_or(i64::MAX)
}

/// A limit as the database takes it.
pub(super) fn limit(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// What somebody else said, without the zero bytes that the database cannot hold.
pub(super) fn said(text: &str) -> String {
    if text.contains('\0') { text.replace('\0', "\u{fffd}") } else { text.to_owned() }
}

/// The first text after all that start with `prefix`, if there is one, so that an index is read no further.
pub(super) fn end_of_prefix(prefix: &str) -> Option<String> {
    let mut start = prefix.to_owned();
    while let Some(last) = start.pop() {
        if let Some(next) = (last..=char::MAX).nth(1) {
            start.push(next);
            return Some(start);
        }
    }
    None
}
