//! Large contents besides the database.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use courierx_core::clock::{Clock as _, ManualClock};
use courierx_server::config::{BlobPlace, Database};
use serde_json::{Value, json};

use crate::provider_connections::limits::{clock, until};
use crate::support::{Client, PATIENCE, TestServer};

/// A server that keeps large contents in this folder.
async fn with_folder(clock: &Arc<ManualClock>, folder: &Path) -> TestServer {
    let (clock, folder) = (Arc::<ManualClock>::clone(clock), folder.to_owned());
    TestServer::start_under(clock, |settings| {
        settings.blobs = Some(BlobPlace::Folder(folder));
        settings.retention.content_days = 1;
    })
    .await
}

fn large() -> Value {
    json!({
        "from_email": "shop@myapp.example", "to_email": "ada@example.com", "subject": "Hello",
        "html_body": format!("<p>{}</p>", "x".repeat(100_000)),
        "attachments": [{ "filename": "a.txt", "content": "aGVsbG8h".repeat(10_000), "content_type": "text/plain" }],
    })
}

fn small() -> Value {
    json!({ "from_email": "shop@myapp.example", "to_email": "ada@example.com", "subject": "s", "text_body": "t" })
}

/// The files of contents, without those of the folder and the database.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    while let Some(path) = folders.pop() {
        if path.is_dir() {
            // It may be removed at this moment.
            folders.extend(fs::read_dir(path).into_iter().flatten().map(|entry| entry.unwrap().path()));
        } else if !path.ends_with("courierx-blobs") && !path.to_str().unwrap().contains("/1970-01-01/") {
            found.push(path);
        }
    }
    found
}

/// Bytes of contents in the database.
fn bytes_of_contents(path: &Path) -> u64 {
    let connection = rusqlite::Connection::open(path).unwrap();
    let sum = "SELECT (SELECT coalesce(sum(length(content)), 0) FROM courierx_messages)
                    + (SELECT coalesce(sum(length(sealed)), 0) FROM courierx_contents)";
    connection.query_row(sum, [], |row| row.get(0)).unwrap()
}

fn path_of(sent: &Value) -> String {
    format!("/api/v1/emails/{}", sent["id"].as_str().unwrap())
}

#[tokio::test]
async fn large_mail_is_kept_in_the_folder_until_it_is_purged() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), clock());
    let blobs = folder.path().join("blobs");
    let server = with_folder(&clock, &blobs).await;
    // A login ends within a day.
    let owner = server.key(&server.owner("acme").await, "live").await;
    let mut later = large();
    later["send_at"] = json!(clock.now().after(Duration::from_hours(1)).to_string());
    let waiting = owner.post("/api/v1/emails", &later).await;
    assert_eq!(waiting.status, 202, "{waiting:?}");
    let Database::Sqlite(database) = &server.app().settings.database else { panic!("it is about SQLite") };
    assert!(bytes_of_contents(database) < 1000, "{}", bytes_of_contents(database));
    let [file] = &*files(&blobs) else { panic!("{:?}", files(&blobs)) };
    assert!(file.ends_with(waiting.body["id"].as_str().unwrap()));
    let content = fs::read(file).unwrap();
    assert!(content.len() > 100_000 && !content.windows(9).any(|part| part == b"xxxxxxxxx"), "it is sealed");
    let whole = owner.get(&path_of(&waiting.body)).await;
    assert_eq!(whole.body["html_body"], large()["html_body"]);

    clock.advance(Duration::from_hours(1));
    until(&owner, &path_of(&waiting.body), |email| email["status"] == "delivered").await;
    let sandbox = format!("/api/v1/sandbox/messages/{}", waiting.body["id"].as_str().unwrap());
    let arrived = owner.get(&sandbox).await;
    assert_eq!(arrived.body["html_body"], large()["html_body"]);
    assert_eq!(arrived.body["attachments"][0]["bytes"], 60_000);

    clock.advance(Duration::from_hours(24));
    let gone = async {
        while !files(&blobs).is_empty() {
            clock.advance(Duration::from_mins(1));
            // What removes it has its turn in the meantime, however slow the disk is.
            owner.get(&path_of(&waiting.body)).await;
        }
    };
    tokio::time::timeout(PATIENCE, gone).await.unwrap();
    let whole = owner.get(&path_of(&waiting.body)).await;
    assert_eq!((&whole.body["content_purged"], &whole.body["html_body"]), (&json!(true), &Value::Null));
    // It is counted after it is gone.
    let counted = async {
        while !owner.get("/metrics").await.text.contains(r#"courierx_purged_total{what="blobs"} 1"#) {}
    };
    tokio::time::timeout(PATIENCE, counted).await.unwrap();
}

