//! Recipients. Few of them stand in the row of their message, one to a line: accepting it writes no further
//! rows. Many have rows of their own, so that what happens to one of them does not write all of them anew.

use courierx_core::event::{AttemptStatus, Disposition, RecipientStatus};
use courierx_core::message::RecipientField;
use courierx_core::store::transfer::Value;
use courierx_core::store::{NewRecipient, RecipientRecord};
use rusqlite::{Connection, Row, params};

use super::super::codec::{self, Columns};
use super::super::error::{Fault, Run};
use super::super::transaction::Tx;

/// How many stand in the row of their message; the schema knows it, too.
const FEW: usize = 16;

/// The lines of a new message's recipients; none if they have rows.
pub(super) fn lines_of_new(recipients: &[NewRecipient]) -> Option<String> {
    fit(recipients.iter().map(|one| one.index)).then(|| {
        let mut lines = String::new();
        for one in recipients {
            let status = RecipientStatus::derive(one.disposition, []);
            line(
                &mut lines,
                one.field.as_str(),
                one.disposition.as_str(),
                status.as_str(),
                one.address.as_str(),
            );
        }
        lines
    })
}

/// The same of what is changed.
pub(in super::super) fn lines(recipients: &[RecipientRecord]) -> Option<String> {
    fit(recipients.iter().map(|one| one.index)).then(|| {
        let mut lines = String::new();
        for one in recipients {
            let (disposition, status) = (one.disposition.as_str(), one.status.as_str());
            line(&mut lines, one.field.as_str(), disposition, status, one.address.as_str());
        }
        lines
    })
}

/// Whether recipients at these positions stand in the row of their message.
fn fit(mut positions: impl ExactSizeIterator<Item = u32>) -> bool {
    positions.len() <= FEW && (0..).zip(&mut positions).all(|(line, position)| line == position)
}

/// Adds a line. No name has a space in it, and no address the end of a line.
fn line(lines: &mut String, field: &str, disposition: &str, status: &str, address: &str) {
    if !lines.is_empty() {
        lines.push('\n');
    }
    lines.reserve(field.len() + disposition.len() + status.len() + address.len() + 3);
    for part in [field, " ", disposition, " ", status, " ", address] {
        lines.push_str(part);
    }
}

/// Writes rows for a new message's recipients.
pub(super) fn insert(tx: &Tx<'_>, seq: i64, recipients: &[NewRecipient]) -> Run<()> {
    let rows = recipients.iter().map(|one| {
        let status = RecipientStatus::derive(one.disposition, []);
        (one.index, one.field, one.address.as_str(), one.disposition, status)
    });
    write_rows(tx, seq, rows)
}

/// The same of a message that is moved here.
pub(in super::super) fn insert_rows(tx: &Tx<'_>, seq: i64, recipients: &[RecipientRecord]) -> Run<()> {
    let rows = recipients
        .iter()
        .map(|one| (one.index, one.field, one.address.as_str(), one.disposition, one.status));
    write_rows(tx, seq, rows)
}

fn write_rows<'a>(
    tx: &Tx<'_>,
    seq: i64,
    rows: impl Iterator<Item = (u32, RecipientField, &'a str, Disposition, RecipientStatus)>,
) -> Run<()> {
    let mut insert = tx.sql(
        "INSERT INTO courierx_recipients (message, position, field, address, disposition, status)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    for (index, field, address, disposition, status) in rows {
        let (field, disposition, status) = (field.as_str(), disposition.as_str(), status.as_str());
        insert.execute(params![seq, index, field, address, disposition, status])?;
    }
    Ok(())
}

/// Reads the recipients of the message `seq`, from this column of its row if they stand there.
pub(super) fn read(
    connection: &Connection,
    row: &Row<'_>,
    column: usize,
    seq: i64,
) -> Run<Vec<RecipientRecord>> {
    match row.get_ref(column)?.as_str_or_null().map_err(|error| Fault::corrupt("recipients", error))? {
        Some(lines) => lines.lines().zip(0..).map(|(line, index)| parse(line, index)).collect(),
        None => read_rows(connection, seq),
    }
}

