//! What can be known of a database before it is used.

use std::time::{Duration, Instant, SystemTime};

use courierx_core::clock::Timestamp;
use sqlx::PgConnection;

use super::clock::now_or;
use super::error::OpenError;
use super::schema;
use super::session::Session;
use crate::SchemaVersion;

/// The oldest version of PostgreSQL that is enough.
const NEEDED: u32 = 14;

/// What a look at a database found; made by [`PostgresOptions::examine`](super::PostgresOptions::examine).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Examined {
    /// The version of the server, such as `16.4`.
    pub server: String,
    /// The version of our schema.
    pub schema: SchemaVersion,
    /// Whether nothing can be written: a standby, or a database that is switched to reading.
    pub read_only: bool,
    /// How far the database's clock is from this machine's, and whether it is ahead.
    pub clock_differs: Duration,
    /// Whether the database's clock is the one that is ahead.
    pub clock_is_ahead: bool,
    /// How many connections the server takes of those without special rights.
    pub connections_allowed: u32,
    /// How many of them are in use.
    pub connections_used: u32,
    /// What the user must be allowed, and is not: each as `GRANT` names it, such as `CREATE ON DATABASE app`. A name alone
    /// is a role that it has to be a member of: the owner of tables that a migration is to change.
    pub missing_privileges: Vec<String>,
}

/// What the server says of itself: its version as a number and as text, whether it can be written, and connections.
type Server = (i32, String, bool, i32, i64);

const SERVER: &str = "SELECT current_setting('server_version_num')::int4,
    split_part(current_setting('server_version'), ' ', 1),
    pg_is_in_recovery() OR current_setting('default_transaction_read_only')::bool,
    current_setting('max_connections')::int4 - current_setting('superuser_reserved_connections')::int4
        - coalesce(current_setting('reserved_connections', true)::int4, 0),
    (SELECT coalesce(sum(numbackends), 0)::int8 FROM pg_stat_database)";

/// What the user has no right to, one after the other. Without a schema that is to make one; in a schema it is to use
/// it, to make what is missing and change what is there if migrations are due, and to read and write every table.
const MISSING: &str = "
    SELECT format('CREATE ON DATABASE %I', current_database())
    WHERE NOT EXISTS (SELECT FROM pg_namespace WHERE nspname = $1)
        AND NOT has_database_privilege(current_database(), 'CREATE')
    UNION ALL
    SELECT format('%s ON SCHEMA %I', privilege, nspname)
    FROM pg_namespace, unnest(CASE WHEN $2 THEN '{USAGE,CREATE}'::text[] ELSE '{USAGE}' END) AS privilege
    WHERE nspname = $1 AND NOT has_schema_privilege(pg_namespace.oid, privilege)
    UNION ALL
    SELECT format('%s ON ALL TABLES IN SCHEMA %I', privilege, nspname)
    FROM pg_namespace, unnest('{SELECT,INSERT,UPDATE,DELETE}'::text[]) AS privilege
    WHERE nspname = $1 AND EXISTS (
        SELECT FROM pg_class
        WHERE relnamespace = pg_namespace.oid AND relkind = 'r' AND relname <> 'schema_version'
            AND NOT has_table_privilege(pg_class.oid, privilege))
    UNION ALL
    SELECT format('USAGE ON ALL SEQUENCES IN SCHEMA %I', nspname)
    FROM pg_namespace
    WHERE nspname = $1 AND EXISTS (
        SELECT FROM pg_class
        WHERE relnamespace = pg_namespace.oid
            -- Conditions are tried in any order, and this one fails for what is no sequence.
            AND CASE relkind WHEN 'S' THEN NOT has_sequence_privilege(pg_class.oid, 'USAGE') END)
    UNION ALL
    -- Migrations change tables, which is for their owner.
    SELECT DISTINCT format('%I', pg_get_userbyid(relowner))
    FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
    WHERE $2 AND nspname = $1 AND relkind IN ('r', 'p') AND NOT pg_has_role(relowner, 'USAGE')
    UNION ALL
    -- Everybody may, unless somebody took it away. By it commits wait for the disk.
    SELECT format('EXECUTE ON FUNCTION %s', oid::regprocedure)
    FROM pg_proc
    WHERE pronamespace = 'pg_catalog'::regnamespace AND proname = 'pg_logical_emit_message'
        AND proargtypes[2] = 'text'::regtype AND NOT has_function_privilege(oid, 'EXECUTE')";

impl Examined {
    pub(super) async fn look(session: &Session, name: &str) -> Result<Self, OpenError> {
        let connection = &mut session.connect().await?;
        let (number, server, read_only, allowed, used): Server =
            sqlx::query_as(SERVER).fetch_one(&mut *connection).await?;
        if u32::try_from(number).unwrap_or(0) / 10_000 < NEEDED {
            return Err(OpenError::OldServer { found: server, needed: NEEDED });
        }
        let (clock_differs, clock_is_ahead) = compare_clocks(connection).await?;
        // Without the right to read the version that is what is told, and not a version.
        let version = schema::look(connection, name).await;
        let is_due = version.as_ref().map_or(true, |version| version.is_due());
        let missing: Vec<String> =
            sqlx::query_scalar(MISSING).bind(name).bind(is_due).fetch_all(&mut *connection).await?;
        let schema = match version {
            Ok(version) => version,
            Err(_) if !missing.is_empty() => schema::unknown(),
            Err(error) => return Err(error.into()),
        };
        Ok(Self {
            server,
            schema,
            read_only,
            clock_differs,
            clock_is_ahead,
            connections_allowed: u32::try_from(allowed).unwrap_or(0),
            // Our own is about to end.
            connections_used: u32::try_from(used - 1).unwrap_or(0),
            missing_privileges: missing,
        })
    }
}

/// How far the database's clock is from ours, beyond what the question took, and whether it is ahead.
async fn compare_clocks(connection: &mut PgConnection) -> Result<(Duration, bool), OpenError> {
    let asked = Instant::now();
    let before = SystemTime::now();
    let there: i64 =
        sqlx::query_scalar(concat!("SELECT ", now_or!("NULL"))).fetch_one(&mut *connection).await?;
    let (slack, there) = (asked.elapsed(), Timestamp::from_micros(there));
    let here = Timestamp::from(before);
    let ahead = there.since(here.after(slack));
    Ok(if ahead.is_zero() { (here.since(there), false) } else { (ahead, true) })
}