async fn refused(owner: &Client) {
    for _ in 0..3 {
        let answer = owner.post("/api/v1/emails", &large()).await;
        assert_eq!((answer.status, &answer.body["code"]), (503, &json!("unavailable")), "{answer:?}");
        let wait: u64 = answer.headers["retry-after"].to_str().unwrap().parse().unwrap();
        assert!((1..=60).contains(&wait));
        assert!(!answer.text.contains("blobs"), "how it is kept is no concern of clients: {}", answer.text);
    }
    assert_eq!(owner.post("/api/v1/emails", &small()).await.status, 202, "small mail needs no folder");
}

#[tokio::test]
async fn what_cannot_be_kept_is_not_accepted() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), clock());
    let (blobs, away) = (folder.path().join("blobs"), folder.path().join("away"));
    let server = with_folder(&clock, &blobs).await;
    let owner = server.owner("acme").await;
    // The disk is not there; and then its mount point is.
    fs::rename(&blobs, &away).unwrap();
    refused(&owner).await;
    fs::create_dir(&blobs).unwrap();
    refused(&owner).await;
    assert_eq!(fs::read_dir(&blobs).unwrap().count(), 0, "nothing is put where the disk should be");
    fs::remove_dir(&blobs).unwrap();
    fs::rename(&away, &blobs).unwrap();
    // It cannot be written: not even root makes a folder where a file is.
    let today = blobs.join(courierx_core::blobs::Day::of(clock.now()).to_string());
    fs::write(&today, "").unwrap();
    refused(&owner).await;
    fs::remove_file(&today).unwrap();
    assert_eq!(owner.get("/api/v1/emails").await.headers["x-total-count"], "3", "the small ones");
    assert_eq!(owner.post("/api/v1/emails", &large()).await.status, 202);
    assert_eq!(files(&blobs).len(), 1);
}

#[tokio::test]
async fn mail_waits_for_its_content_and_is_shown_without_what_is_lost() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), clock());
    let (blobs, away) = (folder.path().join("blobs"), folder.path().join("away"));
    let server = with_folder(&clock, &blobs).await;
    let owner = server.owner("acme").await;
    let mut later = large();
    later["send_at"] = json!(clock.now().after(Duration::from_hours(1)).to_string());
    let [waits, loses] =
        [owner.post("/api/v1/emails", &later).await, owner.post("/api/v1/emails", &later).await];
    fs::rename(&blobs, &away).unwrap();
    assert_eq!(owner.get(&path_of(&waits.body)).await.status, 503);
    let listed = owner.get("/api/v1/emails").await;
    assert_eq!(
        (listed.status, &listed.body[0]["subject"]),
        (200, &json!("Hello")),
        "a list needs no contents"
    );
    clock.advance(Duration::from_hours(1));
    // They are due before this one, and so are looked at, and put back.
    let other = owner.post("/api/v1/emails", &small()).await;
    until(&owner, &path_of(&other.body), |email| email["status"] == "delivered").await;
    fs::rename(&away, &blobs).unwrap();
    let lost = files(&blobs).into_iter().find(|file| file.ends_with(loses.body["id"].as_str().unwrap()));
    fs::remove_file(lost.unwrap()).unwrap();
    // It is looked for again and again.
    let later = |is: bool| {
        is || {
            clock.advance(Duration::from_secs(30));
            false
        }
    };
    until(&owner, &path_of(&waits.body), |email| later(email["status"] == "delivered")).await;
    let failed = until(&owner, &path_of(&loses.body), |email| later(email["status"] == "failed")).await;
    assert_eq!(failed.body["html_body"], Value::Null);
    assert!(failed.text.contains("the content is lost"), "{}", failed.text);
}
