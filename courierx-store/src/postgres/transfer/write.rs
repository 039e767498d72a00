//! Writing rows of another store.

use courierx_core::store::transfer::{Row, Table, Type, Value};
use sqlx::{AssertSqlSafe, PgConnection};
use uuid::Uuid;

use super::super::days;
use super::super::error::{Fault, Run};

/// What writes rows of a table: each column of theirs is a list and a parameter. A row becomes one of the table with
/// the same names, and what is said in another way is listed here.
fn statement(table: &Table) -> String {
    let names: Vec<&str> = table.columns.iter().map(|column| column.name).collect();
    let lists = table.columns.iter().zip(1..).map(|(column, place)| {
        let of = match column.of {
            Type::Id => "uuid",
            Type::Int => "int8",
            Type::Bool => "bool",
            Type::Text => "text",
            Type::Bytes => "bytea",
        };
        format!("${place}::{of}[]")
    });
    let (names, lists) = (names.join(", "), lists.collect::<Vec<_>>().join(", "));
    let rows = format!("unnest({lists}) AS new ({names})");
    match table.name {
        "messages" => {
            let own = names.replace(", summary", "").replace(", content", "");
            format!(
                "WITH new AS MATERIALIZED (SELECT * FROM {rows}), contents AS (
                     INSERT INTO contents (tenant, created_at, message, summary, sealed)
                     SELECT tenant, created_at, id, summary, content FROM new WHERE content IS NOT NULL
                 )
                 INSERT INTO messages ({own}, has_content) SELECT {own}, content IS NOT NULL FROM new"
            )
        }
        // Those who have some stand in the line once all of them are there.
        "jobs" => format!("INSERT INTO jobs ({names}, free_at) SELECT {names}, run_at FROM {rows}"),
        name => format!("INSERT INTO {name} ({names}) SELECT {names} FROM {rows}"),
    }
}

/// Writes rows.
pub(super) async fn rows(connection: &mut PgConnection, table: &Table, rows: &[Row]) -> Run<()> {
    if table.name == "messages" {
        let place = |name| table.columns.iter().position(|column| column.name == name);
        if let (Some(created_at), Some(content)) = (place("created_at"), place("content")) {
            let whole = rows.iter().filter(|row| row[content] != Value::Null);
            let moments = whole.map(|row| int(&row[created_at])).collect::<Run<Vec<_>>>()?;
            days::make_for(connection, moments.into_iter().flatten()).await?;
        }
    }
    let mut query = sqlx::query(AssertSqlSafe(statement(table)));
    for (place, column) in table.columns.iter().enumerate() {
        let values = rows.iter().map(|row| &row[place]);
        query = match column.of {
            Type::Id => query.bind(values.map(id).collect::<Run<Vec<_>>>()?),
            Type::Int => query.bind(values.map(int).collect::<Run<Vec<_>>>()?),
            Type::Bool => query.bind(values.map(boolean).collect::<Run<Vec<_>>>()?),
            Type::Text => query.bind(values.map(text).collect::<Run<Vec<_>>>()?),
            Type::Bytes => query.bind(values.map(bytes).collect::<Run<Vec<_>>>()?),
        };
    }
    query.execute(connection).await?;
    Ok(())
}

macro_rules! readers {
    ($($name:ident $variant:ident($value:ident) -> $type:ty { $read:expr })*) => {$(
        fn $name(value: &Value) -> Run<Option<$type>> {
            match value {
                Value::Null => Ok(None),
                Value::$variant($value) => Ok(Some($read)),
                _ => Err(Fault::invalid("a value of another type than its column")),
            }
        }
    )*};
}

readers! {
    id Id(value) -> Uuid { Uuid::from_bytes(*value) }
    int Int(value) -> i64 { *value }
    boolean Bool(value) -> bool { *value }
    text Text(value) -> &str { value.as_str() }
    bytes Bytes(value) -> &[u8] { value.as_slice() }
}
