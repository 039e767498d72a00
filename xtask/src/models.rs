//! `cargo xtask loom`: what threads do at the same time, in every order.

use crate::Task;
use crate::shell::{self, Result};

pub(crate) const TASK: Task = Task {
    name: "loom",
    usage: "loom [words in the names of models]",
    summary: "the models of what threads share, in every order",
    details:
        "Builds courierx-core with loom's mutexes and atomics, into a folder of its own below target, and runs
`courierx-core/src/router/models.rs`. The first build takes about a minute, the models less than a second.",
    run: loom,
};

pub(crate) fn loom(args: &[String]) -> Result {
    let mut test = shell::cargo(["test", "--locked", "--package", "courierx-core", "--lib", "--"]);
    if args.is_empty() {
        test.arg("loom_");
    }
    // Everything is compiled anew for it, which must not happen to the ordinary build.
    let folder = shell::target_dir().join("loom");
    shell::run(test.args(args).env("RUSTFLAGS", "--cfg loom").env("CARGO_TARGET_DIR", folder))
}
