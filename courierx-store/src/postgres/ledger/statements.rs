//! The statements by which messages are accepted: also on connections of the application's, so they name the schema.

use std::sync::Arc;

use sqlx::AssertSqlSafe;

use super::super::effects;

/// A statement that names our schema.
pub(in super::super) struct Statement(Arc<str>);

impl Statement {
    /// The statement, to be run.
    pub(in super::super) fn sql(&self) -> AssertSqlSafe<Arc<str>> {
        AssertSqlSafe(Arc::clone(&self.0))
    }
}

/// What is also run on connections of the application's, whose search path is another.
pub(in super::super) struct Statements {
    pub(super) keys: Statement,
    pub(super) taken: Statement,
    pub(super) messages: Statement,
    pub(super) known: Statement,
    pub(in super::super) jobs: Statement,
    pub(in super::super) stage: Statement,
}

impl Statements {
    /// The statements for this schema, whose name needs no quotes.
    pub(in super::super) fn new(schema: &str) -> Self {
        let schema = format!("{schema}.");
        let statement = |sql: &str| Statement(sql.replace("courierx.", &schema).into());
        Self {
            keys: statement(TAKE_KEYS),
            taken: statement(TAKEN_KEYS),
            messages: statement(INSERT_MESSAGES),
            known: statement(KNOWN_MESSAGES),
            jobs: statement(effects::INSERT_JOBS),
            stage: statement("INSERT INTO courierx.staged (tenant, body) VALUES ($1, $2)"),
        }
    }
}

/// Takes keys that nobody has, or whose time is over, for messages that are not there yet.
const TAKE_KEYS: &str = "
    INSERT INTO courierx.idempotency AS present (tenant, key, message, digest, expires_at)
    SELECT tenant, key, message, digest, expires_at
    FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::bytea[], $5::int8[])
         AS new (tenant, key, message, digest, expires_at)
    WHERE NOT EXISTS (SELECT FROM courierx.messages m WHERE m.tenant = new.tenant AND m.id = new.message)
    ORDER BY tenant, key COLLATE \"C\"
    ON CONFLICT (tenant, key) DO UPDATE
        SET message = excluded.message, digest = excluded.digest, expires_at = excluded.expires_at
        WHERE present.expires_at <= $6
    RETURNING message";

const TAKEN_KEYS: &str = "
    SELECT k.tenant, k.key, k.message, k.digest
    FROM unnest($1::uuid[], $2::text[]) AS wanted (tenant, key)
    JOIN courierx.idempotency k ON k.tenant = wanted.tenant AND k.key = wanted.key
    WHERE k.expires_at > $3";

/// Writes messages that are not there yet, and their contents.
const INSERT_MESSAGES: &str = "
    WITH new AS MATERIALIZED (
        SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::int8[], $4::int8[], $5::int8[], $6::text[], $7::int2[],
                             $8::text[], $9::text[], $10::text[], $11::text[], $12::text[], $13::text[],
                             $14::bytea[], $15::bytea[])
        AS new (tenant, id, created_at, send_at, deliver_by, sender, lane, mode, retry, duplicates, tags, status,
                recipients, summary, sealed)
        ORDER BY tenant, id
    ), contents AS (
        INSERT INTO courierx.contents (tenant, created_at, message, summary, sealed)
        SELECT tenant, created_at, id, summary, sealed FROM new
        WHERE NOT EXISTS (SELECT FROM courierx.messages m WHERE m.tenant = new.tenant AND m.id = new.id)
        ON CONFLICT DO NOTHING
    )
    INSERT INTO courierx.messages (tenant, id, created_at, send_at, deliver_by, sender, lane, mode, retry,
                                   duplicates, tags, status, recipients)
    SELECT tenant, id, created_at, send_at, deliver_by, sender, lane, mode, retry, duplicates, tags, status,
           recipients
    FROM new ON CONFLICT (tenant, id) DO NOTHING RETURNING tenant, id";

const KNOWN_MESSAGES: &str = "
    SELECT m.tenant, m.id FROM unnest($1::uuid[], $2::uuid[]) AS wanted (tenant, id)
    JOIN courierx.messages m ON m.tenant = wanted.tenant AND m.id = wanted.id";
