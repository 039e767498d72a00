//! What can go wrong: while opening ([`OpenError`]), and later, inside ([`Fault`]).

use std::time::Duration;

use courierx_core::store::StoreError;

/// Why a database could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The URL is not one of a PostgreSQL database, such as `postgres://user:password@host:5432/database`.
    #[error(
        "not the URL of a PostgreSQL database; an example is postgres://user:password@host:5432/database"
    )]
    InvalidUrl(#[source] Option<Box<sqlx::Error>>),
    /// The URL has a parameter that means nothing, and would be ignored.
    #[error(
        "the URL of the database has a parameter {name:?}, which means nothing; the nearest is {nearest:?}"
    )]
    UnknownParameter {
        /// The parameter.
        name: String,
        /// The most similar one that there is.
        nearest: &'static str,
    },
    /// A schema's name is 1 to 63 lower-case letters, digits and underscores, and begins with no digit.
    #[error("{name:?} is no name for a schema: use lower-case letters, digits and underscores")]
    InvalidSchema {
        /// The name.
        name: String,
    },
    /// A later version changed the schema in a way that this one cannot work with.
    #[error("schema {name:?} has version {found}, this version knows {known}: a later version was here")]
    NewerSchema {
        /// The name of the schema.
        name: String,
        /// Its version.
        found: i32,
        /// The newest version that is known here.
        known: i32,
    },
    /// An earlier version made the schema, or nobody did yet, and it is only to be used as it is
    /// ([`PostgresOptions::without_migrating`](super::PostgresOptions::without_migrating)).
    #[error("schema {name:?} has version {found}, this version needs {known}: migrations are due")]
    OlderSchema {
        /// The name of the schema.
        name: String,
        /// Its version, 0 if there is none.
        found: i32,
        /// The version that is needed.
        known: i32,
    },
    /// The server is older than what is used here.
    #[error("the database server is PostgreSQL {found}, and {needed} or later is needed")]
    OldServer {
        /// Its version.
        found: String,
        /// The oldest that is enough.
        needed: u32,
    },
    /// What was set on a connection does not hold on it, as through a pooler that pools transactions instead of
    /// sessions, or sets a search path of its own.
    #[error(
        "search_path does not stay at schema {name:?}: a pooler in between has to pool sessions, and set none itself"
    )]
    SettingsLost {
        /// The name of the schema.
        name: String,
    },
    /// Another process has this schema open, and one of the two wants it [for itself](super::PostgresOptions::alone).
    #[error("schema {name:?} is open in another process")]
    InUse {
        /// The name of the schema.
        name: String,
    },
    /// A migration failed; what it did is undone.
    #[error("schema {name:?} could not be brought to version {version}")]
    Migrate {
        /// The name of the schema.
        name: String,
        /// The version.
        version: i32,
        /// Why.
        #[source]
        source: Box<sqlx::Error>,
    },
    /// Others, such as a dump or a long report, keep locked what a migration needs, and did for as long as
    /// [is waited](super::PostgresOptions::migration_patience); what it did is undone.
    #[error("schema {name:?} could not be brought to version {version}: others keep its tables locked")]
    Blocked {
        /// The name of the schema.
        name: String,
        /// The version.
        version: i32,
        /// Why.
        #[source]
        source: Box<sqlx::Error>,
    },
    /// The database cannot be reached, or refused.
    #[error("cannot open the database")]
    Database(#[source] Box<sqlx::Error>),
}

impl OpenError {
    /// Whether trying again soon may help without anybody acting: the server cannot be reached, has just begun to
    /// start, or has no connection left.
    pub fn is_temporary(&self) -> bool {
        let Self::Database(error) = self else { return false };
        match &**error {
            sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut => true,
            sqlx::Error::Database(error) => is_temporary(&error.code().unwrap_or_default()),
            _ => false,
        }
    }
}

/// Whether what a connection was refused for, by its code, passes by itself. A pooler that does not know the database
/// or what is asked of it, and a server that wants no connection from here, do not change their mind.
fn is_temporary(code: &str) -> bool {
    match code {
        "08004" | "08P01" => false,
        "53300" => true,
        code => ["08", "57"].iter().any(|class| code.starts_with(class)),
    }
}

impl From<sqlx::Error> for OpenError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(Box::new(error))
    }
}

/// What interrupts a call inside: a [`StoreError`] that `?` makes from what the database says.
#[derive(Debug)]
pub(super) struct Fault {
    error: StoreError,
    pub(super) remedy: Remedy,
}

/// What helps against a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Remedy {
    /// Nothing that the store could do.
    None,
    /// Another transaction: this one collided with another, and is undone.
    Again,
    /// Another connection: this one is gone.
    Reconnect,
    /// Nothing either, and the connection is not to be used again.
    Drop,
}

/// The result of what runs on a connection.
pub(super) type Run<T> = Result<T, Fault>;

impl Fault {
    fn new(error: StoreError) -> Self {
        Self { error, remedy: Remedy::None }
    }

    /// Something stored cannot be read.
    pub(super) fn corrupt(
        what: impl Into<String>,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self::new(StoreError::Corrupt { what: what.into(), source: Some(source.into()) })
    }

    /// The caller asked for something impossible.
    pub(super) fn invalid(what: impl Into<String>) -> Self {
        Self::new(StoreError::Invalid(what.into()))
    }

