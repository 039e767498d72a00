//! How a store is opened.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use courierx_core::clock::Clock;
use courierx_core::store::StoreError;
use sqlx::PgPool;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use url::Url;

use super::background::Background;
use super::batcher::Batcher;
use super::clock::{DatabaseClock, Time};
use super::error::OpenError;
use super::examine::Examined;
use super::ledger::statements::Statements;
use super::pooled::Pool;
use super::session::Session;
use super::signal::{self, Signal};
use super::{Inner, PostgresStore, Shared, days, parameters, presence, schema};
use crate::SchemaVersion;

/// How a [`PostgresStore`] is opened; made by [`PostgresStore::options`].
#[derive(Clone)]
pub struct PostgresOptions {
    connect: PgConnectOptions,
    schema: String,
    connections: NonZeroU32,
    connect_timeout: Duration,
    statement_timeout: Duration,
    lock_timeout: Duration,
    migration_patience: Duration,
    clock: Option<Arc<dyn Clock>>,
    migrate: bool,
    read_only: bool,
    alone: bool,
}

impl PostgresOptions {
    pub(super) fn parse(url: &str) -> Result<Self, OpenError> {
        if !["postgres://", "postgresql://"].iter().any(|scheme| url.starts_with(scheme)) {
            return Err(OpenError::InvalidUrl(None));
        }
        let invalid = |error| OpenError::InvalidUrl(Some(Box::new(error)));
        if let Ok(url) = Url::parse(url) {
            parameters::check(&url)?;
        }
        let connect = PgConnectOptions::from_str(url).map_err(invalid)?;
        Ok(Self::new(connect))
    }

    /// To the database of these options of sqlx: for certificates, sockets and whatever else a URL cannot say.
    pub fn new(connect: PgConnectOptions) -> Self {
        Self {
            connect,
            schema: "courierx".to_owned(),
            connections: const { NonZeroU32::new(10).unwrap() },
            connect_timeout: Duration::from_secs(10),
            statement_timeout: Duration::from_secs(30),
            lock_timeout: Duration::from_secs(10),
            migration_patience: Duration::from_mins(1),
            clock: None,
            migrate: true,
            read_only: false,
            alone: false,
        }
    }

    /// The schema that has our tables; `courierx` unless given. It is made if there is none.
    #[must_use]
    pub fn schema(mut self, name: impl Into<String>) -> Self {
        self.schema = name.into();
        self
    }

    /// How many connections there are at most; ten unless given. One more waits for notifications.
    #[must_use]
    pub fn connections(mut self, most: NonZeroU32) -> Self {
        self.connections = most;
        self
    }

    /// How long a call waits for a connection, a lost one to be made anew included; ten seconds unless given.
    #[must_use]
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// How long a statement may take before the database ends it; half a minute unless given.
    #[must_use]
    pub fn statement_timeout(mut self, timeout: Duration) -> Self {
        self.statement_timeout = timeout;
        self
    }

    /// How long a statement waits for what others have locked; ten seconds unless given.
    #[must_use]
    pub fn lock_timeout(mut self, timeout: Duration) -> Self {
        self.lock_timeout = timeout;
        self
    }

    /// How long a migration is tried again while others keep locked what it needs; a minute unless given. It waits
    /// for a lock a second at a time, as everybody else waits behind it.
    #[must_use]
    pub fn migration_patience(mut self, patience: Duration) -> Self {
        self.migration_patience = patience;
        self
    }

