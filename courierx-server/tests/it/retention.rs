//! For how long mail is kept: by the tenant's policy, by the operator's, and no longer.

use std::sync::Arc;
use std::time::Duration;

use courierx_core::clock::ManualClock;
use serde_json::{Value, json};

use crate::provider_connections::limits::{clock, under};
use crate::support::{Answer, Client, PATIENCE, TestServer};

const ME: &str = "/api/v1/auth/me";
const DAY: Duration = Duration::from_hours(24);

fn mail() -> Value {
    json!({ "from": "shop@myapp.example", "to": "ada@example.com", "subject": "Hello", "text": "The code is 1234." })
}

/// Sends a message; where it is.
async fn send(client: &Client, mail: &Value) -> String {
    let accepted = client.post("/api/v1/emails", mail).await;
    assert_eq!(accepted.status, 202, "{accepted:?}");
    format!("/api/v1/emails/{}", accepted.body["id"].as_str().unwrap())
}

/// Lets time go on until the answer is as it should be.
async fn until(
    clock: &Arc<ManualClock>,
    client: &Client,
    path: &str,
    is: impl Fn(&Answer) -> bool,
) -> Answer {
    let waiting = async {
        loop {
            let answer = client.get(path).await;
            if is(&answer) {
                return answer;
            }
            clock.advance(Duration::from_secs(5));
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.expect("it comes to that")
}

/// Waits until the message was sent; no time goes by, or its delivery would lose its lease.
pub(crate) async fn sent(client: &Client, path: &str) {
    let waiting = async {
        while !["sent", "delivered"].contains(&client.get(path).await.body["status"].as_str().unwrap()) {}
    };
    tokio::time::timeout(PATIENCE, waiting).await.expect("it is sent");
}

fn is_purged(answer: &Answer) -> bool {
    answer.status == 200 && answer.body["content_purged"] == true
}

#[tokio::test]
async fn content_goes_by_its_tenants_policy_and_messages_by_the_operators() {
    let clock = clock();
    let server = under(&clock).await;
    let (short, usual) = (server.owner("short").await, server.owner("usual").await);
    let set = short.patch(ME, &json!({ "content_days": 7 })).await;
    assert_eq!((set.status, &set.body["tenant"]["content_days"]), (200, &json!(7)), "{set:?}");
    let keys = (server.key(&short, "live").await, server.key(&usual, "live").await);
    let paths = (send(&keys.0, &mail()).await, send(&keys.1, &mail()).await);
    server.delivered(&short).await;
    server.delivered(&usual).await;
    let whole = keys.0.get(&paths.0).await;
    assert_eq!(whole.body["content_purged"], false, "{whole:?}");

    clock.advance(DAY * 7);
    let purged = until(&clock, &keys.0, &paths.0, is_purged).await;
    let nothing = (
        &purged.body["text_body"],
        &purged.body["subject"],
        purged.body["attempts"].as_array().unwrap().len(),
    );
    assert_eq!(nothing, (&Value::Null, &Value::Null, 1), "{purged:?}");
    let kept = keys.1.get(&paths.1).await;
    assert_eq!(kept.body["text_body"], "The code is 1234.", "{kept:?}");
    let sandbox = keys.0.get("/api/v1/sandbox/messages").await;
    assert_eq!(sandbox.body[0]["content_purged"], true, "{sandbox:?}");

    clock.advance(DAY * 23);
    until(&clock, &keys.1, &paths.1, is_purged).await;
    clock.advance(DAY * 60);
    for (key, path) in [(&keys.0, &paths.0), (&keys.1, &paths.1)] {
        until(&clock, key, path, |answer| answer.status == 404).await;
    }
    let metrics = server.client().get("/metrics").await.text;
    for what in ["contents", "messages"] {
        let line = format!("courierx_purged_total{{what=\"{what}\"}} 2");
        assert!(metrics.contains(&line), "{line}: {metrics}");
    }
}

#[tokio::test]
async fn with_no_days_content_goes_at_the_end_of_its_message_and_not_before() {
    let clock = clock();
    let server = under(&clock).await;
    let owner = server.owner("acme").await;
    assert_eq!(owner.patch(ME, &json!({ "content_days": 0 })).await.status, 200);
    let key = server.key(&owner, "live").await;
    let mut later = mail();
    later["scheduled_at"] = json!("2028-03-01T12:00:00Z");
    let (now, later) = (send(&key, &mail()).await, send(&key, &later).await);
    sent(&key, &now).await;
    until(&clock, &key, &now, is_purged).await;
    let waiting = key.get(&later).await;
    assert_eq!(
        (&waiting.body["status"], &waiting.body["content_purged"]),
        (&json!("scheduled"), &json!(false))
    );
    clock.advance(DAY);
    sent(&key, &later).await;
    until(&clock, &key, &later, is_purged).await;
}

#[tokio::test]
async fn the_policy_is_the_owners_within_what_the_operator_allows() {
    let server = TestServer::start_with(|settings| {
        settings.retention.content_days = 20;
        settings.retention.most_content_days = 14;
    })
    .await;
    let owner = server.owner("acme").await;
    let tenant = owner.get(ME).await.body["tenant"].clone();
    assert_eq!((&tenant["content_days"], &tenant["content_days_max"]), (&json!(14), &json!(14)));
    for wrong in [json!(15), json!(-1), json!(1_000_000)] {
        let refused = owner.patch(ME, &json!({ "content_days": wrong })).await;
        assert_eq!(refused.status, 422, "{refused:?}");
        assert_eq!(refused.body["details"]["content_days"], json!(["must be from 0 to 14, or null"]));
    }
    for (given, expected) in [(json!(3), 3), (json!(null), 14), (json!(0), 0)] {
        let set = owner.patch(ME, &json!({ "content_days": given })).await;
        assert_eq!((set.status, &set.body["tenant"]["content_days"]), (200, &json!(expected)), "{set:?}");
        let renamed = owner.patch(ME, &json!({ "name": "Acme" })).await;
        assert_eq!(renamed.body["tenant"]["content_days"], expected, "what is left out stays");
    }
    let key = server.key(&owner, "live").await;
    assert_eq!(key.patch(ME, &json!({ "content_days": 3 })).await.status, 403);
}
