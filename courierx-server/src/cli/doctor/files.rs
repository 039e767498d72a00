//! Directories, files and the disk.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::super::open::generated_key;
use super::{Finding, Level};
use crate::config::Settings;
use crate::config::secrets::{self, is_exposed};

const DATA_DIR: &str = "data directory";
const SPACE: &str = "disk space";
/// Less free space than this is worth a warning: the database and its log grow with mail.
const SPACE_LOW: u64 = 1 << 30;
/// Less than this is soon used up.
const SPACE_OUT: u64 = 100 << 20;

/// Whether the data directory is there, private and writable, or can be created.
pub(super) fn data_dir(settings: &Settings) -> Finding {
    let path = &settings.data_dir;
    let shown = shown(path);
    match fs::metadata(path) {
        Ok(metadata) if !metadata.is_dir() => {
            Finding::problem(DATA_DIR, format!("{shown} is not a directory"), elsewhere())
        }
        Ok(_) if !is_writable(path) => Finding::problem(
            DATA_DIR,
            format!("{shown} cannot be written"),
            format!("give it to the user that runs courierx: chown \"$USER\" {shown}"),
        ),
        Ok(metadata) if is_exposed(&metadata) => Finding::new(
            Level::Warning,
            DATA_DIR,
            format!("{shown} is open to other users"),
            format!("chmod 700 {shown}"),
        ),
        Ok(_) => Finding::ok(DATA_DIR, shown),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if is_writable(&existing(path)) {
                Finding::ok(DATA_DIR, format!("{shown} will be created"))
            } else {
                Finding::problem(DATA_DIR, format!("{shown} cannot be created"), elsewhere())
            }
        }
        Err(error) => Finding::problem(DATA_DIR, format!("{shown} cannot be read: {error}"), elsewhere()),
    }
}

fn elsewhere() -> String {
    "choose another one: COURIERX_DATA_DIR=/var/lib/courierx".to_owned()
}

/// Whether the files that hold secrets are private.
pub(super) fn secrets(settings: &Settings, database: &Path) -> Vec<Finding> {
    let mut findings = Vec::new();
    if settings.jwt_secret.is_none() {
        findings.push(match secrets::read_jwt_secret(&settings.data_dir) {
            Ok(Some(_)) => Finding::ok("JWT_SECRET", "generated earlier, and private"),
            Ok(None) => Finding::ok("JWT_SECRET", "will be generated"),
            Err(error) => Finding::problem("JWT_SECRET", error.to_string(), ""),
        });
    }
    if settings.encryption_key.is_none() {
        findings.push(match secrets::read_private(&generated_key(database)) {
            Ok(Some(_)) => {
                Finding::ok("ENCRYPTION_KEY", "generated earlier, and private; is there a backup?")
            }
            Ok(None) if database.exists() => Finding::problem(
                "ENCRYPTION_KEY",
                format!("not set, and {} is missing", shown(&generated_key(database))),
                "restore that file from a backup, or set ENCRYPTION_KEY if the database was used with one",
            ),
            Ok(None) => Finding::ok("ENCRYPTION_KEY", "will be generated"),
            Err(error) => Finding::problem("ENCRYPTION_KEY", error.to_string(), ""),
        });
    }
    if fs::metadata(database).is_ok_and(|metadata| is_exposed(&metadata)) {
        let text = format!("{} is open to other users", shown(database));
        let mend = format!("chmod 600 {}", shown(database));
        findings.push(Finding::new(Level::Warning, "database", text, mend));
    }
    findings
}

/// Whether the disk has room for mail.
pub(super) fn free_space(database: &Path) -> Finding {
    let directory = existing(database);
    let Some(free) = free_bytes(&directory) else {
        return Finding::new(Level::Note, SPACE, "cannot be found out here", "");
    };
    let text = format!("{} MiB are free for {}", free >> 20, shown(database));
    let mend = "make room: without any, mail is not accepted any more";
    match free {
        ..SPACE_OUT => Finding::problem(SPACE, text, mend),
        SPACE_OUT..SPACE_LOW => Finding::new(Level::Warning, SPACE, text, mend),
        SPACE_LOW.. => Finding::ok(SPACE, text),
    }
}

/// The path itself, or the directory above it that exists.
pub(super) fn existing(path: &Path) -> PathBuf {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    absolute.ancestors().find(|path| path.exists()).unwrap_or(Path::new("/")).to_owned()
}

/// For people.
pub(super) fn shown(path: &Path) -> String {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).display().to_string()
}

#[cfg(unix)]
pub(super) fn is_writable(directory: &Path) -> bool {
    use rustix::fs::{Access, access};
    directory.is_dir() && access(directory, Access::WRITE_OK | Access::EXEC_OK).is_ok()
}

#[cfg(not(unix))]
pub(super) fn is_writable(directory: &Path) -> bool {
    fs::metadata(directory).is_ok_and(|metadata| metadata.is_dir() && !metadata.permissions().readonly())
}

#[cfg(unix)]
fn free_bytes(path: &Path) -> Option<u64> {
    let disk = rustix::fs::statvfs(path).ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize))
}

#[cfg(not(unix))]
fn free_bytes(_path: &Path) -> Option<u64> {
    None
}
