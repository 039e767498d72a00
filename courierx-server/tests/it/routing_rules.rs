//! Routing rules: made, checked, changed, removed; and what mail does by them.

use serde_json::{Value, json};

use crate::provider_connections::vendors::allowing;
use crate::provider_connections::{at as connection_at, create as connect, local, relay};
use crate::support::{Answer, Client, SmtpServer, TestServer};

pub(crate) const PATH: &str = "/api/v1/routing_rules";

fn at(rule: &Value) -> String {
    format!("{PATH}/{}", rule["id"].as_str().unwrap())
}

pub(crate) async fn create(owner: &Client, body: &Value) -> Value {
    let answer = owner.post(PATH, body).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    answer.body
}

/// A connection to a sandbox, which takes live mail until there is a real one.
pub(crate) async fn playground(owner: &Client, name: &str) -> Value {
    connect(owner, &json!({ "provider": "sandbox", "display_name": name })).await.body
}

fn refused(answer: &Answer, fields: &[&str]) {
    assert_eq!(answer.status, 422, "{answer:?}");
    let details = answer.body["details"].as_object().unwrap_or_else(|| panic!("{answer:?}"));
    let mut told: Vec<_> = details.keys().map(String::as_str).collect();
    let mut fields = fields.to_vec();
    told.sort_unstable();
    fields.sort_unstable();
    assert_eq!(told, fields, "{answer:?}");
}

#[tokio::test]
pub(crate) async fn a_rule_is_made_listed_changed_and_removed() {
    let server = TestServer::start().await;
    let owner = server.owner("acme").await;
    let (one, two) = (playground(&owner, "One").await, playground(&owner, "Two").await);
    // As the documentation shows it.
    let default =
        json!({ "name": "Default routing", "strategy": "failover", "is_default": true, "is_active": true });
    let default = create(&owner, &default).await;
    assert_eq!((&default["strategy"], &default["is_default"]), (&json!("failover_only"), &json!(true)));
    assert_eq!((&default["connections"], &default["match_tag"]), (&json!([]), &json!(null)));
    let rule = json!({
        "name": "Codes", "strategy": "weighted", "enabled": false,
        "match_from_domain": ["Bücher.example", "*.acme.example"], "match_recipient_domain": "example.com",
        "match_tag": "otp", "match_lane": ["critical"], "match_metadata": { "region": "eu", "vip": true },
        "connections": [
            { "provider_connection_id": one["id"], "weight": 3, "priority": 1 },
            { "provider_connection_id": two["id"], "failover": true },
        ],
    });
    let made = create(&owner, &rule).await;
    assert_eq!(made["match_from_domain"], json!(["xn--bcher-kva.example", "*.acme.example"]));
    assert_eq!(
        (&made["match_recipient_domain"], &made["match_tag"], &made["match_lane"], &made["match_metadata"]),
        (&json!("example.com"), &json!("otp"), &json!("critical"), &json!({ "region": "eu", "vip": "true" }))
    );
    assert_eq!((&made["is_active"], &made["connection_count"]), (&json!(false), &json!(2)));
    let part = &made["connections"][0];
    assert_eq!(part["provider_connection_id"], one["id"]);
    assert_eq!((&part["provider"], &part["display_name"]), (&json!("sandbox"), &json!("One")));
    assert_eq!(
        (&part["priority"], &part["weight"], &part["status"]),
        (&json!(1), &json!(3), &json!("active"))
    );
    let part = &made["connections"][1];
    assert_eq!(
        (&part["failover_only"], &part["priority"], &part["weight"]),
        (&json!(true), &json!(null), &json!(null))
    );

    let first = create(&owner, &json!({ "name": "First", "strategy": "round_robin", "position": 1 })).await;
    let listed = owner.get(PATH).await;
    let names: Vec<_> =
        listed.body.as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["First", "Codes", "Default routing"], "the default one last");
    assert_eq!(listed.headers["x-total-count"], "3");
    let page = owner.get(&format!("{PATH}?per_page=1&page=2")).await;
    assert_eq!(
        (&page.body[0]["name"], &page.headers["x-total-pages"]),
        (&json!("Codes"), &"3".parse().unwrap())
    );
    assert_eq!(owner.get(&at(&made)).await.body, made);

    let change = json!({ "match_tag": null, "match_metadata": {}, "is_active": true, "position": 1_000,
        "connections": [{ "provider_connection_id": one["id"] }] });
    let changed = owner.patch(&at(&made), &change).await;
    assert_eq!(changed.status, 200, "{changed:?}");
    assert_eq!((&changed.body["match_tag"], &changed.body["match_metadata"]), (&json!(null), &json!(null)));
    assert_eq!((&changed.body["match_lane"], &changed.body["is_active"]), (&json!("critical"), &json!(true)));
    assert_eq!(changed.body["connections"].as_array().unwrap().len(), 1);
    let part = |rule: &Value| rule["connections"][0]["routing_rule_provider_id"].clone();
    assert_eq!(part(&changed.body), part(&made), "what stays is the same part");
    assert_eq!(owner.delete(&at(&first)).await.status, 204);
    assert_eq!(owner.get(&at(&first)).await.status, 404);
    assert_eq!(owner.delete(&at(&first)).await.status, 404);
}

