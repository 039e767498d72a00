//! Provider connections: made, verified, changed, removed; and never a credential in an answer.

mod base_url;
mod callbacks;
mod health;
mod input;
mod kinds;
pub(crate) mod limits;
mod metrics;
mod modes;
mod trials;
pub(crate) mod vendors;

use courierx_core::id::{RecordId, TenantId};
use courierx_core::store::ConfigsExt as _;
use courierx_server::config::PrivateTargets;
use courierx_server::model::provider_connections::ProviderConnection;
use courierx_server::model::tenants::Tenant;
use serde_json::{Value, json};

use crate::support::smtp_server::LOGIN;
use crate::support::{Answer, Client, SmtpServer, TestServer};

pub(crate) const PATH: &str = "/api/v1/provider_connections";

pub(crate) fn at(connection: &Value) -> String {
    format!("{PATH}/{}", connection["id"].as_str().unwrap())
}

pub(crate) async fn local() -> TestServer {
    TestServer::start_with(|settings| settings.private_targets = PrivateTargets::All).await
}

pub(crate) fn relay(server: &SmtpServer) -> Value {
    json!({
        "provider": "smtp",
        "mode": "live",
        "display_name": "Relay",
        "smtp_host": "127.0.0.1",
        "smtp_port": server.port(),
        "tls": "none",
        "api_key": LOGIN.0,
        "secret": LOGIN.1,
    })
}

pub(crate) async fn create(owner: &Client, body: &Value) -> Answer {
    let answer = owner.post(PATH, body).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    answer
}

async fn tenant(server: &TestServer, owner: &Client) -> Tenant {
    let me = owner.get("/api/v1/auth/me").await;
    let id: TenantId = me.body["tenant"]["id"].as_str().unwrap().parse().unwrap();
    server.app().store.get::<Tenant>(id, Tenant::record(id)).await.unwrap().unwrap().value
}

#[tokio::test]
pub(crate) async fn a_connection_is_made_verified_listed_changed_and_removed() {
    let (server, smtp) = (local().await, SmtpServer::start().await);
    let owner = server.owner("acme").await;
    let made = create(&owner, &relay(&smtp)).await;
    assert_eq!(made.body["status"], "active", "{made:?}");
    assert_eq!(made.body["mode"], "live");
    assert_eq!((&made.body["priority"], &made.body["weight"]), (&json!(1), &json!(100)));
    assert_eq!((&made.body["smtp_port"], &made.body["tls"]), (&json!(smtp.port()), &json!("none")));
    assert_eq!((&made.body["api_key_present"], &made.body["secret_present"]), (&json!(true), &json!(true)));
    let verification = &made.body["verification"];
    assert_eq!((&verification["verified"], &verification["status"]), (&json!(true), &json!("verified")));
    assert!(verification["message"].as_str().unwrap().starts_with("logged in to 127.0.0.1"));
    assert_eq!(verification["provider"], "smtp");

    let sandbox = json!({ "provider": "sandbox", "display_name": "Playground", "priority": 1 });
    let sandbox = create(&owner, &sandbox).await;
    let third = create(&owner, &json!({ "provider": "sandbox", "display_name": "Other" })).await;
    assert_eq!(third.body["priority"], 2, "the next that is free");
    let first = owner.patch(&at(&sandbox.body), &json!({ "priority": 1, "weight": 5 })).await;
    assert_eq!((first.status, &first.body["weight"]), (200, &json!(5)));
    let listed = owner.get(PATH).await;
    let names: Vec<_> =
        listed.body.as_array().unwrap().iter().map(|one| one["display_name"].as_str().unwrap()).collect();
    assert_eq!(names, ["Relay", "Playground", "Other"]);
    assert_eq!(owner.get(&at(&made.body)).await.body, made.body);

    let verified = owner.post(&format!("{}/verify", at(&made.body)), &json!({})).await;
    assert_eq!((verified.status, &verified.body["verification"]["verified"]), (200, &json!(true)));
    assert_eq!(owner.delete(&at(&made.body)).await.status, 204);
    assert_eq!(owner.get(&at(&made.body)).await.status, 404);
    assert_eq!(owner.delete(&at(&made.body)).await.status, 404);
}

