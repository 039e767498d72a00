//! The way of a tenant's messages: over its connections, or into the sandbox.

use std::sync::Arc;

use courierx_core::event::{EventKind, RecipientStatus, Sequence};
use courierx_core::id::{MessageId, RecordId, TenantId};
use courierx_core::message::{DuplicatePolicy, Email, Mode};
use courierx_core::provider::{Refusal, RefusalKind};
use courierx_core::router::{ConnectionId, Decision, History, Question, Requirements, Router, SkipReason};
use courierx_core::store::{Change, ConfigsExt as _, Store};
use courierx_core::suppression::Scope;
use courierx_core::vault::{Vault, VaultKey};
use courierx_server::App;
use courierx_server::config::{PrivateTargets, Settings};
use courierx_server::delivery::SANDBOX;
use courierx_server::model::provider_connections::{Credentials, ProviderConnection};
use courierx_server::secret::Secret;
use courierx_server::server::Server;
use courierx_store::SqliteStore;
use futures_util::StreamExt as _;
use serde_json::{Value, json};

use crate::provider_connections::{PATH, at, create, local, relay};
use crate::support::smtp_server::LOGIN;
use crate::support::{Client, SmtpServer, TestServer};

async fn tenant(owner: &Client) -> TenantId {
    owner.get("/api/v1/auth/me").await.body["tenant"]["id"].as_str().unwrap().parse().unwrap()
}

fn email(to: &str, mode: Mode) -> Email {
    let email = Email::to(to).from("Acme <hi@acme.example>").subject("Hello").text("A line.\n.dot\n");
    email.mode(mode).build().unwrap()
}

/// What happens to a message, up to this.
async fn until(server: &TestServer, tenant: TenantId, id: MessageId, end: EventKind) -> Vec<EventKind> {
    let mut events = server.app().outbox.events(tenant, Sequence::START);
    let mut seen = Vec::new();
    while seen.last() != Some(&end) {
        let event = events.next().await.unwrap().unwrap();
        if event.message == Some(id) {
            seen.push(event.kind);
        }
    }
    seen
}

/// The connection that a message in this mode takes now, or why each was passed over.
fn choice(server: &TestServer, router: &Router, mode: Mode) -> Result<ConnectionId, Vec<SkipReason>> {
    let email = email("ada@example.com", mode);
    let requirements = Requirements::of(&email);
    let question = Question {
        email: &email,
        requirements: &requirements,
        open: &[(0, false)],
        history: &History::default(),
        duplicates: DuplicatePolicy::WaitThenFailover,
        seed: 0,
        can_wait: true,
        deliver_by: None,
        busy: &[],
    };
    match router.decide(&question, server.app().now()) {
        Decision::Send { connection, .. } => Ok(connection),
        Decision::Rest { skipped, .. } => Err(skipped.into_iter().map(|one| one.reason).collect()),
    }
}

fn connection_id(made: &Value) -> ConnectionId {
    made["id"].as_str().unwrap().parse().unwrap()
}

#[tokio::test]
pub(crate) async fn a_message_goes_out_over_the_tenants_connection() {
    let (server, smtp) = (local().await, SmtpServer::start().await);
    let owner = server.owner("acme").await;
    let made = create(&owner, &relay(&smtp)).await;
    let tenant = tenant(&owner).await;
    let id = server.app().outbox.enqueue(tenant, email("ada@example.com", Mode::Live)).await.unwrap().id;
    let received = smtp.received(1).await;
    assert_eq!(
        (received[0].from.as_str(), &received[0].to),
        ("hi@acme.example", &vec!["ada@example.com".into()])
    );
    assert!(received[0].data.contains("Subject: Hello\r\n") && received[0].data.contains("\r\n.dot\r\n"));
    until(&server, tenant, id, EventKind::Sent).await;
    let stored = server.app().outbox.get(tenant, id).await.unwrap().unwrap();
    assert_eq!(stored.attempts[0].connection, connection_id(&made.body));
    let metrics = server.app().meters.render();
    assert!(metrics.contains("courierx_sends_total{provider=\"smtp\",outcome=\"accepted\"} 1"), "{metrics}");
    assert!(metrics.contains("courierx_send_duration_seconds_count{provider=\"smtp\"} 1"), "{metrics}");
    // Test mail never leaves.
    let test = server.app().outbox.enqueue(tenant, email("ada@example.com", Mode::Test)).await.unwrap().id;
    until(&server, tenant, test, EventKind::Delivered).await;
    assert_eq!(smtp.messages().len(), 1);
}