#[tokio::test]
async fn what_is_wrong_with_a_rule_is_told_all_at_once() {
    let server = TestServer::start().await;
    let (owner, eve) = (server.owner("acme").await, server.owner("eve").await);
    let (mine, others) = (playground(&owner, "Mine").await, playground(&eve, "Others").await);
    refused(&owner.post(PATH, &json!({})).await, &["name", "strategy"]);
    let wrong = json!({
        "name": "a\nb", "strategy": "random", "position": 0, "match_from_domain": ["good.example", "not a domain"],
        "match_lane": "express", "match_metadata": { "a": [], "b": "ok" },
        "connections": [
            { "provider_connection_id": mine["id"], "priority": 0, "weight": -1 },
            { "provider_connection_id": others["id"] },
            { "provider_connection_id": "nonsense" },
            { "provider_connection_id": mine["id"] },
        ],
    });
    refused(
        &owner.post(PATH, &wrong).await,
        &[
            "name",
            "strategy",
            "position",
            "match_from_domain[1]",
            "match_lane",
            "match_metadata[a]",
            "connections[0].priority",
            "connections[0].weight",
            "connections[1].provider_connection_id",
            "connections[2].provider_connection_id",
            "connections[3].provider_connection_id",
        ],
    );
    for (body, field) in [
        (json!({ "name": 7 }), "name"),
        (json!({ "is_default": "yes" }), "is_default"),
        (json!({ "match_tag": 7 }), "match_tag"),
        (json!({ "match_tag": ["a", 7] }), "match_tag[1]"),
        (json!({ "match_metadata": "a" }), "match_metadata"),
        (
            json!({ "connections": [{ "provider_connection_id": 7 }] }),
            "connections[0].provider_connection_id",
        ),
    ] {
        refused(&owner.post(PATH, &body).await, &[field]);
    }
    let many: Vec<_> = (0..51).map(|number| format!("tag{number}")).collect();
    let many = json!({ "name": "Many", "strategy": "priority", "match_tag": many });
    refused(&owner.post(PATH, &many).await, &["match_tag"]);

    create(&owner, &json!({ "name": "Default", "strategy": "priority", "is_default": true })).await;
    let second = json!({ "name": "Default", "strategy": "priority", "is_default": true });
    refused(&owner.post(PATH, &second).await, &["name", "is_default"]);
    let other = create(&owner, &json!({ "name": "Other", "strategy": "priority", "match_tag": "x" })).await;
    refused(&owner.patch(&at(&other), &json!({ "is_default": true })).await, &["is_default"]);
    refused(&owner.patch(&at(&other), &json!({ "name": "Default" })).await, &["name"]);
    // What is somebody else's name is nobody's here.
    create(&eve, &second).await;
}

#[tokio::test]
async fn a_tenant_has_at_most_a_hundred_rules() {
    let server = TestServer::start().await;
    let owner = server.owner("acme").await;
    let rule = |number: u32| json!({ "name": format!("Rule {number}"), "strategy": "priority" });
    for number in 0..100 {
        create(&owner, &rule(number)).await;
    }
    let refused = owner.post(PATH, &rule(100)).await;
    assert_eq!((refused.status, &refused.body["code"]), (409, &json!("conflict")), "{refused:?}");
}

#[tokio::test]
async fn a_connection_stays_as_long_as_a_rule_names_it() {
    let server = TestServer::start().await;
    let owner = server.owner("acme").await;
    let one = playground(&owner, "One").await;
    let parts = json!([{ "provider_connection_id": one["id"] }]);
    let rule = json!({ "name": "Codes", "strategy": "priority", "match_tag": "otp", "connections": parts });
    let rule = create(&owner, &rule).await;
    let kept = owner.delete(&connection_at(&one)).await;
    assert_eq!(kept.status, 409, "{kept:?}");
    assert!(kept.body["error"].as_str().unwrap().contains("Codes"), "{kept:?}");
    assert_eq!(owner.get(&connection_at(&one)).await.status, 200);
    assert_eq!(owner.delete(&at(&rule)).await.status, 204);
    assert_eq!(owner.delete(&connection_at(&one)).await.status, 204);
}

