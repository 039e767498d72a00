//! What can go wrong.

use std::io;
use std::path::PathBuf;

use courierx_core::store::transfer::{TransferError, UnreadableRow};
use courierx_core::store::{CanaryError, StoreError};

use super::super::open::wrong_key;
use crate::config::secrets::SecretError;

/// Why not everything was moved.
#[derive(Debug, thiserror::Error)]
pub(in super::super) enum AdminError {
    #[error("{0:?} is not the URL of a database, such as sqlite://PATH or postgres://USER@HOST/DATABASE")]
    Url(String),
    #[error("there is no database {}", .0.display())]
    NoDatabase(PathBuf),
    #[error("the database cannot be opened")]
    Sqlite(#[from] courierx_store::sqlite::OpenError),
    #[error("the database cannot be opened")]
    Postgres(#[from] courierx_store::postgres::OpenError),
    #[error(transparent)]
    Directory(#[from] SecretError),
    #[error("the keys do not fit what is to be moved")]
    Keys(#[from] CanaryError),
    #[error("there is no key for what is to be moved")]
    NoKey,
    #[error(transparent)]
    Transfer(#[from] TransferError),
    #[error("the database cannot be read")]
    Store(#[source] StoreError),
    #[error("something was being moved into this database, and was interrupted: it is only half there")]
    Unfinished,
    #[error("{} cannot be read or written", path.display())]
    File { path: PathBuf, source: io::Error },
    #[error("{} is not an export that this version can read: {reason}", path.display())]
    NoExport { path: PathBuf, reason: String },
    #[error("{} is damaged", path.display())]
    Damaged { path: PathBuf, source: UnreadableRow },
}

impl AdminError {
    /// How to mend it.
    pub(in super::super) fn mend(&self) -> Option<String> {
        use courierx_store::postgres::OpenError as Postgres;
        use courierx_store::sqlite::OpenError as Sqlite;

        let text = match self {
            Self::Sqlite(Sqlite::AlreadyOpen { .. }) | Self::Postgres(Postgres::InUse { .. }) => {
                "Stop every server that uses it: what they wrote meanwhile would be lost."
            }
            Self::Sqlite(Sqlite::OlderSchema { .. }) => "Start the server of this version once, and stop it.",
            Self::Keys(CanaryError::WrongKey { .. })
            | Self::NoKey
            | Self::Sqlite(Sqlite::KeyNotGiven { .. } | Sqlite::SealedElsewhere { .. }) => {
                return Some(wrong_key());
            }
            Self::Transfer(TransferError::Source(_) | TransferError::Target(_)) => {
                "Nothing is lost: start it again, and it goes on."
            }
            Self::Transfer(TransferError::Occupied) => {
                "Name a database, or a file, that has nothing yet. In PostgreSQL, if nobody needs what is there: \
                 DROP SCHEMA courierx CASCADE"
            }
            Self::Transfer(
                TransferError::OtherSource | TransferError::SourceChanged | TransferError::Differs { .. },
            ) => {
                "Begin anew: stop every server that uses the source, remove what was begun (DROP SCHEMA courierx \
                 CASCADE in PostgreSQL, the file of SQLite, the file that ends in .part), and start it again."
            }
            Self::Unfinished => {
                "Start the same `courierx admin` command again: it goes on, and then the server starts."
            }
            _ => return None,
        };
        Some(text.to_owned())
    }
}