#[tokio::test]
pub(crate) async fn what_the_sandbox_calls_back_reaches_the_message_and_suppresses_nobody() {
    let server = TestServer::start().await;
    let tenant = tenant(&server.owner("acme").await).await;
    let outbox = &server.app().outbox;
    for (to, end) in [
        ("ada@example.com", EventKind::Delivered),
        ("bounce@sandbox.test", EventKind::BouncedHard),
        ("complain@sandbox.test", EventKind::Complained),
    ] {
        let id = outbox.enqueue(tenant, email(to, Mode::Live)).await.unwrap().id;
        let seen = until(&server, tenant, id, end).await;
        assert!(seen.contains(&EventKind::Queued), "{seen:?}");
        let address = email(to, Mode::Live).recipients().next().unwrap().mailbox.address().key();
        let found = server.app().store.check(tenant, &Scope::ALL, &[address]).await.unwrap();
        assert!(found[0].is_none(), "{to}");
    }
}

#[tokio::test]
async fn a_server_that_stops_passes_on_what_was_called_back() {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = Settings::in_directory(folder.path().to_owned());
    settings.listen.set_port(0);
    let store: Arc<dyn Store> = Arc::new(SqliteStore::open(folder.path().join("db")).await.unwrap());
    let app =
        App::new(settings, Arc::clone(&store), Vault::new(VaultKey::generate()), &Secret::new("secret"));
    let server = Server::start(app.unwrap()).await.unwrap();
    let outbox = server.app().outbox.clone();
    let new = json!({ "name": "acme", "email": "owner@acme.example", "password": "correct horse" });
    let client = Client::new(format!("http://{}", server.address()));
    let made = client.post("/api/v1/auth/register", &new).await;
    let tenant: TenantId = made.body["tenant"]["id"].as_str().unwrap().parse().unwrap();
    let emails = (0..50).map(|_| email("ada@example.com", Mode::Live)).collect();
    let accepted = outbox.accept(tenant, emails).await.unwrap();
    outbox.drained(tenant).await.unwrap();
    server.stop().await;
    for one in accepted {
        let stored = outbox.get(tenant, one.unwrap().id).await.unwrap().unwrap();
        assert_eq!(stored.record.recipients[0].status, RecipientStatus::Delivered);
    }
}

#[tokio::test]
pub(crate) async fn a_change_counts_from_the_next_message_on() {
    let (server, smtp) = (local().await, SmtpServer::start().await);
    let owner = server.owner("acme").await;
    let tenant = tenant(&owner).await;
    let sandbox: ConnectionId = SANDBOX.parse().unwrap();
    let now = async || server.app().routes.router(tenant).await.unwrap();
    let first = now().await;
    assert_eq!(choice(&server, &first, Mode::Live), Ok(sandbox.clone()));

    let made = create(&owner, &relay(&smtp)).await.body;
    let second = now().await;
    assert_eq!(choice(&server, &second, Mode::Live), Ok(connection_id(&made)));
    assert_eq!(choice(&server, &second, Mode::Test), Ok(sandbox.clone()));
    let provider = |router: &Router| Arc::clone(router.connection(&sandbox).unwrap().provider());
    assert!(Arc::ptr_eq(&provider(&first), &provider(&second)), "what the sandbox remembers stays");

    owner.patch(&at(&made), &json!({ "status": "inactive" })).await;
    let reasons = choice(&server, &now().await, Mode::Live).unwrap_err();
    assert!(reasons.contains(&SkipReason::Disabled), "{reasons:?}");

    owner.delete(&at(&made)).await;
    let last = choice(&server, &now().await, Mode::Live);
    assert!(last.is_err(), "a tenant that was live sends nothing into the sandbox");
}