    /// Where the time comes from instead of the database: for tests. Processes that share a database have to share
    /// this clock, too.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = Some(clock);
        self
    }

    /// Uses the schema as it is: one that is not there or of an earlier version is refused
    /// ([`OpenError::OlderSchema`]), for whoever [migrates](Self::migrate) at another time, with other privileges.
    #[must_use]
    pub fn without_migrating(mut self) -> Self {
        self.migrate = false;
        self
    }

    /// Only looks: the same, and whatever writes fails.
    #[must_use]
    pub fn existing_read_only(mut self) -> Self {
        self.read_only = true;
        self.without_migrating()
    }

    /// Whether a name can be that of a [schema](Self::schema).
    pub fn check_schema(name: &str) -> Result<(), OpenError> {
        schema::check_name(name)
    }

    /// Where the database is, without user and password: `db.example:5432/app, schema courierx`.
    pub fn place(&self) -> String {
        let Self { connect, schema, .. } = self;
        let host = match connect.get_socket() {
            Some(socket) => socket.display().to_string(),
            None => format!("{}:{}", connect.get_host(), connect.get_port()),
        };
        let database = connect.get_database().unwrap_or_else(|| connect.get_username());
        format!("{host}/{database}, schema {schema}")
    }

    /// How many connections an open store has at most.
    pub fn most_connections(&self) -> u32 {
        // One listens.
        self.connections.get().saturating_add(1)
    }

    /// Creates or updates our schema, and tells its version before and after. It waits for whoever does the same,
    /// and running stores are in nobody's way.
    pub async fn migrate(&self) -> Result<(SchemaVersion, SchemaVersion), OpenError> {
        schema::check_name(&self.schema)?;
        let pool = self.pool(1).await?;
        let migrated = schema::migrate(&pool, &self.schema, self.migration_patience).await;
        pool.close().await;
        migrated
    }

    /// For this process alone, as to move everything: refused while another one has it open, and others are refused
    /// as long as this one does ([`OpenError::InUse`]).
    #[must_use]
    pub fn alone(mut self) -> Self {
        self.alone = true;
        self
    }

    /// Opens the database, and creates or updates our schema in it.
    pub async fn open(self) -> Result<PostgresStore, OpenError> {
        schema::check_name(&self.schema)?;
        let pool = self.pool(self.connections.get()).await?;
        if self.migrate {
            schema::migrate(&pool, &self.schema, self.migration_patience).await?;
        } else {
            let present = schema::look(&mut *pool.acquire().await?, &self.schema).await?;
            schema::check(present, &self.schema)?;
        }
        let (listening, session) = (self.pool_options(1), self.session());
        let listening = move || session.lazy_pool(listening.clone());
        let (mut alone, mut listener) = (None, None);
        if self.alone {
            alone = Some(presence::alone(&pool, &self.schema).await?);
        } else {
            presence::check(&pool, &self.schema).await?;
            match signal::begin(&listening(), self.connect_timeout).await {
                // Somebody who came in between.
                Ok(None) => return Err(OpenError::InUse { name: self.schema.clone() }),
                Ok(begun) => listener = begun,
                Err(error) => tracing::debug!(%error, "not listening for new jobs yet"),
            }
        }

        let patience = self.statement_timeout.saturating_mul(2);
        let pool = Pool::new(pool, patience);
        let mut background = Background::default();
        background.spawn(pool.clone().tidy());
        let time = if let Some(clock) = &self.clock {
            Time::Given(Arc::clone(clock))
        } else {
            let clock = DatabaseClock::start(&pool, patience).await?;
            background.spawn(Arc::clone(&clock).follow(pool.clone(), patience));
            Time::Database(clock)
        };
        let signal = Signal::new(&self.schema);
        if !self.alone {
            background.spawn(signal::listen(signal.clone(), listener, listening, patience));
        }
        background.spawn(signal::tell(signal.clone(), pool.clone(), patience));

        let (statements, looked_through) = (Statements::new(&self.schema), <_>::default());
        let shared = Arc::new(Shared { pool, time, signal, statements, looked_through, patience });
        // Without them everything works, and is only removed more slowly.
        if !self.alone
            && let Err(fault) = days::make(&shared).await
        {
            tracing::warn!(error = &StoreError::from(fault) as &dyn std::error::Error, "no tables of days");
        }
        Ok(PostgresStore(Arc::new(Inner {
            accepting: Batcher::start(&shared),
            beginning: Batcher::start(&shared),
            settling: Batcher::start(&shared),
            recording: Batcher::start(&shared),
            checking: Batcher::start(&shared),
            shared,
            background,
            _alone: alone,
        })))
    }

    async fn pool(&self, connections: u32) -> Result<PgPool, OpenError> {
        self.session().pool(self.pool_options(connections)).await
    }

    fn pool_options(&self, connections: u32) -> PgPoolOptions {
        PgPoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(self.connect_timeout)
            // A call that finds its connection gone takes another one.
            .test_before_acquire(false)
    }

    /// How each connection is made, and what holds on it.
    fn session(&self) -> Session {
        let millis = |time: Duration| format!("{}ms", time.as_millis());
        let mut settings = vec![
            ("statement_timeout", millis(self.statement_timeout)),
            ("lock_timeout", millis(self.lock_timeout)),
            ("idle_in_transaction_session_timeout", millis(self.statement_timeout.saturating_mul(2))),
            ("default_transaction_isolation", "read committed".to_owned()),
            // Every statement of ours seeks some rows in an index. A planner that knows little of a table that is
            // young, or of how long an array will be, would rather read the whole of it.
            ("enable_seqscan", "off".to_owned()),
            ("enable_hashjoin", "off".to_owned()),
            ("enable_mergejoin", "off".to_owned()),
            ("jit", "off".to_owned()),
        ];
        if self.read_only {
            settings.push(("default_transaction_read_only", "on".to_owned()));
        }
        Session::new(&self.connect, &self.schema, &settings)
    }

    /// A look at the database by a single connection, which changes nothing: whether it can be reached, and is as
    /// a store needs it.
    pub async fn examine(&self) -> Result<Examined, OpenError> {
        schema::check_name(&self.schema)?;
        let session = self.session();
        let looking = Examined::look(&session, &self.schema);
        match tokio::time::timeout(self.connect_timeout, looking).await {
            Ok(examined) => examined,
            Err(late) => Err(sqlx::Error::Io(late.into()).into()),
        }
    }
}

impl fmt::Debug for PostgresOptions {
    /// Shows neither user nor password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresOptions")
            .field("place", &self.place())
            .field("connections", &self.connections)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_shows_a_password() {
        let options = PostgresOptions::parse("postgres://app:hunter2@db.example/app").unwrap();
        assert_eq!(options.place(), "db.example:5432/app, schema courierx");
        assert!(!format!("{options:?} {}", options.place()).contains("hunter2"));
        for wrong in ["postgres://app:hunter2@db.example:port/app", "mysql://app:hunter2@db.example/app"] {
            let error = PostgresOptions::parse(wrong).unwrap_err();
            assert!(!format!("{error:?} {error}").contains("hunter2"), "{error:?}");
        }
    }
}
