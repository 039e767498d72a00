//! Whether webhooks are the server's. The clients in all languages agree on these.

use std::time::{Duration, SystemTime};

use courierx_client::webhook::{Refused, TOLERANCE, verify, verify_at};
use serde::Deserialize;

#[derive(Deserialize)]
struct Vectors {
    timestamp: String,
    body: String,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    secrets: Vec<String>,
    signature: String,
    timestamp: Option<String>,
    body: Option<String>,
    at: u64,
    ok: bool,
}

#[test]
fn the_vectors() {
    let vectors: Vectors = serde_json::from_str(include_str!("../../../webhook-vectors.json")).unwrap();
    assert!(vectors.cases.len() > 10);
    for Case { name, secrets, signature, timestamp, body, at, ok } in vectors.cases {
        let (timestamp, body) =
            (timestamp.unwrap_or(vectors.timestamp.clone()), body.unwrap_or(vectors.body.clone()));
        let secrets: Vec<&str> = secrets.iter().map(String::as_str).collect();
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(at);
        let verified = verify_at(body.as_bytes(), &timestamp, &signature, &secrets, now, TOLERANCE);
        assert_eq!(verified.is_ok(), ok, "{name}: {verified:?}");
        if let Ok(event) = verified {
            assert_eq!((event.event.as_str(), &event.more["to"]), ("delivered", &"ada@example.com".into()));
        }
    }
}

#[test]
fn misuse_is_told() {
    for secrets in [&[][..], &[""], &["a", ""]] {
        assert!(matches!(verify(b"{}", "1", "sha256=", secrets), Err(Refused::NoSecret)));
    }
    for timestamp in ["", "+1", "-1", "1.5", "9999999999999"] {
        assert!(matches!(verify(b"{}", timestamp, "", &["a"]), Err(Refused::Timestamp)), "{timestamp}");
    }
}
