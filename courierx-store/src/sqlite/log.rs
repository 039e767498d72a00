//! SQLite's log, which the store flushes itself.
//!
//! With `synchronous=FULL` a commit flushes the log and the thread that writes waits for it. The writer's
//! connection has `NORMAL` instead, which in WAL mode leaves out that flush and no other: SQLite still flushes
//! the log before it moves pages from it into the database, the database before it starts the log again from
//! its beginning, and the log's new header after that. So whatever was committed is in the log, or in the
//! database and on the disk, and a flush of the log after the commit is all that is missing.
//!
//! A handle of our own is enough for that, and stays the right one:
//!
//! - what a flush covers belongs to the file, not to the handle that wrote it;
//! - starting the log again overwrites the same file. Only the last connection that closes deletes it, and the
//!   store has some open as long as the writer lives;
//! - SQLite's locks are on the database and its `-shm` file. POSIX takes a process' locks away when any handle
//!   of the file is closed, but on this file there are none.
//!
//! The page where a flushed commit ends is written again by the next one, with the same bytes up to there: as
//! it always was, SQLite takes it that a write harms nothing beside it (`POWERSAFE_OVERWRITE`).

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;
use std::sync::Arc;

/// What makes durable all that was committed before it was called; tests have one that fails.
///
/// Never called by two at a time: an error is reported once for a handle, and the other call would succeed.
pub(super) type Flush = Arc<dyn Fn() -> io::Result<()> + Send + Sync>;

/// The flush of the log of `database`, on which a connection is open.
///
/// What an earlier process left in the log without a flush is made durable here, and so is the name of the
/// log: SQLite does that with the first flush of each of its own handles, and ours are not among them.
pub(super) fn open(database: &Path) -> io::Result<Flush> {
    let mut path = database.as_os_str().to_owned();
    path.push("-wal");
    let log = OpenOptions::new().write(true).open(path)?;
    log.sync_data()?;
    sync_folder(database)?;
    Ok(Arc::new(move || log.sync_data()))
}

#[cfg(unix)]
fn sync_folder(file: &Path) -> io::Result<()> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match File::open(folder)?.sync_all() {
        // As SQLite sees it: some file systems cannot flush a folder, and need not.
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
        other => other,
    }
}

#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}
