//! What can be configured, and how it is read.
//!
//! [`SETTINGS`] is the one table of settings; [`Settings::load`] reads them.

mod blobs;
mod error;
mod file;
mod keys;
mod load;
mod loader;
mod parse;
mod proxies;
mod public_url;
pub mod secrets;
mod sources;
mod system_mail;
pub mod table;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use courierx_core::names;
use courierx_core::vault::VaultKey;
use courierx_store::postgres::PostgresOptions;

use crate::secret::Secret;

pub use blobs::BlobPlace;
pub use error::{ConfigError, Problem};
pub(crate) use keys::is_placeholder;
pub(crate) use parse::MAX_RATE_LIMIT;
pub use proxies::TrustedProxies;
pub use public_url::PublicUrl;
pub use sources::{Environment, Flags};
pub use system_mail::SystemMail;
pub use table::{SETTINGS, Setting};

/// What `COURIERX_ANSWER_CACHE` counts in, as limits of memory do.
const MEGABYTE: usize = 1024 * 1024;

/// Everything that can be configured, checked.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Settings {
    /// Where to listen: `BIND` and `PORT`.
    pub listen: SocketAddr,
    /// Which proxies are believed when they say for whom they ask: `COURIERX_TRUSTED_PROXIES`.
    pub trusted_proxies: TrustedProxies,
    /// How the internet reaches this server, if it does: `COURIERX_PUBLIC_URL`.
    pub public_url: Option<PublicUrl>,
    /// The database: `DATABASE_URL`.
    pub database: Database,
    /// The schema in a PostgreSQL database, the one above or another one that something is moved to: `DATABASE_SCHEMA`.
    pub database_schema: Option<String>,
    /// When the schema of the database is brought up to date: `COURIERX_MIGRATE`.
    pub migrate: Migrate,
    /// Where generated secrets and the default database are: `COURIERX_DATA_DIR`.
    pub data_dir: PathBuf,
    /// Where large contents are kept besides the database; in the database if none: `COURIERX_BLOBS`.
    pub blobs: Option<BlobPlace>,
    /// Messages under delivery at once; none means that this process does not deliver: `MAX_WORKERS`.
    pub workers: usize,
    /// How long a claimed message is nobody else's, unless its process extends that: `COURIERX_LEASE`.
    pub lease: Duration,
    /// How long an idempotency key is remembered: `IDEMPOTENCY_TTL`.
    pub idempotency_ttl: Duration,
    /// Whether `/metrics` answers: `ENABLE_METRICS`.
    pub metrics: bool,
    /// Who may read `/metrics` from another machine: `METRICS_TOKEN`.
    pub metrics_token: Option<Secret>,
    /// Who may register: `COURIERX_REGISTRATION`.
    pub registration: Registration,
    /// How many requests a minute a tenant's keys may make, any number if 0: `COURIERX_RATE_LIMIT_PER_MINUTE`.
    pub rate_limit_per_minute: u32,
    /// How many bytes of answers are remembered: `COURIERX_ANSWER_CACHE`.
    pub answer_cache: usize,
    /// How the server sends mail of its own; not at all if none: `COURIERX_SYSTEM_MAIL`.
    pub system_mail: Option<SystemMail>,
    /// Which private addresses tenants may name as targets: `COURIERX_ALLOW_PRIVATE_TARGETS`.
    pub private_targets: PrivateTargets,
    /// Whether live mail needs a verified domain in From: `COURIERX_REQUIRE_VERIFIED_DOMAINS`.
    pub require_verified_domains: bool,
    /// Which DNS server is asked about domains; those of the system if none: `COURIERX_DNS_SERVER`.
    pub dns_server: Option<SocketAddr>,
    /// For how long mail is kept.
    pub retention: Retention,
    /// What messages may take up that are made of more than their requests say, until they are kept.
    pub making: RoomLimits,
    /// What messages may take up that are read, until the answers are written. Nobody waits for it.
    pub reading: RoomLimits,
    /// What open streams of events may cost.
    pub streams: StreamLimits,
    /// Certificates that SMTP servers may have beside those of public authorities, as PEM: `COURIERX_CA_FILE`.
    pub extra_roots: Option<String>,
    /// What the operator shows to use the admin API: `SUPER_ADMIN_API_KEY`.
    pub admin_key: Option<Secret>,
    /// What proves that the caller is the operator's own: `INTERNAL_SECRET`.
    pub internal_secret: Option<Secret>,
    /// What signs the tokens of users; generated in the data directory if none: `JWT_SECRET`.
    pub jwt_secret: Option<Secret>,
    /// What seals; generated beside the database if none: `ENCRYPTION_KEY`.
    pub encryption_key: Option<VaultKey>,
    /// Former keys, which open what they sealed: `ENCRYPTION_KEY_OLD`.
    pub former_keys: Vec<VaultKey>,
    /// What is logged, as directives of `tracing`: `LOG_LEVEL`.
    pub log_filter: String,
    /// How it is logged: `LOG_FORMAT`.
    pub log_format: LogFormat,
}

