//! Connections for messages of test keys.

use courierx_providers::emulator::SmtpEmulator;
use serde_json::{Value, json};

use super::create;
use super::vendors::{Vendor, allowing};

async fn catcher() -> SmtpEmulator {
    SmtpEmulator::builder().start().await.unwrap()
}

fn message(subject: &str) -> Value {
    json!({ "from": "shop@myapp.example", "to": "ada@example.com", "subject": subject, "text": "Hello." })
}

#[tokio::test]
async fn a_connection_for_tests_takes_what_test_keys_send_and_nothing_else() {
    let server = allowing().await;
    let (catcher, relay) = (catcher().await, catcher().await);
    let owner = server.owner("acme").await;
    let smtp = |name: &str, mode: &str, emulator: &SmtpEmulator| {
        json!({ "provider": "smtp", "display_name": name, "mode": mode, "tls": "none",
            "smtp_host": "127.0.0.1", "smtp_port": emulator.address().port() })
    };
    let made = create(&owner, &smtp("Catcher", "test", &catcher)).await;
    assert_eq!((&made.body["mode"], &made.body["status"]), (&json!("test"), &json!("active")), "{made:?}");
    create(&owner, &smtp("Relay", "live", &relay)).await;

    let tests = server.key(&owner, "test").await;
    for (client, subject) in [(&owner, "real"), (&tests, "a test")] {
        let sent = client.post("/api/v1/emails", &message(subject)).await;
        assert_eq!(sent.status, 202, "{sent:?}");
    }
    server.delivered(&owner).await;
    let subjects = |emulator: &SmtpEmulator| -> Vec<String> {
        emulator.received().into_iter().map(|one| one.subject).collect()
    };
    assert_eq!((subjects(&catcher), subjects(&relay)), (vec!["a test".to_owned()], vec!["real".to_owned()]));
}

#[tokio::test]
async fn vendors_with_a_sandbox_use_it_and_the_others_have_no_such_mode() {
    let server = allowing().await;
    for Vendor { kind, emulator, mut body } in Vendor::all().await {
        let owner = server.owner(&kind.as_str().replace('_', "-")).await;
        body["mode"] = json!("test");
        let made = owner.post("/api/v1/provider_connections", &body).await;
        if matches!(kind.as_str(), "aws_ses" | "resend") {
            assert_eq!(made.status, 422, "{made:?}");
            assert!(made.body.to_string().contains("no mode in which nothing is delivered"), "{made:?}");
            continue;
        }
        assert_eq!(made.status, 201, "{made:?}");
        assert_eq!(made.body["verification"]["sandbox"], true, "{made:?}");
        let tests = server.key(&owner, "test").await;
        let sent = tests.post("/api/v1/emails", &message("a test")).await;
        assert_eq!(sent.status, 202, "{sent:?}");
        server.delivered(&owner).await;
        assert!(!emulator.requests().is_empty(), "{kind}");

        let path = format!("/api/v1/provider_connections/{}", made.body["id"].as_str().unwrap());
        let changed = owner.patch(&path, &json!({ "mode": "live" })).await;
        assert_eq!(changed.status, 422, "{changed:?}");
    }
}
