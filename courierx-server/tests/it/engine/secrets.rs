//! Credentials stay where they are.

use courierx_providers::emulator::{Emulator, Fault};
use serde_json::json;

use super::{KEY, SECRET, email, post, postmark, send, sendgrid};
use crate::support::Binary;

#[tokio::test]
async fn no_credential_and_no_address_is_in_answers_logs_and_metrics() {
    let folder = tempfile::tempdir().unwrap();
    let variables = [
        ("INTERNAL_SECRET", SECRET),
        ("COURIERX_ALLOW_PRIVATE_TARGETS", "true"),
        ("LOG_LEVEL", "trace"),
        ("METRICS_TOKEN", "read-the-metrics"),
    ];
    let binary = Binary::start(folder.path(), &variables);
    let client = binary.client();
    let first = Emulator::sendgrid(KEY).start().await.unwrap();
    let second = Emulator::postmark(KEY).start().await.unwrap();
    let mut answers = Vec::new();
    for fault in [Fault::Unauthorized, Fault::Typed503, Fault::Untyped502, Fault::Truncated] {
        first.fail(Some(fault));
        let mut body = email("ada@example.com", &[sendgrid(&first), postmark(&second)]);
        body["idempotencyKey"] = json!(fault.as_str());
        answers.push(send(&client, &body).await);
        body["providers"][1]["provider"]["config"]["serverToken"] = json!("another-s3cret-token");
        body["idempotencyKey"] = json!(format!("{fault}-again"));
        answers.push(send(&client, &body).await);
        let verify = json!({ "provider": "sendgrid", "config": body["providers"][0]["provider"]["config"] });
        answers.push(post(&client, "/v1/verify", &verify).await);
        // One with a type that is wrong, in the place of a secret.
        body["providers"][0]["provider"]["config"]["apiKey"] = json!([KEY]);
        answers.push(send(&client, &body).await);
    }
    let metrics = client.with("read-the-metrics").get("/metrics").await;
    assert!(metrics.text.contains("courierx_sends_total"), "{metrics:?}");
    let ended = binary.terminate();
    for secret in [KEY, "another-s3cret-token", SECRET] {
        assert!(answers.iter().all(|one| !one.text.contains(secret)), "{answers:?}");
        assert!(!metrics.text.contains(secret));
        assert!(
            !ended.stderr.contains(secret) && !ended.stdout.contains(secret),
            "{secret}: {}",
            ended.stderr
        );
    }
    assert!(ended.stderr.contains("/v1/send"), "{}", ended.stderr);
    assert!(!ended.stderr.contains("ada@example.com"), "{}", ended.stderr);
}
