//! Writing rows of another store.

use courierx_core::id::TenantId;
use courierx_core::store::transfer::{Row, Table, Value};
use rusqlite::params_from_iter;

use super::super::error::{Fault, Run};
use super::super::ledger::{accept, recipients};
use super::super::transaction::Tx;
use super::read::Bound;

/// The statement that writes a row of a table, whose columns are its parameters.
fn statement(table: &Table) -> &'static str {
    match table.name {
        "configs" => {
            "INSERT INTO courierx_configs
                 (tenant, kind, id, version, schema, parent, unique_keys, global_keys, refers_to, updated_at, body)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)"
        }
        "config_changes" => {
            "INSERT INTO courierx_config_changes (sequence, tenant, kind, id, removed) VALUES (?1, ?2, ?3, ?4, ?5)"
        }
        "suppressions" => {
            "INSERT INTO courierx_suppressions
                 (tenant, pattern, scope, id, reason, source, note, source_message, created_at, expires_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"
        }
        // `seq` is left to SQLite, one after the other: lists have the order in which messages come.
        "messages" => {
            "INSERT INTO courierx_messages
                 (tenant, id, created_at, send_at, deliver_by, sender, lane, mode, retry, duplicates, tags, status,
                  recipients, summary, has_content, content, settled)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15 IS NOT NULL,
                     CASE WHEN length(?15) <= ?16 THEN ?15 END,
                     ?12 <> 'scheduled' AND ?12 <> 'queued' AND ?12 <> 'sending')"
        }
        "attempts" => {
            "INSERT INTO courierx_attempts
                 (tenant, message, number, id, connection, provider, delivery, job, token, started_at, finished_at,
                  provider_message_id, recipients, skipped, grants)
             VALUES (?1, (SELECT seq FROM courierx_messages WHERE id = ?2 AND tenant = ?1), ?3, ?4, ?5, ?6, ?7, ?8,
                     ?9, ?10, ?11, ?12, ?13, ?14, ?15)"
        }
        "provider_ids" => {
            "INSERT INTO courierx_provider_ids (tenant, connection, provider_message_id, message, number)
             VALUES (?1, ?2, ?3, (SELECT seq FROM courierx_messages WHERE id = ?4 AND tenant = ?1), ?5)"
        }
        "events" => {
            "INSERT INTO courierx_events
                 (sequence, tenant, id, message, recipient, attempt, connection, kind, at, detail, deduplication)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)"
        }
        "idempotency" => {
            "INSERT INTO courierx_idempotency (tenant, key, message, digest, expires_at)
             VALUES (?1, ?2, ?3, ?4, ?5)"
        }
        "jobs" => {
            "INSERT INTO courierx_jobs (id, tenant, kind, message, lane, run_at, free_at, token, round, payload)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6, ?7, ?8, ?9)"
        }
        "counters" => "INSERT INTO courierx_counters (tenant, name, day, value) VALUES (?1, ?2, ?3, ?4)",
        "quotas" => {
            "INSERT INTO courierx_quotas (tenant, name, period, bucket, used) VALUES (?1, ?2, ?3, ?4, ?5)"
        }
        "grants" => {
            "INSERT INTO courierx_grants (id, tenant, name, period, bucket, amount)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)"
        }
        "audit_log" => {
            "INSERT INTO courierx_audit_log
                 (tenant, at, id, actor, actor_id, action, kind, subject, request, fields)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"
        }
        "soft_bounces" => {
            "INSERT INTO courierx_soft_bounces (tenant, address, number, last_at) VALUES (?1, ?2, ?3, ?4)"
        }
        "callbacks" => {
            "INSERT INTO courierx_callbacks (tenant, id, connection, received_at, body, remaining)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)"
        }
        _ => {
            "INSERT INTO courierx_state (tenant, name, value, version, expires_at) VALUES (?1, ?2, ?3, ?4, ?5)"
        }
    }
}

/// Writes rows.
pub(super) fn rows(tx: &Tx<'_>, table: &Table, rows: &[Row]) -> Run<()> {
    if table.name == "messages" {
        return rows.iter().try_for_each(|row| message(tx, table, row));
    }
    let mut insert = tx.sql(statement(table))?;
    for row in rows {
        insert.execute(params_from_iter(row.iter().map(Bound)))?;
        if let [Value::Id(tenant), Value::Text(text), ..] = row.as_slice() {
            match table.name {
                "suppressions" => tx.filter().add(TenantId::from_bytes(*tenant), text),
                "soft_bounces" => tx.filter().add_soft_bounce(TenantId::from_bytes(*tenant), text),
                _ => {}
            }
        }
    }
    Ok(())
}

/// Writes a message: small contents and few recipients into its row, others beside it.
fn message(tx: &Tx<'_>, table: &Table, row: &Row) -> Run<()> {
    let Some(Value::Text(json)) = row.get(12) else {
        return Err(Fault::invalid("a message without recipients"));
    };
    let recipients = recipients::from_json(json)?;
    let lines = recipients::lines(&recipients).map_or(Value::Null, Value::Text);
    let small = Value::Int(i64::try_from(accept::SMALL).unwrap_or(i64::MAX));
    let mut values: Vec<&Value> = row.iter().collect();
    values[12] = &lines;
    values.push(&small);
    let seq = tx.sql(statement(table))?.insert(params_from_iter(values.into_iter().map(Bound)))?;
    if lines == Value::Null {
        recipients::insert_rows(tx, seq, &recipients)?;
    }
    match &row[14] {
        Value::Bytes(content) if content.len() > accept::SMALL => {
            tx.sql("INSERT INTO courierx_contents (message, sealed) VALUES (?1, ?2)")?
                .execute(rusqlite::params![seq, content])?;
        }
        _ => {}
    }
    Ok(())
}
