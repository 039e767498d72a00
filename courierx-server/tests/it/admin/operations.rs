//! docs/operations.md is true: every block of its commands is typed into a shell as it is printed.
//!
//! The library's tests (`tests/it/documentation.rs`) let no document have commands but those that are run somewhere.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::tempdir;

use super::{borrowed, cluster, database, secrets, told, used};
use crate::support::Binary;

const OPERATIONS: &str = "docs/operations.md";

fn blocks() -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(OPERATIONS);
    let text = std::fs::read_to_string(path).unwrap();
    text.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap().to_owned()).collect()
}

/// Types commands into a shell in this directory, where programs are found as on a server, and answers what it said.
fn typed(directory: &Path, block: &str, variables: &[(&str, &str)]) -> String {
    let folder = |program: PathBuf| program.parent().unwrap().to_owned();
    let ours = folder(env!("CARGO_BIN_EXE_courierx").into());
    let of = |name: &str| std::env::var_os(name).map(PathBuf::from).map(folder);
    let tools = ["COURIERX_TEST_POSTGRES", "COURIERX_TEST_SQLITE"].into_iter().filter_map(of);
    let usual = std::env::var_os("PATH").unwrap_or_default();
    let path = [ours].into_iter().chain(tools).chain(std::env::split_paths(&usual));
    let mut bash = Command::new("bash");
    bash.args(["--noprofile", "--norc", "-euc", block]).current_dir(directory).env_clear();
    bash.env("PATH", std::env::join_paths(path).unwrap()).envs(variables.iter().copied());
    let output = bash.stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{block}\n{said}{}", String::from_utf8_lossy(&output.stderr));
    said
}

#[tokio::test]
async fn every_command_of_the_operators_page_works() {
    let blocks = blocks();
    let [vacuum, dump, moving, keys, elsewhere] = &blocks[..] else { panic!("other blocks: {blocks:#?}") };
    let (folder, restored) = (tempdir().unwrap(), tempdir().unwrap());
    let token = used(folder.path()).await;
    let binary = Binary::start(folder.path(), &[]);
    let before = told(&binary, &token).await;
    assert_eq!(typed(folder.path(), vacuum, &[]).trim(), "ok");
    binary.terminate();

    // The copy is put in the place of the database, beside its keys.
    let (from, to) = (folder.path().join("courierx-data"), restored.path().join("courierx-data"));
    std::fs::create_dir(&to).unwrap();
    for file in ["courierx.db-courierx.key", "jwt_secret"] {
        std::fs::copy(from.join(file), to.join(file)).unwrap();
    }
    std::fs::copy(folder.path().join("backup.db"), to.join("courierx.db")).unwrap();
    let binary = Binary::start(restored.path(), &[]);
    assert_eq!(told(&binary, &token).await, before);
    binary.terminate();

    let url = database().await;
    let target = [("TARGET_URL", url.as_str())];
    typed(folder.path(), moving, &target);
    let secret = typed(folder.path(), &format!("{keys}\necho \"$ENCRYPTION_KEY $JWT_SECRET\""), &[]);
    let [key, jwt] = secrets(folder.path());
    assert_eq!(secret.trim(), format!("{} {}", key.1, jwt.1));
    typed(folder.path(), &format!("{keys}\n{elsewhere}"), &target);

    let name = "/courierx_restored?";
    let restored_url = cluster::url().replacen("/postgres?", name, 1);
    let maintenance = cluster::url();
    let variables = [
        ("DATABASE_URL", url.as_str()),
        ("MAINTENANCE_URL", maintenance.as_str()),
        ("RESTORED_URL", restored_url.as_str()),
    ];
    typed(folder.path(), dump, &variables);
    // What came back from PostgreSQL, through a file, and of a dump is what was there.
    let again = "courierx admin move --from \"$RESTORED_URL\" --to sqlite://of-dump.db";
    typed(folder.path(), &format!("{keys}\n{again}"), &variables[2..]);
    let secrets = secrets(folder.path());
    for database in ["sqlite://back.db", "sqlite://copy.db", "sqlite://of-dump.db"] {
        let mut variables = borrowed(&secrets);
        variables.push(("DATABASE_URL", database));
        let binary = Binary::start(folder.path(), &variables);
        assert_eq!(told(&binary, &token).await, before, "{database}");
        binary.terminate();
    }
}
