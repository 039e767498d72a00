//! Requests that are repeated under an idempotency key.

use courierx_providers::emulator::{Emulator, Fault};
use serde_json::{Value, json};

use super::{KEY, SECRET, email, post, postmark, send, sendgrid, start};
use crate::support::Binary;

fn keyed(emulator: &Emulator) -> Value {
    let mut body = email("ada@example.com", &[postmark(emulator)]);
    (body["tenantId"], body["idempotencyKey"]) = (json!("acme"), json!("order-1042"));
    body
}

#[tokio::test]
pub(crate) async fn a_repeated_request_is_answered_and_not_sent_again() {
    let (_server, client) = start().await;
    let emulator = Emulator::postmark(KEY).start().await.unwrap();
    let body = keyed(&emulator);
    let first = send(&client, &body).await;
    assert!(first.status == 200 && first.body["idempotent"].is_null(), "{first:?}");
    let again = send(&client, &body).await;
    assert_eq!((again.status, &again.body["idempotent"]), (200, &json!(true)), "{again:?}");
    for field in ["messageId", "id", "provider", "attempts", "durationMs"] {
        assert_eq!(again.body[field], first.body[field], "{field}");
    }
    // Over which accounts it went is not what it is.
    let other = Emulator::sendgrid(KEY).start().await.unwrap();
    let mut elsewhere = body.clone();
    elsewhere["providers"] = json!([{ "provider": sendgrid(&other) }]);
    assert_eq!(send(&client, &elsewhere).await.body["messageId"], first.body["messageId"]);
    assert_eq!((emulator.count(), other.count()), (1, 0));

    let mut changed = body.clone();
    changed["subject"] = json!("Another");
    let refused = send(&client, &changed).await;
    assert_eq!((refused.status, &refused.body["code"]), (409, &json!("conflict")), "{refused:?}");
    // The key of one tenant is none of another's.
    for tenant in [json!("other"), Value::Null] {
        let mut others = body.clone();
        others["tenantId"] = tenant;
        let sent = send(&client, &others).await;
        assert!(sent.status == 200 && sent.body["idempotent"].is_null(), "{sent:?}");
    }
    assert_eq!(emulator.count(), 3);
}

#[tokio::test]
pub(crate) async fn requests_at_the_same_time_are_one() {
    let (_server, client) = start().await;
    let emulator = Emulator::postmark(KEY).start().await.unwrap();
    emulator.fail(Some(Fault::Slow));
    let body = keyed(&emulator);
    let all = futures_util::future::join_all((0..8).map(|_| send(&client, &body))).await;
    assert!(
        all.iter().all(|one| one.status == 200 && one.body["messageId"] == all[0].body["messageId"]),
        "{all:?}"
    );
    let repeated = all.iter().filter(|one| one.body["idempotent"] == true).count();
    assert_eq!((repeated, emulator.count()), (7, 1));
}

#[tokio::test]
async fn what_was_certainly_not_sent_can_be_sent_under_its_key() {
    let (_server, client) = start().await;
    let emulator = Emulator::postmark(KEY).start().await.unwrap();
    emulator.fail_next(1, Fault::Typed503);
    let body = keyed(&emulator);
    assert_eq!(send(&client, &body).await.status, 502);
    let sent = send(&client, &body).await;
    assert!(sent.status == 200 && sent.body["idempotent"].is_null(), "{sent:?}");
    assert_eq!(emulator.count(), 1);
}

#[tokio::test]
async fn what_may_have_been_sent_stays_so() {
    let (_server, client) = start().await;
    let emulator = Emulator::postmark(KEY).start().await.unwrap();
    emulator.fail_next(1, Fault::Truncated);
    let body = keyed(&emulator);
    for idempotent in [Value::Null, json!(true), json!(true)] {
        let unknown = send(&client, &body).await;
        assert_eq!((unknown.status, &unknown.body["code"]), (202, &json!("unknown_outcome")), "{unknown:?}");
        assert_eq!(unknown.body["idempotent"], idempotent);
    }
    assert_eq!(emulator.requests().len(), 1);
}

#[tokio::test]
async fn a_repeated_batch_sends_to_nobody_twice() {
    let (_server, client) = start().await;
    let emulator = Emulator::postmark(KEY).start().await.unwrap();
    let mut body = keyed(&emulator);
    body.as_object_mut().unwrap().remove("to");
    let all: Vec<_> = (0..20).map(|one| json!({ "email": format!("{one}@example.com") })).collect();
    body["recipients"] = json!(all[..10]);
    assert_eq!(post(&client, "/v1/send/batch", &body).await.body["successCount"], 10);
    body["recipients"] = json!(all);
    let again = post(&client, "/v1/send/batch", &body).await;
    assert_eq!((&again.body["successCount"], emulator.count()), (&json!(20), 20), "{again:?}");
    let repeated =
        again.body["results"].as_array().unwrap().iter().filter(|one| one["idempotent"] == true).count();
    assert_eq!(repeated, 10);
}

#[cfg(unix)]
#[tokio::test]
async fn what_a_crash_cut_off_is_never_sent_again() {
    let folder = tempfile::tempdir().unwrap();
    let variables = [("INTERNAL_SECRET", SECRET), ("COURIERX_ALLOW_PRIVATE_TARGETS", "true")];
    let emulator = Emulator::postmark(KEY).start().await.unwrap();
    emulator.fail(Some(Fault::Hang));
    let body = keyed(&emulator);
    let binary = Binary::start(folder.path(), &variables);
    let client = binary.client();
    let request = client.request(reqwest::Method::POST, "/v1/send").header("x-internal-secret", SECRET);
    let asking = tokio::spawn(request.json(&body).send());
    emulator.wait_for(1).await;
    binary.kill();
    assert!(asking.await.unwrap().is_err());

    emulator.fail(None);
    let restarted = Binary::start(folder.path(), &variables);
    let unknown = send(&restarted.client(), &body).await;
    assert_eq!((unknown.status, &unknown.body["code"]), (202, &json!("unknown_outcome")), "{unknown:?}");
    assert!(unknown.body["error"].as_str().unwrap().contains("cut off"), "{unknown:?}");
    assert_eq!(emulator.requests().len(), 1);
}
