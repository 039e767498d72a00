//! `docs/webhooks.md` is true: its examples accept what the server tells, and nothing else.

use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

use courierx_client::webhook::{self, Event, Refused};
use courierx_core::webhook::WebhookEvent;
use courierx_server::config::PrivateTargets;
use serde_json::json;

use super::receiver::{Receiver, Told};
use super::{at, create};
use crate::support::TestServer;

// As the page shows it.
fn verify(body: &[u8], signature: &str, timestamp: &str, secret: &str) -> Result<Event, Refused> {
    webhook::verify(body, timestamp, signature, &[secret])
}

fn page() -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/webhooks.md")).unwrap()
}

/// The first block of this language.
fn block(page: &str, language: &str) -> String {
    let rest = page.split_once(&format!("```{language}\n")).expect("a block").1;
    rest.split_once("```").unwrap().0.to_owned()
}

fn tool(variable: &str, usual: &str) -> OsString {
    std::env::var_os(variable).unwrap_or_else(|| usual.into())
}

/// Whether the example in this language accepts it.
fn accepts(page: &str, language: &str, told: &Told, body: &str, secret: &str) -> bool {
    let header = |name| told.headers[name].to_str().unwrap();
    let (signature, timestamp) = (header("x-courierx-signature"), header("x-courierx-timestamp"));
    let mut command = match language {
        "js" => {
            let mut node = Command::new(tool("COURIERX_TEST_NODE", "node"));
            let call = "\nverify(...process.argv.slice(1));";
            node.args(["--eval", &(block(page, "js") + call), "--"]);
            node
        }
        "python" => {
            let mut python = Command::new(tool("COURIERX_TEST_PYTHON", "python3"));
            let call = "\nimport sys\nverify(sys.argv[1].encode(), *sys.argv[2:])";
            python.args(["-c", &(block(page, "python") + call)]);
            python
        }
        "bash" => {
            let mut shell = Command::new("sh");
            shell.args(["-c", &(block(page, "bash") + "\nverify \"$@\""), "sh"]);
            shell
        }
        _ => return verify(body.as_bytes(), signature, timestamp, secret).is_ok(),
    };
    let ended = command.args([body, signature, timestamp, secret]).output().unwrap();
    let error = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success() || error.contains("not from CourierX"), "{language}: {error}");
    ended.status.success()
}

#[tokio::test]
async fn the_examples_accept_what_the_server_tells_and_nothing_else() {
    let page = page();
    for line in block(&page, "rust").lines().filter(|line| !line.starts_with("use ")) {
        assert!(include_str!("documented.rs").contains(line), "{line:?} is not what is run here");
    }
    let server = TestServer::start_with(|settings| settings.private_targets = PrivateTargets::All).await;
    let (owner, receiver) = (server.owner("acme").await, Receiver::start().await);
    let made = create(&owner, &json!({ "url": receiver.url() })).await;
    let rotated = owner.post(&format!("{}/rotate_secret", at(&made)), &json!({})).await.body;
    owner.post(&format!("{}/test", at(&made)), &json!({})).await;
    let told = receiver.wait(1).await.remove(0);
    let altered = told.text.replace("hello@example.com", "hallo@example.com");
    for language in ["js", "python", "rust", "bash"] {
        for secret in [&made["secret"], &rotated["secret"]] {
            let secret = secret.as_str().unwrap();
            assert!(accepts(&page, language, &told, &told.text, secret), "{language}");
            assert!(!accepts(&page, language, &told, &altered, secret), "{language}");
        }
        assert!(!accepts(&page, language, &told, &told.text, "whsec_of-somebody-else"), "{language}");
    }
}

#[test]
fn every_event_is_on_the_page() {
    let page = page();
    for event in WebhookEvent::ALL {
        assert!(page.contains(&format!("`{event}`")), "{event}");
    }
}
