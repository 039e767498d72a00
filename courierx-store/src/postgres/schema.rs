//! The schema: numbered migrations, each applied once, in a transaction of its own, by one process at a time.
//!
//! There is no way back. Processes of two versions run side by side while an application is updated, so a
//! migration that the version before it cannot live with comes later than the one that prepares for it: first
//! what is added, then, when no older process runs any more, what is removed. `oldest` says since which version
//! of the schema a program has to know it in order to work with it.

use std::time::Duration;

use sqlx::{AssertSqlSafe, PgConnection, PgPool};
use tokio::time::Instant;

use super::error::OpenError;
use crate::SchemaVersion;

/// How soon a migration that found something locked is tried again, at first.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// The same later on.
const LAST_PAUSE: Duration = Duration::from_secs(5);

struct Migration {
    sql: &'static str,
    /// The oldest version of the schema whose programs can work with the result.
    oldest: i32,
}

/// In order; the version of the schema is how many have been applied.
const MIGRATIONS: &[Migration] = &[
    Migration { sql: include_str!("migrations/0001_initial.sql"), oldest: 1 },
    Migration { sql: include_str!("migrations/0002_days.sql"), oldest: 2 },
    Migration { sql: include_str!("migrations/0003_line.sql"), oldest: 2 },
    Migration { sql: include_str!("migrations/0004_conclude.sql"), oldest: 2 },
    Migration { sql: include_str!("migrations/0005_last_changes.sql"), oldest: 2 },
    Migration { sql: include_str!("migrations/0006_webhook_log.sql"), oldest: 2 },
    Migration { sql: include_str!("migrations/0007_audit_log.sql"), oldest: 2 },
    Migration { sql: include_str!("migrations/0008_callbacks.sql"), oldest: 2 },
    Migration { sql: include_str!("migrations/0009_soft_bounces.sql"), oldest: 2 },
    Migration { sql: include_str!("migrations/0010_events_of_connections.sql"), oldest: 2 },
    Migration { sql: include_str!("migrations/0011_accept_new.sql"), oldest: 2 },
    Migration { sql: include_str!("migrations/0012_old_quotas.sql"), oldest: 2 },
    Migration { sql: include_str!("migrations/0013_keys_by_record.sql"), oldest: 2 },
];

/// A name that needs no quotes, of at most the 63 bytes that the database keeps of one.
pub(super) fn check_name(name: &str) -> Result<(), OpenError> {
    let mut bytes = name.bytes();
    let first = bytes.next().is_some_and(|byte| byte.is_ascii_lowercase() || byte == b'_');
    let rest = bytes.all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    if first && rest && name.len() <= 63 && !name.starts_with("pg_") {
        return Ok(());
    }
    Err(OpenError::InvalidSchema { name: name.to_owned() })
}

/// The newest version that is known here.
fn known() -> i32 {
    i32::try_from(MIGRATIONS.len()).unwrap_or(i32::MAX)
}

/// Finds out the version without changing anything or waiting for anybody.
pub(super) async fn look(connection: &mut PgConnection, name: &str) -> sqlx::Result<SchemaVersion> {
    // By the catalogue: a name that may not be used is no error there.
    let table = "SELECT EXISTS (SELECT FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
                 WHERE nspname = $1 AND relname = 'schema_version')";
    let (found, oldest) = if sqlx::query_scalar(table).bind(name).fetch_one(&mut *connection).await? {
        sqlx::query_as("SELECT version, oldest FROM schema_version").fetch_one(connection).await?
    } else {
        (0, 0)
    };
    Ok(described(found, oldest))
}

/// Of a schema that may not be read.
pub(super) fn unknown() -> SchemaVersion {
    described(0, 0)
}

fn described(found: i32, oldest: i32) -> SchemaVersion {
    let [found, oldest, known] = [found, oldest, known()].map(|version| u32::try_from(version).unwrap_or(0));
    SchemaVersion { found, known, oldest }
}

/// Refuses a schema that is not one this version can work with as it is.
pub(super) fn check(version: SchemaVersion, name: &str) -> Result<(), OpenError> {
    let [found, known] =
        [version.found, version.known].map(|version| i32::try_from(version).unwrap_or(i32::MAX));
    if version.is_too_new() {
        return Err(OpenError::NewerSchema { name: name.to_owned(), found, known });
    }
    if version.is_due() {
        return Err(OpenError::OlderSchema { name: name.to_owned(), found, known });
    }
    Ok(())
}

