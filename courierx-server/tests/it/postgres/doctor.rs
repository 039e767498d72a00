//! `courierx doctor` on PostgreSQL.

use std::path::Path;

use tempfile::tempdir;

use super::cluster::Cluster;
use super::{cluster, execute, schema, variables};
use crate::support::{Binary, run};

/// Its exit code and what it printed.
fn doctor(directory: &Path, variables: &[(&str, &str)]) -> (Option<i32>, String) {
    let ended = run(directory, &["doctor"], variables);
    assert_eq!(ended.stderr, "");
    (ended.status.code(), ended.stdout)
}

fn says(output: &str, line: &str) {
    assert!(output.lines().any(|one| one.contains(line)), "{line}\n{output}");
}

#[tokio::test]
async fn what_is_well_and_what_is_not_is_told() {
    let (folder, url, schema) = (tempdir().unwrap(), cluster::url(), schema());
    let mut variables = variables(&url, &schema);
    let (code, output) = doctor(folder.path(), &variables);
    assert_eq!(code, Some(0), "{output}");
    says(&output, "the server will bring it up to date");
    Binary::start(folder.path(), &variables).terminate();
    let (code, output) = doctor(folder.path(), &variables);
    assert_eq!(code, Some(0), "{output}");
    for line in [
        "ok       database: PostgreSQL ",
        "ok       schema: version ",
        "ok       privileges: all that are needed",
        "ok       connections: ",
        "ok       database clock: ",
        "ok       keys: they are those of the database",
        "ok       JWT_SECRET: set",
    ] {
        says(&output, line);
    }
    variables.push(("DATABASE_POOL_SIZE", "1000"));
    says(&doctor(folder.path(), &variables).1, "warning  connections: ");
    variables.pop();
    variables[3].1 = "00112233445566778899aabbccddeeff0f1e2d3c4b5a69788796a5b4c3d2e1f0";
    let (code, output) = doctor(folder.path(), &variables);
    assert_eq!(code, Some(1), "{output}");
    says(&output, "problem  keys: ");
    let (code, output) = doctor(folder.path(), &variables[..2]);
    assert_eq!(code, Some(1), "{output}");
    says(&output, "problem  ENCRYPTION_KEY: not set");
    says(&output, "JWT_SECRET=$(openssl rand -hex 32)");
}

#[tokio::test]
async fn missing_privileges_are_named() {
    let (folder, schema) = (tempdir().unwrap(), schema());
    let cluster = Cluster::start(false);
    let url = cluster.url.clone();
    Binary::start(folder.path(), &variables(&url, &schema)).terminate();
    let user = format!("user_{schema}");
    execute(&url, format!("CREATE ROLE {user} LOGIN PASSWORD 'hunter2'")).await;
    let as_user = url.replace("postgres://postgres@", &format!("postgres://{user}:hunter2@"));
    let (code, output) = doctor(folder.path(), &variables(&as_user, &schema));
    assert_eq!(code, Some(1), "{output}");
    says(&output, &format!("problem  privileges: missing: USAGE ON SCHEMA {schema}"));
    execute(
        &url,
        format!(
            "GRANT USAGE ON SCHEMA {schema} TO {user}; GRANT USAGE ON ALL SEQUENCES IN SCHEMA {schema} TO {user};
             GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA {schema} TO {user}"
        ),
    )
    .await;
    let (code, output) = doctor(folder.path(), &variables(&as_user, &schema));
    assert_eq!(code, Some(1), "{output}");
    says(&output, &format!("missing: DELETE ON ALL TABLES IN SCHEMA {schema}"));
    execute(&url, format!("GRANT DELETE ON ALL TABLES IN SCHEMA {schema} TO {user}")).await;
    let (code, output) = doctor(folder.path(), &variables(&as_user, &schema));
    assert_eq!(code, Some(0), "{output}");
    // And with what it asks for a server works.
    Binary::start(folder.path(), &variables(&as_user, &schema)).terminate();

    // What a migration changes has to be its own.
    let version =
        |by: &str| execute(&url, format!("UPDATE {schema}.schema_version SET version = version {by}"));
    version("- 1").await;
    let (_, due) = doctor(folder.path(), &variables(&as_user, &schema));
    says(&due, &format!("missing: CREATE ON SCHEMA {schema}, postgres"));
    version("+ 1").await;
    let emit = "FUNCTION pg_logical_emit_message(boolean, text, text)";
    execute(&url, format!("REVOKE EXECUTE ON {emit} FROM PUBLIC")).await;
    let (_, revoked) = doctor(folder.path(), &variables(&as_user, &schema));
    says(&revoked, "EXECUTE ON FUNCTION pg_logical_emit_message(boolean,text,text)");
    let (_, wrong) = doctor(folder.path(), &[("DATABASE_URL", "postgres://app:hunter2@127.0.0.1:1/mail")]);
    says(&wrong, "problem  database: 127.0.0.1:1/mail");
    assert!(!(output + &wrong).contains("hunter2"));
}
