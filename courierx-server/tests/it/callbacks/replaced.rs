//! Passwords that are replaced: who calls back shows the old one for as long as it takes to change it there.

use serde_json::{Value, json};

use super::{local, reachable};
use crate::provider_connections::vendors::KEY;
use crate::provider_connections::{PATH, at};
use crate::support::TestServer;

const TOPIC: &str = "arn:aws:sns:eu-west-1:123456789012:events";

/// Connections whose providers show a password, and what those call back with.
fn connections() -> [(Value, &'static str); 2] {
    let postmark = json!({ "provider": "postmark", "api_key": KEY });
    let ses = json!({ "provider": "aws_ses", "api_key": "AKIAEXAMPLE", "secret": KEY, "region": "eu-west-1",
        "sns_topic_arns": [TOPIC] });
    [
        (postmark, r#"{"RecordType":"Delivery","MessageID":"nobodys","Recipient":"ada@example.com"}"#),
        (
            ses,
            r#"{"eventType":"Delivery","mail":{"messageId":"nobodys"},"delivery":{"timestamp":"2026-01-01T00:00:00Z"}}"#,
        ),
    ]
}

#[tokio::test]
async fn a_password_is_taken_until_two_newer_ones_are_there() {
    let server = TestServer::start_with(reachable).await;
    let owner = server.owner("acme").await;
    for (mut body, event) in connections() {
        let more = json!({ "display_name": "x", "base_url": "http://127.0.0.1:9", "status": "inactive",
            "webhook_secret": "password of number 0" });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let made = owner.post(PATH, &body).await;
        assert_eq!(made.status, 201, "{made:?}");
        let url = local(&server, &made.body);
        let shown = async |number: u8| {
            let request = reqwest::Client::new().post(&url).body(event);
            // As SNS sends what it delivers raw; nobody else looks at it.
            let request =
                request.header("x-amz-sns-topic-arn", TOPIC).header("x-amz-sns-rawdelivery", "true");
            let password = format!("password of number {number}");
            request.basic_auth("courierx", Some(password)).send().await.unwrap().status().as_u16()
        };
        for (newest, taken) in [(0, 0..=0), (1, 0..=1), (2, 0..=2), (3, 1..=3)] {
            let given = json!({ "webhook_secret": format!("password of number {newest}") });
            assert_eq!(owner.patch(&at(&made.body), &given).await.status, 200);
            for number in 0..=4 {
                let expected = if taken.contains(&number) { 200 } else { 401 };
                assert_eq!(shown(number).await, expected, "{}: {number} of {newest}", body["provider"]);
            }
        }
        let gone = json!({ "webhook_secret": null });
        assert_eq!(owner.patch(&at(&made.body), &gone).await.status, 200);
        assert_ne!(shown(3).await, 200, "all are taken back at once");
    }
}