#[tokio::test]
async fn connections_are_used_by_priority_and_then_by_weight() {
    let server = TestServer::start().await;
    let owner = server.owner("acme").await;
    for (name, priority, weight) in [("c", 2, 1), ("b", 1, 10), ("a", 1, 90)] {
        let body =
            json!({ "provider": "sandbox", "display_name": name, "priority": priority, "weight": weight });
        create(&owner, &body).await;
    }
    let router = server.app().routes.router(tenant(&owner).await).await.unwrap();
    let listed = owner.get(PATH).await.body;
    let id = |name: &str| {
        let all = listed.as_array().unwrap();
        connection_id(all.iter().find(|one| one["display_name"] == name).unwrap())
    };
    let order: Vec<_> = router.connections().iter().map(|one| one.id().clone()).collect();
    assert_eq!(order, [id("a"), id("b"), id("c"), SANDBOX.parse().unwrap()]);
}

#[tokio::test]
async fn what_is_known_of_a_connection_outlives_a_change_of_another_and_ends_with_its_own_way() {
    let (server, smtp) = (local().await, SmtpServer::start().await);
    let owner = server.owner("acme").await;
    let tenant = tenant(&owner).await;
    let made = create(&owner, &relay(&smtp)).await.body;
    let now = async || server.app().routes.router(tenant).await.unwrap();
    let before = now().await;
    before.observe(&connection_id(&made), &Refusal::new(RefusalKind::Quota, "used up"), server.app().now());

    owner.patch(&at(&made), &json!({ "priority": 7, "display_name": "Renamed" })).await;
    let after = now().await;
    assert_eq!(after.connections()[0].priority(), 7);
    let reasons = choice(&server, &after, Mode::Live).unwrap_err();
    assert!(reasons.iter().any(|reason| matches!(reason, SkipReason::NotBefore { .. })), "{reasons:?}");

    owner.patch(&at(&made), &json!({ "secret": LOGIN.1 })).await;
    let mended = now().await;
    assert_eq!(choice(&server, &mended, Mode::Live), Ok(connection_id(&made)));
}

#[tokio::test]
async fn one_that_cannot_be_opened_holds_up_no_other() {
    let (server, smtp) = (local().await, SmtpServer::start().await);
    let owner = server.owner("acme").await;
    let tenant = tenant(&owner).await;
    let made = create(&owner, &relay(&smtp)).await.body;
    let mut second = relay(&smtp);
    second["display_name"] = json!("Second");
    let second = create(&owner, &second).await.body;
    let id: RecordId = made["id"].as_str().unwrap().parse().unwrap();
    let mut record = server.app().store.get::<ProviderConnection>(tenant, id).await.unwrap().unwrap();
    let stranger = Vault::new(VaultKey::generate());
    record.value.credentials = Some(Credentials::default().seal(&stranger, tenant, &id).unwrap());
    let change = Change::update(tenant, id, record.version, &record.value).unwrap();
    server.app().commit(tenant, vec![change]).await.unwrap();

    let router = server.app().routes.router(tenant).await.unwrap();
    assert!(!router.connection(&connection_id(&made)).unwrap().is_enabled());
    assert_eq!(choice(&server, &router, Mode::Live), Ok(connection_id(&second)));
    let verified = owner.post(&format!("{}/verify", at(&made)), &json!({})).await;
    assert_eq!(verified.body["verification"]["error"], "the credentials cannot be opened");
    let mended = owner.patch(&at(&made), &json!({ "api_key": LOGIN.0, "secret": LOGIN.1 })).await;
    assert_eq!(mended.body["verification"]["verified"], true, "{mended:?}");
}

#[tokio::test]
async fn a_target_that_became_private_is_refused_when_it_is_connected_to() {
    let smtp = SmtpServer::start().await;
    let server = TestServer::start_with(|settings| settings.private_targets = PrivateTargets::None).await;
    let owner = server.owner("acme").await;
    let body = json!({ "provider": "smtp", "display_name": "Relay", "smtp_host": "localhost",
        "smtp_port": smtp.port(), "tls": "none" });
    let made = create(&owner, &body).await.body;
    owner.patch(&at(&made), &json!({ "status": "active" })).await;
    let tenant = tenant(&owner).await;
    let id = server.app().outbox.enqueue(tenant, email("ada@example.com", Mode::Live)).await.unwrap().id;
    until(&server, tenant, id, EventKind::Deferred).await;
    let stored = server.app().outbox.get(tenant, id).await.unwrap().unwrap();
    let told = format!("{:?}", stored.attempts[0].recipients);
    assert!(told.contains("COURIERX_ALLOW_PRIVATE_TARGETS") && !told.contains("127.0.0.1"), "{told}");
    assert_eq!(smtp.connections(), 0);
}
