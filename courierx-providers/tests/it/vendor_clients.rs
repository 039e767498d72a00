//! The vendors' own clients against our emulators: whoever the emulators would fool, these they would not.

use std::path::{Path, PathBuf};
use std::time::Duration;

use courierx_core::provider::conformance::{Person, Received, ReceivedFile};
use courierx_providers::emulator::Emulator;
use serde_json::Value;

use crate::support::api::SECRET;
use crate::support::tools;

/// What the scripts send.
const SUBJECT: &str = "Grüße, \"Ada\" 🎉";
const TEXT: &str = "Hello Ada.\nÜber 100 %.";
const HTML: &str = "<p>Hello <b>Ada</b>.</p><img src=\"cid:logo\">";

/// Runs a script of `tests/clients` and returns what it printed.
async fn run(program: PathBuf, script: &str, emulator: &Emulator, more: &[(&str, &str)]) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients").join(script);
    let mut command = tokio::process::Command::new(program);
    command.arg(path).env("BASE_URL", emulator.url()).env("KEY", SECRET).envs(more.iter().copied());
    command.env("NO_PROXY", "*").kill_on_drop(true);
    let output = tokio::time::timeout(Duration::from_mins(1), command.output()).await.unwrap().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{script}: {errors}");
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{script} printed no JSON; {errors}"))
}

/// What differs between the vendors' clients in the message that all of them send.
struct Expected {
    names: [&'static str; 2],
    tags: &'static [&'static str],
    tracks: [Option<bool>; 2],
}

#[track_caller]
fn assert_sent(received: &Received, expected: &Expected) {
    let [from, to] = expected.names;
    assert_eq!(received.from, Person::new("hi@acme.example").named(from));
    assert_eq!(received.to, [Person::new("ada@example.com").named(to)]);
    assert_eq!(received.cc, [Person::new("cc@example.com")]);
    assert_eq!(received.bcc, [Person::new("bcc@example.com")]);
    assert_eq!(received.reply_to, [Person::new("reply@example.com")]);
    assert_eq!(received.subject, SUBJECT);
    assert_eq!(received.text.as_deref(), Some(TEXT));
    assert_eq!(received.html.as_deref(), Some(HTML));
    assert_eq!(received.header("x-entity-ref-id"), Some("42"));
    assert_eq!(received.tags, expected.tags);
    assert_eq!(received.metadata.get("order").map(String::as_str), Some("42"));
    assert_eq!([received.track_opens, received.track_clicks], expected.tracks);
    let find = |inline: bool| -> &ReceivedFile {
        received.files.iter().find(|file| file.content_id.is_some() == inline).unwrap()
    };
    let bytes: Vec<u8> = (0..=255).collect();
    assert_eq!((find(false).name.as_str(), &find(false).content), ("bytes.bin", &bytes));
    assert_eq!((find(true).content_id.as_deref(), &find(true).content), (Some("logo"), &bytes));
}

/// The three readers of a batch, each alone.
#[track_caller]
fn assert_batch(received: &[Received], expected: &[&str]) {
    let reached: Vec<_> = received.iter().map(|one| one.recipients().join(" ")).collect();
    assert_eq!(reached, expected);
}

const READERS: [&str; 3] = ["reader1@example.com", "reader2@example.com", "reader3@example.com"];

#[tokio::test]
async fn postmark() {
    let emulator = Emulator::postmark(SECRET).start().await.unwrap();
    let printed = run(tools::node(), "postmark.cjs", &emulator, &[]).await;
    let received = emulator.received();
    assert!(printed["one"].is_string(), "{printed}");
    let expected = Expected {
        names: ["Acme, Inc.", "Lovelace, Ada"],
        tags: &["welcome"],
        tracks: [Some(true), Some(false)],
    };
    assert_sent(&received[0], &expected);
    assert_eq!(printed["batch"], serde_json::json!([0, 406, 0]));
    assert_batch(&received[1..], &[READERS[0], READERS[2]]);
    assert_eq!(printed["wrongKey"]["status"], 10, "{printed}");
    assert_eq!(printed["throttled"]["status"], 429, "{printed}");
}

#[tokio::test]
async fn sendgrid() {
    let emulator = Emulator::sendgrid(SECRET).start().await.unwrap();
    let printed = run(tools::node(), "sendgrid.cjs", &emulator, &[]).await;
    let received = emulator.received();
    assert!(printed["one"].is_string(), "{printed}");
    let expected = Expected {
        names: ["Acme Inc.", "Ada Lovelace"],
        tags: &["welcome"],
        tracks: [Some(true), Some(false)],
    };
    assert_sent(&received[0], &expected);
    assert_eq!(printed["batch"], 202);
    assert_batch(&received[1..], &READERS);
    assert_eq!(printed["wrongKey"]["status"], 401, "{printed}");
    assert_eq!(printed["throttled"]["status"], 429, "{printed}");
}

#[tokio::test]
async fn mailgun() {
    let emulator = Emulator::mailgun(SECRET, "mg.acme.example").start().await.unwrap();
    let domain = [("DOMAIN", "mg.acme.example")];
    let printed = run(tools::node(), "mailgun.cjs", &emulator, &domain).await;
    let received = emulator.received();
    assert!(printed["one"].is_string(), "{printed}");
    let expected = Expected {
        names: ["Acme, Inc.", "Lovelace, Ada"],
        tags: &["welcome"],
        tracks: [Some(true), Some(false)],
    };
    assert_sent(&received[0], &expected);
    assert_eq!(printed["batch"], 200);
    assert_batch(&received[1..], &READERS);
    assert_eq!(printed["wrongKey"]["status"], 401, "{printed}");
    assert_eq!(printed["throttled"]["status"], 429, "{printed}");
}

#[tokio::test]
async fn resend() {
    let emulator = Emulator::resend(SECRET).start().await.unwrap();
    let printed = run(tools::node(), "resend.cjs", &emulator, &[]).await;
    let received = emulator.received();
    assert!(printed["one"].is_string(), "{printed}");
    let expected = Expected { names: ["Acme, Inc.", "Lovelace, Ada"], tags: &[], tracks: [None, None] };
    assert_sent(&received[0], &expected);
    assert_eq!(received[0].idempotency_key.as_deref(), Some("order-42"));
    assert_eq!(printed["batch"], 3);
    assert_batch(&received[1..], &READERS);
    assert_eq!(printed["wrongKey"]["status"], "invalid_api_key", "{printed}");
    assert_eq!(printed["throttled"]["status"], "rate_limit_exceeded", "{printed}");
}

#[tokio::test]
async fn ses() {
    let emulator = Emulator::ses("AKIAEXAMPLE", SECRET, "eu-west-1").start().await.unwrap();
    let printed = run(tools::python(), "ses.py", &emulator, &[("ACCESS_KEY", "AKIAEXAMPLE")]).await;
    let received = emulator.received();
    assert!(printed["one"].is_string(), "{printed}");
    let expected = Expected { names: ["Acme, Inc.", "Lovelace, Ada"], tags: &[], tracks: [None, None] };
    assert_sent(&received[0], &expected);
    assert_eq!(received.len(), 1);
    assert_eq!(printed["account"], true);
    assert_eq!(printed["wrongKey"]["status"], 403, "{printed}");
    assert_eq!(printed["throttled"]["error"], "TooManyRequestsException", "{printed}");
}
