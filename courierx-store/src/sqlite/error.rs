//! What can go wrong: while opening ([`OpenError`]), and later, inside ([`Fault`]).

use std::path::PathBuf;

use courierx_core::store::StoreError;
use courierx_core::vault::InvalidKey;
use rusqlite::ErrorCode;

/// Why a database could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// This path names no file. A database in memory would lose what was accepted.
    #[error("{path:?} is not the path of a file; use the memory store for what need not be kept")]
    NotAFile {
        /// The path.
        path: PathBuf,
    },
    /// Another process, or another store of this one, has the file open. One store serves a whole process:
    /// clone it.
    #[error("{path:?} is open in another process, or twice in this one")]
    AlreadyOpen {
        /// The path.
        path: PathBuf,
    },
    /// A later version wrote this file.
    #[error("{path:?} has schema {found}, this version knows {known}: it was written by a later version")]
    NewerSchema {
        /// The path.
        path: PathBuf,
        /// The schema of the file.
        found: u32,
        /// The newest schema this version knows.
        known: u32,
    },
    /// An earlier version wrote this file, and it is only to be [looked at](super::SqliteOptions::existing_read_only).
    #[error(
        "{path:?} has schema {found}, this version knows {known}: it was written by an earlier version, and has to be \
         opened for writing once, as by starting the server"
    )]
    OlderSchema {
        /// The path.
        path: PathBuf,
        /// The schema of the file.
        found: u32,
        /// The schema of this version.
        known: u32,
    },
    /// The key that the database was sealed with is not beside it.
    #[error(
        "{path:?} is missing: what the database holds was sealed with this key; restore it from a backup"
    )]
    KeyMissing {
        /// Where the key is looked for.
        path: PathBuf,
    },
    /// The key beside the database is another one than it was sealed with.
    #[error("{path:?} is not the key that the database was sealed with")]
    WrongKey {
        /// The file of the key.
        path: PathBuf,
    },
    /// The database was sealed with a key of its own, and is to be opened without it. Give that key to the
    /// application, as a retired one if it has another by now, and the application's keys to
    /// [`SqliteOptions::vault`](super::SqliteOptions::vault).
    #[error(
        "what the database holds is sealed with the key in {path:?}: add that key to the application's own (as a \
         retired key, if there is another), and open the database with them: SqliteOptions::vault"
    )]
    KeyNotGiven {
        /// The file of the key.
        path: PathBuf,
    },
    /// The database holds messages that were sealed with an application's own keys, and is to be opened with
    /// a key of its own, which it does not have. Open it [without](super::SqliteOptions::without_key).
    #[error(
        "{path:?} holds messages that an application sealed with its own keys: open it without a key, and give \
         those to the application"
    )]
    SealedElsewhere {
        /// The path.
        path: PathBuf,
    },
    /// Others may read the key.
    #[error("{path:?} can be read by others than its owner; `chmod 600` it")]
    ExposedKey {
        /// The file of the key.
        path: PathBuf,
    },
    /// The file of the key holds something else.
    #[error("{path:?} does not hold a key")]
    InvalidKey {
        /// The file of the key.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: InvalidKey,
    },
    /// The file system refused.
    #[error("cannot open {path:?}")]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// SQLite refused: not a database, damaged, or not readable.
    #[error("cannot open {path:?} as a database")]
    Sqlite {
        /// The path.
        path: PathBuf,
        /// Why.
        #[source]
        source: rusqlite::Error,
    },
}

/// What interrupts a call inside: a [`StoreError`] that `?` makes from what SQLite says.
#[derive(Debug)]
pub(super) struct Fault(StoreError);

/// The result of what runs on a connection.
pub(super) type Run<T> = Result<T, Fault>;

impl Fault {
    /// Something stored cannot be read.
    pub(super) fn corrupt(
        what: impl Into<String>,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self(StoreError::Corrupt { what: what.into(), source: Some(source.into()) })
    }

    /// The caller asked for something impossible.
    pub(super) fn invalid(what: impl Into<String>) -> Self {
        Self(StoreError::Invalid(what.into()))
    }
}

impl From<Fault> for StoreError {
    fn from(fault: Fault) -> Self {
        fault.0
    }
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::Error as E;

        Self(match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreError::Busy(error.into()),
            Some(
                ErrorCode::DiskFull
                | ErrorCode::SystemIoFailure
                | ErrorCode::ReadOnly
                | ErrorCode::CannotOpen,
            ) => StoreError::Full(error.into()),
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                StoreError::Corrupt { what: "the database".to_owned(), source: Some(error.into()) }
            }
            _ => match error {
                E::FromSqlConversionFailure(..)
                | E::IntegralValueOutOfRange(..)
                | E::InvalidColumnType(..) => {
                    StoreError::Corrupt { what: "a column".to_owned(), source: Some(error.into()) }
                }
                _ => StoreError::Backend(error.into()),
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(code: i32) -> StoreError {
        Fault::from(rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), None)).into()
    }

    #[test]
    fn what_sqlite_says_is_named_for_what_the_caller_can_do() {
        use rusqlite::ffi;

        assert!(matches!(fault(ffi::SQLITE_FULL), StoreError::Full(_)));
        assert!(matches!(fault(ffi::SQLITE_IOERR_WRITE), StoreError::Full(_)));
        assert!(matches!(fault(ffi::SQLITE_READONLY), StoreError::Full(_)));
        assert!(matches!(fault(ffi::SQLITE_BUSY_SNAPSHOT), StoreError::Busy(_)));
        assert!(matches!(fault(ffi::SQLITE_CORRUPT), StoreError::Corrupt { .. }));
        assert!(matches!(fault(ffi::SQLITE_MISUSE), StoreError::Backend(_)));
    }
}
