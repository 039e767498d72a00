//! What is refused, and what it says.

use std::fs;

use tempfile::tempdir;

use super::{borrowed, database, done, secrets, used};
use crate::support::{Binary, Ended, run};

const OTHER_KEY: &str = "00112233445566778899aabbccddeeff0f1e2d3c4b5a69788796a5b4c3d2e1f0";

fn refused(ended: &Ended, says: &[&str]) {
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    for text in says {
        assert!(ended.stderr.contains(text), "{text}\n{ended:?}");
    }
    assert!(!ended.stderr.contains("panicked"), "{ended:?}");
}

#[tokio::test]
async fn a_running_server_a_wrong_key_and_a_full_target_are_refused() {
    let folder = tempdir().unwrap();
    let url = database().await;
    refused(&run(folder.path(), &["admin", "move", "--to", &url], &[]), &["there is no database"]);
    refused(
        &run(folder.path(), &["admin", "move", "--to", "mysql://u:hunter2@h/d"], &[]),
        &["sqlite://PATH"],
    );
    used(folder.path()).await;
    let binary = Binary::start(folder.path(), &[]);
    refused(
        &run(folder.path(), &["admin", "export", "all"], &[]),
        &["open in another process", "Stop every server"],
    );
    binary.terminate();

    let wrong = [("ENCRYPTION_KEY", OTHER_KEY)];
    let ended = run(folder.path(), &["admin", "move", "--to", &url], &wrong);
    refused(&ended, &["Set ENCRYPTION_KEY to the key that the database is used with"]);
    done(&run(folder.path(), &["admin", "export", "all"], &[]));
    refused(&run(folder.path(), &["admin", "export", "all"], &[]), &["the target is not empty"]);
    let to = ["admin", "import", "all", "--to", &url];
    refused(&run(folder.path(), &to, &[]), &["there is no key", "ENCRYPTION_KEY"]);
    refused(&run(folder.path(), &to, &wrong), &["keys that are missing", "ENCRYPTION_KEY"]);
    let variables = secrets(folder.path());
    done(&run(folder.path(), &to, &borrowed(&variables)));
    refused(&run(folder.path(), &to, &borrowed(&variables)), &["the target is not empty", "DROP SCHEMA"]);
}

#[tokio::test]
async fn a_file_that_is_not_whole_is_refused_before_anything_is_written() {
    let folder = tempdir().unwrap();
    used(folder.path()).await;
    done(&run(folder.path(), &["admin", "export", "all"], &[]));
    let variables = secrets(folder.path());
    let whole = fs::read(folder.path().join("all")).unwrap();
    let import = |bytes: &[u8]| {
        fs::write(folder.path().join("other"), bytes).unwrap();
        run(folder.path(), &["admin", "import", "other", "--to", "sqlite://new.db"], &borrowed(&variables))
    };
    for length in [0, 1, 40, whole.len() / 2, whole.len() - 1] {
        refused(&import(&whole[..length]), &["not an export", "ends too early"]);
    }
    for at in [20, whole.len() / 3, whole.len() - 30] {
        let mut damaged = whole.clone();
        damaged[at] ^= 1;
        refused(&import(&damaged), &["not an export"]);
    }
    refused(&import(&[whole.as_slice(), b"more"].concat()), &["not an export"]);
    refused(&import(b"{}"), &["not an export"]);
    assert!(!folder.path().join("new.db").exists(), "nothing was written");
    done(&import(&whole));
}

#[tokio::test]
async fn no_server_starts_on_half_a_database() {
    let folder = tempdir().unwrap();
    used(folder.path()).await;
    let connection = rusqlite::Connection::open(folder.path().join("courierx-data/courierx.db")).unwrap();
    let mark = "INSERT INTO courierx_state (tenant, name, value, version, expires_at)
                VALUES (zeroblob(16), 'courierx/import', x'7b7d', 0, 9000000000000000000)";
    connection.execute(mark, []).unwrap();
    drop(connection);
    refused(&run(folder.path(), &[], &[]), &["only half there", "courierx admin"]);
}
