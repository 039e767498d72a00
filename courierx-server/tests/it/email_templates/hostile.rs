//! Templates that are made to cost: refused or stopped, and nobody else waits for them.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{PATH, at, create, refused};
use crate::support::{Client, TestServer};

/// What one of them may take, in a build without optimisation on a busy machine.
const QUICK: Duration = Duration::from_secs(20);

async fn is_refused(owner: &Client, source: &str) {
    let start = Instant::now();
    for field in ["html_body", "text_body"] {
        let told = refused(&owner.post(PATH, &json!({ "name": "x", field: source })).await, 422);
        assert!(told.get(field).is_some(), "{told}");
        assert!(told.to_string().len() < 1000, "{told}");
    }
    assert!(start.elapsed() < QUICK, "{:?} for {source:.100}", start.elapsed());
}

#[tokio::test]
async fn what_would_cost_to_compile_is_not_saved() {
    let server = TestServer::start().await;
    let owner = server.owner("acme").await;
    let deep = |open: &str, close: &str, times| [open.repeat(times), close.repeat(times)].concat();
    for source in [
        // Itself, and itself again.
        "{{> x}}".to_owned(),
        "{{#> x}}{{> @partial-block}}{{/x}}".to_owned(),
        "{{#*inline \"x\"}}{{> x}}{{/inline}}{{> x}}".to_owned(),
        deep("{{#if a}}", "{{/if}}", 1000),
        deep("{{#each a}}", "{{/each}}", 40_000),
        format!("{{{{len {}a{}}}}}", "(len ".repeat(30_000), ")".repeat(30_000)),
        format!("{{{{#if a}}}}{}{{{{/if}}}}", "{{else if a}}".repeat(1000)),
        "{{a}}".repeat(100_000),
        "{{a".repeat(100_000),
        "{{!--".repeat(100_000),
        "{{[".repeat(170_000),
        "{{{{raw}}}}{{{{/raw}}}}".to_owned(),
    ] {
        is_refused(&owner, &source).await;
    }
    assert_eq!(owner.get(PATH).await.body, json!([]));
}

#[tokio::test]
async fn what_costs_to_fill_is_stopped_and_keeps_nobody_waiting() {
    let server = TestServer::start().await;
    let (owner, eve) = (server.owner("acme").await, server.owner("eve").await);
    let loops = format!("{}x{}", "{{#each @root.a}}".repeat(5), "{{/each}}".repeat(5));
    let silent = format!("{{{{#each a}}}}{}{{{{/each}}}}", "{{#if @root.a}}{{/if}}".repeat(1500));
    let long = format!("{{{{#each a}}}}{}{{{{/each}}}}", "{{@root.b}}".repeat(10));
    let variables = json!({ "a": vec![0; 20_000], "b": "x".repeat(100_000) });
    let mut under_way = Vec::new();
    for (index, source) in [loops, silent, long].iter().enumerate() {
        let name = format!("Costly {index}");
        let template =
            create(&eve, &json!({ "name": name, "subject": "s", "text_body": source, "status": "active" }))
                .await;
        let email =
            json!({ "from": "a@a.example", "to": "b@b.example", "template": name, "variables": variables });
        let mut strict = email.clone();
        strict["strict_variables"] = json!(true);
        for (path, body) in [
            (format!("{}/preview", at(&template)), json!({ "variables": variables })),
            ("/api/v1/emails".to_owned(), email),
            ("/api/v1/emails".to_owned(), strict),
        ] {
            let eve = eve.clone();
            under_way.push(tokio::spawn(async move { eve.post(&path, &body).await }));
        }
    }
    let start = Instant::now();
    assert_eq!(owner.get(PATH).await.status, 200);
    assert!(start.elapsed() < QUICK);
    for one in under_way {
        let answer = one.await.unwrap();
        assert_eq!((answer.status, &answer.body["code"]), (422, &json!("template_error")), "{answer:?}");
    }
    assert_eq!(eve.get("/api/v1/emails").await.body, json!([]));
}

#[tokio::test]
async fn a_tenant_keeps_so_many_templates_and_bytes() {
    let server = TestServer::start().await;
    let owner = server.owner("acme").await;
    let body = |number: u32| {
        let half = "x".repeat(512 * 1024);
        json!({ "name": format!("Large {number}"), "html_body": half, "text_body": half, "status": "active" })
    };
    let mut last = Value::Null;
    for number in 0..64 {
        last = create(&owner, &body(number)).await;
    }
    let full = owner.post(PATH, &body(64)).await;
    assert_eq!((full.status, &full.body["code"]), (409, &json!("conflict")), "{:.200}", full.text);
    let change = owner.patch(&at(&last), &json!({ "text_body": "y" })).await;
    assert_eq!(change.status, 409, "what is published stays");
    assert_eq!(owner.patch(&at(&last), &json!({ "name": "Renamed" })).await.status, 200);
    assert_eq!(owner.delete(&at(&last)).await.status, 204);
    let small = create(&owner, &json!({ "name": "Small", "text_body": "x" })).await;
    assert_eq!(small["name"], "Small");
}
