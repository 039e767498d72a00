//! Several servers on one database.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use courierx_server::config::{Registration, Settings};
use courierx_server::http::ListenerLimits;
use courierx_store::PostgresStore;
use serde_json::{Value, json};
use tempfile::tempdir;
use tokio::sync::Barrier;

use super::{cluster, schema, variables};
use crate::events::reader::Reader;
use crate::events::send;
use crate::provider_connections::{create, relay};
use crate::support::database::Opened;
use crate::support::{Binary, Client, SmtpServer, TestServer};

/// How soon one server sees what another one changed. They ask each second; the rest is for a busy machine.
const SOON: Duration = Duration::from_secs(10);

/// Asks until the answer is as it should be.
async fn soon(ask: impl AsyncFn() -> bool, what: &str) {
    let asked = Instant::now();
    while !ask().await {
        assert!(asked.elapsed() < SOON, "{what}");
    }
}

/// How many connections a live message could take, as this server believes.
async fn ways(client: &Client) -> usize {
    let email = json!({ "from": "hi@acme.example", "to": "ada@example.com" });
    let told = client.post("/api/v1/routing/explain", &email).await;
    assert_eq!(told.status, 200, "{told:?}");
    let candidates = told.body["tiers"].as_array().unwrap().iter().flat_map(|tier| tier.as_array().unwrap());
    candidates.filter(|one| one["skipped"].is_null()).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_servers_see_each_others_changes_and_deliver_each_message_once() {
    const EACH: usize = 40;
    let (folder, url, schema) = (tempdir().unwrap(), cluster::url(), schema());
    let mut variables = variables(&url, &schema);
    variables.push(("COURIERX_ALLOW_PRIVATE_TARGETS", "true"));
    let [one, other] = [(); 2].map(|()| Binary::start(folder.path(), &variables));
    let new = json!({ "name": "acme", "email": "a@a.example", "password": "secure-password" });
    let made = one.client().post("/api/v1/auth/register", &new).await;
    assert_eq!(made.status, 201, "{made:?}");
    let token = made.body["token"].as_str().unwrap();
    let (here, there) = (one.client().with(token), other.client().with(token));
    assert_eq!(there.get("/api/v1/auth/me").await.status, 200, "they sign with the same secret");

    // Both remember the tenant's ways by now; the sandbox is none of them any more as soon as there is another.
    assert_eq!((ways(&here).await, ways(&there).await), (1, 1));
    let smtp = SmtpServer::start().await;
    let relay = create(&here, &relay(&smtp)).await.body;
    let mut sent = BTreeSet::new();
    for number in 0..EACH {
        for (client, name) in [(&here, "here"), (&there, "there")] {
            let subject = format!("{name} {number}");
            let email = json!({ "from": "hi@acme.example", "to": "ada@example.com", "subject": subject, "text": "." });
            let answer = client.post("/api/v1/emails", &email).await;
            assert_eq!(answer.status, 202, "{answer:?}");
            sent.insert(subject);
        }
    }
    smtp.received(2 * EACH).await;
    let all_sent = async || {
        let list = there.get("/api/v1/emails?status=sent&per_page=1").await;
        list.headers["x-total-count"] == (2 * EACH).to_string()
    };
    soon(all_sent, "everything is sent").await;
    let received: Vec<_> = smtp.messages().into_iter().map(|message| subject(&message.data)).collect();
    assert_eq!(received.len(), 2 * EACH, "each once");
    assert_eq!(received.into_iter().collect::<BTreeSet<_>>(), sent);

    let off = format!("/api/v1/provider_connections/{}", relay["id"].as_str().unwrap());
    assert_eq!((ways(&here).await, ways(&there).await), (1, 1));
    assert_eq!(here.patch(&off, &json!({ "status": "inactive" })).await.status, 200);
    soon(async || ways(&there).await == 0, "the connection is off").await;

    let key = here.post("/api/v1/api_keys", &json!({ "name": "k" })).await.body;
    let holder = other.client().with(key["raw_key"].as_str().unwrap());
    assert_eq!(holder.get("/api/v1/emails").await.status, 200);
    let path = format!("/api/v1/api_keys/{}", key["id"].as_str().unwrap());
    let revoked = here.delete(&path).await;
    assert!(revoked.status < 300, "{revoked:?}");
    soon(async || holder.get("/api/v1/emails").await.status == 401, "the key is revoked").await;
    assert_eq!(here.post("/api/v1/auth/logout", &json!({})).await.status, 204);
    soon(async || there.get("/api/v1/auth/me").await.status == 401, "the token has ended").await;
    for server in [one, other] {
        assert_eq!(server.terminate().status.code(), Some(0));
    }
}

fn subject(data: &str) -> String {
    data.lines().find_map(|line| line.strip_prefix("Subject: ")).unwrap().trim().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_servers_one_registers_the_first() {
    // Whoever comes late is refused without a race: all have to be let in before the first of them is written.
    const ROUNDS: usize = 3;
    const AT_ONCE: usize = 4;
    for round in 0..ROUNDS {
        let options = PostgresStore::options(&cluster::url()).unwrap().schema(schema());
        let first = |settings: &mut Settings| settings.registration = Registration::First;
        let mut servers = Vec::new();
        for _ in 0..2 {
            let opened = Opened::postgres(options.clone()).await;
            servers.push(TestServer::start_on(opened, first, ListenerLimits::default()).await);
        }
        let barrier = Arc::new(Barrier::new(AT_ONCE));
        let racing: Vec<_> = (0..AT_ONCE)
            .map(|number| {
                let (client, barrier) = (servers[number % 2].client(), Arc::clone(&barrier));
                tokio::spawn(async move {
                    // Its connection stands before the race.
                    assert_eq!(client.get("/health/live").await.status, 200);
                    barrier.wait().await;
                    client.post("/api/v1/auth/register", &newcomer(number)).await.status
                })
            })
            .collect();
        let mut statuses = Vec::new();
        for one in racing {
            statuses.push(one.await.unwrap());
        }
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 403, 403, 403], "round {round}");
        for server in servers {
            let late = server.client().post("/api/v1/auth/register", &newcomer(AT_ONCE)).await;
            assert_eq!(late.status, 403);
            server.stop().await;
        }
    }
}

