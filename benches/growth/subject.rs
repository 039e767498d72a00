//! A store that is filled and measured.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use courierx::{Courier, Vault, VaultKey, WorkerOptions};
use courierx_core::id::TenantId;
use courierx_core::store::{ClaimRequest, Claimed, JobKind, JobNext, MessageFilter, PageRequest, Store};
use courierx_store::{PostgresStore, SqliteStore};
use tempfile::TempDir;
use tokio::task::JoinSet;

use crate::cluster::Cluster;
use crate::measure::Costs;
use crate::support::{self, NoOp, email, micros_each};

/// How many messages are accepted and delivered in one measurement, how many at once, and how often so many claims are
/// made and given back.
const MESSAGES: usize = 1_000;
const CALLERS: usize = 64;
const CLAIMS: usize = 12;
const PASSES: usize = 4;
const PAGES: usize = 50;
/// How many are accepted before they are delivered while a store is filled.
const CHUNK: usize = 20_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Sqlite,
    Postgres,
}

impl Kind {
    pub(crate) fn named(name: &str) -> Option<Self> {
        [Self::Sqlite, Self::Postgres].into_iter().find(|kind| kind.name() == name)
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
        }
    }
}

/// Where it is kept, as long as it is needed.
enum Home {
    Folder(TempDir),
    Cluster(Cluster),
}

pub(crate) struct Subject {
    courier: Courier,
    store: Arc<dyn Store>,
    provider: NoOp,
    messages: usize,
    home: Home,
}

impl Subject {
    pub(crate) async fn new(kind: Kind) -> Self {
        let provider = NoOp::new();
        let builder =
            Courier::builder().provider("primary", provider.clone()).vault(Vault::new(VaultKey::generate()));
        let (builder, home) = match kind {
            Kind::Sqlite => {
                let folder = support::directory();
                let store = SqliteStore::open(folder.path().join("mail.db")).await.expect("the store opens");
                (builder.store(store), Home::Folder(folder))
            }
            Kind::Postgres => {
                let cluster = Cluster::start(true);
                let store = PostgresStore::open(&cluster.url).await.expect("the store opens");
                (builder.store(store), Home::Cluster(cluster))
            }
        };
        let courier = builder.build().expect("the courier is complete");
        let store = Arc::clone(courier.store().expect("there is one"));
        Self { courier, store, provider, messages: 0, home }
    }

    pub(crate) fn messages(&self) -> usize {
        self.messages
    }

    pub(crate) fn store(&self) -> Arc<dyn Store> {
        Arc::clone(&self.store)
    }

    /// Accepts and delivers some more.
    pub(crate) async fn fill_some(&mut self) {
        self.accept(CHUNK).await;
        self.deliver().await;
    }

    /// Has so many messages stored in the end, all of them delivered.
    pub(crate) async fn fill(&mut self, size: usize) {
        let start = (Instant::now(), self.messages);
        while self.messages < size {
            let count = CHUNK.min(size - self.messages);
            self.accept(count).await;
            self.deliver().await;
            if self.messages.is_multiple_of(500_000) {
                let rate = support::rate(self.messages - start.1, start.0.elapsed());
                support::tell(format!("{} messages stored, {rate:.0}/s", self.messages));
            }
        }
    }

    /// Accepts, claims, delivers and lists.
    pub(crate) async fn measure(&mut self) -> Costs {
        let start = Instant::now();
        self.accept(MESSAGES).await;
        let accept = micros_each(MESSAGES, start.elapsed());
        let claim = self.claim().await;
        let start = Instant::now();
        self.deliver().await;
        let deliver = micros_each(MESSAGES, start.elapsed());
        let start = Instant::now();
        for _ in 0..PAGES {
            let page = PageRequest::first(25);
            let page = self.store.list(TenantId::DEFAULT, &MessageFilter::default(), &page).await;
            assert_eq!(page.expect("the store works").items.len(), 25);
        }
        Costs([accept, claim, deliver, micros_each(PAGES, start.elapsed())])
    }

    /// Many callers at once.
    async fn accept(&mut self, count: usize) {
        let mut tasks = JoinSet::new();
        let first = self.messages;
        for caller in 0..CALLERS {
            let courier = self.courier.clone();
            tasks.spawn(async move {
                for number in (first + caller..first + count).step_by(CALLERS) {
                    courier.enqueue(email(number)).await.expect("the message is accepted");
                }
            });
        }
        tasks.join_all().await;
        self.messages += count;
    }

    /// Claims, and gives back what it got. In microseconds for each.
    async fn claim(&self) -> f64 {
        let request = ClaimRequest::new(JobKind::DELIVERY, CALLERS, Duration::from_mins(10));
        let mut time = Duration::ZERO;
        for _ in 0..PASSES {
            let mut back = Vec::new();
            for _ in 0..CLAIMS {
                let start = Instant::now();
                let claimed = self.store.claim(&request).await.expect("the store works");
                time += start.elapsed();
                let again = |one: Claimed| (one.lease, JobNext::RetryAt { at: one.job.run_at, round: 0 });
                back.extend(claimed.into_iter().map(again));
            }
            assert_eq!(back.len(), CALLERS * CLAIMS, "there is enough to claim");
            self.store.finish(&back).await.expect("the store works");
        }
        micros_each(CALLERS * CLAIMS * PASSES, time)
    }

    /// Delivers and settles all that is queued.
    async fn deliver(&self) {
        let mut options = WorkerOptions::default();
        options.concurrency = 256;
        let worker = self.courier.spawn_with(options).expect("there is a store");
        self.provider.wait_for(self.messages).await;
        worker.shutdown().await.expect("the worker ends");
    }

    /// What the database takes.
    pub(crate) async fn bytes_on_disk(&self) -> u64 {
        match &self.home {
            Home::Folder(folder) => size_of(folder.path()),
            Home::Cluster(cluster) => {
                let pool = sqlx::PgPool::connect(&cluster.url).await.expect("the server is there");
                let size: i64 = sqlx::query_scalar("SELECT pg_database_size(current_database())")
                    .fetch_one(&pool)
                    .await
                    .expect("it can be asked");
                size.unsigned_abs()
            }
        }
    }
}

fn size_of(folder: &Path) -> u64 {
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
    files.filter_map(|file| file.metadata().ok()).map(|file| file.len()).sum()
}
