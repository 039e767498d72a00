//! Applying changes of configuration, all or none.
//!
//! Versions are checked change by change; keys and references once all are applied, so that one commit may
//! swap two names, or remove a record together with what refers to it.

use courierx_core::id::{RecordId, TenantId};
use courierx_core::store::{Change, CommitError, ConfigRecord, KeyValue, OnDelete};
use rusqlite::{OptionalExtension, params};

use super::super::error::{Fault, Run};
use super::super::transaction::Tx;
use super::super::{audit_log, codec};

/// Why a commit stops: somebody's mistake, or the database.
enum Stop {
    Refused(CommitError),
    Failed(Fault),
}

impl<E: Into<Fault>> From<E> for Stop {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

/// Applies the changes, or none of them.
pub(super) fn commit(tx: &Tx<'_>, tenant: TenantId, changes: &[Change]) -> Run<Result<(), CommitError>> {
    let connection = tx.connection();
    connection.execute_batch("SAVEPOINT courierx_commit")?;
    match apply(tx, tenant, changes) {
        Ok(()) => {
            connection.execute_batch("RELEASE courierx_commit")?;
            Ok(Ok(()))
        }
        Err(Stop::Refused(error)) => {
            connection.execute_batch("ROLLBACK TO courierx_commit; RELEASE courierx_commit")?;
            Ok(Err(error))
        }
        // The whole transaction is about to be rolled back.
        Err(Stop::Failed(fault)) => Err(fault),
    }
}

fn apply(tx: &Tx<'_>, tenant: TenantId, changes: &[Change]) -> Result<(), Stop> {
    let mut removed = Vec::new();
    let mut written: Vec<&ConfigRecord> = Vec::new();
    for change in changes {
        match change {
            Change::Put { record, expected } => {
                if record.tenant != tenant {
                    return Err(Fault::invalid("a record of another tenant").into());
                }
                put(tx, record, *expected)?;
                written.retain(|other| (&other.kind, other.id) != (&record.kind, record.id));
                written.push(record);
            }
            Change::Delete { kind, id, expected } => {
                let present = version(tx, tenant, kind, *id)?;
                if expected.is_some() && present != *expected {
                    return Err(conflict(kind, *id));
                }
                if present.is_some() {
                    remove(tx, tenant, kind, *id)?;
                    removed.push((kind.clone(), *id));
                }
            }
            Change::Note(entry) => audit_log::add(tx, tenant, entry)?,
        }
    }
    let mut present = Vec::with_capacity(written.len());
    for record in written {
        if version(tx, tenant, &record.kind, record.id)?.is_some() {
            insert_keys(tx, record)?;
            present.push(record);
        }
    }
    cascade(tx, tenant, removed)?;
    for record in present {
        if version(tx, tenant, &record.kind, record.id)?.is_some() {
            check_references(tx, record)?;
        }
    }
    Ok(())
}

fn conflict(kind: &str, id: RecordId) -> Stop {
    Stop::Refused(CommitError::VersionConflict { kind: kind.to_owned(), id })
}

fn version(tx: &Tx<'_>, tenant: TenantId, kind: &str, id: RecordId) -> Run<Option<u64>> {
    Ok(tx
        .sql("SELECT version FROM courierx_configs WHERE tenant = ?1 AND kind = ?2 AND id = ?3")?
        .query_row(params![tenant.as_bytes(), kind, id.as_bytes()], |row| row.get(0))
        .optional()?)
}

/// Writes a record without its keys.
fn put(tx: &Tx<'_>, record: &ConfigRecord, expected: Option<u64>) -> Result<(), Stop> {
    if version(tx, record.tenant, &record.kind, record.id)? != expected {
        return Err(conflict(&record.kind, record.id));
    }
    forget_keys(tx, record.tenant, &record.kind, record.id)?;
    tx.sql(
        "INSERT OR REPLACE INTO courierx_configs
             (tenant, kind, id, version, schema, parent, unique_keys, global_keys, refers_to, updated_at, body)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
    )?
    .execute(params![
        record.tenant.as_bytes(),
        record.kind,
        record.id.as_bytes(),
        expected.map_or(1, |version| version + 1),
        record.schema,
        record.parent.as_ref().map(|id| id.as_bytes().as_slice()),
        codec::json(&record.unique)?,
        codec::json(&record.global)?,
        codec::json(&record.references)?,
        tx.now().as_micros(),
        codec::json(&record.body)?,
    ])?;
    Ok(log(tx, record.tenant, &record.kind, record.id, false)?)
}

fn remove(tx: &Tx<'_>, tenant: TenantId, kind: &str, id: RecordId) -> Run<()> {
    forget_keys(tx, tenant, kind, id)?;
    tx.sql("DELETE FROM courierx_configs WHERE tenant = ?1 AND kind = ?2 AND id = ?3")?.execute(params![
        tenant.as_bytes(),
        kind,
        id.as_bytes()
    ])?;
    log(tx, tenant, kind, id, true)
}

/// Tells of a change, instead of the record's earlier one: the log grows with the records there are, not with how
/// often they change, and there is nothing to clean up.
fn log(tx: &Tx<'_>, tenant: TenantId, kind: &str, id: RecordId, removed: bool) -> Run<()> {
    tx.sql("DELETE FROM courierx_config_changes WHERE tenant = ?1 AND kind = ?2 AND id = ?3")?
        .execute(params![tenant.as_bytes(), kind, id.as_bytes()])?;
    tx.sql("INSERT INTO courierx_config_changes (tenant, kind, id, removed) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![tenant.as_bytes(), kind, id.as_bytes(), removed])?;
    Ok(())
}

/// Removes a record's keys and references.
fn forget_keys(tx: &Tx<'_>, tenant: TenantId, kind: &str, id: RecordId) -> Run<()> {
    for sql in [
        "DELETE FROM courierx_config_keys WHERE tenant = ?1 AND kind = ?2 AND id = ?3",
        "DELETE FROM courierx_directory WHERE tenant = ?1 AND kind = ?2 AND id = ?3",
        "DELETE FROM courierx_references WHERE tenant = ?1 AND from_kind = ?2 AND from_id = ?3",
    ] {
        tx.sql(sql)?.execute(params![tenant.as_bytes(), kind, id.as_bytes()])?;
    }
    Ok(())
}

/// Writes a record's keys and references; refuses a key that another record has.
fn insert_keys(tx: &Tx<'_>, record: &ConfigRecord) -> Result<(), Stop> {
    let (tenant, kind, id) = (record.tenant.as_bytes(), &record.kind, record.id.as_bytes());
    let duplicate = |key: &KeyValue| {
        Stop::Refused(CommitError::DuplicateKey { kind: kind.clone(), key: key.name.clone() })
    };
    for (keys, sql) in [
        (
            &record.unique,
            "INSERT INTO courierx_config_keys (tenant, kind, name, value, id) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT DO NOTHING",
        ),
        (
            &record.global,
            "INSERT INTO courierx_directory (tenant, kind, name, value, id) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT DO NOTHING",
        ),
    ] {
        for key in keys {
            if tx.sql(sql)?.execute(params![tenant, kind, key.name, key.value, id])? == 0 {
                return Err(duplicate(key));
            }
        }
    }
    for reference in &record.references {
        let cascades = reference.on_delete == OnDelete::Cascade;
        // Of two references to the same record the stricter counts.
        tx.sql(
            "INSERT INTO courierx_references (tenant, to_kind, to_id, from_kind, from_id, cascades)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO UPDATE SET cascades = min(cascades, excluded.cascades)",
        )?
        .execute(params![tenant, reference.kind, reference.id.as_bytes(), kind, id, cascades])?;
    }
    Ok(())
}

/// Removes what refers to removed records, or refuses because something does.
fn cascade(tx: &Tx<'_>, tenant: TenantId, mut removed: Vec<(String, RecordId)>) -> Result<(), Stop> {
    while let Some((kind, id)) = removed.pop() {
        if version(tx, tenant, &kind, id)?.is_some() {
            // Removed and written again in the same commit.
            continue;
        }
        let referring: Vec<(String, [u8; 16], bool)> = tx
            .sql(
                "SELECT from_kind, from_id, cascades FROM courierx_references
                 WHERE tenant = ?1 AND to_kind = ?2 AND to_id = ?3",
            )?
            .query_map(params![tenant.as_bytes(), kind, id.as_bytes()], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })?
            .collect::<Result<_, _>>()?;
        for (by, from, cascades) in referring {
            if !cascades {
                return Err(Stop::Refused(CommitError::InUse { kind, id, by }));
            }
            let from = RecordId::from_bytes(from);
            remove(tx, tenant, &by, from)?;
            removed.push((by, from));
        }
    }
    Ok(())
}

fn check_references(tx: &Tx<'_>, record: &ConfigRecord) -> Result<(), Stop> {
    for reference in &record.references {
        if version(tx, record.tenant, &reference.kind, reference.id)?.is_none() {
            let (kind, id) = (reference.kind.clone(), reference.id);
            return Err(Stop::Refused(CommitError::BrokenReference { kind, id }));
        }
    }
    Ok(())
}
