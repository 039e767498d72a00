//! What holds on each connection.
//!
//! Settings are made by statements once a connection stands. In the packet that starts one, a pooler in between
//! refuses them, or drops them without a word, and our tables would be made wherever it leads.

use std::fmt::Write as _;
use std::sync::Arc;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, PgPool, Row as _};
use tokio::sync::mpsc;

use super::error::OpenError;

/// How connections are made, and what is set on them.
#[derive(Clone)]
pub(super) struct Session {
    connect: PgConnectOptions,
    schema: Arc<str>,
    settings: Arc<str>,
}

impl Session {
    /// Connections to this database that use this schema, and have these settings.
    pub(super) fn new(connect: &PgConnectOptions, schema: &str, settings: &[(&str, String)]) -> Self {
        // How numbers are written as text concerns nobody here, and poolers do not know it.
        let mut connect = connect.clone().extra_float_digits(None);
        if connect.get_application_name().is_none() {
            connect = connect.application_name("courierx");
        }
        // Neither the schema, whose name is checked, nor the other values have quotes in them.
        let mut set = format!("SET search_path = '{schema}'");
        for (name, value) in settings {
            _ = write!(set, "; SET {name} = '{value}'");
        }
        Self { connect, schema: schema.into(), settings: set.into() }
    }

    /// A single connection.
    pub(super) async fn connect(&self) -> Result<PgConnection, OpenError> {
        let mut connection = PgConnection::connect_with(&self.connect).await?;
        self.begin(&mut connection).await?;
        Ok(connection)
    }

    /// A pool of connections, once there is one.
    pub(super) async fn pool(&self, options: PgPoolOptions) -> Result<PgPool, OpenError> {
        // A pool tries again for as long as it may, whatever is wrong. Settings that are lost stay lost.
        let (tell, mut lost) = mpsc::channel(1);
        tokio::select! {
            biased;
            Some(()) = lost.recv() => Err(self.lost()),
            pool = self.prepare(options, tell).connect_with(self.connect.clone()) => Ok(pool?),
        }
    }

    /// A pool that makes its first connection when it is asked for one.
    pub(super) fn lazy_pool(&self, options: PgPoolOptions) -> PgPool {
        let (tell, _) = mpsc::channel(1);
        self.prepare(options, tell).connect_lazy_with(self.connect.clone())
    }

    /// Lets a pool begin each connection, and tell of settings that are lost.
    fn prepare(&self, options: PgPoolOptions, tell: mpsc::Sender<()>) -> PgPoolOptions {
        let session = self.clone();
        options.after_connect(move |connection, _| {
            let (session, tell) = (session.clone(), tell.clone());
            Box::pin(async move {
                match session.begin(connection).await {
                    Ok(()) => Ok(()),
                    Err(OpenError::Database(error)) => Err(*error),
                    Err(error) => {
                        // Nobody listens any more once the pool is made.
                        let _ = tell.try_send(());
                        Err(sqlx::Error::Configuration(Box::new(error)))
                    }
                }
            })
        })
    }

    /// Sets everything, and looks whether that lasts for longer than the statement.
    async fn begin(&self, connection: &mut PgConnection) -> Result<(), OpenError> {
        sqlx::raw_sql(AssertSqlSafe(Arc::clone(&self.settings))).execute(&mut *connection).await?;
        let row = sqlx::raw_sql("SELECT current_setting('search_path')").fetch_one(connection).await?;
        let found: String = row.try_get(0)?;
        if found.trim_matches('"') == &*self.schema { Ok(()) } else { Err(self.lost()) }
    }

    fn lost(&self) -> OpenError {
        OpenError::SettingsLost { name: self.schema.to_string() }
    }
}
