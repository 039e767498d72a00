//! Between columns and values.

use std::str::FromStr;

use courierx_core::clock::Timestamp;
use courierx_core::message::Lane;
use rusqlite::types::FromSql;
use rusqlite::{Row, RowIndex};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::error::{Fault, Run};

/// Reads a column of a row.
pub(super) trait Columns {
    /// A column whose type SQLite knows.
    fn column<T: FromSql>(&self, column: impl RowIndex) -> Run<T>;
    /// A moment.
    fn time(&self, column: impl RowIndex) -> Run<Timestamp>;
    /// A moment, or none.
    fn optional_time(&self, column: impl RowIndex) -> Run<Option<Timestamp>>;
    /// A value that is stored by its name.
    fn named<T: FromStr>(&self, column: impl RowIndex) -> Run<T>;
    /// A value that is stored as JSON.
    fn json<T: DeserializeOwned>(&self, column: impl RowIndex) -> Run<T>;
    /// A list that is stored as JSON, or as NULL if it is empty.
    fn list<T: DeserializeOwned>(&self, column: impl RowIndex) -> Run<Vec<T>>;
    /// A lane.
    fn lane(&self, column: impl RowIndex) -> Run<Lane>;
}

impl Columns for Row<'_> {
    fn column<T: FromSql>(&self, column: impl RowIndex) -> Run<T> {
        Ok(self.get(column)?)
    }

    fn time(&self, column: impl RowIndex) -> Run<Timestamp> {
        Ok(Timestamp::from_micros(self.get(column)?))
    }

    fn optional_time(&self, column: impl RowIndex) -> Run<Option<Timestamp>> {
        Ok(self.get::<_, Option<i64>>(column)?.map(Timestamp::from_micros))
    }

    fn named<T: FromStr>(&self, column: impl RowIndex) -> Run<T> {
        text(self.get_ref(column)?.as_str().map_err(|error| Fault::corrupt("a name", error))?)
    }

    fn json<T: DeserializeOwned>(&self, column: impl RowIndex) -> Run<T> {
        let text = self.get_ref(column)?.as_bytes().map_err(|error| Fault::corrupt("a document", error))?;
        serde_json::from_slice(text).map_err(|error| Fault::corrupt("a document", error))
    }

    fn list<T: DeserializeOwned>(&self, column: impl RowIndex) -> Run<Vec<T>> {
        match self.get_ref(column)?.as_bytes_or_null().map_err(|error| Fault::corrupt("a list", error))? {
            Some(text) => serde_json::from_slice(text).map_err(|error| Fault::corrupt("a list", error)),
            None => Ok(Vec::new()),
        }
    }

    fn lane(&self, column: impl RowIndex) -> Run<Lane> {
        let position: usize = self.get(column)?;
        Lane::ALL.get(position).copied().ok_or_else(|| Fault::corrupt("a lane", position.to_string()))
    }
}

/// The value of this name. The error repeats no text: it may be an address.
pub(super) fn text<T: FromStr>(name: &str) -> Run<T> {
    name.parse().map_err(|_| {
        let what = std::any::type_name::<T>().rsplit("::").next().unwrap_or_default();
        Fault::corrupt(what, format!("a name of {} bytes that this version does not know", name.len()))
    })
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
pub(super) const fn lane(lane: Lane) -> i64 {
    match lane {
        Lane::Critical => 0,
        Lane::Transactional => 1,
        Lane::Bulk => 2,
    }
}

/// An amount as SQLite keeps it.
pub(super) fn amount(amount: u64) -> i64 {
    i64::try_from(amount).unwrap_or(i64::MAX)
}

/// A limit as SQLite takes it.
pub(super) fn limit(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
