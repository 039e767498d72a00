//! What a server needs before it starts on PostgreSQL.

use tempfile::tempdir;

use super::cluster::Cluster;
use super::{cluster, only_read, schema, variables};
use crate::support::{Binary, Starting, command, run};

#[test]
fn secrets_that_all_servers_need_have_to_be_given() {
    let (folder, url, schema) = (tempdir().unwrap(), cluster::url(), schema());
    let ended = run(folder.path(), &[], &variables(&url, &schema)[..2]);
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    for text in ["JWT_SECRET and ENCRYPTION_KEY", "JWT_SECRET=$(openssl rand -hex 32)", "ENCRYPTION_KEY=$("] {
        assert!(ended.stderr.contains(text), "{text}\n{ended:?}");
    }
    let ended = run(folder.path(), &[], &variables(&url, &schema)[..3]);
    assert!(ended.stderr.contains("the same ENCRYPTION_KEY,"), "{ended:?}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is generated");
}

#[test]
fn another_key_is_refused() {
    let (folder, url, schema) = (tempdir().unwrap(), cluster::url(), schema());
    let mut variables = variables(&url, &schema);
    let started = Binary::start(folder.path(), &variables);
    let ended = started.terminate();
    assert!(ended.status.success() && ended.stdout.contains(&format!(", schema {schema}\n")), "{ended:?}");
    variables[3].1 = "00112233445566778899aabbccddeeff0f1e2d3c4b5a69788796a5b4c3d2e1f0";
    let ended = run(folder.path(), &[], &variables);
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    assert!(ended.stderr.contains("the keys do not fit the database"), "{ended:?}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is kept here");
}

#[test]
fn a_database_that_is_just_starting_is_waited_for() {
    let (folder, schema) = (tempdir().unwrap(), schema());
    let cluster = Cluster::start(false);
    cluster.stop();
    let variables = variables(&cluster.url, &schema);
    let waiting = Starting::spawn(command(folder.path(), &[], &variables));
    waiting.process().wait_for_log("the database is not ready; trying again");
    cluster.start_again();
    let ended = waiting.listening().terminate();
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_can_only_be_read_is_waited_for() {
    let (folder, schema) = (tempdir().unwrap(), schema());
    let cluster = Cluster::start(false);
    only_read(&cluster.url, true).await;
    let variables = variables(&cluster.url, &schema);
    let ended = run(folder.path(), &["migrate", "--check"], &variables);
    assert_eq!(ended.status.code(), Some(3), "who only looks need not wait: {ended:?}");
    let waiting = Starting::spawn(command(folder.path(), &[], &variables));
    waiting.process().wait_for_log("can only be read");
    only_read(&cluster.url, false).await;
    let ended = waiting.listening().terminate();
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
}

#[test]
fn who_waits_for_a_database_can_be_told_to_stop() {
    let (folder, schema) = (tempdir().unwrap(), schema());
    let nowhere = variables("postgres://app:hunter2@127.0.0.1:1/mail", &schema);
    let waiting = Starting::spawn(command(folder.path(), &[], &nowhere));
    waiting.process().wait_for_log("127.0.0.1:1/mail");
    waiting.process().signal("INT");
    let ended = waiting.ended();
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
    assert!(
        ended.stderr.contains("stopped before it started") && !ended.stderr.contains("hunter2"),
        "{ended:?}"
    );
}

#[test]
fn what_no_waiting_mends_is_told_at_once() {
    let (folder, schema) = (tempdir().unwrap(), schema());
    let cluster = Cluster::start(false);
    let absent = cluster.url.replace("/postgres?", "/not_there?");
    let ended = run(folder.path(), &[], &variables(&absent, &schema));
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    assert!(ended.stderr.contains("\"not_there\" does not exist"), "{ended:?}");
    assert!(!ended.stderr.contains("trying again"), "{ended:?}");
}
