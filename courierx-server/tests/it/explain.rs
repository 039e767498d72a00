//! `courierx explain`

use std::path::Path;

use serde_json::{Value, json};
use tempfile::tempdir;

use crate::support::{Binary, Client, Ended, run};

const QUESTION: [&str; 5] = ["explain", "--from", "hi@acme.example", "--to", "ada@example.com"];

fn explain(directory: &Path, more: &[&str], variables: &[(&str, &str)]) -> Ended {
    run(directory, &[&QUESTION, more].concat(), variables)
}

/// It is told so, and how to go on.
fn refused(ended: &Ended, says: &[&str]) {
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    for text in says {
        assert!(ended.stderr.contains(text), "{text}\n{ended:?}");
    }
}

async fn owner(binary: &Binary, name: &str) -> Client {
    let email = format!("{name}@acme.example");
    let new = json!({ "name": name, "email": email, "password": "secure-password" });
    let made = binary.client().post("/api/v1/auth/register", &new).await;
    binary.client().with(made.body["token"].as_str().unwrap())
}

#[tokio::test]
async fn a_running_server_or_its_database_is_asked() {
    let folder = tempdir().unwrap();
    refused(&explain(folder.path(), &[], &[]), &["there is no database", "--url"]);
    let binary = Binary::start(folder.path(), &[]);
    let url = binary.base_url().to_owned();
    let acme = owner(&binary, "acme").await;
    let two = json!({ "provider": "sandbox", "display_name": "Two" });
    let two = acme.post("/api/v1/provider_connections", &two).await.body;
    let rule = json!({ "name": "Codes", "strategy": "weighted", "match_tag": "otp", "match_metadata": { "a": "b" },
        "match_lane": "bulk", "connections": [{ "provider_connection_id": two["id"] }] });
    assert_eq!(acme.post("/api/v1/routing_rules", &rule).await.status, 201);
    let key = acme.post("/api/v1/api_keys", &json!({ "name": "k", "scopes": ["routing_rules:read"] })).await;
    let key = [("COURIERX_API_KEY", key.body["raw_key"].as_str().unwrap())];

    let told = explain(folder.path(), &["--url", &url], &key);
    assert_eq!(told.status.code(), Some(0), "{told:?}");
    for part in ["rule       none", "decision   send by Two (", "to ada@example.com", "closed", "0 of "] {
        assert!(told.stdout.contains(part), "{part}\n{}", told.stdout);
    }
    let codes = ["--tag", "otp", "--lane", "bulk", "--metadata", "a=b"];
    let told = explain(folder.path(), &[&["--url", &url, "--json"], &codes[..]].concat(), &key);
    let told: Value = serde_json::from_str(&told.stdout).unwrap();
    assert_eq!((&told["rule"]["name"], &told["strategy"]), (&json!("Codes"), &json!("weighted")), "{told}");
    refused(&explain(folder.path(), &["--url", &url], &[]), &["COURIERX_API_KEY", "routing_rules:read"]);
    refused(&explain(folder.path(), &["--url", &url, "--lane", "express"], &key), &["422", "lane"]);
    let wrong = explain(folder.path(), &["--url", &url, "--api-key", "cxk_live_wrong"], &[]);
    refused(&wrong, &["401"]);
    refused(
        &explain(folder.path(), &[], &[("PORT", binary.port())]),
        &["running server", "--url http://127.0.0.1"],
    );

    assert_eq!(binary.terminate().status.code(), Some(0));
    refused(&explain(folder.path(), &["--url", &url], &key), &["cannot be asked"]);
    let database = folder.path().join("courierx-data/courierx.db");
    let before = std::fs::read(&database).unwrap();
    let told = explain(folder.path(), &codes, &[]);
    assert_eq!(told.status.code(), Some(0), "{told:?}");
    assert_eq!(std::fs::read(&database).unwrap(), before, "it is only looked at");
    for part in ["rule       Codes", "send by Two (", "only the running server knows"] {
        assert!(told.stdout.contains(part), "{part}\n{}", told.stdout);
    }
    let told = explain(folder.path(), &["--test", "--json", "--tenant", "acme"], &[]);
    let told: Value = serde_json::from_str(&told.stdout).unwrap();
    assert_eq!((&told["mode"], &told["health_known"]), (&json!("test"), &json!(false)));
    assert_eq!(told["tiers"][0][0]["health"], json!(null));
    refused(&explain(folder.path(), &["--tenant", "nobody"], &[]), &["no tenant \"nobody\""]);
    refused(&run(folder.path(), &["explain", "--from", "x", "--to", "y"], &[]), &["from_email", "to_email"]);

    let binary = Binary::start(folder.path(), &[]);
    let listed = acme_again(&binary).await.get("/api/v1/emails").await;
    assert_eq!((listed.status, &listed.body), (200, &json!([])), "nothing was sent, and tokens still work");
    owner(&binary, "other").await;
    binary.terminate();
    refused(&explain(folder.path(), &[], &[]), &["several tenants", "acme", "other", "--tenant"]);
}

#[tokio::test]
async fn a_database_of_an_earlier_version_is_left_as_it_is() {
    let folder = tempdir().unwrap();
    Binary::start(folder.path(), &[]).terminate();
    let connection = rusqlite::Connection::open(folder.path().join("courierx-data/courierx.db")).unwrap();
    connection.execute("UPDATE courierx_schema SET version = version - 1", []).unwrap();
    let version = || -> u32 {
        connection.query_row("SELECT version FROM courierx_schema", [], |row| row.get(0)).unwrap()
    };
    let before = version();
    refused(&explain(folder.path(), &[], &[]), &["earlier version", "starting the server"]);
    let seen = run(folder.path(), &["doctor"], &[]);
    assert!(seen.stdout.contains("bring it up to date"), "{seen:?}");
    assert_eq!(version(), before);
}

async fn acme_again(binary: &Binary) -> Client {
    let login = json!({ "email": "acme@acme.example", "password": "secure-password" });
    let answer = binary.client().post("/api/v1/auth/login", &login).await;
    binary.client().with(answer.body["token"].as_str().unwrap())
}
