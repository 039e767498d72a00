//! Deleting a tenant: nobody gets in any more, nothing is sent any more, and nothing is left.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use courierx_core::clock::ManualClock;
use courierx_core::id::TenantId;
use courierx_core::store::ConfigsExt;
use courierx_server::config::Database;
use courierx_server::model::tenants::Tenant;
use courierx_server::model::users::User;
use reqwest::Method;
use serde_json::{Value, json};

use crate::provider_connections::limits::{clock, tenant, under};
use crate::routing_rules::{create as create_rule, playground};
use crate::support::{Answer, Client, PATIENCE, TestServer};

const ME: &str = "/api/v1/auth/me";
const PASSWORD: &str = "correct horse battery";

async fn delete(client: &Client, confirmation: &Value) -> Answer {
    client.send(client.request(Method::DELETE, ME).json(confirmation)).await
}

fn mail() -> Value {
    json!({
        "from": "a@a.example", "to": "b@b.example", "subject": "s", "text": "t", "scheduled_at": "in 2 hours",
        "metadata": { "idempotency_key": "once" },
    })
}

/// Lets time go on until it is so; between two looks the server has time to do something.
async fn until(server: &TestServer, clock: &Arc<ManualClock>, is: impl AsyncFn() -> bool) {
    let waiting = async {
        while !is().await {
            clock.advance(Duration::from_secs(1));
            server.client().get("/health/live").await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.expect("it comes to that");
}

/// Waits until nobody logs in with this address.
async fn until_free(server: &TestServer, clock: &Arc<ManualClock>, email: &str) {
    let key = User::login(email);
    let is_free = async || server.app().store.find_anywhere::<User>(&key).await.unwrap().is_none();
    until(server, clock, is_free).await;
}

/// Waits until the mark of a deleted tenant is gone, which goes last.
async fn until_over(server: &TestServer, clock: &Arc<ManualClock>, id: TenantId) {
    let is_over = async || server.app().store.get::<Tenant>(id, Tenant::record(id)).await.unwrap().is_none();
    until(server, clock, is_over).await;
}

/// The rows of every table that are a tenant's, as `table rows`.
fn rows(server: &TestServer, tenant: &str) -> Vec<String> {
    let Database::Sqlite(path) = &server.app().settings.database else { panic!("it is about SQLite") };
    let connection = rusqlite::Connection::open(Path::new(path)).unwrap();
    let tables = "SELECT m.name FROM sqlite_schema m JOIN pragma_table_info(m.name) c
                  WHERE m.type = 'table' AND c.name = 'tenant' ORDER BY 1";
    let tables: Vec<String> = connection
        .prepare(tables)
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let id = uuid::Uuid::parse_str(tenant).unwrap().into_bytes();
    let count = |table: &String| -> (String, u64) {
        let sql = format!("SELECT count(*) FROM {table} WHERE tenant = ?1");
        (table.clone(), connection.query_row(&sql, [id], |row| row.get(0)).unwrap())
    };
    let counts = tables.iter().map(count).filter(|(_, rows)| *rows > 0);
    counts.map(|(table, rows)| format!("{table} {rows}")).collect()
}

#[tokio::test]
pub(crate) async fn nobody_gets_into_a_deleted_tenant_and_all_it_had_is_free_again() {
    let clock = clock();
    let server = under(&clock).await;
    let (owner, other) = (server.owner("acme").await, server.owner("other").await);
    let key = server.key(&owner, "live").await;
    let queued = key.post("/api/v1/emails", &mail()).await;
    assert_eq!(queued.status, 202, "{queued:?}");
    owner.post("/api/v1/suppressions", &json!({ "email": "ada@example.com" })).await;
    let kept = other.post("/api/v1/emails", &mail()).await.body["id"].as_str().unwrap().to_owned();

    for (client, wrong, status) in [
        (&owner, json!({}), 422),
        (&owner, json!({ "current_password": "wrong" }), 422),
        (&owner, json!({ "name": "other" }), 422),
        (&key, json!({ "name": "acme" }), 403),
        (&server.client(), json!({ "name": "acme" }), 401),
    ] {
        assert_eq!(delete(client, &wrong).await.status, status, "{wrong}");
    }
    assert_eq!(key.get("/api/v1/emails").await.status, 200, "nothing was deleted");

    let deleted = delete(&owner, &json!({ "current_password": PASSWORD })).await;
    assert_eq!((deleted.status, deleted.text.as_str()), (204, ""), "{deleted:?}");
    for client in [&owner, &key] {
        assert_eq!(client.get("/api/v1/emails").await.status, 401);
        assert_eq!(client.post("/api/v1/emails", &mail()).await.status, 401);
    }
    let login = json!({ "email": "owner@acme.example", "password": PASSWORD });
    let register = json!({ "name": "acme", "email": "owner@acme.example", "password": PASSWORD });
    assert_eq!(server.client().post("/api/v1/auth/login", &login).await.status, 401);

    // The slug, the address and everything else is free once it is removed.
    until_free(&server, &clock, "owner@acme.example").await;
    let again = server.client().post("/api/v1/auth/register", &register).await;
    assert_eq!(again.status, 201, "{again:?}");
    let anew = server.client().with(again.body["token"].as_str().unwrap());
    let tenant = anew.get(ME).await.body["tenant"].clone();
    assert_eq!(tenant["slug"], "acme", "{tenant}");
    for list in ["emails", "suppressions", "api_keys", "audit_log"] {
        assert_eq!(anew.get(&format!("/api/v1/{list}")).await.body, json!([]), "{list}");
    }
    assert_eq!(key.get("/api/v1/emails").await.status, 401, "the key is nobody's");
    assert_eq!(owner.get(ME).await.status, 401);
    let kept = other.get(&format!("/api/v1/emails/{kept}")).await;
    assert_eq!((kept.status, &kept.body["status"]), (200, &json!("scheduled")));
}

#[tokio::test]
async fn what_is_queued_is_not_sent_and_nothing_is_left_even_after_a_stop_half_way() {
    let clock = clock();
    let server = under(&clock).await;
    let owner = server.owner("acme").await;
    let id = tenant(&owner).await.to_string();
    let key = server.key(&owner, "live").await;
    for number in 0..3 {
        let mut mail = mail();
        mail["metadata"]["idempotency_key"] = json!(number);
        assert_eq!(key.post("/api/v1/emails", &mail).await.status, 202);
    }
    for part in 0..2 {
        let many: Vec<_> =
            (0..800).map(|number| json!({ "email": format!("u{part}.{number}@example.com") })).collect();
        assert_eq!(key.post("/api/v1/suppressions/bulk", &json!({ "suppressions": many })).await.status, 200);
    }
    let has = |server: &TestServer, what: &str| rows(server, &id).iter().any(|one| one.starts_with(what));
    assert!(
        has(&server, "courierx_jobs 3") && has(&server, "courierx_suppressions 1600"),
        "{:?}",
        rows(&server, &id)
    );
    assert_eq!(delete(&owner, &json!({ "name": "acme" })).await.status, 204);

    // It is stopped between two batches.
    until(&server, &clock, async || !has(&server, "courierx_suppressions 1600")).await;
    let half = rows(&server, &id);
    assert!(has(&server, "courierx_suppressions"), "some are left: {half:?}");
    assert!(
        !half.iter().any(|one| one.contains("jobs") || one.contains("messages")),
        "mail goes first: {half:?}"
    );
    let server = server.restart().await;
    assert_eq!(server.client().with(key.token()).get("/api/v1/emails").await.status, 401);

    // What says so is kept until nothing can come after it.
    clock.advance(Duration::from_mins(16));
    until_over(&server, &clock, id.parse().unwrap()).await;
    // That the tenant and its user are gone is told, for those who follow changes.
    assert_eq!(rows(&server, &id), ["courierx_config_changes 2"]);
    let mail = server.owner("next").await.get("/api/v1/health").await;
    assert_eq!(mail.body["services"]["queue"]["waiting"], 0, "{mail:?}");
}

#[tokio::test]
pub(crate) async fn rules_and_the_connections_that_they_name_go_as_well() {
    let clock = clock();
    let server = under(&clock).await;
    let owner = server.owner("acme").await;
    let id = tenant(&owner).await;
    let connection = playground(&owner, "One").await;
    let rule = json!({ "name": "All", "strategy": "priority", "connections": [{ "provider_connection_id": connection["id"] }] });
    create_rule(&owner, &rule).await;
    assert_eq!(delete(&owner, &json!({ "name": "acme" })).await.status, 204);
    clock.advance(Duration::from_mins(16));
    until_over(&server, &clock, id).await;
}

#[tokio::test]
pub(crate) async fn who_belongs_to_another_tenant_stays_there() {
    let clock = clock();
    let server = under(&clock).await;
    let (acme, other) = (server.owner("acme").await, server.owner("other").await);
    let gone = tenant(&acme).await;
    let invited = other.post("/api/v1/invitations", &json!({ "email": "owner@acme.example" })).await;
    let path = format!("/api/v1/invitations/{}/accept", invited.body["token"].as_str().unwrap());
    let joined = server.client().post(&path, &json!({ "password": PASSWORD })).await;
    assert_eq!(joined.status, 201, "{joined:?}");
    let member = server.client().with(joined.body["token"].as_str().unwrap());
    let hired = acme.post("/api/v1/invitations", &json!({ "email": "new@acme.example" })).await;
    let path = format!("/api/v1/invitations/{}/accept", hired.body["token"].as_str().unwrap());
    assert_eq!(server.client().post(&path, &json!({ "password": PASSWORD })).await.status, 201);
    let open = acme.post("/api/v1/invitations", &json!({ "email": "late@acme.example" })).await;
    let late = format!("/api/v1/invitations/{}", open.body["token"].as_str().unwrap());

    assert_eq!(delete(&acme, &json!({ "current_password": PASSWORD })).await.status, 204);
    assert_eq!(server.client().get(&late).await.status, 404);
    assert_eq!(member.get(ME).await.status, 200);
    let register = json!({ "name": "new", "email": "new@acme.example", "password": PASSWORD });
    until_free(&server, &clock, "new@acme.example").await;
    assert_eq!(server.client().post("/api/v1/auth/register", &register).await.status, 201);
    clock.advance(Duration::from_mins(16));
    until_over(&server, &clock, gone).await;

    assert_eq!(member.get(ME).await.body["tenant"]["name"], "other");
    let again = server.log_in("acme").await;
    assert_eq!(again.get(ME).await.body["tenant"]["name"], "other", "there is no other place for them");
    let taken = json!({ "name": "x", "email": "owner@acme.example", "password": PASSWORD });
    assert_eq!(server.client().post("/api/v1/auth/register", &taken).await.status, 422);
    let team = other.get("/api/v1/team_members").await;
    let emails: Vec<_> = team.body.as_array().unwrap().iter().map(|one| &one["email"]).collect();
    assert_eq!(emails, ["owner@other.example", "owner@acme.example"], "{team:?}");
}
