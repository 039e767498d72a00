//! Providers are told to call back, and no more once a connection is gone.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode, Uri};
use courierx_core::clock::ManualClock;
use courierx_core::id::{RecordId, TenantId};
use courierx_core::message::Lane;
use courierx_core::provider::{Callback, CallbackState, EmailProvider as _, Refusal, SendOptions};
use courierx_core::store::{Change, ConfigsExt as _, DepthQuery, JobKind, NewJob, Versioned};
use courierx_providers::emulator::Fault;
use courierx_server::config::{Environment, Flags, PrivateTargets, Settings};
use courierx_server::delivery::Purpose;
use courierx_server::model::provider_connections::{ProviderConnection, ProviderKind};
use reqwest::Method;
use serde_json::{Value, json};

use super::{count, post, sent};
use crate::provider_connections::vendors::{KEY, Vendor};
use crate::provider_connections::{PATH, at, create, limits};
use crate::support::{Answer, Client, PATIENCE, TestServer};

type Connection = Versioned<ProviderConnection>;

/// How the internet reaches a server: what is called back here is passed on to it.
pub(super) struct Gate {
    pub(super) url: String,
    pub(super) server: Arc<OnceLock<SocketAddr>>,
}

impl Gate {
    pub(super) async fn open() -> Self {
        let server = Arc::new(OnceLock::<SocketAddr>::new());
        let known = Arc::clone(&server);
        let router = Router::new().fallback(move |uri: Uri, headers: HeaderMap, body: Bytes| {
            let callback = headers.iter().fold(Callback::new(body.to_vec()), |all, (name, value)| {
                all.header(name.as_str(), value.to_str().unwrap())
            });
            let server = *known.get().unwrap();
            async move {
                let status = post(&format!("http://{server}{}", uri.path()), &callback).await;
                StatusCode::from_u16(status).unwrap()
            }
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, server }
    }
}

fn public(settings: &mut Settings, url: &str) {
    let set = [("COURIERX_PUBLIC_URL", url)].into_iter().collect::<Environment>();
    settings.public_url = Settings::load(&Flags::default(), &set, &std::env::temp_dir()).unwrap().public_url;
    settings.private_targets = PrivateTargets::Networks(vec!["127.0.0.0/8".parse().unwrap()]);
}

pub(super) async fn reached_at(url: &str) -> TestServer {
    let set = |settings: &mut Settings| {
        public(settings, url);
        // What is waited for is asked about again and again.
        settings.rate_limit_per_minute = 0;
    };
    TestServer::start_with(set).await
}

/// Every vendor; Amazon without a configuration set.
pub(super) async fn vendors() -> Vec<Vendor> {
    let mut all = Vendor::all().await;
    for vendor in &mut all {
        vendor.body.as_object_mut().unwrap().remove("configuration_set");
    }
    all
}

/// Reads a connection until its webhook is so.
async fn until(owner: &Client, path: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    let patience = Instant::now();
    loop {
        let read = owner.get(path).await;
        if is_so(&read.body["webhook"]) {
            return read.body;
        }
        assert!(patience.elapsed() < PATIENCE, "{read:?}");
        tokio::task::yield_now().await;
    }
}

fn is(status: &'static str) -> impl Fn(&Value) -> bool {
    move |webhook| webhook["status"] == status
}

async fn kept(server: &TestServer, owner: &Client, body: &Value) -> Connection {
    let me = owner.get("/api/v1/auth/me").await;
    let tenant: TenantId = me.body["tenant"]["id"].as_str().unwrap().parse().unwrap();
    let id: RecordId = body["id"].as_str().unwrap().parse().unwrap();
    server.app().store.get::<ProviderConnection>(tenant, id).await.unwrap().unwrap()
}

/// What is set up for a connection as it was then.
async fn registered(
    server: &TestServer,
    then: &Connection,
    url: &str,
) -> Result<Option<CallbackState>, Refusal> {
    let Versioned { tenant, id, value, .. } = then;
    let provider = server.app().providers.provider(*tenant, id, value, Purpose::Verification).unwrap();
    provider.callback_setup().unwrap().status(url, &SendOptions::default()).await
}

/// Connects an account at a vendor, and waits until that calls back: the connection.
pub(super) async fn connected(server: &TestServer, owner: &Client, vendor: &Vendor) -> Value {
    let made = create(owner, &vendor.body).await;
    let read = until(owner, &at(&made.body), is("auto")).await;
    agree(server, owner, vendor, &read).await;
    read
}

/// Amazon asks first whether it may call back; the server agrees, and finds it so.
async fn agree(server: &TestServer, owner: &Client, vendor: &Vendor, connection: &Value) {
    if vendor.kind == ProviderKind::AwsSes {
        called_back(server, vendor, connection["webhook_url"].as_str().unwrap()).await;
        until(owner, &at(connection), |webhook| webhook["last_error"].is_null()).await;
    }
}

/// Lets a vendor call back wherever it was told to: only to this URL, and all of it is taken.
pub(super) async fn called_back(server: &TestServer, vendor: &Vendor, url: &str) {
    let told = vendor.emulator.call_back_where_told(server.app().now()).await;
    let right = |(to, status): &(String, u16)| (to.as_str(), *status) == (url, 200);
    assert!(!told.is_empty() && told.iter().all(right), "{}: {told:?}", vendor.kind);
}

#[tokio::test]
async fn what_is_verified_is_registered_and_what_is_called_back_is_taken() {
    let gate = Gate::open().await;
    let server = reached_at(&gate.url).await;
    gate.server.set(server.address()).unwrap();
    for vendor in vendors().await {
        let kind = vendor.kind;
        let owner = server.owner(&kind.as_str().replace('_', "-")).await;
        let made = create(&owner, &vendor.body).await;
        let connection = at(&made.body);
        let read = until(&owner, &connection, is("auto")).await;
        let webhook = &read["webhook"];
        let url = read["webhook_url"].as_str().unwrap();
        assert!(url.starts_with(&gate.url), "{url}");
        assert_eq!(webhook["url"], url, "{kind}");
        assert_eq!((&webhook["auto_managed"], &webhook["supports_auto"]), (&json!(true), &json!(true)));
        assert!(webhook["external_id"].is_string() && webhook["last_synced_at"].is_string(), "{webhook}");
        assert_eq!((&webhook["proven"], &webhook["last_received_at"]), (&json!(false), &Value::Null));
        assert_eq!(webhook["secret_present"], kind != ProviderKind::AwsSes, "{kind}");
        if kind == ProviderKind::AwsSes {
            assert!(read["configuration_set"].as_str().unwrap().starts_with("courierx-"), "{read}");
            assert_eq!(read["sns_topic_arns"].as_array().unwrap().len(), 1, "{read}");
        }
        agree(&server, &owner, &vendor, &read).await;
        let path = sent(&owner, "ada@example.com").await;
        called_back(&server, &vendor, url).await;
        let read = until(&owner, &connection, |webhook| webhook["proven"] == true).await;
        assert!(read["webhook"]["last_received_at"].is_string(), "{read}");
        let delivered = limits::until(&owner, &path, |email| email["status"] == "delivered").await;
        assert_eq!(count(&delivered, "delivered"), 1, "{kind}: {delivered:?}");
        for answer in [&made.body, &read] {
            assert!(!answer.to_string().contains(KEY), "{answer}");
        }
    }
    server.stop().await;
}

#[tokio::test]
async fn what_fails_is_told_and_a_resync_mends_it() {
    let server = reached_at("https://mail.example.com").await;
    for Vendor { kind, emulator, mut body } in vendors().await {
        let owner = server.owner(&kind.as_str().replace('_', "-")).await;
        body["webhook_auto_managed"] = json!(false);
        let made = create(&owner, &body).await;
        let path = at(&made.body);
        let webhook = &made.body["webhook"];
        assert_eq!((&webhook["status"], &webhook["auto_managed"]), (&json!("not_configured"), &json!(false)));
        let refused = owner.post(&format!("{path}/resync_webhook"), &json!({})).await;
        assert_eq!(refused.status, 422, "{refused:?}");
        assert!(refused.text.contains("webhook_auto_managed"), "{refused:?}");

        emulator.fail(Some(Fault::Unauthorized));
        let on = owner.patch(&path, &json!({ "webhook_auto_managed": true })).await;
        assert_eq!((on.status, &on.body["webhook"]["auto_managed"]), (200, &json!(true)), "{on:?}");
        let read = until(&owner, &path, is("failed")).await;
        let error = read["webhook"]["last_error"].as_str().unwrap();
        assert!(error.starts_with("[credentials] "), "{kind}: {error}");

        emulator.fail(None);
        let resync = owner.post(&format!("{path}/resync_webhook"), &json!({})).await;
        assert_eq!((resync.status, &resync.body["webhook"]["queued"]), (200, &json!(true)), "{resync:?}");
        assert!(resync.body["webhook"]["message"].is_string());
        let read = until(&owner, &path, is("auto")).await;
        let mended = read["webhook"]["external_id"].clone();

        // Whoever is let in no more is told so, and what is there is what it was once that is over.
        emulator.fail(Some(Fault::Unauthorized));
        owner.post(&format!("{path}/resync_webhook"), &json!({})).await;
        until(&owner, &path, is("revoked")).await;
        emulator.fail(None);
        owner.post(&format!("{path}/resync_webhook"), &json!({})).await;
        let read = until(&owner, &path, is("auto")).await;
        assert_eq!(read["webhook"]["external_id"], mended, "{kind}");
    }
    server.stop().await;
}

/// A job is added before what it follows from is committed, and may be done in between.
#[tokio::test]
async fn what_is_done_before_its_cause_is_committed_is_done_then() {
    let server = reached_at("https://mail.example.com").await;
    let Vendor { mut body, emulator: _emulator, .. } = vendors().await.remove(0);
    let owner = server.owner("acme").await;
    body["webhook_auto_managed"] = json!(false);
    let made = create(&owner, &body).await;
    let current = kept(&server, &owner, &made.body).await;
    let (store, kind) = (&server.app().store, JobKind::new("callback_setup"));
    let work = json!({ "Ensure": { "connection": current.id } }).to_string();
    let job = NewJob::new(kind.clone(), Lane::Transactional, server.app().now(), work.into_bytes());
    store.enqueue(current.tenant, vec![job]).await.unwrap();
    let put_off = async {
        let mut query = DepthQuery::default();
        (query.kind, query.tenant) = (Some(kind), Some(current.tenant));
        while store.depth(&query).await.unwrap().iter().all(|lane| lane.waiting == 0) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, put_off).await.unwrap();

    let mut changed = current.value.clone();
    changed.webhook.auto_managed = true;
    let change = Change::update(current.tenant, current.id, current.version, &changed).unwrap();
    server.app().commit(current.tenant, vec![change]).await.unwrap();
    until(&owner, &at(&made.body), is("auto")).await;
    server.stop().await;
}

#[tokio::test]
async fn a_removed_connection_is_called_back_no_more() {
    let server = reached_at("https://mail.example.com").await;
    for Vendor { kind, emulator, body } in vendors().await {
        let owner = server.owner(&kind.as_str().replace('_', "-")).await;
        let made = create(&owner, &body).await;
        let read = until(&owner, &at(&made.body), is("auto")).await;
        let url = read["webhook_url"].as_str().unwrap();
        let connection = kept(&server, &owner, &made.body).await;
        assert!(registered(&server, &connection, url).await.unwrap().is_some(), "{kind}");
        assert_eq!(owner.delete(&at(&made.body)).await.status, 204);
        gone(&server, &connection, url).await;
        assert!(!emulator.requests().is_empty());
    }
    server.stop().await;
}

#[tokio::test]
async fn a_deleted_tenant_is_called_back_no_more() {
    let clock = limits::clock();
    let change = |settings: &mut Settings| public(settings, "https://mail.example.com");
    let server = TestServer::start_under(Arc::<ManualClock>::clone(&clock), change).await;
    let mut registrations = Vec::new();
    let owner = server.owner("acme").await;
    // They are there until the end.
    let vendors = vendors().await;
    for Vendor { body, .. } in &vendors {
        let made = create(&owner, body).await;
        let read = until(&owner, &at(&made.body), is("auto")).await;
        let url = read["webhook_url"].as_str().unwrap().to_owned();
        registrations.push((kept(&server, &owner, &made.body).await, url));
    }
    let confirmation = json!({ "current_password": "correct horse battery" });
    let deleted = owner.send(owner.request(Method::DELETE, "/api/v1/auth/me").json(&confirmation)).await;
    assert_eq!(deleted.status, 204, "{deleted:?}");
    let patience = Instant::now();
    for (connection, url) in &registrations {
        while !matches!(registered(&server, connection, url).await, Ok(None)) {
            assert!(patience.elapsed() < PATIENCE, "{} calls back still", connection.value.kind());
            // What is deleted is removed once a minute; who asks a provider meanwhile has the time that it takes.
            let busy = is_busy(&server).await;
            clock.advance(if busy { Duration::from_millis(20) } else { Duration::from_secs(1) });
        }
    }
    server.stop().await;
}

/// Whether something is done about callbacks, or could be.
async fn is_busy(server: &TestServer) -> bool {
    let mut query = DepthQuery::default();
    query.kind = Some(JobKind::new("callback_setup"));
    let lanes = server.app().store.depth(&query).await.unwrap();
    lanes.iter().any(|lane| lane.ready + lane.leased > 0)
}

async fn gone(server: &TestServer, then: &Connection, url: &str) {
    let patience = Instant::now();
    // It may be removed between two questions.
    while !matches!(registered(server, then, url).await, Ok(None)) {
        assert!(patience.elapsed() < PATIENCE, "{} calls back still", then.value.kind());
    }
}

#[tokio::test]
async fn an_account_that_a_connection_had_is_called_back_from_no_more() {
    let server = reached_at("https://mail.example.com").await;
    for (Vendor { kind, body, .. }, other) in vendors().await.into_iter().zip(vendors().await) {
        let owner = server.owner(&kind.as_str().replace('_', "-")).await;
        let made = create(&owner, &body).await;
        let read = until(&owner, &at(&made.body), is("auto")).await;
        let url = read["webhook_url"].as_str().unwrap();
        let before = kept(&server, &owner, &made.body).await;
        // The same credentials once more are the same account, and what is set up there stays.
        let same = json!({ "api_key": body["api_key"], "secret": body["secret"] });
        let again = owner.patch(&at(&made.body), &same).await;
        assert_eq!(again.status, 200, "{again:?}");
        cleaned(&server, &owner, &made.body).await;
        assert!(registered(&server, &before, url).await.unwrap().is_some(), "{kind}");

        let mut moved = same.clone();
        moved["base_url"] = json!(other.emulator.url());
        let moved = owner.patch(&at(&made.body), &moved).await;
        assert_eq!((moved.status, &moved.body["verification"]["verified"]), (200, &json!(true)), "{moved:?}");
        if kind == ProviderKind::AwsSes {
            // An account of AWS is known by its number, which both emulators share.
            continue;
        }
        gone(&server, &before, url).await;
        cleaned(&server, &owner, &made.body).await;
        let now = kept(&server, &owner, &made.body).await;
        assert!(registered(&server, &now, url).await.unwrap().is_some(), "{kind}");
    }
    server.stop().await;
}

/// Waits until nothing is left to be removed at former accounts.
async fn cleaned(server: &TestServer, owner: &Client, made: &Value) {
    let patience = Instant::now();
    while !kept(server, owner, made).await.value.webhook.former.is_empty() {
        assert!(patience.elapsed() < PATIENCE, "{made}");
    }
}

#[tokio::test]
async fn without_a_public_url_it_is_told_what_to_set() {
    let vendor = Vendor::postmark().await;
    for (url, words) in
        [(None, "set COURIERX_PUBLIC_URL"), (Some("http://10.0.0.7:8080"), "http://10.0.0.7:8080")]
    {
        let server = TestServer::start_with(|settings| {
            public(settings, url.unwrap_or("https://mail.example.com"));
            if url.is_none() {
                settings.public_url = None;
            }
        })
        .await;
        let owner = server.owner("acme").await;
        let made = create(&owner, &vendor.body).await;
        let webhook = &made.body["webhook"];
        assert_eq!(webhook["status"], "not_configured");
        assert!(webhook["last_error"].as_str().unwrap().contains(words), "{webhook}");
        for path in ["resync", "resync_webhook"] {
            let refused = owner.post(&format!("{}/{path}", at(&made.body)), &json!({})).await;
            assert_eq!(
                (refused.status, &refused.body["code"]),
                (422, &json!("public_url_missing")),
                "{refused:?}"
            );
            assert!(refused.text.contains(words), "{refused:?}");
        }
        server.stop().await;
    }
}

fn assert_refused(answer: &Answer, status: u16) {
    assert_eq!(answer.status, status, "{answer:?}");
}

#[tokio::test]
async fn what_calls_nobody_back_is_refused_and_nobody_else_may() {
    let server = reached_at("https://mail.example.com").await;
    let owner = server.owner("acme").await;
    let smtp = json!({ "provider": "smtp", "display_name": "Relay", "smtp_host": "127.0.0.1", "smtp_port": 9,
        "tls": "none" });
    for body in [json!({ "provider": "sandbox", "display_name": "Sandbox" }), smtp] {
        let made = owner.post(PATH, &body).await;
        assert_eq!(made.body["webhook"], Value::Null, "{made:?}");
        let refused = owner.post(&format!("{}/resync_webhook", at(&made.body)), &json!({})).await;
        assert_refused(&refused, 422);
        assert!(refused.text.contains("does not call back"), "{refused:?}");
    }
    let vendor = Vendor::postmark().await;
    let made = create(&owner, &vendor.body).await;
    until(&owner, &at(&made.body), is("auto")).await;
    let stranger = server.owner("other").await;
    assert_refused(&stranger.post(&format!("{}/resync", at(&made.body)), &json!({})).await, 404);
    let body = json!({ "name": "reader", "scopes": ["provider_connections:read"] });
    let key = owner.post("/api/v1/api_keys", &body).await;
    let reader = server.client().with(key.body["raw_key"].as_str().unwrap());
    assert_refused(&reader.post(&format!("{}/resync", at(&made.body)), &json!({})).await, 403);
    server.stop().await;
}

#[tokio::test]
async fn private_addresses_are_not_asked() {
    let vendor = Vendor::postmark().await;
    let server = TestServer::start_with(|settings| {
        public(settings, "https://mail.example.com");
        settings.private_targets = PrivateTargets::None;
    })
    .await;
    let owner = server.owner("acme").await;
    let body = json!({ "provider": "postmark", "display_name": "Postmark", "api_key": KEY,
        "base_url": "https://localhost.example:9", "webhook_auto_managed": false });
    let made = owner.post(PATH, &body).await;
    assert_eq!(made.status, 201, "{made:?}");
    // As it could have been while the operator allowed it.
    let current = kept(&server, &owner, &made.body).await;
    let mut body = serde_json::to_value(&current.value).unwrap();
    body["base_url"] = json!(vendor.emulator.url());
    body["webhook"]["auto_managed"] = json!(true);
    let changed: ProviderConnection = serde_json::from_value(body).unwrap();
    let change = Change::update(current.tenant, current.id, current.version, &changed).unwrap();
    server.app().commit(current.tenant, vec![change]).await.unwrap();

    let resync = owner.post(&format!("{}/resync", at(&made.body)), &json!({})).await;
    assert_eq!(resync.status, 200, "{resync:?}");
    let read = until(&owner, &at(&made.body), is("failed")).await;
    let error = read["webhook"]["last_error"].as_str().unwrap();
    assert!(error.contains("private") || error.contains("permitted") || error.contains("TLS"), "{error}");
    assert!(vendor.emulator.requests().is_empty());
    server.stop().await;
}
