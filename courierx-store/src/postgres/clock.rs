//! The database's time, without asking for it each time.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use courierx_core::clock::{Clock, Timestamp};

use super::pooled::{Pool, within};

/// The database's time in SQL, in microseconds since 1970, unless a parameter that is put in gives another.
macro_rules! now_or {
    ($parameter:literal) => {
        concat!("coalesce(", $parameter, "::int8, (extract(epoch FROM clock_timestamp()) * 1000000)::int8)")
    };
}
pub(super) use now_or;

/// How often the time is measured: quartz drifts by some microseconds in a second.
const MEASURE_EVERY: Duration = Duration::from_secs(30);
/// The quickest of so many answers tells the time best.
const PROBES: usize = 3;

/// Where the store's times come from.
#[derive(Clone)]
pub(super) enum Time {
    /// From the database.
    Database(Arc<DatabaseClock>),
    /// From a clock that the application gave.
    Given(Arc<dyn Clock>),
}

impl Time {
    pub(super) fn now(&self) -> Timestamp {
        match self {
            Self::Database(clock) => clock.now(),
            Self::Given(clock) => clock.now(),
        }
    }

    pub(super) fn clock(&self) -> Arc<dyn Clock> {
        match self {
            Self::Database(clock) => Arc::<DatabaseClock>::clone(clock),
            Self::Given(clock) => Arc::clone(clock),
        }
    }

    /// What a statement is told that takes [`now_or!`]: nothing where it is to ask the database itself.
    pub(super) fn told(&self) -> Option<i64> {
        match self {
            Self::Database(_) => None,
            Self::Given(clock) => Some(clock.now().as_micros()),
        }
    }
}

/// A clock that follows the database's: what that showed when it was asked last, and what has passed since by a
/// timer that nobody sets.
#[derive(Debug)]
pub(super) struct DatabaseClock {
    measured: RwLock<(Instant, Timestamp)>,
}

impl DatabaseClock {
    /// Asks the database for the time.
    pub(super) async fn start(pool: &Pool, patience: Duration) -> sqlx::Result<Arc<Self>> {
        let measured = RwLock::new(measure(pool, patience).await?);
        Ok(Arc::new(Self { measured }))
    }

    /// Asks again and again, for ever.
    #[expect(clippy::disallowed_methods, reason = "this is what the clock is made of")]
    pub(super) async fn follow(self: Arc<Self>, pool: Pool, patience: Duration) {
        loop {
            tokio::time::sleep(MEASURE_EVERY).await;
            match measure(&pool, patience).await {
                Ok(measured) => {
                    *self.measured.write().unwrap_or_else(PoisonError::into_inner) = measured;
                }
                // The timer goes on, and other calls tell that the database is away.
                Err(error) => tracing::debug!(%error, "the database was not asked for the time"),
            }
        }
    }
}

/// Gives a connection up that does not answer for so long.
async fn measure(pool: &Pool, patience: Duration) -> sqlx::Result<(Instant, Timestamp)> {
    let mut best: Option<(Duration, Instant, i64)> = None;
    for _ in 0..PROBES {
        let mut connection = pool.acquire().await?;
        let asked = Instant::now();
        let asking = sqlx::query_scalar(concat!("SELECT ", now_or!("NULL"))).fetch_one(&mut *connection);
        let micros: i64 = match within(patience, asking).await {
            Ok(micros) => micros,
            Err(error) => {
                connection.discard();
                return Err(error);
            }
        };
        let took = asked.elapsed();
        connection.put_down();
        if best.is_none_or(|(other, ..)| took < other) {
            // The database looked at its clock about half way.
            best = Some((took, asked + took / 2, micros));
        }
    }
    best.map(|(_, at, micros)| (at, Timestamp::from_micros(micros))).ok_or(sqlx::Error::RowNotFound)
}

#[async_trait]
impl Clock for DatabaseClock {
    fn now(&self) -> Timestamp {
        let (at, time) = *self.measured.read().unwrap_or_else(PoisonError::into_inner);
        time.after(at.elapsed())
    }

    #[expect(clippy::disallowed_methods, reason = "a wait of the database's time is a real one")]
    async fn sleep_until(&self, until: Timestamp) {
        loop {
            let left = until.since(self.now());
            if left.is_zero() {
                return;
            }
            // What is measured meanwhile counts.
            tokio::time::sleep(left.min(MEASURE_EVERY)).await;
        }
    }
}
