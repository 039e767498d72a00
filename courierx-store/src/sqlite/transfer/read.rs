//! Reading tables page by page, as rows that belong to no store.

use courierx_core::id::TenantId;
use courierx_core::store::transfer::{IMPORT_STATE, PAGE_BYTES, PAGE_ROWS, Row, Table, Type, Value};
use courierx_core::store::{Cursor, Page};
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ToSql, params_from_iter};

use super::super::error::{Fault, Run};
use super::super::ledger::recipients;

/// How a table is read.
struct Source {
    /// From where; the order of its rows is that of its keys.
    from: &'static str,
    /// What the keys are.
    keys: &'static [(&'static str, Type)],
    /// The table's columns, as this database calls them.
    columns: &'static str,
}

/// How each table is read: in the order of an index, mostly that in which rows were written.
fn source(table: &Table) -> Source {
    use Type::{Id, Int, Text};

    let (from, keys, columns): (_, &[_], _) = match table.name {
        "configs" => (
            "courierx_configs",
            &[("tenant", Id), ("kind", Text), ("id", Id)],
            "tenant, kind, id, version, schema, parent, unique_keys, global_keys, refers_to, updated_at, body",
        ),
        "config_changes" => {
            ("courierx_config_changes", &[("sequence", Int)], "sequence, tenant, kind, id, removed")
        }
        "suppressions" => (
            "courierx_suppressions",
            &[("tenant", Id), ("pattern", Text), ("scope", Text)],
            "tenant, pattern, scope, id, reason, source, note, source_message, created_at, expires_at",
        ),
        "messages" => (
            "courierx_messages",
            &[("seq", Int)],
            "tenant, id, created_at, send_at, deliver_by, sender, lane, mode, retry, duplicates, tags, status,
             coalesce(recipients,
                      (SELECT json_group_array(json_array(r.position, r.field, r.disposition, r.status, r.address)
                                               ORDER BY r.position)
                       FROM courierx_recipients r WHERE r.message = seq)),
             summary, coalesce(content, (SELECT c.sealed FROM courierx_contents c WHERE c.message = seq))",
        ),
        "attempts" => (
            "courierx_attempts a JOIN courierx_messages m ON m.seq = a.message",
            &[("a.seq", Int)],
            "a.tenant, m.id, a.number, a.id, a.connection, a.provider, a.delivery, a.job, a.token, a.started_at,
             a.finished_at, a.provider_message_id, a.recipients, a.skipped, a.grants",
        ),
        "provider_ids" => (
            "courierx_provider_ids p JOIN courierx_messages m ON m.seq = p.message",
            &[
                ("p.provider_message_id", Text),
                ("p.connection", Text),
                ("p.tenant", Id),
                ("p.message", Int),
                ("p.number", Int),
            ],
            "p.tenant, p.connection, p.provider_message_id, m.id, p.number",
        ),
        // Also those that the rows of messages stand for.
        "events" => (
            "(SELECT sequence, tenant, id, message, recipient, attempt, connection, kind, at, detail, deduplication
              FROM courierx_events
              UNION ALL
              SELECT seq, tenant, queued, id, NULL, NULL, NULL, 'queued', created_at, NULL, NULL
              FROM courierx_messages WHERE queued IS NOT NULL)",
            &[("sequence", Int)],
            "sequence, tenant, id, message, recipient, attempt, connection, kind, at, detail, deduplication",
        ),
        "idempotency" => (
            "courierx_idempotency",
            &[("tenant", Id), ("key", Text)],
            "tenant, key, message, digest, expires_at",
        ),
        "jobs" => (
            "courierx_jobs",
            &[("id", Int)],
            "id, tenant, kind, message, lane, run_at, token, round, payload",
        ),
        "counters" => (
            "courierx_counters",
            &[("tenant", Id), ("name", Text), ("day", Int)],
            "tenant, name, day, value",
        ),
        "quotas" => (
            "courierx_quotas",
            &[("tenant", Id), ("name", Text), ("period", Text), ("bucket", Int)],
            "tenant, name, period, bucket, used",
        ),
        "grants" => ("courierx_grants", &[("id", Int)], "id, tenant, name, period, bucket, amount"),
        "audit_log" => (
            "courierx_audit_log",
            &[("tenant", Id), ("at", Int), ("id", Id)],
            "tenant, at, id, actor, actor_id, action, kind, subject, request, fields",
        ),
        "soft_bounces" => (
            "courierx_soft_bounces",
            &[("tenant", Id), ("address", Text)],
            "tenant, address, number, last_at",
        ),
        "callbacks" => (
            "courierx_callbacks",
            &[("number", Int)],
            "tenant, id, connection, received_at, body, remaining",
        ),
        // Without the mark of an import.
        _ => (
            "courierx_state",
            &[("tenant", Id), ("name", Text)],
            "tenant, name, value, version, expires_at",
        ),
    };
    Source { from, keys, columns }
}

