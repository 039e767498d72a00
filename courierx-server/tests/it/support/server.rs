//! A server in this process, on a port of its own and a fresh database of the kind that the test is about.

use std::sync::Arc;

use courierx_core::clock::Clock;
use courierx_server::App;
use courierx_server::config::Settings;
use courierx_server::http::ListenerLimits;
use courierx_server::secret::Secret;
use courierx_server::server::Server;
use serde_json::json;

use super::Client;
use super::database::Opened;

fn secret() -> Secret {
    Secret::new("a secret of the tests with enough bytes")
}

pub(crate) struct TestServer {
    server: Server,
    folder: tempfile::TempDir,
}

impl TestServer {
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| ()).await
    }

    /// With a listener that bears less.
    pub(crate) async fn start_limited(limits: ListenerLimits) -> Self {
        Self::start_within(|_| (), limits).await
    }

    /// The same, with settings that differ from the defaults.
    pub(crate) async fn start_limited_with(
        limits: ListenerLimits,
        change: impl FnOnce(&mut Settings),
    ) -> Self {
        Self::start_within(change, limits).await
    }

    /// With settings that differ from the defaults.
    pub(crate) async fn start_with(change: impl FnOnce(&mut Settings)) -> Self {
        Self::start_within(change, ListenerLimits::default()).await
    }

    /// Under a clock that the test moves, and with settings that differ from the defaults.
    pub(crate) async fn start_under(clock: Arc<dyn Clock>, change: impl FnOnce(&mut Settings)) -> Self {
        Self::start_on(Opened::fresh(Some(clock)).await, change, ListenerLimits::default()).await
    }

    async fn start_within(change: impl FnOnce(&mut Settings), limits: ListenerLimits) -> Self {
        Self::start_on(Opened::fresh(None).await, change, limits).await
    }

    /// On a database that the test has opened.
    pub(crate) async fn start_on(
        opened: Opened,
        change: impl FnOnce(&mut Settings),
        limits: ListenerLimits,
    ) -> Self {
        let Opened { folder, database, store, vault } = opened;
        let mut settings = Settings::in_directory(folder.path().to_owned());
        settings.listen.set_port(0);
        settings.database = database;
        // Tests of domains have a DNS server, and switch it on.
        settings.require_verified_domains = false;
        change(&mut settings);
        let app = App::new(settings, store, vault, &secret()).unwrap();
        Self { server: Server::start_within(app, limits).await.unwrap(), folder }
    }

    /// Stops it, and starts another one on the same store, which knows what is stored and nothing else.
    pub(crate) async fn restart(self) -> Self {
        let Self { server, folder } = self;
        let (settings, vault) = (server.app().settings.clone(), server.app().vault.clone());
        let store = Arc::clone(&server.app().store);
        server.stop().await;
        let app = App::new(settings, store, vault, &secret()).unwrap();
        Self { server: Server::start(app).await.unwrap(), folder }
    }

    pub(crate) fn app(&self) -> &Arc<App> {
        self.server.app()
    }

    pub(crate) fn address(&self) -> std::net::SocketAddr {
        self.server.address()
    }

    /// Stops it as a signal does.
    pub(crate) async fn stop(self) {
        self.server.stop().await;
    }

    /// Waits until everything of the client's tenant that is due was delivered.
    pub(crate) async fn delivered(&self, owner: &Client) {
        let me = owner.get("/api/v1/auth/me").await;
        let tenant = me.body["tenant"]["id"].as_str().unwrap().parse().unwrap();
        self.app().outbox.drained(tenant).await.unwrap();
    }

    /// A client without credentials.
    pub(crate) fn client(&self) -> Client {
        Client::new(format!("http://{}", self.address()))
    }

    /// A new tenant's owner, with a token.
    pub(crate) async fn owner(&self, name: &str) -> Client {
        let body = json!({
            "name": name,
            "email": format!("owner@{name}.example"),
            "password": "correct horse battery",
        });
        let answer = self.client().post("/api/v1/auth/register", &body).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        self.client().with(answer.body["token"].as_str().unwrap())
    }

    /// The owner of this name once more, with another token.
    pub(crate) async fn log_in(&self, name: &str) -> Client {
        let body = json!({ "email": format!("owner@{name}.example"), "password": "correct horse battery" });
        let answer = self.client().post("/api/v1/auth/login", &body).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        self.client().with(answer.body["token"].as_str().unwrap())
    }

    /// A new API key of the owner's tenant, that may do everything.
    pub(crate) async fn key(&self, owner: &Client, mode: &str) -> Client {
        let answer = owner.post("/api/v1/api_keys", &json!({ "name": "test", "mode": mode })).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        self.client().with(answer.body["raw_key"].as_str().unwrap())
    }
}
