//! `courierx` as a process: how it starts, what it refuses, how it stops.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;

use serde_json::json;
use tempfile::tempdir;

use crate::support::{Binary, Ended, run};

const KEY: &str = "0f1e2d3c4b5a69788796a5b4c3d2e1f00112233445566778899aabbccddeeff0";
const OTHER_KEY: &str = "00112233445566778899aabbccddeeff0f1e2d3c4b5a69788796a5b4c3d2e1f0";

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// It did not start, and said this.
fn refused(ended: &Ended, says: &[&str]) {
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    for text in says {
        assert!(ended.stderr.contains(text), "{text}\n{ended:?}");
    }
    assert!(!ended.stderr.contains("panicked"), "{ended:?}");
}

async fn register(binary: &Binary) {
    let new = json!({ "name": "a", "email": "a@a.example", "password": "secure-password" });
    assert_eq!(binary.client().post("/api/v1/auth/register", &new).await.status, 201);
}

#[tokio::test]
async fn with_nothing_set_it_starts_keeps_its_secrets_private_and_stops_in_order() {
    let folder = tempdir().unwrap();
    let binary = Binary::start(folder.path(), &[]);
    let ready = binary.client().get("/health/ready").await;
    assert_eq!((ready.status, &ready.body["status"]), (200, &json!("ready")));
    let data = folder.path().join("courierx-data");
    assert_eq!(mode(&data), 0o700);
    for file in fs::read_dir(&data).unwrap() {
        let path = file.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{path:?}");
    }
    let secret = fs::read(data.join("jwt_secret")).unwrap();
    let url = binary.base_url().to_owned();
    register(&binary).await;

    let ended = binary.terminate();
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
    let curl = format!("curl {url}/api/v1/auth/register");
    assert!(ended.stdout.contains(&curl) && ended.stdout.contains("courierx.db"), "{ended:?}");
    assert!(ended.stderr.contains("stopped") && !ended.stderr.contains('\u{1b}'), "{ended:?}");

    // What was generated stays, and whoever knows the way is not shown it again.
    let again = Binary::start(folder.path(), &[]);
    assert_eq!(fs::read(data.join("jwt_secret")).unwrap(), secret);
    again.signal("INT");
    let ended = again.ended();
    assert_eq!((ended.status.code(), ended.stdout.contains("curl")), (Some(0), false), "{ended:?}");
}

#[tokio::test]
async fn the_command_that_it_shows_works() {
    let folder = tempdir().unwrap();
    let shown = Binary::start(folder.path(), &[]).terminate().stdout;
    let (start, end) = (shown.find("-d '").unwrap() + 4, shown.rfind("'\n").unwrap());
    let body: serde_json::Value = serde_json::from_str(&shown[start..end]).unwrap();
    let binary = Binary::start(folder.path(), &[]);
    assert_eq!(binary.client().post("/api/v1/auth/register", &body).await.status, 201);
}

#[tokio::test]
async fn a_database_serves_one_server_at_a_time_and_survives_its_crash() {
    let folder = tempdir().unwrap();
    let first = Binary::start(folder.path(), &[]);
    register(&first).await;
    let second = run(folder.path(), &[], &[]);
    refused(&second, &["courierx.db", "is open in another process", "COURIERX_DATA_DIR="]);
    assert_eq!(first.kill().status.signal(), Some(9));
    let again = Binary::start(folder.path(), &[]);
    let login = json!({ "email": "a@a.example", "password": "secure-password" });
    assert_eq!(again.client().post("/api/v1/auth/login", &login).await.status, 200);
}

#[test]
fn wrong_values_stop_it_each_with_name_and_example_and_without_secrets() {
    let folder = tempdir().unwrap();
    let wrong =
        [("PORT", "eighty"), ("JWT_SECRET", "hunter2"), ("DATABASE_URL", "postgres://a:hunter2@db:no/b")];
    let ended = run(folder.path(), &[], &wrong);
    refused(
        &ended,
        &["PORT=4001", "JWT_SECRET=$(openssl", "DATABASE_URL=sqlite://", "postgres://USER:PASSWORD@HOST"],
    );
    assert!(!ended.stderr.contains("hunter2"));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "nothing was created");
    refused(&run(folder.path(), &["serve", "--port", "x"], &[]), &["PORT=\"x\" (option --port)"]);
    assert_eq!(run(folder.path(), &["--colour"], &[]).status.code(), Some(2));
}

#[test]
fn a_port_in_use_says_which_and_how_to_choose_another() {
    let folder = tempdir().unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let ended = run(folder.path(), &[], &[("PORT", &port.to_string())]);
    refused(&ended, &[&format!("127.0.0.1:{port}"), "choose another port", &format!("PORT={} ", port + 1)]);
    let ended = run(folder.path(), &[], &[("BIND", "203.0.113.1")]);
    refused(&ended, &["BIND has to be an address of this machine"]);
}

