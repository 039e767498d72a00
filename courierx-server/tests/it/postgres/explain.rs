//! `courierx explain` on PostgreSQL, where a server that runs is in nobody's way.

use serde_json::json;
use tempfile::tempdir;

use super::{cluster, schema, variables};
use crate::support::{Binary, run};

#[tokio::test]
async fn the_database_is_read_beside_a_server_that_runs() {
    let (folder, url, schema) = (tempdir().unwrap(), cluster::url(), schema());
    let variables = variables(&url, &schema);
    let asked = ["explain", "--from", "hi@acme.example", "--to", "ada@example.com"];
    let early = run(folder.path(), &asked, &variables);
    assert_eq!(early.status.code(), Some(1), "{early:?}");
    assert!(early.stderr.contains("migrations are due"), "nothing is made: {early:?}");
    let server = Binary::start(folder.path(), &variables);
    let new = json!({ "name": "acme", "email": "a@a.example", "password": "secure-password" });
    assert_eq!(server.client().post("/api/v1/auth/register", &new).await.status, 201);
    let told = run(folder.path(), &asked, &variables);
    assert_eq!(told.status.code(), Some(0), "{told:?}");
    assert!(told.stdout.contains("send by") && told.stdout.contains("sandbox"), "{told:?}");
    let keyless = run(folder.path(), &asked, &variables[..2]);
    assert!(keyless.stderr.contains("the same ENCRYPTION_KEY,"), "{keyless:?}");
}