    /// What somebody else does at the same time keeps us from finishing.
    pub(super) fn collided() -> Self {
        let source = "others were always faster".into();
        Self { error: StoreError::Busy(source), remedy: Remedy::Again }
    }

    /// No answer came in this time.
    pub(super) fn silent(after: Duration) -> Self {
        let source = format!("the database did not answer for {after:?}").into();
        Self { error: StoreError::Unavailable(source), remedy: Remedy::Drop }
    }

    /// The same, and trying again is not for the store to decide: it may have been committed.
    pub(super) fn uncertain(self) -> Self {
        let remedy = if self.remedy == Remedy::Reconnect { Remedy::Drop } else { self.remedy };
        Self { remedy, ..self }
    }
}

impl From<Fault> for StoreError {
    fn from(fault: Fault) -> Self {
        fault.error
    }
}

impl From<sqlx::Error> for Fault {
    fn from(error: sqlx::Error) -> Self {
        use sqlx::Error as E;

        let code = error.as_database_error().and_then(|error| error.code().map(std::borrow::Cow::into_owned));
        if let Some(code) = code {
            return of_code(&code, error);
        }
        match error {
            E::PoolClosed => Self::new(StoreError::Closed),
            E::PoolTimedOut => Self::new(StoreError::Unavailable(error.into())),
            E::Io(_) | E::Tls(_) | E::Protocol(_) | E::WorkerCrashed => {
                Self { error: StoreError::Unavailable(error.into()), remedy: Remedy::Reconnect }
            }
            E::ColumnDecode { .. }
            | E::Decode(_)
            | E::ColumnNotFound(_)
            | E::ColumnIndexOutOfBounds { .. } => Self::corrupt("a column", error),
            other => Self::new(StoreError::Backend(other.into())),
        }
    }
}

/// Names what the database said, by its code (PostgreSQL, appendix A), for what the caller can do.
fn of_code(code: &str, error: sqlx::Error) -> Fault {
    let (class, _) = code.split_at_checked(2).unwrap_or((code, ""));
    match (class, code) {
        // Serialization failure and deadlock; a key that somebody else wrote between our look and our write.
        (_, "40001" | "40P01" | "23505") => {
            Fault { error: StoreError::Busy(error.into()), remedy: Remedy::Again }
        }
        // A lock or a statement that took too long; too little memory, too many connections.
        (_, "55P03" | "57014" | "53200" | "53300" | "53400") => Fault::new(StoreError::Busy(error.into())),
        (_, "53100") | ("58", _) => Fault::new(StoreError::Full(error.into())),
        // Broken connections, a server that shuts down or starts; and one that may only be read: after a failover
        // another connection leads to the new primary.
        ("08" | "57", _) | (_, "25006" | "25P03") => {
            Fault { error: StoreError::Unavailable(error.into()), remedy: Remedy::Reconnect }
        }
        (_, "22021" | "22P05") => Fault::invalid("a text with a zero byte, which the database cannot hold"),
        // A row too large for an index, too many values: it is so however often it is tried.
        ("54", _) => Fault::invalid("more than the database takes at once"),
        (_, "XX001" | "XX002") => Fault::corrupt("the database", error),
        _ => Fault::new(StoreError::Backend(error.into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(code: &str) -> (StoreError, Remedy) {
        let fault = of_code(code, sqlx::Error::WorkerCrashed);
        let remedy = fault.remedy;
        (fault.into(), remedy)
    }

    #[test]
    fn what_the_database_says_is_named_for_what_the_caller_can_do() {
        for code in ["40001", "40P01", "23505"] {
            assert!(matches!(named(code), (StoreError::Busy(_), Remedy::Again)), "{code}");
        }
        for code in ["55P03", "57014", "53300"] {
            assert!(matches!(named(code), (StoreError::Busy(_), Remedy::None)), "{code}");
        }
        for code in ["57P01", "57P02", "57P03", "08006", "25006", "25P03"] {
            assert!(matches!(named(code), (StoreError::Unavailable(_), Remedy::Reconnect)), "{code}");
        }
        for code in ["53100", "58030"] {
            assert!(matches!(named(code), (StoreError::Full(_), Remedy::None)), "{code}");
        }
        for code in ["22021", "22P05"] {
            assert!(matches!(named(code).0, StoreError::Invalid(_)), "{code}");
        }
        assert!(matches!(named("XX001").0, StoreError::Corrupt { .. }));
        assert!(matches!(named("42P01").0, StoreError::Backend(_)));
        assert!(matches!(named("").0, StoreError::Backend(_)));
    }

    #[test]
    fn what_no_waiting_mends_is_not_waited_for() {
        assert!(["08006", "08001", "57P03", "53300"].into_iter().all(is_temporary));
        assert!(!["08004", "08P01", "28P01", "3D000", ""].into_iter().any(is_temporary));
    }

    #[test]
    fn a_connection_that_is_gone_is_told_from_a_store_that_is_closed() {
        let gone = Fault::from(sqlx::Error::Io(std::io::ErrorKind::BrokenPipe.into()));
        assert_eq!(gone.remedy, Remedy::Reconnect);
        assert!(matches!(StoreError::from(gone), StoreError::Unavailable(_)));
        assert!(matches!(StoreError::from(Fault::from(sqlx::Error::PoolClosed)), StoreError::Closed));
    }
}
