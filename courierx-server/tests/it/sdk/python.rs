//! `courierx` for Python.

use std::fs;
use std::path::Path;

use tokio::process::Command;

use super::{Desk, assert_sent, blocks, sdk, tool};

/// Python with the client, and no warning that is let pass.
fn python(package: &Path) -> Command {
    let mut python = tool("COURIERX_TEST_PYTHON", "python3");
    python.args(["-W", "error"]).current_dir(package).env("PYTHONPATH", package.join("src"));
    python
}

#[tokio::test]
async fn the_python_client_works_as_its_page_says() {
    let desk = Desk::new();
    let package = desk.copy("python");
    let key = desk.key("python").await;
    let said = desk.run(python(&package).args(["-m", "unittest", "discover", "tests"]), &key).await;
    // It would tell behind it of tests that were left out.
    assert!(said.lines().any(|line| line == "OK") && !said.contains("Ran 0 tests"), "{said}");

    let program = package.join("readme.py");
    fs::write(&program, blocks(&sdk("python/README.md"), "python")).unwrap();
    let key = desk.key("python-readme").await;
    let said = desk.run(python(&package).arg(&program), &key).await;
    assert!(said.contains("queued") && said.contains("cxk_live_"), "{said}");
    assert!(said.contains("{'subject': ['is missing']"), "{said}");
    assert_sent(&key).await;
}
