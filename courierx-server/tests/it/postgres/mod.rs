//! The server on PostgreSQL: what SQLite does too, once more, and what only this has.

mod again;
#[path = "../../../../courierx-store/tests/it/postgres/cluster.rs"]
pub(crate) mod cluster;
mod doctor;
mod explain;
mod migrate;
mod servers;
mod start;
mod trouble;

use courierx_core::id::RecordId;

/// A schema of a test's own.
pub(crate) fn schema() -> String {
    format!("test_{}", RecordId::new().to_string().replace('-', "_"))
}

const KEY: &str = "0f1e2d3c4b5a69788796a5b4c3d2e1f00112233445566778899aabbccddeeff0";
const JWT_SECRET: &str = "a-Secret-of-the-Tests_with-enough-bytes";

/// What a server on this schema is started with.
fn variables<'a>(url: &'a str, schema: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("DATABASE_URL", url),
        ("DATABASE_SCHEMA", schema),
        ("JWT_SECRET", JWT_SECRET),
        ("ENCRYPTION_KEY", KEY),
    ]
}

/// Lets a whole server be read only, or be written again.
async fn only_read(url: &str, only: bool) {
    // The session that changes it may write in any case; the others learn of it in a moment.
    let url = format!("{url}&options=-cdefault_transaction_read_only%3Doff");
    let value = if only { "on" } else { "off" };
    execute(&url, format!("ALTER SYSTEM SET default_transaction_read_only = {value}")).await;
    execute(&url, "SELECT pg_reload_conf()".to_owned()).await;
}

/// Runs SQL, of which nothing is awaited but its end.
async fn execute(url: &str, sql: String) {
    use sqlx::Connection as _;
    let mut connection = sqlx::PgConnection::connect(url).await.unwrap();
    sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
}