/// Leaves the mark of an import out.
fn is_mark(table: &Table, row: &Row) -> bool {
    table.name == "state"
        && row[0] == Value::Id(*TenantId::DEFAULT.as_bytes())
        && matches!(&row[1], Value::Text(name) if name == IMPORT_STATE)
}

/// The rows after a cursor.
pub(super) fn page(connection: &Connection, table: &Table, after: Option<&Cursor>) -> Run<Page<Row>> {
    let Source { from, keys, columns } = source(table);
    let types: Vec<Type> = keys.iter().map(|(_, of)| *of).collect();
    let after = after.map(|cursor| Value::from_cursor(&types, cursor)).transpose();
    let after = after.map_err(|error| Fault::invalid(error.to_string()))?.unwrap_or_default();
    let names = keys.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
    let places = (1..=after.len()).map(|place| format!("?{place}")).collect::<Vec<_>>().join(", ");
    let beyond = if after.is_empty() { String::new() } else { format!("WHERE ({names}) > ({places})") };
    let sql = format!("SELECT {columns}, {names} FROM {from} {beyond} ORDER BY {names} LIMIT {PAGE_ROWS}");
    let mut select = connection.prepare_cached(&sql)?;
    let mut rows = select.query(params_from_iter(after.iter().map(Bound)))?;
    let (mut items, mut bytes, mut last) = (Vec::new(), 0, None);
    while let Some(row) = rows.next()? {
        let width = table.columns.len();
        let columns = table.columns.iter().enumerate();
        let mut item: Row =
            columns.map(|(place, column)| read(row.get_ref(place)?, column.of)).collect::<Run<_>>()?;
        let at = types.iter().enumerate().map(|(place, of)| read(row.get_ref(width + place)?, *of));
        last = Some(Value::to_cursor(&at.collect::<Run<Vec<_>>>()?));
        if is_mark(table, &item) {
            continue;
        }
        if table.name == "messages" {
            recipients::export(&mut item[12])?;
        }
        bytes += item.iter().map(Value::size).sum::<usize>();
        items.push(item);
        if bytes >= PAGE_BYTES {
            break;
        }
    }
    // A page of nothing but the mark is the last as well.
    let next = if items.is_empty() { None } else { last };
    Ok(Page { items, next })
}

/// Whether a table has no rows.
pub(super) fn is_empty(connection: &Connection, table: &Table) -> Run<bool> {
    let sql = format!("SELECT NOT EXISTS (SELECT 1 FROM {})", source(table).from);
    Ok(connection.query_row(&sql, [], |row| row.get(0))?)
}

/// How many rows a table has.
pub(super) fn size(connection: &Connection, table: &Table) -> Run<u64> {
    let sql = format!("SELECT count(*) FROM {}", source(table).from);
    Ok(connection.query_row(&sql, [], |row| row.get(0))?)
}

fn read(value: ValueRef<'_>, of: Type) -> Run<Value> {
    let wrong = || Fault::corrupt("a row", format!("a column has another type than {of:?}"));
    Ok(match (of, value) {
        (_, ValueRef::Null) => Value::Null,
        (Type::Id, ValueRef::Blob(bytes)) => Value::Id(bytes.try_into().map_err(|_| wrong())?),
        (Type::Int, ValueRef::Integer(number)) => Value::Int(number),
        (Type::Bool, ValueRef::Integer(number)) => Value::Bool(number != 0),
        // Other stores cannot hold zero bytes, which only vendors' words could have.
        (Type::Text, ValueRef::Text(text)) => {
            let text = std::str::from_utf8(text).map_err(|error| Fault::corrupt("a text", error))?;
            Value::Text(text.replace('\0', "\u{fffd}"))
        }
        (Type::Bytes, ValueRef::Blob(bytes)) => Value::Bytes(bytes.to_vec()),
        _ => return Err(wrong()),
    })
}

/// A value as a parameter.
pub(super) struct Bound<'v>(pub(super) &'v Value);

impl ToSql for Bound<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self.0 {
            Value::Null => ValueRef::Null,
            Value::Id(id) => ValueRef::Blob(id),
            Value::Int(number) => ValueRef::Integer(*number),
            Value::Bool(value) => ValueRef::Integer(i64::from(*value)),
            Value::Text(text) => ValueRef::Text(text.as_bytes()),
            Value::Bytes(bytes) => ValueRef::Blob(bytes),
        }))
    }
}
