//! Templates that are wrong, or made to cost.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{Target, assert_refused, email, with};

/// What one refusal may take, in a build without optimisation on a busy machine.
const QUICK: Duration = Duration::from_secs(20);

async fn refuses(target: &Target, change: &Value) {
    let start = Instant::now();
    let answer = target.owner.post("/api/v1/emails", &with(email(), change)).await;
    assert_refused(&answer, &[422], &change.to_string());
    assert!(start.elapsed() < QUICK, "{:?} for {:.200}", start.elapsed(), change.to_string());
}

#[tokio::test]
async fn what_is_no_template_is_refused() {
    let target = Target::new().await;
    let wrong = [
        "{{",
        "{{name",
        "{{#if a}}",
        "{{/if}}",
        "{{#if}}{{/if}}",
        "{{> self}}",
        "{{#> layout}}{{/layout}}",
        "{{unknown_helper 1}}",
        "{{#unknown}}{{/wrong}}",
        "{{{{raw}}}}x{{{{/raw}}}}",
        "{{* decorator}}",
        "{{#*inline \"self\"}}{{> self}}{{/inline}}{{> self}}",
        "{{lookup}}{{#each}}{{/each}}",
        "{{log \"x\"}}",
        "{{(lookup a b}}",
        "{{#each a as |b}}{{/each}}",
    ];
    for template in wrong {
        for field in ["subject", "html_body", "text_body"] {
            let change = json!({ field: template, "variables": { "a": [1] } });
            let answer = target.owner.post("/api/v1/emails", &with(email(), &change)).await;
            assert_refused(&answer, &[422], &change.to_string());
            assert_eq!(answer.body["code"], "template_error", "{}", answer.text);
        }
    }
    target.is_untouched().await;
}

#[tokio::test]
async fn a_template_that_costs_is_stopped() {
    let target = Target::new().await;
    let list = vec![0; 1000];
    let loops = format!("{}x{}", "{{#each @root.a}}".repeat(5), "{{/each}}".repeat(5));
    refuses(&target, &json!({ "text_body": loops, "variables": { "a": list } })).await;
    let silent = format!("{{{{#each a}}}}{}{{{{/each}}}}", "{{#if @root.a}}{{/if}}".repeat(3000));
    refuses(&target, &json!({ "text_body": silent, "variables": { "a": vec![0; 50_000] } })).await;
    let long = format!("{{{{#each a}}}}{}{{{{/each}}}}", "{{@root.b}}".repeat(10));
    refuses(&target, &json!({ "text_body": long, "variables": { "a": list, "b": "x".repeat(100_000) } }))
        .await;
    let deep = format!("{}x{}", "{{#if 1}}".repeat(10_000), "{{/if}}".repeat(10_000));
    refuses(&target, &json!({ "html_body": deep, "variables": {} })).await;
    let calls = format!("{{{{{}1{}}}}}", "not (".repeat(5000), ")".repeat(5000));
    refuses(&target, &json!({ "html_body": calls, "variables": {} })).await;
    let tags = "{{a}}".repeat(200_000);
    refuses(&target, &json!({ "html_body": tags, "variables": { "a": "b" } })).await;
    let open = "{".repeat(1_000_000);
    refuses(&target, &json!({ "html_body": open, "variables": {} })).await;
    let subject = json!({ "subject": "{{a}}", "variables": { "a": "x".repeat(2000) } });
    refuses(&target, &subject).await;
    target.is_untouched().await;
}

#[tokio::test]
async fn variables_are_bounded() {
    let target = Target::new().await;
    let nested = |levels: usize| {
        let text = format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        json!({ "variables": { "a": serde_json::from_str::<Value>(&text).unwrap() } })
    };
    refuses(&target, &nested(40)).await;
    refuses(&target, &nested(120)).await;
    refuses(&target, &json!({ "variables": { "a": "x".repeat(300_000) } })).await;
    let many: serde_json::Map<_, _> = (0..100_000).map(|n| (n.to_string(), json!(n))).collect();
    refuses(&target, &json!({ "variables": many })).await;
    // Numbers that no number type holds.
    let mut body = email().to_string();
    body.pop();
    write!(body, ",\"variables\":{{\"a\":{}}}}}", "9".repeat(100_000)).unwrap();
    let answer = target.raw((reqwest::Method::POST, "/api/v1/emails"), body).await;
    assert_refused(&answer, &[400, 422], "a huge number");
    target.is_untouched().await;
}

#[tokio::test]
async fn what_a_template_blows_up_does_not_fill_a_list() {
    let target = Target::new().await;
    // Small when it comes, large when it is shown.
    let change = json!({
        "text_body": "{{#each a}}{{@root.b}}{{/each}}",
        "variables": { "a": vec![0; 60], "b": "x".repeat(100_000) },
    });
    for _ in 0..5 {
        assert_eq!(target.owner.post("/api/v1/emails", &with(email(), &change)).await.status, 202);
    }
    target.server.delivered(&target.owner).await;
    let listed = target.owner.get("/api/v1/sandbox/messages").await;
    assert_eq!(listed.body.as_array().unwrap().len(), 5);
    assert!(listed.text.len() < 10_000_000, "{} bytes", listed.text.len());
    for message in listed.body.as_array().unwrap() {
        assert_eq!(
            (&message["subject"], &message["recipients"]),
            (&json!("Hello"), &json!(["ada@example.com"]))
        );
        let path = format!("/api/v1/sandbox/messages/{}", message["id"].as_str().unwrap());
        let whole = target.owner.get(&path).await;
        assert_eq!(whole.body["text_body"].as_str().unwrap().len(), 6_000_000);
    }
}
