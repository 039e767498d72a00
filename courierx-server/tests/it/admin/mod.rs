//! `courierx admin` as a process: everything arrives, whenever it is killed, and nothing else is touched.

mod killed;
mod operations;
mod refused;

use std::path::Path;

use serde_json::{Value, json};
use tempfile::tempdir;

use crate::postgres::cluster;
use crate::support::{Binary, Ended, run};

/// A database of a test's own in PostgreSQL.
async fn database() -> String {
    use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

    let name = format!("move_{}", uuid::Uuid::now_v7().simple());
    let mut connection = PgConnection::connect(&cluster::url()).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(format!("CREATE DATABASE {name}"))).execute(&mut connection).await.unwrap();
    cluster::url().replacen("/postgres?", &format!("/{name}?"), 1)
}

fn done(ended: &Ended) {
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
}

/// A directory in which a server ran and sent mail, and the token of its user.
async fn used(directory: &Path) -> String {
    let binary = Binary::start(directory, &[]);
    let new = json!({ "name": "a", "email": "a@a.example", "password": "secure-password" });
    let token = binary.client().post("/api/v1/auth/register", &new).await.body["token"].clone();
    let owner = binary.client().with(token.as_str().unwrap());
    for subject in ["first", "second"] {
        let email = json!({ "from": "a@a.example", "to": "b@b.example", "subject": subject, "text": "kept" });
        assert_eq!(owner.post("/api/v1/emails", &email).await.status, 202);
    }
    let blocked = json!({ "email": "no@b.example", "reason": "manual" });
    assert_eq!(owner.post("/api/v1/suppressions", &blocked).await.status, 201);
    binary.client().drained().await;
    binary.terminate();
    token.as_str().unwrap().to_owned()
}

/// What a server tells its user, who was logged in before.
async fn told(binary: &Binary, token: &str) -> Vec<Value> {
    let owner = binary.client().with(token);
    let mut told = Vec::new();
    for path in ["auth/me", "emails", "suppressions", "api_keys", "sandbox/messages"] {
        let answer = owner.get(&format!("/api/v1/{path}")).await;
        told.push(json!([path, answer.status, answer.body]));
    }
    told
}

/// The secrets that a server in this directory has generated, as variables.
fn secrets(directory: &Path) -> [(&'static str, String); 2] {
    let read = |file: &str| std::fs::read_to_string(directory.join("courierx-data").join(file)).unwrap();
    [
        ("ENCRYPTION_KEY", read("courierx.db-courierx.key").trim().to_owned()),
        ("JWT_SECRET", read("jwt_secret").trim().to_owned()),
    ]
}

fn borrowed<'v>(variables: &'v [(&'static str, String)]) -> Vec<(&'static str, &'v str)> {
    variables.iter().map(|(name, value)| (*name, value.as_str())).collect()
}

#[tokio::test]
async fn everything_goes_to_postgresql_and_back_and_through_a_file() {
    let (here, there) = (tempdir().unwrap(), tempdir().unwrap());
    let token = used(here.path()).await;
    let binary = Binary::start(here.path(), &[]);
    let before = told(&binary, &token).await;
    assert!(before[1][2][1]["subject"] == "first" && before.iter().all(|one| one[1] != 500), "{before:?}");
    binary.terminate();

    let url = database().await;
    let moved = run(here.path(), &["admin", "move", "--to", &url], &[]);
    done(&moved);
    assert!(moved.stdout.contains("messages         2 rows"), "{moved:?}");
    assert!(moved.stdout.contains("courierx.db-courierx.key") && moved.stdout.contains("jwt_secret"));
    assert!(moved.stderr.contains("compared"), "{moved:?}");

    let variables = secrets(here.path());
    let variables = borrowed(&variables);
    done(&run(there.path(), &["admin", "export", "all.courierx", "--from", &url], &variables));
    done(&run(there.path(), &["admin", "import", "all.courierx"], &variables));
    let binary = Binary::start(there.path(), &variables);
    assert_eq!(told(&binary, &token).await, before);
}
