//! A disk without room: nobody is told that mail was accepted, and it goes on by itself once there is room.

use std::process::Command;
use std::time::Instant;

use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};
use serde_json::{Value, json};

use crate::support::{Binary, Client, PATIENCE, Starting, command};

/// Lets no file of the process grow beyond so many bytes: to it, that is a disk without room.
fn limit(binary: &Binary, bytes: Option<u64>) {
    let process = Pid::from_raw(binary.id().try_into().unwrap());
    let maximum = getrlimit(Resource::Fsize).maximum;
    prlimit(process, Resource::Fsize, Rlimit { current: bytes, maximum }).unwrap();
}

/// The server, with the signal switched off that such a limit sends.
fn start(folder: &std::path::Path) -> Binary {
    let plain = command(folder, &[], &[]);
    let mut shell = Command::new("sh");
    shell.args(["-c", "trap '' XFSZ; exec \"$0\""]).arg(plain.get_program());
    shell.current_dir(folder).env_clear();
    shell.envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
    shell.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    Starting::spawn(shell).listening()
}

fn email() -> Value {
    json!({ "from": "hi@acme.example", "to": "ada@example.com", "subject": "Hello", "text": "Hello" })
}

/// Waits until so many are delivered.
async fn delivered(owner: &Client, count: usize) {
    let start = Instant::now();
    loop {
        let listed = owner.get("/api/v1/emails?status=delivered&per_page=1").await;
        if listed.headers["x-total-count"] == count.to_string() {
            return;
        }
        assert!(start.elapsed() < PATIENCE, "{listed:?}");
    }
}

#[tokio::test]
async fn what_cannot_be_written_is_not_accepted() {
    let folder = tempfile::tempdir().unwrap();
    let binary = start(folder.path());
    let new = json!({ "name": "acme", "email": "a@a.example", "password": "secure-password" });
    let made = binary.client().post("/api/v1/auth/register", &new).await;
    let owner: Client = binary.client().with(made.body["token"].as_str().unwrap());
    let mut accepted = 0;
    for round in 0..2 {
        let answer = owner.post("/api/v1/emails", &email()).await;
        assert_eq!(answer.status, 202, "{answer:?}");
        accepted += 1;
        // One that is under delivery meanwhile would be delivered when its lease ends.
        delivered(&owner, accepted).await;
        limit(&binary, Some(1024));
        for _ in 0..5 {
            let answer = owner.post("/api/v1/emails", &email()).await;
            assert_eq!(
                (answer.status, &answer.body["code"]),
                (503, &json!("unavailable")),
                "{round} {answer:?}"
            );
            assert_eq!(answer.headers["retry-after"], "60", "an operator has to act");
        }
        let answer = owner.post("/api/v1/api_keys", &json!({ "name": "k" })).await;
        assert_eq!(answer.status, 503, "{answer:?}");
        assert_eq!(owner.get("/api/v1/emails").await.status, 200, "what is there can be read");
        limit(&binary, None);
    }
    let answer = owner.post("/api/v1/emails", &email()).await;
    assert_eq!(answer.status, 202, "it goes on by itself: {answer:?}");
    accepted += 1;
    // What was accepted is delivered, and is all there is.
    delivered(&owner, accepted).await;
    let listed = owner.get("/api/v1/emails?per_page=1").await;
    assert_eq!(listed.headers["x-total-count"], accepted.to_string());
    assert_eq!(binary.terminate().status.code(), Some(0));
}