/// Where everything is kept.
#[derive(Debug, Clone)]
pub enum Database {
    /// In this file, for one server at a time.
    Sqlite(PathBuf),
    /// In a PostgreSQL database, for any number of servers: `DATABASE_URL`, `DATABASE_SCHEMA`, `DATABASE_POOL_SIZE`.
    Postgres(Box<PostgresOptions>),
}

impl Database {
    /// What kind it is.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => "SQLite",
            Self::Postgres(_) => "PostgreSQL",
        }
    }

    /// Where it is, for people, without user and password.
    pub fn place(&self) -> String {
        match self {
            Self::Sqlite(path) => {
                std::path::absolute(path).unwrap_or_else(|_| path.clone()).display().to_string()
            }
            Self::Postgres(options) => options.place(),
        }
    }

    /// Whether other processes may use it at the same time.
    pub const fn is_shared(&self) -> bool {
        matches!(self, Self::Postgres(_))
    }
}

names! {
    /// When the schema of the database is brought up to date.
    Migrate, "auto, never",
    /// When a server starts.
    Auto = "auto",
    /// Only by `courierx migrate`.
    Never = "never",
}

names! {
    /// Who may register.
    Registration, "open, first, closed",
    /// Everybody.
    Open = "open",
    /// Whoever is the first.
    First = "first",
    /// Nobody.
    Closed = "closed",
}

names! {
    /// How it is logged.
    LogFormat, "text, json",
    /// Lines for people.
    Text = "text",
    /// An object on each line, for programs.
    Json = "json",
}

/// For how many days settled mail is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Its content, of tenants that do not say: `COURIERX_CONTENT_DAYS`.
    pub content_days: u16,
    /// The most that a tenant may say: `COURIERX_CONTENT_DAYS_MAX`.
    pub most_content_days: u16,
    /// The messages themselves, with attempts and events: `COURIERX_MESSAGE_DAYS`.
    pub message_days: u16,
}

impl Retention {
    /// What holds for tenants that do not say.
    pub fn usual_content_days(&self) -> u16 {
        self.content_days.min(self.most_content_days)
    }
}

impl Default for Retention {
    fn default() -> Self {
        Self { content_days: 30, most_content_days: 30, message_days: 90 }
    }
}

/// How many streams of events may be open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamLimits {
    /// In this process: fewer than it takes connections.
    pub in_all: usize,
    /// Of one tenant.
    pub per_tenant: usize,
    /// How often each says that it is there.
    pub keep_alive: Duration,
}

impl Default for StreamLimits {
    fn default() -> Self {
        Self { in_all: 2048, per_tenant: 64, keep_alive: Duration::from_secs(15) }
    }
}

/// How much of what is large there may be at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RoomLimits {
    /// Bytes of all tenants.
    pub total: usize,
    /// Bytes of one tenant.
    pub per_tenant: usize,
    /// How long one waits for room.
    pub patience: Duration,
}

impl Default for RoomLimits {
    fn default() -> Self {
        Self { total: 384 * MEGABYTE, per_tenant: 96 * MEGABYTE, patience: Duration::from_secs(20) }
    }
}

/// Which private addresses tenants may name as targets.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum PrivateTargets {
    /// None.
    #[default]
    None,
    /// Those in these networks.
    Networks(Vec<ipnet::IpNet>),
    /// All.
    All,
}

impl Settings {
    /// The settings of a server that keeps its data there, where nothing else is set.
    pub fn in_directory(data_dir: PathBuf) -> Self {
        Self {
            listen: SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 4000),
            trusted_proxies: TrustedProxies::default(),
            public_url: None,
            database: Database::Sqlite(data_dir.join("courierx.db")),
            database_schema: None,
            migrate: Migrate::Auto,
            data_dir,
            blobs: None,
            workers: 100,
            lease: Duration::from_mins(1),
            idempotency_ttl: Duration::from_hours(24),
            metrics: true,
            metrics_token: None,
            registration: Registration::Open,
            rate_limit_per_minute: 3000,
            answer_cache: 8 * MEGABYTE,
            system_mail: None,
            private_targets: PrivateTargets::None,
            require_verified_domains: true,
            dns_server: None,
            retention: Retention::default(),
            making: RoomLimits { total: 256 * MEGABYTE, ..RoomLimits::default() },
            reading: RoomLimits { total: 256 * MEGABYTE, ..RoomLimits::default() },
            streams: StreamLimits::default(),
            extra_roots: None,
            admin_key: None,
            internal_secret: None,
            jwt_secret: None,
            encryption_key: None,
            former_keys: Vec::new(),
            log_filter: "info".to_owned(),
            log_format: LogFormat::Text,
        }
    }

    /// The address that clients on this machine reach it at.
    pub fn local_url(&self) -> String {
        let ip = match self.listen.ip() {
            ip if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
            ip => ip,
        };
        format!("http://{}", SocketAddr::new(ip, self.listen.port()))
    }
}
