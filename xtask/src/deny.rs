//! `cargo xtask deny`: licences, advisories and origins of our dependencies.

use crate::Task;
use crate::shell::{self, Failure, Result};

pub(crate) const TASK: Task = Task {
    name: "deny",
    usage: "deny [cargo deny check options]",
    summary: "checks licences and advisories of the dependencies",
    details:
        "Runs `cargo deny --all-features check` with the rules of deny.toml. It needs the network for the
advisories; `cargo xtask deny licenses bans sources` does not.",
    run: deny,
};

fn deny(args: &[String]) -> Result {
    if shell::output(&mut shell::cargo(["deny", "--version"])).is_err() {
        return Err(Failure::new(
            "cargo-deny is not installed; `cargo install --locked cargo-deny` builds it in a few minutes",
        ));
    }
    let mut deny = shell::cargo(["deny", "--all-features", "check"]);
    shell::run(deny.args(args))
}
