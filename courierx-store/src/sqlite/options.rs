//! How a store is opened.

use std::fs::OpenOptions;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use courierx_core::clock::{Clock, SystemClock};
use courierx_core::vault::Vault;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use tokio::sync::watch;

use super::error::OpenError;
use super::filter::Filter;
use super::lock::{self, FileLock};
use super::readers::{self, Readers, Standing};
use super::schema::{self, MigrateError};
use super::writer::{self, Told, Writer};
use super::{Inner, SqliteStore, key, log, queue};
use crate::SchemaVersion;
use crate::generations::Generations;

/// Pages that the writing connection keeps, in KiB. What a message writes is appended, so more serves no purpose:
/// a queue of any length costs the process no more memory than this.
const WRITER_CACHE: i32 = 8192;
/// The same for each reading connection. Every commit empties its cache.
const READER_CACHE: i32 = 2048;
/// More statements than a connection ever prepares.
const STATEMENTS: usize = 256;

/// How a [`SqliteStore`] is opened; made by [`SqliteStore::options`].
#[derive(Debug, Clone)]
pub struct SqliteOptions {
    clock: Arc<dyn Clock>,
    readers: NonZeroUsize,
    busy_timeout: Duration,
    keys: Keys,
    read_only: bool,
}

/// Where the keys come from.
#[derive(Debug, Clone)]
enum Keys {
    /// From the file beside the database.
    Beside,
    /// From elsewhere: the store neither has nor knows them.
    Elsewhere,
    /// From the application.
    Given(Vault),
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self {
            clock: SystemClock::shared(),
            readers: readers::DEFAULT,
            busy_timeout: Duration::from_secs(5),
            keys: Keys::Beside,
            read_only: false,
        }
    }
}

impl SqliteOptions {
    /// Where the time comes from; the machine's clock unless given.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// How many threads read at the same time; two unless given.
    #[must_use]
    pub fn readers(mut self, count: NonZeroUsize) -> Self {
        self.readers = count;
        self
    }

    /// How long a write waits for a transaction of the application's own; five seconds unless given.
    #[must_use]
    pub fn busy_timeout(mut self, timeout: Duration) -> Self {
        self.busy_timeout = timeout;
        self
    }

    /// Neither makes nor reads a key beside the database: for an application that brings keys of its own. A
    /// database that was sealed with a key beside it is refused.
    #[must_use]
    pub fn without_key(mut self) -> Self {
        self.keys = Keys::Elsewhere;
        self
    }

    /// The same, and the store hands these keys of the application out as its [vault](courierx_core::store::Store::vault). A
    /// database that was sealed with a key beside it is opened if that key is among them.
    #[must_use]
    pub fn vault(mut self, vault: Vault) -> Self {
        self.keys = Keys::Given(vault);
        self
    }

    /// Only looks: a database that is not there is not created, one of an earlier version is not brought up to date
    /// but refused ([`OpenError::OlderSchema`]), no key is made, and whatever writes fails. The file stays as it is.
    /// It is locked all the same: another process that has it open is in the way.
    #[must_use]
    pub fn existing_read_only(mut self) -> Self {
        self.read_only = true;
        self
    }

    /// Tells the version of our schema in the database at `path`, 0 if there is none, and changes nothing. A store
    /// that has it open is in the way.
    pub async fn schema_version(mut self, path: impl AsRef<Path>) -> Result<SchemaVersion, OpenError> {
        let path = path.as_ref().to_owned();
        let refused = path.clone();
        self.read_only = true;
        let looking = tokio::task::spawn_blocking(move || {
            let io = |source| OpenError::Io { path: path.clone(), source };
            let file = match path.canonicalize() {
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(schema::none()),
                other => other.map_err(io)?,
            };
            let _lock = FileLock::acquire(&file)?;
            let looked = self.connect(&file).and_then(|connection| schema::look(&connection));
            looked.map_err(|source| OpenError::Sqlite { path: path.clone(), source })
        });
        looking.await.unwrap_or_else(|error| {
            Err(OpenError::Io { path: refused, source: std::io::Error::other(error) })
        })
    }

    /// Opens the database at `path`, and creates it if there is none.
    pub async fn open(self, path: impl AsRef<Path>) -> Result<SqliteStore, OpenError> {
        let path = path.as_ref().to_owned();
        let refused = path.clone();
        let opening = tokio::task::spawn_blocking(move || self.open_blocking(path));
        opening.await.unwrap_or_else(|error| {
            Err(OpenError::Io { path: refused, source: std::io::Error::other(error) })
        })
    }

