//! What happened, page by page.

pub(crate) mod reader;
pub(crate) mod stream;

use serde_json::{Value, json};

use crate::support::{Client, TestServer};

const PATH: &str = "/api/v1/events";

pub(crate) async fn send(client: &Client, to: &str) -> Value {
    let email = json!({
        "from_email": "shop@myapp.example", "to_email": to, "subject": "Hello {{name}}", "text_body": "t",
        "variables": { "name": "Ada" }, "tags": ["welcome"], "metadata": { "user_id": "usr_1" },
    });
    let answer = client.post("/api/v1/emails", &email).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    answer.body
}

async fn list(client: &Client, query: &str) -> Value {
    let answer = client.get(&format!("{PATH}{query}")).await;
    assert_eq!(answer.status, 200, "{query}: {answer:?}");
    answer.body
}

/// What the events are called. What became of a message in the sandbox may be written down before it is that the sandbox
/// took it, so these two have one order here.
pub(crate) fn names(events: &[Value]) -> Vec<&str> {
    let mut names: Vec<_> = events.iter().map(|event| event["event"].as_str().unwrap()).collect();
    for at in 1..names.len() {
        if (names[at - 1], names[at]) == ("delivered", "sent") {
            names.swap(at - 1, at);
        }
    }
    names
}

