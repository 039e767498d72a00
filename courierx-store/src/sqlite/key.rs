//! The key beside the database: what is stored is sealed without anybody configuring anything.
//!
//! It protects a copy of the database that went astray (a backup, a disk), not a machine that was taken over.
//! The database remembers the name of its key, so that a lost one is noticed before anything is sealed with
//! another.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use courierx_core::id::TenantId;
use courierx_core::store::CANARY_KIND;
use courierx_core::vault::{Vault, VaultKey};
use rusqlite::{Connection, OptionalExtension, params};

use super::error::OpenError;
use super::lock::{beside, private};

/// Reads the key of `database`, or makes one for a database that never had one. The caller holds the lock.
pub(super) fn open_or_create(database: &Path, connection: &Connection) -> Result<Vault, OpenError> {
    let path = beside(database, "key");
    let sqlite = |source| OpenError::Sqlite { path: database.to_owned(), source };
    let expected = remembered(connection).map_err(sqlite)?;
    if expected.is_none() && is_sealed(connection).map_err(sqlite)? {
        return Err(OpenError::SealedElsewhere { path: database.to_owned() });
    }
    let key = match read(&path)? {
        Some(key) => key,
        None if expected.is_some() => return Err(OpenError::KeyMissing { path }),
        None => create(&path).map_err(|source| OpenError::Io { path: path.clone(), source })?,
    };
    let found = key.id().as_u32();
    match expected {
        Some(expected) if expected != found => return Err(OpenError::WrongKey { path }),
        Some(_) => {}
        None => {
            connection.execute("INSERT INTO courierx_key (id) VALUES (?1)", [found]).map_err(sqlite)?;
        }
    }
    Ok(Vault::new(key))
}

/// Reads the key of `database`, and makes none.
pub(super) fn open_existing(database: &Path, connection: &Connection) -> Result<Vault, OpenError> {
    let path = beside(database, "key");
    let sqlite = |source| OpenError::Sqlite { path: database.to_owned(), source };
    let expected = remembered(connection).map_err(sqlite)?;
    if expected.is_none() && is_sealed(connection).map_err(sqlite)? {
        return Err(OpenError::SealedElsewhere { path: database.to_owned() });
    }
    match read(&path)? {
        Some(key) if expected.is_none_or(|expected| key.id().as_u32() == expected) => Ok(Vault::new(key)),
        Some(_) => Err(OpenError::WrongKey { path }),
        None => Err(OpenError::KeyMissing { path }),
    }
}

/// Checks that `database` never had a key of its own, or that the application has it.
pub(super) fn check_given(
    database: &Path,
    connection: &Connection,
    given: Option<&Vault>,
) -> Result<Option<Vault>, OpenError> {
    let sqlite = |source| OpenError::Sqlite { path: database.to_owned(), source };
    if let Some(own) = remembered(connection).map_err(sqlite)?
        && !given.is_some_and(|vault| vault.key_ids().any(|id| id.as_u32() == own))
    {
        return Err(OpenError::KeyNotGiven { path: beside(database, "key") });
    }
    Ok(given.cloned())
}

/// The name of the database's own key, if it has one.
fn remembered(connection: &Connection) -> rusqlite::Result<Option<u32>> {
    connection.query_row("SELECT id FROM courierx_key", [], |row| row.get(0)).optional()
}

/// Whether something is stored that was sealed, or an application that brings keys said that it will be.
fn is_sealed(connection: &Connection) -> rusqlite::Result<bool> {
    connection.query_row(
        "SELECT EXISTS (SELECT 1 FROM courierx_contents)
             OR EXISTS (SELECT 1 FROM courierx_messages WHERE has_content = 1)
             OR EXISTS (SELECT 1 FROM courierx_configs WHERE tenant = ?1 AND kind = ?2)",
        params![TenantId::DEFAULT.as_bytes(), CANARY_KIND],
        |row| row.get(0),
    )
}

fn read(path: &Path) -> Result<Option<VaultKey>, OpenError> {
    let io = |source| OpenError::Io { path: path.to_owned(), source };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io(error)),
    };
    if is_exposed(&file).map_err(io)? {
        return Err(OpenError::ExposedKey { path: path.to_owned() });
    }
    let text = io::read_to_string(file).map_err(io)?;
    let key = VaultKey::from_base64(&text)
        .map_err(|source| OpenError::InvalidKey { path: path.to_owned(), source })?;
    Ok(Some(key))
}

/// Writes a new key under another name first, so that there is never half a key.
fn create(path: &Path) -> io::Result<VaultKey> {
    let key = VaultKey::generate();
    let unfinished = path.with_extension("key.new");
    match fs::remove_file(&unfinished) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = private(OpenOptions::new().write(true).create_new(true)).open(&unfinished)?;
    writeln!(file, "{}", key.to_base64().as_str())?;
    file.sync_all()?;
    fs::rename(&unfinished, path)?;
    sync_directory(path)?;
    Ok(key)
}

/// Makes the name of a file as durable as the file.
#[cfg(unix)]
fn sync_directory(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(directory) => File::open(directory)?.sync_all(),
        None => Ok(()),
    }
}

/// Directories cannot be flushed here; the file system keeps names by itself.
#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "elsewhere it can fail")]
fn sync_directory(_path: &Path) -> io::Result<()> {
    Ok(())
}

/// Whether others than the owner may read the key.
#[cfg(unix)]
fn is_exposed(file: &File) -> io::Result<bool> {
    use std::os::unix::fs::PermissionsExt;

    Ok(file.metadata()?.permissions().mode() & 0o077 != 0)
}

/// Here permissions are inherited from the directory.
#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "elsewhere it can fail")]
fn is_exposed(_file: &File) -> io::Result<bool> {
    Ok(false)
}
