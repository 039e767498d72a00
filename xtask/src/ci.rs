//! `cargo xtask ci`: everything a change must pass, the quick parts first.

use crate::shell::{self, Result, run, section};
use crate::{Task, graph, models, test};

pub(crate) const TASK: Task = Task {
    name: "ci",
    usage: "ci",
    summary: "everything a change must pass",
    details: "In this order, stopping at the first that fails: format, dependency limits, clippy, feature
combinations, documentation, `cargo xtask loom`, and `cargo xtask test`.",
    run: ci,
};

/// Selections of features that people build alone.
const COMBINATIONS: [&[&str]; 10] = [
    &[],
    &["--features", "smtp"],
    &["--features", "sqlite"],
    &["--features", "postgres"],
    &["--features", "object-store"],
    &["--features", "sendgrid"],
    &["--features", "ses"],
    &["--features", "mailgun"],
    &["--features", "postmark"],
    &["--features", "resend"],
];

fn ci(args: &[String]) -> Result {
    shell::no_arguments(args)?;
    section("format", || run(&mut shell::cargo(["fmt", "--all", "--check"])))?;
    section("dependencies", graph::check)?;
    section("clippy", || {
        let mut clippy =
            shell::cargo(["clippy", "--locked", "--workspace", "--all-targets", "--all-features"]);
        run(clippy.args(["--", "-D", "warnings"]))
    })?;
    section("features", || {
        for features in COMBINATIONS {
            let mut check =
                shell::cargo(["check", "--locked", "--package", "courierx", "--no-default-features"]);
            run(check.args(features))?;
        }
        Ok(())
    })?;
    section("documentation", || {
        let mut doc = shell::cargo(["doc", "--locked", "--workspace", "--no-deps", "--all-features"]);
        run(doc.env("RUSTDOCFLAGS", "-D warnings"))
    })?;
    section("models", || models::loom(&[]))?;
    section("tests", || test::test(&[]))
}