    fn open_blocking(self, path: PathBuf) -> Result<SqliteStore, OpenError> {
        if path.as_os_str().is_empty() || path.as_os_str() == ":memory:" || path.is_dir() {
            return Err(OpenError::NotAFile { path });
        }
        let io = |source| OpenError::Io { path: path.clone(), source };
        let sqlite = |source| OpenError::Sqlite { path: path.clone(), source };
        if !self.read_only {
            let create = &mut OpenOptions::new();
            lock::private(create.write(true).create(true).truncate(false)).open(&path).map_err(io)?;
        }
        // The lock stands beside the file itself, by whatever link it was found.
        let file = path.canonicalize().map_err(io)?;
        let lock = FileLock::acquire(&file)?;

        let mut connection = self.connect(&file).map_err(sqlite)?;
        let current =
            if self.read_only { schema::check(&connection) } else { schema::migrate(&mut connection) };
        current.map_err(|error| match error {
            MigrateError::Newer { found, known } => {
                OpenError::NewerSchema { path: path.clone(), found, known }
            }
            MigrateError::Older { found, known } => {
                OpenError::OlderSchema { path: path.clone(), found, known }
            }
            MigrateError::Sqlite(source) => sqlite(source),
        })?;
        if !self.read_only {
            let ended = queue::recover::end_leases(&mut connection, self.clock.now()).map_err(sqlite)?;
            if ended > 0 {
                tracing::info!(ended, "took up what an earlier process had under delivery");
            }
        }
        let vault = match &self.keys {
            Keys::Beside if self.read_only => Some(key::open_existing(&file, &connection)?),
            Keys::Beside => Some(key::open_or_create(&file, &connection)?),
            Keys::Elsewhere => key::check_given(&file, &connection, None)?,
            Keys::Given(vault) => key::check_given(&file, &connection, Some(vault))?,
        };
        let read_only = || -> rusqlite::Result<Connection> {
            let connection = self.connect(&file)?;
            connection.pragma_update(None, "query_only", true)?;
            connection.pragma_update(None, "cache_size", -READER_CACHE)?;
            Ok(connection)
        };
        let connections = (0..self.readers.get()).map(|_| read_only()).collect::<Result<_, _>>();
        let (connections, finding) = (connections.map_err(sqlite)?, read_only().map_err(sqlite)?);

        let filter = Arc::new(Filter::load(&connection).map_err(sqlite)?);
        let jobs_changed = watch::Sender::new(0);
        // What is only read needs no flush.
        let flush = if self.read_only { Arc::new(|| Ok(())) } else { log::open(&file).map_err(io)? };
        // The writer's commits are flushed by ourselves from here on, before anybody is answered.
        connection.pragma_update(None, "synchronous", "NORMAL").map_err(sqlite)?;
        let (clock, known) = (Arc::clone(&self.clock), Arc::clone(&filter));
        let beside = self.connect(&file).map_err(sqlite)?;
        let generations = Arc::<Generations>::default();
        let told = Told { jobs_changed: jobs_changed.clone(), generations: Arc::clone(&generations) };
        let writer = Writer::start(connection, beside, flush, clock, known, told).map_err(io)?;
        let readers = Readers::start(connections, Standing::Equal).map_err(io)?;
        let finder = Readers::start(vec![finding], Standing::Patient).map_err(io)?;
        Ok(SqliteStore(Arc::new(Inner {
            readers,
            finder,
            writer,
            jobs_changed,
            foreign_jobs: AtomicBool::new(false),
            clock: self.clock,
            vault,
            filter,
            generations,
            path: file,
            _lock: lock,
        })))
    }

    fn connect(&self, path: &Path) -> rusqlite::Result<Connection> {
        let access =
            if self.read_only { OpenFlags::SQLITE_OPEN_READ_ONLY } else { OpenFlags::SQLITE_OPEN_READ_WRITE };
        let connection = Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
        connection.busy_timeout(self.busy_timeout)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        // A plan follows from the text alone. Otherwise a statement with `LIMIT ?` is prepared anew for each value, which
        // takes longer than running it.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        if self.read_only {
            connection.pragma_update(None, "query_only", true)?;
        } else {
            connection.pragma_update(None, "journal_mode", "WAL")?;
        }
        // Answered means on the disk, not only handed to the operating system.
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "wal_autocheckpoint", writer::LONGEST)?;
        connection.pragma_update(None, "temp_store", "MEMORY")?;
        connection.pragma_update(None, "cache_size", -WRITER_CACHE)?;
        Ok(connection)
    }
}