#[tokio::test]
async fn credentials_are_in_no_answer_and_in_no_debug() {
    let (server, smtp) = (local().await, SmtpServer::start().await);
    let owner = server.owner("acme").await;
    let mut wrong = relay(&smtp);
    wrong["secret"] = json!("a-wrong-passphrase");
    let made = create(&owner, &wrong).await;
    assert_eq!(made.body["verification"]["verified"], false, "{made:?}");
    assert!(made.body["verification"]["error"].as_str().unwrap().contains("535"), "{made:?}");
    let mended = owner.patch(&at(&made.body), &json!({ "secret": LOGIN.1 })).await;
    assert_eq!(mended.body["verification"]["verified"], true, "the user stayed: {mended:?}");
    let listed = owner.get(PATH).await;
    for answer in [&made, &mended, &listed] {
        for secret in [LOGIN.0, LOGIN.1, "a-wrong-passphrase"] {
            assert!(!answer.text.contains(secret), "{answer:?}");
        }
    }
    let me = owner.get("/api/v1/auth/me").await;
    let tenant: TenantId = me.body["tenant"]["id"].as_str().unwrap().parse().unwrap();
    let id: RecordId = made.body["id"].as_str().unwrap().parse().unwrap();
    let stored = server.app().store.get::<ProviderConnection>(tenant, id).await.unwrap().unwrap();
    let shown = format!("{stored:?} {}", serde_json::to_string(&stored.value).unwrap());
    assert!(!shown.contains(LOGIN.0) && !shown.contains(LOGIN.1), "{shown}");
}

#[tokio::test]
async fn one_that_never_worked_is_inactive_until_it_does() {
    let server = local().await;
    let owner = server.owner("acme").await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let body = json!({ "provider": "smtp", "display_name": "Relay", "smtp_host": "127.0.0.1",
        "smtp_port": port, "tls": "none" });
    let made = create(&owner, &body).await;
    assert_eq!(made.body["status"], "inactive");
    let message = made.body["verification"]["message"].as_str().unwrap();
    assert!(message.contains("PATCH"), "{message}");
    // What is sent from now on waits for it, and does not end in the sandbox.
    assert!(tenant(&server, &owner).await.live_since.is_some());

    // It appears where it was looked for.
    let Ok(listener) = tokio::net::TcpListener::bind(("127.0.0.1", port)).await else { return };
    let _smtp = SmtpServer::start_on(listener);
    let verified = owner.post(&format!("{}/verify", at(&made.body)), &json!({})).await;
    assert_eq!(verified.body["status"], "active", "{verified:?}");
}

#[tokio::test]
async fn one_that_was_switched_off_stays_so_and_one_that_worked_stays_on() {
    let (server, smtp) = (local().await, SmtpServer::start().await);
    let owner = server.owner("acme").await;
    let mut off = relay(&smtp);
    off["status"] = json!("inactive");
    let made = create(&owner, &off).await;
    assert_eq!(
        (&made.body["status"], &made.body["verification"]["verified"]),
        (&json!("inactive"), &json!(true))
    );
    let on = owner.patch(&at(&made.body), &json!({ "status": "active" })).await;
    assert_eq!(on.body["status"], "active");

    let connections = smtp.connections();
    owner.patch(&at(&made.body), &json!({ "display_name": "Renamed", "api_key": "", "secret": "" })).await;
    assert_eq!(smtp.connections(), connections, "nothing about the way has changed");
    let broken = owner.patch(&at(&made.body), &json!({ "secret": "wrong-now" })).await;
    assert_eq!(
        (&broken.body["status"], &broken.body["verification"]["status"]),
        (&json!("active"), &json!("failed"))
    );
    assert_eq!(smtp.connections(), connections + 1);
    assert!(broken.body["last_verified_at"].is_string());
}

