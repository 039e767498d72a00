//! `courierx migrate`, and servers that leave it to that.

use tempfile::tempdir;

use super::{cluster, execute, schema, variables};
use crate::support::{Binary, Ended, run};

/// Its exit code and what it printed.
fn told(ended: Ended) -> (Option<i32>, String) {
    (ended.status.code(), ended.stdout + &ended.stderr)
}

#[tokio::test]
async fn a_schema_is_brought_up_to_date_apart_from_any_start() {
    let (folder, url, schema) = (tempdir().unwrap(), cluster::url(), schema());
    let mut variables = variables(&url, &schema);
    // Whoever migrates has no use for keys.
    let database = &variables[..2].to_vec();
    variables.push(("COURIERX_MIGRATE", "never"));
    let migrate = |arguments: &[&str]| told(run(folder.path(), arguments, database));
    assert_eq!(migrate(&["migrate", "--check"]).0, Some(3));
    let refused = run(folder.path(), &[], &variables);
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    for text in ["migrations are due", "`courierx migrate`", "COURIERX_MIGRATE=auto"] {
        assert!(refused.stderr.contains(text), "{text}\n{refused:?}");
    }
    assert_eq!(migrate(&["migrate", "--check"]).0, Some(3), "it was left as it is");
    let (code, text) = migrate(&["migrate"]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("had version 0, and has version "), "{text}");
    let (code, text) = migrate(&["migrate", "--check"]);
    assert!(code == Some(0) && text.contains("no migration is due"), "{text}");

    let server = Binary::start(folder.path(), &variables);
    let (code, text) = migrate(&["migrate"]);
    assert!(code == Some(0) && text.contains("no migration was due"), "{text}");
    assert_eq!(server.client().get("/health/ready").await.status, 200);
    server.terminate();

    execute(&url, format!("UPDATE {schema}.schema_version SET version = 99, oldest = 98")).await;
    for arguments in [&["migrate", "--check"][..], &["migrate"], &["serve"]] {
        let (code, text) = told(run(folder.path(), arguments, &variables));
        assert_eq!(code, Some(1), "{arguments:?} {text}");
        assert!(
            text.contains("a later version was here") && text.contains("no way back"),
            "{arguments:?} {text}"
        );
    }
}

#[test]
fn a_file_is_brought_up_to_date_while_no_server_has_it() {
    let folder = tempdir().unwrap();
    let migrate = |arguments: &[&str]| told(run(folder.path(), arguments, &[]));
    assert_eq!(migrate(&["migrate", "--check"]).0, Some(3));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing was created");
    let (code, text) = told(run(folder.path(), &[], &[("COURIERX_MIGRATE", "never")]));
    assert!(code == Some(1) && text.contains("`courierx migrate`"), "{text}");
    let (code, text) = migrate(&["migrate"]);
    assert!(code == Some(0) && text.contains("had version 0"), "{text}");
    assert_eq!(migrate(&["migrate", "--check"]).0, Some(0));
    let server = Binary::start(folder.path(), &[("COURIERX_MIGRATE", "never")]);
    let (code, text) = migrate(&["migrate"]);
    assert!(code == Some(1) && text.contains("is open in another process"), "{text}");
    assert_eq!(server.terminate().status.code(), Some(0));
}