/// Waits until everything is known of all mail.
pub(crate) async fn settled(server: &TestServer, owner: &Client) {
    server.delivered(owner).await;
    let is_under_way =
        |email: &Value| ["queued", "sending", "sent"].contains(&email["status"].as_str().unwrap());
    let looking = async {
        loop {
            let all = owner.get("/api/v1/emails?per_page=100").await;
            if all.body.as_array().is_some_and(|all| !all.iter().any(is_under_way)) {
                break;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(crate::support::PATIENCE, looking).await.expect("mail is under way");
}

fn data(page: &Value) -> &[Value] {
    page["data"].as_array().unwrap()
}

#[tokio::test]
async fn what_happened_is_listed_in_its_order_as_endpoints_are_told() {
    let server = TestServer::start().await;
    let owner = server.owner("acme").await;
    assert_eq!(list(&owner, "").await, json!({ "data": [], "next_cursor": 0, "has_more": false }));
    let sent = send(&owner, "ada@example.com").await;
    settled(&server, &owner).await;
    let page = list(&owner, "").await;
    assert_eq!(names(data(&page)), ["queued", "sent", "delivered"]);
    for event in data(&page) {
        assert_eq!(
            (&event["message_id"], &event["to"], &event["from"], &event["subject"]),
            (&sent["id"], &json!("ada@example.com"), &json!("shop@myapp.example"), &json!("Hello Ada"))
        );
        assert_eq!(
            (&event["tags"], &event["metadata"], &event["data"]["mode"]),
            (&json!(["welcome"]), &json!({ "user_id": "usr_1" }), &json!("live"))
        );
    }
    assert_eq!((&page["has_more"], &page["next_cursor"]), (&json!(false), &data(&page)[2]["sequence"]));
    assert_eq!(data(&page)[2]["provider"], "sandbox");
    // Who has read everything goes on where it ended.
    let later = format!("?after={}", page["next_cursor"]);
    assert_eq!(data(&list(&owner, &later).await), [] as [Value; 0]);
    send(&owner, "bob@example.com").await;
    settled(&server, &owner).await;
    assert_eq!(names(data(&list(&owner, &later).await)), ["queued", "sent", "delivered"]);
    assert_eq!(data(&list(&server.owner("other").await, "").await), [] as [Value; 0], "another tenant");
}

#[tokio::test]
pub(crate) async fn pages_are_read_one_after_the_other_while_others_write() {
    let server = TestServer::start().await;
    let owner = server.owner("acme").await;
    let (mut read, mut after) = (Vec::new(), json!(0));
    let writing = async {
        for number in 0..40 {
            send(&owner, &format!("{number}@example.com")).await;
        }
        settled(&server, &owner).await;
    };
    let reading = async {
        while read.len() < 120 {
            let page = list(&owner, &format!("?limit=7&after={after}")).await;
            assert!(data(&page).len() <= 7);
            read.extend(data(&page).iter().map(|event| event["sequence"].as_i64().unwrap()));
            after = page["next_cursor"].clone();
        }
    };
    tokio::join!(writing, reading);
    assert!(read.is_sorted_by(|a, b| a < b), "{read:?}");
    let all = list(&owner, "?limit=500").await;
    let all: Vec<_> = data(&all).iter().map(|event| event["sequence"].as_i64().unwrap()).collect();
    assert_eq!(read, all);
}

#[tokio::test]
pub(crate) async fn only_what_is_asked_for_is_listed() {
    let server = TestServer::start().await;
    let owner = server.owner("acme").await;
    let (live, tests) = (server.key(&owner, "live").await, server.key(&owner, "test").await);
    let ada = send(&live, "ada@example.com").await;
    send(&live, "bounce@sandbox.test").await;
    let tried = send(&tests, "bob@example.com").await;
    settled(&server, &owner).await;
    for query in ["?event=bounced", "?events=email.bounced", "?events=bounced,%20opened&mode=live"] {
        let page = list(&owner, query).await;
        assert_eq!((names(data(&page)), &page["has_more"]), (vec!["bounced"], &json!(false)), "{query}");
        assert_eq!(data(&page)[0]["data"]["bounce_type"], "hard");
    }
    let of_ada = list(&owner, &format!("?message_id={}", ada["id"].as_str().unwrap())).await;
    assert_eq!(names(data(&of_ada)), ["queued", "sent", "delivered"]);
    assert_eq!(data(&list(&owner, "?mode=test").await).len(), 3);
    assert_eq!(data(&list(&live, "").await).len(), 9, "live keys see tests, as in lists of emails");
    let connection = of_ada["data"][1]["data"]["provider_connection_id"].as_str().unwrap();
    let through = list(&owner, &format!("?connection_id={connection}&mode=live&event=delivered")).await;
    assert_eq!(data(&through).len(), 1, "{through:#}");
    // What a key for tests sees is what keys for tests sent.
    for query in ["", "?mode=live", "?mode=test"] {
        let page = list(&tests, query).await;
        assert_eq!(names(data(&page)), ["queued", "sent", "delivered"], "{query}");
        assert!(data(&page).iter().all(|event| event["message_id"] == tried["id"]));
    }
    assert_eq!(data(&list(&tests, &format!("?message_id={}", ada["id"].as_str().unwrap())).await).len(), 0);
    let two = list(&tests, "?limit=2").await;
    assert_eq!((data(&two).len(), &two["has_more"]), (2, &json!(true)));
    let rest = list(&tests, &format!("?after={}", two["next_cursor"])).await;
    assert_eq!((data(&rest).len(), &rest["has_more"]), (1, &json!(false)));
    let both = [data(&two), data(&rest)].concat();
    assert_eq!(names(&both), ["queued", "sent", "delivered"]);
}

#[tokio::test]
async fn what_is_no_query_is_refused_with_its_fields() {
    let server = TestServer::start().await;
    let owner = server.owner("acme").await;
    for (query, field) in [
        ("after=x", "after"),
        ("after=-1", "after"),
        ("event=delivery", "event"),
        ("events=sent,delivery", "events"),
        ("message_id=7", "message_id"),
        ("mode=both", "mode"),
    ] {
        for path in [PATH, reader::STREAM] {
            let answer = owner.get(&format!("{path}?{query}")).await;
            assert_eq!(answer.status, 422, "{path}?{query}: {answer:?}");
            assert!(answer.body["details"].get(field).is_some(), "{answer:?}");
        }
    }
    for limit in ["0", "501", "x"] {
        assert_eq!(owner.get(&format!("{PATH}?limit={limit}")).await.status, 422, "{limit}");
    }
}
