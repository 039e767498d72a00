//! Numbers that are given once.
//!
//! `AUTOINCREMENT` would write the last one down for every row. A transaction reads them when it first needs
//! one, and writes them once, at its end: like everything in it they are there for whoever writes next, or
//! were never given.

use std::cell::Cell;

use rusqlite::{Connection, params};

use super::error::Run;

/// The last numbers given out, in a transaction.
#[derive(Clone, Copy)]
struct Last {
    position: i64,
    job: i64,
}

/// The last position that was given out and committed.
pub(super) fn last_position(connection: &Connection) -> Run<i64> {
    Ok(connection.prepare_cached("SELECT position FROM courierx_numbers")?.query_row([], |row| row.get(0))?)
}

/// What a transaction knows of the numbers.
#[derive(Default)]
pub(super) struct Numbers {
    last: Cell<Option<Last>>,
}

impl Numbers {
    /// The position of the next message or event, in the order of commits.
    pub(super) fn next_position(&self, connection: &Connection) -> Run<i64> {
        let mut last = self.last(connection)?;
        last.position += 1;
        self.last.set(Some(last));
        Ok(last.position)
    }

    /// The last position that was given out is given out again.
    pub(super) fn give_position_back(&self) {
        if let Some(mut last) = self.last.get() {
            last.position -= 1;
            self.last.set(Some(last));
        }
    }

    /// The number of the next job.
    pub(super) fn next_job(&self, connection: &Connection) -> Run<i64> {
        let mut last = self.last(connection)?;
        last.job += 1;
        self.last.set(Some(last));
        Ok(last.job)
    }

    fn last(&self, connection: &Connection) -> Run<Last> {
        if let Some(last) = self.last.get() {
            return Ok(last);
        }
        let read = |row: &rusqlite::Row<'_>| Ok(Last { position: row.get(0)?, job: row.get(1)? });
        // Written rather than read: in a transaction of the application's that has only read so far, whoever else
        // writes has to wait from here on, and not make what was read a thing of the past.
        connection.prepare_cached("UPDATE courierx_numbers SET position = position")?.execute([])?;
        // In a statement of its own: for `RETURNING` SQLite makes a temporary table, which costs as much as a message.
        Ok(connection.prepare_cached("SELECT position, job FROM courierx_numbers")?.query_row([], read)?)
    }

    /// Writes down what was given out. Whoever needs another one afterwards reads anew.
    pub(super) fn flush(&self, connection: &Connection) -> Run<()> {
        if let Some(last) = self.last.take() {
            connection
                .prepare_cached("UPDATE courierx_numbers SET position = ?1, job = ?2")?
                .execute(params![last.position, last.job])?;
        }
        Ok(())
    }
}
