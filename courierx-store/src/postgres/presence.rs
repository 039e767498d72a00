//! Who has the database open.
//!
//! The connection of every store that listens also holds a lock of its session, together with all others; whoever
//! wants the database for itself takes the same lock alone. It is held before a store is open, so that nobody works
//! with a database that is about to be moved. So a server that runs anywhere is noticed, and one that
//! was killed is not in the way. A pooler that pools transactions keeps no locks of sessions, as it does not listen.

use sqlx::{Connection, PgConnection, PgExecutor, PgPool, Row as _};

use super::error::OpenError;

macro_rules! lock {
    ($function:literal) => {
        concat!("SELECT ", $function, "(hashtextextended('courierx/open/' || current_schema(), 0))")
    };
}

/// Takes the lock with others, on the connection that listens; false while somebody has the database for itself.
pub(super) async fn announce(connection: impl PgExecutor<'_>) -> sqlx::Result<bool> {
    sqlx::raw_sql(lock!("pg_try_advisory_lock_shared")).fetch_one(connection).await?.try_get(0)
}

/// What `lock_not_available` is called by the database.
const NOT_AVAILABLE: &str = "55P03";

/// Refuses if somebody has the database for itself.
pub(super) async fn check(pool: &PgPool, schema: &str) -> Result<(), OpenError> {
    let sql = lock!("pg_try_advisory_xact_lock_shared");
    let free: bool = sqlx::query_scalar(sql).fetch_one(pool).await?;
    if free { Ok(()) } else { Err(OpenError::InUse { name: schema.to_owned() }) }
}

/// The connection by which the database is ours alone, for as long as it lives.
pub(super) async fn alone(pool: &PgPool, schema: &str) -> Result<PgConnection, OpenError> {
    let mut connection = pool.acquire().await?.detach();
    // Who has just ended may need a moment to be gone. Afterwards the connection is idle for as long as it takes.
    sqlx::raw_sql("SET lock_timeout = '6s'").execute(&mut connection).await?;
    match sqlx::raw_sql(lock!("pg_advisory_lock")).execute(&mut connection).await {
        Ok(_) => Ok(connection),
        Err(error) => {
            let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
            let in_use = code.is_some_and(|code| code == NOT_AVAILABLE);
            // The pool's connections are closed with it, this one by us.
            let _ = connection.close().await;
            Err(if in_use { OpenError::InUse { name: schema.to_owned() } } else { error.into() })
        }
    }
}
