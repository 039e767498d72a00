//! What the server is made of.

use std::sync::Arc;

use courierx_core::blobs::BlobError;
use courierx_core::clock::Timestamp;
use courierx_core::engine::{NoVault, Outbox, OutboxOptions};
use courierx_core::id::TenantId;
use courierx_core::store::{Change, Store};
use courierx_core::tracking::{InvalidBase, LinkKeys, Tracker};
use courierx_core::vault::Vault;
use courierx_providers::http::HttpError;
use courierx_store::blobs::OpenError;
use tokio_util::sync::CancellationToken;

use crate::answers::Answers;
use crate::auth::{Directory, Guesses, LoginLimits, Passwords, RateLimits, Tokens};
use crate::callback_setup::Received;
use crate::config::Settings;
use crate::ctx::Ctx;
use crate::delivery::{Providers, SharedRoutes, TenantRoutes};
use crate::dns::{DnsLookup, Resolver};
use crate::error::{ServiceError, ServiceResult};
use crate::http::Meters;
use crate::secret::Secret;
use crate::services::MailLimits;
use crate::services::audit_log::Author;
use crate::services::auth::Resets;
use crate::services::engine::Engine;
use crate::services::events::Streams;
use crate::services::health::{Backlog, Lately};
use crate::services::links::{Links, TenantHosts};
use crate::services::pages::Many;
use crate::services::places::Places;
use crate::services::room::Room;
use crate::services::{callbacks, count, domains, emails, trials};
use crate::webhooks::Webhooks;

