//! `@courierx/node`, packed as it is published.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use tokio::process::Command;

use super::{Desk, assert_sent, blocks, run, tool};

/// Prints the folder in which the compiler is.
const MODULES: &str = "require('path').resolve(require.resolve('typescript/package.json'), '../..')";

async fn modules() -> PathBuf {
    let mut node = tool("COURIERX_TEST_NODE", "node");
    run(node.args(["--print", MODULES])).await.lines().next().unwrap().into()
}

/// npm, in a folder and without the network.
fn npm(folder: &Path, arguments: &[&str]) -> Command {
    let mut npm = Command::new("npm");
    npm.args(arguments).current_dir(folder).env("npm_config_loglevel", "error");
    npm.env("npm_config_offline", "true").env("npm_config_update_notifier", "false");
    npm
}

#[tokio::test]
async fn the_node_client_works_as_its_page_says() {
    let (desk, modules) = (Desk::new(), modules().await);
    let package = desk.copy("node");
    symlink(&modules, package.join("node_modules")).unwrap();
    let app = desk.folder.path().join("app");
    let installed = app.join("node_modules/@courierx/node");
    fs::create_dir_all(&installed).unwrap();
    // Packing compiles.
    run(npm(&package, &["pack", "--pack-destination"]).arg(&app)).await;
    let mut tar = Command::new("tar");
    tar.arg("-xzf").arg(app.join("courierx-node-0.1.0.tgz")).arg("--strip-components=1");
    run(tar.arg("-C").arg(&installed)).await;

    let key = desk.key("node").await;
    let said = desk.run(&mut npm(&package, &["test"]), &key).await;
    let summary = |line: &str| said.lines().any(|one| one.trim_start_matches(['#', 'ℹ', ' ']) == line);
    assert!(summary("fail 0") && summary("skipped 0") && !summary("pass 0"), "{said}");

    // The page: its types are right, and it does what it says.
    fs::write(app.join("package.json"), r#"{ "type": "module" }"#).unwrap();
    for name in ["@types", "undici-types"] {
        symlink(modules.join(name), app.join("node_modules").join(name)).unwrap();
    }
    fs::write(app.join("readme.ts"), blocks(&super::sdk("node/README.md"), "ts")).unwrap();
    let mut compiler = tool("COURIERX_TEST_NODE", "node");
    compiler.arg(modules.join("typescript/bin/tsc")).current_dir(&app);
    let strict = ["--strict", "--target", "ES2022", "--module", "NodeNext", "--types", "node", "readme.ts"];
    run(compiler.args(strict)).await;
    let key = desk.key("node-readme").await;
    let mut node = tool("COURIERX_TEST_NODE", "node");
    let said = desk.run(node.arg("readme.js").current_dir(&app), &key).await;
    assert!(said.contains("queued") && said.contains("cxk_live_"), "{said}");
    assert!(said.contains("{ subject: [ 'is missing' ]"), "{said}");
    assert_sent(&key).await;
}
