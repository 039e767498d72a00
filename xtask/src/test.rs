//! `cargo xtask test`: whatever the tests need, then every test.

use std::time::Instant;

use crate::shell::{self, Result};
use crate::{Task, tools};

pub(crate) const TASK: Task = Task {
    name: "test",
    usage: "test [--tools] [cargo test options] [-- test options]",
    summary: "installs what the tests need, then runs every test",
    details: "Runs `cargo test --workspace --all-features --locked` and adds your options to it:
`cargo xtask test -- smtp` runs the tests with smtp in their names, `cargo xtask test -p courierx-store`
those of one package.

The tests ask other programs for a second opinion. They find them by these variables:
  COURIERX_TEST_SMTP_SINK    smtp-sink of Postfix; may be run as root without its -u option
  COURIERX_TEST_SMTP_SOURCE  smtp-source of Postfix, for the benchmark `smtp`
  COURIERX_TEST_PYTHON       a Python that can import aiosmtpd and boto3
  COURIERX_TEST_SCHEMATHESIS  a Python that can import schemathesis and openapi_spec_validator; `none` leaves its
                             tests out
  COURIERX_TEST_NODE         a Node.js, with npm beside it, that can import the vendors' clients and TypeScript
  COURIERX_TEST_OPENSSL      openssl, for certificates
  COURIERX_TEST_CURL         curl, which runs the commands of the documents; in PATH under this name
  COURIERX_TEST_POSTGRES     postgres, with initdb and pg_isready beside it; the tests start one of their own,
                             or use TEST_DATABASE_URL, in which they leave schemas called test_…
  COURIERX_TEST_STRACE       strace (Linux only)
With --tools no test runs; the variables are printed for a shell or an editor that runs tests itself.

What is missing is put below target/tools, or installed with apt where it must be (strace, python3, openssl,
curl and postgresql, and libraries). Elsewhere you are told what to install. A test never passes because its tool is
missing.",
    run: test,
};

pub(crate) fn test(args: &[String]) -> Result {
    println!("tools for the tests");
    let tools = tools::prepare()?;
    if args.iter().any(|arg| arg == "--tools") {
        for (variable, path) in tools {
            println!("{variable}={}", path.display());
        }
        return Ok(());
    }
    let start = Instant::now();
    let mut test = shell::cargo(["test", "--all-features", "--locked"]);
    if !names_packages(args) {
        test.arg("--workspace");
    }
    shell::run(test.args(args).envs(tools))?;
    println!("tests passed, {:.1} s", start.elapsed().as_secs_f64());
    Ok(())
}

/// Beside `--workspace` cargo would ignore the packages.
fn names_packages(args: &[String]) -> bool {
    args.iter()
        .take_while(|arg| *arg != "--")
        .any(|arg| arg.starts_with("-p") || arg.starts_with("--package"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn named_packages_replace_the_workspace() {
        let names = |line: &str| names_packages(&line.split(' ').map(str::to_owned).collect::<Vec<_>>());
        assert!(names("-p courierx-store"));
        assert!(names("--package=courierx-core --lib"));
        assert!(!names("--lib -- -p"));
    }
}
