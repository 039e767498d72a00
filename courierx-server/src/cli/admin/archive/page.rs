//! What stands in a file, and how it is written.

use std::io::{self, BufRead, Read as _, Write as _};

use courierx_core::store::transfer::{Numbers, Row, TABLES, Table, Tally, UnreadableRow, Value};
use flate2::Compression;
use flate2::bufread::GzDecoder;
use flate2::write::GzEncoder;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use serde_json::value::RawValue;

/// The version of the tables and of all that is here.
pub(super) const VERSION: u32 = 1;
/// More than any page has: a page is some megabytes and one message.
const MOST: u64 = 256 * 1024 * 1024;

/// One member of a file.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Part<'p> {
    /// What the file is: the first.
    CourierxExport(Head),
    /// Rows of a table.
    Page {
        table: String,
        rows: Vec<Vec<Json>>,
        #[serde(borrow)]
        mark: &'p RawValue,
    },
    /// That there is no more: the last.
    End(End),
}

/// What a file is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Head {
    pub(super) version: u32,
    /// The columns of each table, in their order.
    tables: Vec<(String, Vec<String>)>,
}

impl Head {
    /// That of the files of this version.
    pub(super) fn ours() -> Self {
        let names = |table: &Table| table.columns.iter().map(|column| column.name.to_owned()).collect();
        let tables = TABLES.iter().map(|table| (table.name.to_owned(), names(table)));
        Self { version: VERSION, tables: tables.collect() }
    }
}

/// What there was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct End {
    pub(super) numbers: Numbers,
    pub(super) tallies: Vec<Tally>,
}

/// Reads the rows of a page.
pub(super) fn rows(table: &Table, rows: Vec<Vec<Json>>) -> Result<Vec<Row>, UnreadableRow> {
    rows.into_iter().map(|values| Value::row_from_json(table.columns, values)).collect()
}

/// A page, as it is written.
pub(super) fn page(table: &Table, rows: &[Row], mark: &RawValue) -> io::Result<Vec<u8>> {
    /// The same as [`Part::Page`], without a copy of the rows.
    #[derive(Serialize)]
    struct Page<'p> {
        table: &'p str,
        rows: &'p [Row],
        mark: &'p RawValue,
    }
    #[derive(Serialize)]
    struct Wrapped<'p> {
        page: Page<'p>,
    }
    member(&Wrapped { page: Page { table: table.name, rows, mark } })
}

/// A line of JSON, compressed. Sealed content does not get smaller than its bytes, so more effort is of no use.
pub(super) fn member(line: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    serde_json::to_writer(&mut encoder, line)?;
    encoder.write_all(b"\n")?;
    encoder.finish()
}

/// The next member; none at the end, and where one is not whole.
pub(super) fn next(reader: &mut impl BufRead) -> io::Result<Option<Vec<u8>>> {
    if reader.fill_buf()?.is_empty() {
        return Ok(None);
    }
    let mut line = Vec::new();
    let mut decoder = GzDecoder::new(reader).take(MOST);
    match decoder.read_to_end(&mut line) {
        Ok(_) if decoder.limit() > 0 => Ok(Some(line)),
        Ok(_) => Ok(None),
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData
            ) =>
        {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}