#[tokio::test]
async fn a_connection_for_tests_is_no_way_for_a_rule() {
    let (server, smtp) = (local().await, SmtpServer::start().await);
    let owner = server.owner("acme").await;
    let mut tests = relay(&smtp);
    tests["mode"] = json!("test");
    let tests = connect(&owner, &tests).await.body;
    let parts = json!([{ "provider_connection_id": tests["id"] }]);
    let rule = json!({ "name": "Codes", "strategy": "priority", "connections": parts });
    refused(&owner.post(PATH, &rule).await, &["connections[0].provider_connection_id"]);
}

/// To which of these connections a message goes, by its attempts.
async fn way(server: &TestServer, owner: &Client, email: &Value) -> Value {
    way_of(server, owner, owner, email).await
}

/// The same for a message of this sender.
async fn way_of(server: &TestServer, owner: &Client, sender: &Client, email: &Value) -> Value {
    let sent = sender.post("/api/v1/emails", email).await;
    assert_eq!(sent.status, 202, "{sent:?}");
    server.delivered(owner).await;
    let path = format!("/api/v1/emails/{}", sent.body["id"].as_str().unwrap());
    owner.get(&path).await.body["attempts"][0]["provider_display_name"].clone()
}

#[tokio::test]
pub(crate) async fn mail_goes_by_the_rules_from_the_next_message_on() {
    let server = TestServer::start().await;
    let owner = server.owner("acme").await;
    let (one, two) = (playground(&owner, "One").await, playground(&owner, "Two").await);
    let email = |tag: &str| {
        json!({ "from": "a@acme.example", "to": "b@b.example", "subject": "s", "text": "t",
            "tags": [tag], "lane": "critical" })
    };
    assert_eq!(way(&server, &owner, &email("otp")).await, "One", "by their own priority");
    let via = |connection: &Value| json!([{ "provider_connection_id": connection["id"] }]);
    let rule = json!({ "name": "Codes", "strategy": "priority", "match_tag": "otp", "match_lane": "critical",
        "connections": via(&two) });
    let rule = create(&owner, &rule).await;
    assert_eq!(way(&server, &owner, &email("otp")).await, "Two");
    assert_eq!(way(&server, &owner, &email("news")).await, "One", "it is for others");
    owner.patch(&at(&rule), &json!({ "connections": via(&one) })).await;
    assert_eq!(way(&server, &owner, &email("otp")).await, "One");
    // The default one is for the rest, and one that is switched off for nobody.
    owner.patch(&at(&rule), &json!({ "is_active": false })).await;
    let default =
        json!({ "name": "Rest", "strategy": "priority", "is_default": true, "connections": via(&two) });
    create(&owner, &default).await;
    assert_eq!(way(&server, &owner, &email("otp")).await, "Two");
    // Mail of test keys goes where it always goes.
    let test = server.key(&owner, "test").await;
    assert_eq!(way_of(&server, &owner, &test, &email("otp")).await, "One");
}

#[tokio::test]
async fn turns_are_taken_by_real_connections_alone() {
    let (server, smtp) = (local().await, SmtpServer::start().await);
    let owner = server.owner("acme").await;
    playground(&owner, "Not real").await;
    for name in ["One", "Two"] {
        let mut body = relay(&smtp);
        body["display_name"] = json!(name);
        connect(&owner, &body).await;
    }
    create(&owner, &json!({ "name": "Turns", "strategy": "round_robin", "is_default": true })).await;
    let email = json!({ "from": "a@acme.example", "to": "b@b.example", "subject": "s", "text": "t" });
    let mut ways = Vec::new();
    for _ in 0..6 {
        ways.push(way(&server, &owner, &email).await);
    }
    assert_eq!(ways.iter().filter(|way| **way == json!("One")).count(), 3, "{ways:?}");
    assert_eq!(smtp.received(6).await.len(), 6);
}

#[tokio::test]
async fn a_sandbox_is_no_part_of_a_rule_once_there_is_a_real_connection() {
    let server = allowing().await;
    let owner = server.owner("acme").await;
    let sandbox = playground(&owner, "Play").await;
    let rule = |name: &str| {
        let parts = json!([{ "provider_connection_id": sandbox["id"] }]);
        json!({ "name": name, "strategy": "priority", "connections": parts })
    };
    create(&owner, &rule("Before")).await;
    let real = json!({ "provider": "smtp", "display_name": "Relay", "smtp_host": "127.0.0.1", "smtp_port": 1,
        "tls": "none" });
    connect(&owner, &real).await;
    refused(&owner.post(PATH, &rule("After")).await, &["connections[0].provider_connection_id"]);
}