#[tokio::test]
async fn files_configure_it() {
    let folder = tempdir().unwrap();
    fs::write(folder.path().join("token"), "a-token-for-metrics\n").unwrap();
    let toml =
        "data_dir = \"elsewhere\"\nlog_format = \"json\"\nlog_level = \"debug\"\nregistration = \"closed\"\n";
    fs::write(folder.path().join("courierx.toml"), toml).unwrap();
    let binary = Binary::start(folder.path(), &[("METRICS_TOKEN_FILE", "token")]);
    assert!(folder.path().join("elsewhere/courierx.db").exists());
    let new = json!({ "name": "a", "email": "a@a.example", "password": "secure-password" });
    assert_eq!(binary.client().post("/api/v1/auth/register", &new).await.status, 403);
    let client = binary.client().with("a-token-for-metrics");
    let request = client.request(reqwest::Method::GET, "/metrics").header("x-forwarded-for", "192.0.2.1");
    assert_eq!(client.send(request).await.status, 200);
    let ended = binary.terminate();
    for line in ended.stderr.lines() {
        assert!(serde_json::from_str::<serde_json::Value>(line).is_ok_and(|line| line.is_object()), "{line}");
    }
    assert!(ended.stderr.contains("DEBUG"));
}

#[tokio::test]
async fn the_first_alone_may_register_although_the_start_leaves_its_own_records() {
    let folder = tempdir().unwrap();
    let first = [("COURIERX_REGISTRATION", "first")];
    // A second start with a second key leaves a second record.
    drop(Binary::start(folder.path(), &[first[0], ("ENCRYPTION_KEY", KEY)]));
    let keys = [first[0], ("ENCRYPTION_KEY", OTHER_KEY), ("ENCRYPTION_KEY_OLD", KEY)];
    let binary = Binary::start(folder.path(), &keys);
    register(&binary).await;
    let new = json!({ "name": "b", "email": "b@b.example", "password": "secure-password" });
    assert_eq!(binary.client().post("/api/v1/auth/register", &new).await.status, 403);
}

#[test]
fn another_key_is_refused_and_keys_rotate() {
    let folder = tempdir().unwrap();
    drop(Binary::start(folder.path(), &[("ENCRYPTION_KEY", KEY)]));
    let ended = run(folder.path(), &[], &[("ENCRYPTION_KEY", OTHER_KEY)]);
    refused(&ended, &["the keys do not fit the database", "ENCRYPTION_KEY_OLD"]);
    let both = [("ENCRYPTION_KEY", OTHER_KEY), ("ENCRYPTION_KEY_OLD", KEY)];
    assert_eq!(Binary::start(folder.path(), &both).terminate().status.code(), Some(0));
    // Mail that waits may still be sealed with the former one.
    let ended = run(folder.path(), &[], &both[..1]);
    refused(&ended, &["the keys do not fit the database", "add each as a former key", "ENCRYPTION_KEY_OLD"]);
    assert_eq!(Binary::start(folder.path(), &both).terminate().status.code(), Some(0));
}

#[test]
fn a_generated_key_can_be_replaced() {
    let folder = tempdir().unwrap();
    drop(Binary::start(folder.path(), &[]));
    let alone = run(folder.path(), &[], &[("ENCRYPTION_KEY", KEY)]);
    refused(&alone, &["courierx.key"]);
    let generated = fs::read_to_string(folder.path().join("courierx-data/courierx.db-courierx.key")).unwrap();
    let both = [("ENCRYPTION_KEY", KEY), ("ENCRYPTION_KEY_OLD", generated.as_str())];
    assert_eq!(Binary::start(folder.path(), &both).terminate().status.code(), Some(0));
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let folder = tempdir().unwrap();
    let binary = Binary::start(folder.path(), &[]);
    let mut stream = TcpStream::connect(binary.base_url().strip_prefix("http://").unwrap()).unwrap();
    let request =
        "POST /api/v1/auth/login HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n";
    stream.write_all(request.as_bytes()).unwrap();
    // Now the request is under way, and its body will never come.
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 100");
    binary.signal("TERM");
    binary.wait_for_log("stopping");
    binary.signal("TERM");
    assert_eq!(binary.ended().status.code(), Some(143));
}

#[test]
fn a_secret_that_others_can_read_is_refused() {
    let folder = tempdir().unwrap();
    drop(Binary::start(folder.path(), &[]));
    let path = folder.path().join("courierx-data/jwt_secret");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    refused(&run(folder.path(), &[], &[]), &["jwt_secret", "chmod 600"]);
}

#[test]
fn it_tells_its_version_and_its_settings() {
    let folder = tempdir().unwrap();
    let version = run(folder.path(), &["--version"], &[]);
    assert_eq!(version.stdout, format!("courierx {}\n", env!("CARGO_PKG_VERSION")));
    let help = run(folder.path(), &["--help"], &[]);
    for setting in courierx_server::config::SETTINGS {
        assert!(help.stdout.contains(setting.name), "{}", setting.name);
    }
}