fn newcomer(number: usize) -> Value {
    let email = format!("a@tenant-{number}.example");
    json!({ "name": format!("tenant {number}"), "email": email, "password": "secure-password" })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_servers_hold_a_tenant_to_one_quota_and_see_it_suspended() {
    const CAP: usize = 9;
    let (folder, url, schema) = (tempdir().unwrap(), cluster::url(), schema());
    let mut variables = variables(&url, &schema);
    variables.push(("SUPER_ADMIN_API_KEY", "a key of the operator's own"));
    let [one, other] = [(); 2].map(|()| Binary::start(folder.path(), &variables));
    let new = json!({ "name": "acme", "email": "a@a.example", "password": "secure-password" });
    let made = one.client().post("/api/v1/auth/register", &new).await;
    assert_eq!(made.status, 201, "{made:?}");
    let token = made.body["token"].as_str().unwrap();
    let (here, there) = (one.client().with(token), other.client().with(token));
    let operator = one.client().with("a key of the operator's own");
    let path = format!("/api/v1/admin/tenants/{}", made.body["tenant"]["id"].as_str().unwrap());
    let limits = json!({ "limits": { "messages_per_day": CAP } });
    assert_eq!(operator.patch(&path, &limits).await.status, 200);
    let limit = async |client: &Client| client.get("/api/v1/plan").await.body["usage"][0]["limit"].clone();
    soon(async || limit(&there).await == CAP, "the other server does not know of the limit").await;

    let email = json!({ "from": "hi@acme.example", "to": "ada@example.com", "subject": "s", "text": "t" });
    let sending = (0..30).map(|number| {
        let client = if number % 2 == 0 { &here } else { &there };
        let email = &email;
        async move { client.post("/api/v1/emails", email).await.status }
    });
    let statuses = futures_util::future::join_all(sending).await;
    assert_eq!(statuses.iter().filter(|status| **status == 202).count(), CAP, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 429).count(), 30 - CAP, "{statuses:?}");

    assert_eq!(operator.patch(&path, &json!({ "status": "suspended" })).await.status, 200);
    let refused = async |client: &Client| {
        client.post("/api/v1/emails", &email).await.body["code"] == "account_suspended"
    };
    assert!(refused(&here).await);
    soon(async || refused(&there).await, "the other server does not know that it is suspended").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_follows_one_server_is_told_of_what_happens_at_the_other() {
    let (folder, url, schema) = (tempdir().unwrap(), cluster::url(), schema());
    let [one, other] = [(); 2].map(|()| Binary::start(folder.path(), &variables(&url, &schema)));
    let new = json!({ "name": "acme", "email": "a@a.example", "password": "secure-password" });
    let made = one.client().post("/api/v1/auth/register", &new).await;
    let token = made.body["token"].as_str().unwrap();
    let (here, there) = (one.client().with(token), other.client().with(token));
    let mut reader = Reader::open(&there, "?event=queued").await;
    reader.frame().await.unwrap();
    let sent = [send(&here, "ada@example.com").await, send(&there, "bob@example.com").await];
    let told = reader.take(2).await;
    for (told, sent) in told.iter().zip(&sent) {
        assert_eq!(told["message_id"], sent["id"], "{told}");
    }
    // A key that is revoked here follows nothing there any more.
    let key = here.post("/api/v1/api_keys", &json!({ "name": "reader" })).await.body;
    let mut reader = Reader::open(&there.with(key["raw_key"].as_str().unwrap()), "").await;
    reader.frame().await.unwrap();
    let revoke = format!("/api/v1/api_keys/{}/revoke", key["id"].as_str().unwrap());
    assert_eq!(here.patch(&revoke, &json!({})).await.status, 200);
    assert!(reader.end().await < SOON);
}