/// Why an app cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AppError {
    /// There is no key to seal with.
    #[error(transparent)]
    NoVault(#[from] NoVault),
    /// The metrics cannot be set up.
    #[error("metrics cannot be set up")]
    Meters(#[from] metrics_exporter_prometheus::BuildError),
    /// The folder for large contents cannot be used.
    #[error(transparent)]
    Blobs(#[from] BlobError),
    /// The bucket for large contents cannot be set up.
    #[error("the bucket for large contents cannot be set up")]
    Bucket(#[from] OpenError),
    /// `COURIERX_PUBLIC_URL` is nothing to put links below.
    #[error("COURIERX_PUBLIC_URL: {0}")]
    Links(#[from] InvalidBase),
    /// The client for vendors' APIs cannot be set up.
    #[error(transparent)]
    Http(#[from] HttpError),
}

/// Everything a service needs. One for each process, shared by all of it.
#[derive(Debug)]
pub struct App {
    /// What was configured.
    pub settings: Settings,
    /// Where everything is kept.
    pub store: Arc<dyn Store>,
    /// What seals credentials and content.
    pub vault: Vault,
    /// Accepts and delivers messages.
    pub outbox: Outbox,
    /// Who may do what.
    pub directory: Arc<Directory>,
    /// Makes the providers of connections, behind the guard.
    pub providers: Providers,
    /// The connections of each tenant.
    pub routes: Arc<TenantRoutes>,
    /// Asks DNS.
    pub dns: Arc<dyn DnsLookup>,
    /// How many domains of one tenant are looked at at once.
    pub domain_places: Places,
    /// How much of messages is there that are made and not kept yet.
    pub making: Room,
    /// How much of mail is there that is read.
    pub reading: Arc<Room>,
    /// What is asked again and again.
    pub(crate) answers: Answers,
    /// Which tenants have very many messages.
    pub many: Many,
    /// Who is about to write a tenant's own record.
    pub tenant_turns: Places,
    /// How many requests fetch files at once.
    pub fetch_places: Places,
    /// How many connections and endpoints are tried out at once.
    pub trial_places: Places,
    /// What sends at once for the operator's other programs.
    pub engine: Engine,
    /// How many large callbacks are read at once.
    pub callback_room: callbacks::Room,
    /// What tells tenants' applications what happened.
    pub webhooks: Webhooks,
    /// Reads the links of ours in mail.
    pub links: Links,
    /// Who follows what happens.
    pub streams: Streams,
    /// Which connections were called back a moment ago.
    pub(crate) received: Received,
    /// Makes and reads the tokens of users.
    pub tokens: Tokens,
    /// Hashes and checks passwords.
    pub passwords: Passwords,
    /// How often somebody may try to log in.
    pub logins: LoginLimits,
    /// From where wrong keys of the operator came.
    pub guesses: Guesses,
    /// How many forgotten passwords are seen to at once.
    pub resets: Resets,
    /// How much mail of the server's own tenants may cause.
    pub(crate) mail_limits: MailLimits,
    /// What `/metrics` tells.
    pub meters: Arc<Meters>,
    /// Whether the database worked a moment ago.
    pub database_works: Lately<bool>,
    /// How long the queue was a moment ago.
    pub queue_depth: Lately<Arc<Backlog>>,
    /// When the process was ready.
    pub started_at: Timestamp,
    /// Cancelled when something has ended that the process cannot do without.
    pub failed: CancellationToken,
}

impl App {
    /// An app over this store. It starts nothing.
    pub fn new(
        settings: Settings,
        store: Arc<dyn Store>,
        vault: Vault,
        jwt_secret: &Secret,
    ) -> Result<Self, AppError> {
        let meters = Arc::new(Meters::new()?);
        let providers = Providers::new(&settings, vault.clone())?;
        let routes = TenantRoutes::new(
            Arc::clone(&store),
            providers.clone(),
            Arc::clone(&meters),
            settings.database.is_shared(),
        );
        let mut options = OutboxOptions::default();
        options.idempotency_ttl = settings.idempotency_ttl;
        if let Some(place) = &settings.blobs {
            options.blobs = Some(Arc::new(place.open()?));
        }
        let limits = RateLimits::new(settings.rate_limit_per_minute);
        let directory = Arc::new(Directory::new(Arc::clone(&store), limits));
        if let Some(public) = settings.public_url.clone() {
            let tracker = Tracker::new(&public.to_string(), LinkKeys::of(&vault))?;
            let hosts = TenantHosts { directory: Arc::clone(&directory), public };
            options.tracker = Some(tracker.with_hosts(Arc::new(hosts)));
        }
        let shared = SharedRoutes(Arc::clone(&routes));
        let outbox = Outbox::new(Arc::clone(&store), shared, Some(vault.clone()), options)?;
        Ok(Self {
            started_at: store.clock().now(),
            failed: CancellationToken::new(),
            outbox,
            directory,
            engine: Engine::new(providers.clone(), &meters, store.clock()),
            dns: Arc::new(Resolver::new(settings.dns_server)),
            domain_places: Places::new(domains::AT_ONCE),
            tenant_turns: Places::new(count::AT_ONCE),
            fetch_places: Places::new(emails::AT_ONCE),
            trial_places: Places::new(trials::AT_ONCE),
            making: Room::new(settings.making),
            reading: Arc::new(Room::new(settings.reading)),
            answers: Answers::new(settings.answer_cache, &meters),
            many: Many::default(),
            links: Links::new(&vault),
            callback_room: callbacks::Room::default(),
            webhooks: Webhooks::new(providers.webhooks().clone()),
            streams: Streams::new(settings.streams),
            received: Received::default(),
            providers,
            routes,
            tokens: Tokens::new(jwt_secret.expose().as_bytes()),
            passwords: Passwords::default(),
            logins: LoginLimits::default(),
            guesses: Guesses::default(),
            resets: Resets::default(),
            mail_limits: MailLimits::default(),
            database_works: Lately::default(),
            queue_depth: Lately::default(),
            meters,
            settings,
            store,
            vault,
        })
    }

    /// The present moment, by the store's clock.
    pub fn now(&self) -> Timestamp {
        self.store.clock().now()
    }

    /// Changes a tenant's configuration as whoever asks: the audit log gets entries in the same commit.
    pub async fn commit_by(&self, ctx: &Ctx, tenant: TenantId, changes: Vec<Change>) -> ServiceResult<()> {
        self.commit_as(&Author::of(ctx), tenant, changes).await
    }

    /// Changes a tenant's configuration, with entries in its audit log that say who did.
    pub async fn commit_as(
        &self,
        author: &Author,
        tenant: TenantId,
        mut changes: Vec<Change>,
    ) -> ServiceResult<()> {
        let entries = author.entries(self, tenant, &changes).await?;
        changes.extend(entries);
        self.commit(tenant, changes).await
    }

    /// Changes a tenant's configuration without an entry in its audit log: for what nobody asked for. Forgets
    /// what this process remembers of it.
    ///
    /// The one way to change configuration: what goes past it works on for as long as the caches live.
    pub async fn commit(&self, tenant: TenantId, changes: Vec<Change>) -> ServiceResult<()> {
        let (store, directory, routes) =
            (Arc::clone(&self.store), Arc::clone(&self.directory), Arc::clone(&self.routes));
        let (streams, hosts) = (self.streams.clone(), self.links.told_by(&changes));
        // On a task of its own: a client that hangs up ends its request, but not what the store has begun.
        let committing = tokio::spawn(async move {
            let committed = store.commit_configs(tenant, changes).await;
            // Even after an error: it may have been committed all the same.
            directory.forget(tenant);
            routes.forget(tenant);
            // A key that has just ended follows nothing any more.
            streams.wake(&[tenant]);
            if let Some(hosts) = hosts {
                hosts.forget();
            }
            committed
        });
        Ok(committing.await.map_err(ServiceError::internal)???)
    }
}
