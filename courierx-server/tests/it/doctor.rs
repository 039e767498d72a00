//! `courierx doctor`

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use tempfile::tempdir;

use crate::support::{Binary, run};

/// Its exit code and what it printed.
fn doctor(directory: &Path, variables: &[(&str, &str)]) -> (Option<i32>, String) {
    let ended = run(directory, &["doctor"], variables);
    assert_eq!(ended.stderr, "");
    (ended.status.code(), ended.stdout)
}

/// What the line of this check begins with.
fn level<'a>(output: &'a str, check: &str) -> &'a str {
    let line =
        output.lines().find(|line| line.split_once(check).is_some_and(|(before, _)| !before.contains(':')));
    line.unwrap_or_else(|| panic!("no {check} in\n{output}")).split_whitespace().next().unwrap()
}

#[test]
fn a_fresh_directory_is_well_and_stays_as_it_is() {
    let folder = tempdir().unwrap();
    let (code, output) = doctor(folder.path(), &[]);
    assert_eq!(code, Some(0), "{output}");
    for check in
        ["configuration", "data directory", "JWT_SECRET", "ENCRYPTION_KEY", "database", "address", "clock"]
    {
        assert_eq!(level(&output, check), "ok", "{output}");
    }
    assert_eq!(level(&output, "INTERNAL_SECRET"), "note", "{output}");
    assert!(["ok", "warning"].contains(&level(&output, "disk space")), "{output}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "it creates nothing");
}

#[test]
fn every_wrong_setting_is_a_problem() {
    let folder = tempdir().unwrap();
    let (code, output) =
        doctor(folder.path(), &[("PORT", "x"), ("MAX_WORKERS", "-1"), ("JWT_SECRET", "hunter2")]);
    assert_eq!(code, Some(1));
    assert_eq!(output.matches("problem  configuration: ").count(), 3, "{output}");
    assert!(output.contains("JWT_SECRET=$(openssl") && !output.contains("hunter2"), "{output}");
}

#[test]
fn a_running_server_is_asked() {
    let folder = tempdir().unwrap();
    let binary = Binary::start(folder.path(), &[]);
    let (code, output) = doctor(folder.path(), &[("PORT", binary.port())]);
    assert_eq!(code, Some(0), "{output}");
    assert!(output.contains("which is ready") && output.contains("a CourierX server answers"), "{output}");
    // Without its port nobody can be asked.
    let (code, output) = doctor(folder.path(), &[]);
    assert_eq!((code, level(&output, "database")), (Some(0), "warning"), "{output}");
}

#[test]
fn what_a_server_left_is_checked() {
    let folder = tempdir().unwrap();
    Binary::start(folder.path(), &[]).terminate();
    let (code, output) = doctor(folder.path(), &[]);
    assert_eq!((code, level(&output, "keys")), (Some(0), "ok"), "{output}");
    let other = [("ENCRYPTION_KEY", "0f1e2d3c4b5a69788796a5b4c3d2e1f00112233445566778899aabbccddeeff0")];
    let (code, output) = doctor(folder.path(), &other);
    assert_eq!((code, level(&output, "keys")), (Some(1), "problem"), "{output}");

    let data = folder.path().join("courierx-data");
    let set =
        |name: &str, mode| fs::set_permissions(data.join(name), fs::Permissions::from_mode(mode)).unwrap();
    set("", 0o755);
    set("jwt_secret", 0o604);
    fs::remove_file(data.join("courierx.db-courierx.key")).unwrap();
    let (code, output) = doctor(folder.path(), &[]);
    assert_eq!(code, Some(1));
    assert_eq!(level(&output, "data directory"), "warning", "{output}");
    assert_eq!(
        (level(&output, "JWT_SECRET"), level(&output, "ENCRYPTION_KEY")),
        ("problem", "problem"),
        "{output}"
    );
    assert!(
        output.contains("chmod 600") && output.contains("chmod 700") && output.contains("backup"),
        "{output}"
    );
    assert!(!data.join("courierx.db-courierx.key").exists(), "it generates nothing");
}

#[test]
fn what_others_can_reach_is_looked_at() {
    let folder = tempdir().unwrap();
    let public =
        [("BIND", "0.0.0.0"), ("COURIERX_ALLOW_PRIVATE_TARGETS", "true"), ("INTERNAL_SECRET", "short")];
    let (code, output) = doctor(folder.path(), &public);
    assert_eq!(code, Some(0), "{output}");
    let checks = [
        "COURIERX_REGISTRATION",
        "COURIERX_REQUIRE_VERIFIED_DOMAINS",
        "COURIERX_ALLOW_PRIVATE_TARGETS",
        "INTERNAL_SECRET",
    ];
    for check in checks {
        assert_eq!(level(&output, check), "warning", "{output}");
    }
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    // It accepts connections and never answers.
    let (code, output) = doctor(folder.path(), &[("PORT", &port)]);
    assert_eq!((code, level(&output, "address")), (Some(1), "problem"), "{output}");
}

#[test]
fn where_large_contents_go_is_tried_out() {
    let folder = tempdir().unwrap();
    let blobs = folder.path().join("large");
    let url = format!("file://{}", blobs.display());
    let set = [("COURIERX_BLOBS", url.as_str())];
    let (code, output) = doctor(folder.path(), &set);
    assert_eq!((code, level(&output, "large contents")), (Some(0), "ok"), "{output}");
    assert!(output.contains("will be created") && !blobs.exists(), "it creates nothing: {output}");
    Binary::start(folder.path(), &set).terminate();
    let (code, output) = doctor(folder.path(), &set);
    assert_eq!((code, level(&output, "large contents")), (Some(0), "ok"), "{output}");
    assert!(output.contains("takes, gives back and removes them"), "{output}");
    // In the way of what it would put there.
    let _ = fs::remove_dir_all(blobs.join("1970-01-01"));
    fs::write(blobs.join("1970-01-01"), "").unwrap();
    let (code, output) = doctor(folder.path(), &set);
    assert_eq!((code, level(&output, "large contents")), (Some(1), "problem"), "{output}");
    assert!(output.contains("in the way") && output.contains("503"), "{output}");

    let bucket = [
        ("COURIERX_BLOBS", "s3://acme-mail/courierx"),
        ("COURIERX_BLOBS_ENDPOINT", "http://127.0.0.1:1"),
        ("COURIERX_BLOBS_ACCESS_KEY_ID", "AKIAEXAMPLE"),
        ("COURIERX_BLOBS_SECRET_ACCESS_KEY", "hunter2hunter2"),
    ];
    let (code, output) = doctor(folder.path(), &bucket);
    assert_eq!((code, level(&output, "large contents")), (Some(1), "problem"), "{output}");
    assert!(output.contains("unavailable") && !output.contains("hunter2"), "{output}");
}