#[tokio::test]
async fn the_first_real_connection_makes_the_tenant_live_for_good() {
    let (server, smtp) = (local().await, SmtpServer::start().await);
    let owner = server.owner("acme").await;
    create(&owner, &json!({ "provider": "sandbox", "display_name": "Playground" })).await;
    assert!(tenant(&server, &owner).await.live_since.is_none());
    let made = create(&owner, &relay(&smtp)).await;
    let since = tenant(&server, &owner).await.live_since;
    assert!(since.is_some());
    owner.delete(&at(&made.body)).await;
    create(&owner, &relay(&smtp)).await;
    assert_eq!(tenant(&server, &owner).await.live_since, since);
}

#[tokio::test]
async fn a_private_target_is_refused_unless_the_operator_allows_it() {
    let smtp = SmtpServer::start().await;
    let body = json!({ "provider": "smtp", "display_name": "Relay", "smtp_host": "localhost",
        "smtp_port": smtp.port(), "tls": "none" });
    let server = TestServer::start().await;
    let refused = create(&server.owner("acme").await, &body).await;
    assert_eq!(
        (&refused.body["status"], &refused.body["verification"]["verified"]),
        (&json!("inactive"), &json!(false))
    );
    let error = refused.body["verification"]["error"].as_str().unwrap();
    assert!(
        error.contains("COURIERX_ALLOW_PRIVATE_TARGETS") && error.contains("private targets are refused")
    );
    assert!(!error.contains("127.0.0.1") && !error.contains("::1"), "{error}");
    assert_eq!(smtp.connections(), 0);

    let networks = vec!["127.0.0.0/8".parse().unwrap()];
    let allowing =
        TestServer::start_with(|settings| settings.private_targets = PrivateTargets::Networks(networks))
            .await;
    let accepted = create(&allowing.owner("acme").await, &body).await;
    assert_eq!(accepted.body["verification"]["verified"], true, "{accepted:?}");
    assert_eq!(smtp.connections(), 1);
}

#[tokio::test]
async fn a_password_travels_unencrypted_only_within_the_operators_network() {
    let smtp = SmtpServer::start().await;
    let server = TestServer::start().await;
    let refused = server.owner("acme").await.post(PATH, &relay(&smtp)).await;
    assert_eq!(refused.status, 422);
    assert!(refused.body["details"]["tls"][0].as_str().unwrap().contains("COURIERX_ALLOW_PRIVATE_TARGETS"));

    let local = local().await;
    let owner = local.owner("acme").await;
    let mut public = relay(&smtp);
    public["smtp_host"] = json!("8.8.8.8");
    let refused = owner.post(PATH, &public).await;
    assert_eq!((refused.status, refused.body["details"]["tls"].is_array()), (422, true));
    let mut name = relay(&smtp);
    name["smtp_host"] = json!("localhost");
    assert_eq!(create(&owner, &name).await.body["verification"]["verified"], true);
}

#[tokio::test]
async fn a_password_does_not_follow_to_another_host() {
    let (server, smtp) = (local().await, SmtpServer::start().await);
    let owner = server.owner("acme").await;
    let made = create(&owner, &relay(&smtp)).await;
    let elsewhere = json!({ "smtp_host": "127.0.0.2", "api_key": "somebody" });
    let refused = owner.patch(&at(&made.body), &elsewhere).await;
    assert_eq!(refused.status, 422, "{refused:?}");
    assert!(refused.body["details"]["secret"].is_array(), "{refused:?}");
    let given = json!({ "smtp_host": "127.0.0.2", "api_key": "somebody", "secret": "another" });
    assert_eq!(owner.patch(&at(&made.body), &given).await.status, 200);
}

#[tokio::test]
pub(crate) async fn first_connections_that_come_together_are_all_made() {
    let server = TestServer::start().await;
    let owner = server.owner("acme").await;
    let make = async |number: u32| {
        // A target that is refused at once: what matters is the tenant, which each of them makes live.
        let body = json!({ "provider": "smtp", "display_name": format!("Relay {number}"),
            "smtp_host": "127.0.0.1", "smtp_port": 1, "tls": "none" });
        owner.post(PATH, &body).await.status
    };
    let statuses = futures_util::future::join_all((0..8).map(make)).await;
    assert_eq!(statuses, [201; 8]);
}
