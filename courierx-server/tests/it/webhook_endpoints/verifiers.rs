//! What others' libraries say of our signatures.

use std::process::{Command, Stdio};

use courierx_server::config::PrivateTargets;
use serde_json::json;

use super::receiver::{Receiver, Told};
use super::{at, create};
use crate::support::TestServer;

/// Reads library, secret, headers and body, and ends with an error if the library does not accept them.
const VERIFY: &str = r#"
const input = JSON.parse(require("fs").readFileSync(0, "utf8"));
const { Webhook } = require(input.library);
new Webhook(input.secret).verify(input.body, input.headers);
"#;

fn accepts(library: &str, secret: &str, told: &Told, body: &str) -> bool {
    let headers: serde_json::Map<_, _> =
        told.headers.iter().map(|(name, value)| (name.to_string(), json!(value.to_str().unwrap()))).collect();
    let input = json!({ "library": library, "secret": secret, "headers": headers, "body": body });
    let node = std::env::var_os("COURIERX_TEST_NODE").unwrap_or_else(|| "node".into());
    let mut verifying = Command::new(node)
        .args(["--eval", VERIFY])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("node, which `cargo xtask test` provides");
    serde_json::to_writer(verifying.stdin.take().unwrap(), &input).unwrap();
    let ended = verifying.wait_with_output().unwrap();
    let error = String::from_utf8_lossy(&ended.stderr);
    assert!(!error.contains("Cannot find module"), "`cargo xtask test` provides {library}: {error}");
    ended.status.success()
}

#[tokio::test]
async fn the_official_verifiers_accept_what_we_sign_and_nothing_else() {
    let server = TestServer::start_with(|settings| settings.private_targets = PrivateTargets::All).await;
    let owner = server.owner("acme").await;
    for (scheme, library) in [("standard", "standardwebhooks"), ("svix", "svix")] {
        let receiver = Receiver::start().await;
        let made = create(&owner, &json!({ "url": receiver.url(), "signature_scheme": scheme })).await;
        let rotated = owner.post(&format!("{}/rotate_secret", at(&made)), &json!({})).await.body;
        owner.post(&format!("{}/test", at(&made)), &json!({})).await;
        let told = receiver.wait(1).await.remove(0);
        for secret in [&made["secret"], &rotated["secret"]] {
            let secret = secret.as_str().unwrap();
            assert!(accepts(library, secret, &told, &told.text), "{scheme}");
            let altered = told.text.replace("hello@example.com", "hallo@example.com");
            assert!(altered != told.text && !accepts(library, secret, &told, &altered), "{scheme}");
        }
        let stranger = create(&owner, &json!({ "url": receiver.url() })).await;
        assert!(!accepts(library, stranger["secret"].as_str().unwrap(), &told, &told.text), "{scheme}");
    }
}