/// Applies what is missing, and tells what there was before, and is now. While others lock what a migration needs,
/// it is tried again, for as long as is given.
pub(super) async fn migrate(
    pool: &PgPool,
    name: &str,
    patience: Duration,
) -> Result<(SchemaVersion, SchemaVersion), OpenError> {
    let mut before = None;
    let mut give_up = None;
    let mut pause = FIRST_PAUSE;
    loop {
        match step(pool, name).await {
            Ok(Step::None { present }) => return Ok((before.unwrap_or(present), present)),
            Ok(Step::Applied { to_version }) => {
                before.get_or_insert(to_version);
                (give_up, pause) = (None, FIRST_PAUSE);
            }
            Err(OpenError::Migrate { name, version, source }) if is_locked(&source) => {
                let give_up = *give_up.get_or_insert_with(|| Instant::now() + patience);
                if Instant::now() + pause > give_up {
                    return Err(OpenError::Blocked { name, version, source });
                }
                tracing::warn!(
                    schema = name,
                    version,
                    error = &*source as &dyn std::error::Error,
                    "others lock what a migration needs; trying again"
                );
                rest(pause).await;
                pause = pause.saturating_mul(2).min(LAST_PAUSE);
            }
            Err(error) => return Err(error),
        }
    }
}

/// What was done towards the newest version.
enum Step {
    /// Nothing was left to be done.
    None { present: SchemaVersion },
    /// One migration was applied to this version.
    Applied { to_version: SchemaVersion },
}

/// Applies the next migration, if there is one.
async fn step(pool: &PgPool, name: &str) -> Result<Step, OpenError> {
    let known = known();
    let mut transaction = pool.begin().await?;
    let (found, oldest) = version(&mut transaction, name).await?;
    let present = described(found, oldest);
    if oldest > known {
        return Err(OpenError::NewerSchema { name: name.to_owned(), found, known });
    }
    let next = (1..).zip(MIGRATIONS).nth(usize::try_from(found).unwrap_or(usize::MAX));
    let Some((version, next)) = next else {
        transaction.commit().await?;
        return Ok(Step::None { present });
    };
    apply(&mut transaction, version, next).await.map_err(|source| OpenError::Migrate {
        name: name.to_owned(),
        version,
        source: Box::new(source),
    })?;
    transaction.commit().await?;
    Ok(Step::Applied { to_version: present })
}

/// Whether a statement got no lock in time, or was chosen to end a deadlock.
fn is_locked(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    code.is_some_and(|code| ["55P03", "40P01"].contains(&&*code))
}

#[expect(clippy::disallowed_methods, reason = "others hold their locks in the machine's time")]
async fn rest(pause: Duration) {
    tokio::time::sleep(pause).await;
}

/// The version of the schema, which is made if there is none, and the oldest that its programs have to know.
/// Until the transaction is over nobody else gets this far.
async fn version(connection: &mut PgConnection, name: &str) -> sqlx::Result<(i32, i32)> {
    sqlx::raw_sql("SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0")
        .execute(&mut *connection)
        .await?;
    sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended('courierx/migrate/' || $1, 0))")
        .bind(name)
        .execute(&mut *connection)
        .await?;
    let exists: bool = sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = $1)")
        .bind(name)
        .fetch_one(&mut *connection)
        .await?;
    if !exists {
        // Only then: whoever was given a schema need not be allowed to make one.
        let create = format!("CREATE SCHEMA {name}");
        sqlx::raw_sql(AssertSqlSafe(create)).execute(&mut *connection).await?;
    }
    // The search path is this schema alone.
    let table: bool = sqlx::query_scalar("SELECT to_regclass('schema_version') IS NOT NULL")
        .fetch_one(&mut *connection)
        .await?;
    if !table {
        let create = "CREATE TABLE schema_version (version integer NOT NULL, oldest integer NOT NULL);
                      INSERT INTO schema_version VALUES (0, 0)";
        sqlx::raw_sql(create).execute(&mut *connection).await?;
    }
    sqlx::query_as("SELECT version, oldest FROM schema_version").fetch_one(connection).await
}

async fn apply(connection: &mut PgConnection, version: i32, migration: &Migration) -> sqlx::Result<()> {
    // Whoever uses a table goes first. All who come after us wait behind us, so that we wait but shortly.
    sqlx::raw_sql("SET LOCAL lock_timeout = '1s'").execute(&mut *connection).await?;
    sqlx::raw_sql(migration.sql).execute(&mut *connection).await?;
    sqlx::query("UPDATE schema_version SET version = $1, oldest = $2")
        .bind(version)
        .bind(migration.oldest)
        .execute(connection)
        .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_schemas_need_no_quotes() {
        for name in ["courierx", "_mail2", &"a".repeat(63)] {
            assert!(check_name(name).is_ok(), "{name}");
        }
        for name in ["", "2mail", "Mail", "my-mail", "a b", "a\"b", "é", "pg_mail", &"a".repeat(64)] {
            assert!(check_name(name).is_err(), "{name}");
        }
    }
}
