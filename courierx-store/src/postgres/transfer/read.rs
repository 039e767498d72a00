//! Reading tables page by page, as rows that belong to no store.
//!
//! The tables are those of this database, with the same names and columns; what is said in another way is listed
//! in [`source`].

use courierx_core::id::TenantId;
use courierx_core::store::transfer::{IMPORT_STATE, PAGE_BYTES, PAGE_ROWS, Row, Table, Type, Value};
use courierx_core::store::{Cursor, Page};
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, PgConnection, Postgres};
use uuid::Uuid;

use super::super::codec::Columns;
use super::super::error::{Fault, Run};

/// From where a table is read, given what its page is. A page is cut where its rows become too much, whatever they are
/// of; their sizes are known without reading what is large in them.
fn source(table: &Table, keys: &str, page: &str) -> String {
    let rows = if table.name == "messages" {
        format!(
            "SELECT m.*, c.summary, c.sealed AS content FROM (SELECT * FROM messages {page}) AS m
             LEFT JOIN contents c ON c.tenant = m.tenant AND c.created_at = m.created_at AND c.message = m.id"
        )
    } else {
        format!("SELECT * FROM {} {page}", table.name)
    };
    let large = table.columns.iter().filter(|column| matches!(column.of, Type::Text | Type::Bytes));
    let sizes: Vec<_> = large.map(|column| format!("coalesce(octet_length({}), 0)", column.name)).collect();
    if sizes.is_empty() {
        return format!("({rows}) AS t");
    }
    format!(
        "(SELECT r.*, coalesce(sum({}) OVER (ORDER BY {keys}
                     ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS before
          FROM ({rows}) AS r) AS t
         WHERE before < {PAGE_BYTES}",
        sizes.join(" + ")
    )
}

/// The rows after a cursor, in the order of the primary key.
pub(super) async fn page(
    connection: &mut PgConnection,
    table: &Table,
    after: Option<&Cursor>,
) -> Run<Page<Row>> {
    let types: Vec<Type> = table.keys().iter().map(|column| column.of).collect();
    let after = after.map(|cursor| Value::from_cursor(&types, cursor)).transpose();
    let after = after.map_err(|error| Fault::invalid(error.to_string()))?.unwrap_or_default();
    let keys = table.keys().iter().map(|column| column.name).collect::<Vec<_>>().join(", ");
    let places = (1..=after.len()).map(|place| format!("${place}")).collect::<Vec<_>>().join(", ");
    let mut within = match (after.is_empty(), table.name) {
        (false, _) => format!("WHERE ({keys}) > ({places})"),
        (true, _) => "WHERE true".to_owned(),
    };
    if table.name == "state" {
        // Without the mark of an import.
        within = format!("{within} AND NOT (tenant = '{}' AND name = '{IMPORT_STATE}')", TenantId::DEFAULT);
    }
    let page = format!("{within} ORDER BY {keys} LIMIT {PAGE_ROWS}");
    let columns: Vec<String> = table.columns.iter().map(|column| cast(column.name, column.of)).collect();
    let sql = format!("SELECT {} FROM {} ORDER BY {keys}", columns.join(", "), source(table, &keys, &page));
    let mut query = sqlx::query(AssertSqlSafe(sql));
    for value in after {
        query = bind(query, value);
    }
    let rows = query.fetch_all(connection).await?;
    let items = rows.iter().map(|row| read_row(row, table)).collect::<Run<Vec<Row>>>()?;
    let next = items.last().map(|row| Value::to_cursor(&row[..table.key]));
    Ok(Page { items, next })
}

/// A column as a value of its type: numbers have several widths.
fn cast(name: &str, of: Type) -> String {
    if of == Type::Int { format!("t.{name}::int8") } else { format!("t.{name}") }
}

fn bind(query: Query<'_, Postgres, PgArguments>, value: Value) -> Query<'_, Postgres, PgArguments> {
    match value {
        // Keys are never absent.
        Value::Null => query.bind(None::<String>),
        Value::Id(id) => query.bind(Uuid::from_bytes(id)),
        Value::Int(number) => query.bind(number),
        Value::Bool(value) => query.bind(value),
        Value::Text(text) => query.bind(text),
        Value::Bytes(bytes) => query.bind(bytes),
    }
}

fn read_row(row: &PgRow, table: &Table) -> Run<Row> {
    let column = |(place, column): (usize, &courierx_core::store::transfer::Column)| -> Run<Value> {
        Ok(match column.of {
            Type::Id => {
                let id: Option<Uuid> = row.column(place)?;
                id.map_or(Value::Null, |id| Value::Id(id.into_bytes()))
            }
            Type::Int => row.column::<Option<i64>>(place)?.map_or(Value::Null, Value::Int),
            Type::Bool => row.column::<Option<bool>>(place)?.map_or(Value::Null, Value::Bool),
            Type::Text => row.column::<Option<String>>(place)?.map_or(Value::Null, Value::Text),
            Type::Bytes => row.column::<Option<Vec<u8>>>(place)?.map_or(Value::Null, Value::Bytes),
        })
    };
    table.columns.iter().enumerate().map(column).collect()
}