/// Header, disposition, status and address of a line.
fn words(line: &str) -> Run<[&str; 4]> {
    let mut words = line.splitn(4, ' ');
    let mut next = || words.next().ok_or_else(|| Fault::corrupt("a recipient", "its line is too short"));
    Ok([next()?, next()?, next()?, next()?])
}

/// The address of a line.
pub(super) fn address_of(line: &str) -> Run<&str> {
    words(line).map(|[.., address]| address)
}

/// A line of somebody with whom attempts have come so far; and how far that is.
pub(super) fn followed(
    before: &str,
    reached: impl IntoIterator<Item = AttemptStatus>,
) -> Run<(String, RecipientStatus)> {
    let [field, disposition, _, address] = words(before)?;
    let status = RecipientStatus::derive(codec::text(disposition)?, reached);
    let mut after = String::new();
    line(&mut after, field, disposition, status.as_str(), address);
    Ok((after, status))
}

fn parse(line: &str, index: u32) -> Run<RecipientRecord> {
    let [field, disposition, status, address] = words(line)?;
    Ok(RecipientRecord {
        index,
        field: codec::text(field)?,
        disposition: codec::text(disposition)?,
        status: codec::text(status)?,
        address: codec::text(address)?,
    })
}

fn read_rows(connection: &Connection, seq: i64) -> Run<Vec<RecipientRecord>> {
    let mut select = connection.prepare_cached(
        "SELECT position, field, address, disposition, status FROM courierx_recipients
         WHERE message = ?1 ORDER BY position",
    )?;
    let rows = select.query_and_then([seq], |row| {
        Ok(RecipientRecord {
            index: row.column(0)?,
            field: row.named(1)?,
            address: row.named(2)?,
            disposition: row.named(3)?,
            status: row.named(4)?,
        })
    })?;
    rows.collect()
}

/// Writes what changed in rows since `read`.
pub(super) fn save_rows(tx: &Tx<'_>, seq: i64, now: &[RecipientRecord], read: &[RecipientRecord]) -> Run<()> {
    for (one, _) in now.iter().zip(read).filter(|(now, read)| now != read) {
        tx.sql(
            "UPDATE courierx_recipients SET disposition = ?3, status = ?4
             WHERE message = ?1 AND position = ?2",
        )?
        .execute(params![seq, one.index, one.disposition.as_str(), one.status.as_str()])?;
    }
    Ok(())
}

/// As other stores have them: position, header, disposition, status, address.
type Moved = (u32, String, String, String, String);

/// Makes the JSON that is moved of what stands in a message's row, or of the JSON of their rows.
pub(in super::super) fn export(value: &mut Value) -> Run<()> {
    let Value::Text(text) = value else { return Err(Fault::corrupt("recipients", "there are none")) };
    let recipients: Vec<RecipientRecord> = if text.starts_with('[') {
        from_json(text)?
    } else {
        text.lines().zip(0..).map(|(line, index)| parse(line, index)).collect::<Run<_>>()?
    };
    let moved: Vec<_> = recipients
        .iter()
        .map(|one| {
            let (disposition, status) = (one.disposition.as_str(), one.status.as_str());
            (one.index, one.field.as_str(), disposition, status, one.address.as_str())
        })
        .collect();
    *text = codec::json(&moved)?;
    Ok(())
}

/// Reads recipients that are moved.
pub(in super::super) fn from_json(json: &str) -> Run<Vec<RecipientRecord>> {
    let moved: Vec<Moved> =
        serde_json::from_str(json).map_err(|error| Fault::corrupt("recipients", error))?;
    let read = |(index, field, disposition, status, address): Moved| {
        Ok(RecipientRecord {
            index,
            field: codec::text(&field)?,
            address: codec::text(&address)?,
            disposition: codec::text(&disposition)?,
            status: codec::text(&status)?,
        })
    };
    moved.into_iter().map(read).collect()
}
