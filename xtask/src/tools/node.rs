//! A Node.js that can import the vendors' own clients, which tell whether our emulators are what they talk to.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::packages::{self, Package};
use super::{make_dir, quoted, write};
use crate::shell::{self, Failure, Result, find_program};

const NODE: Package = Package { apt: "nodejs npm", dnf: "nodejs npm", pacman: "nodejs npm", brew: "node" };

/// The vendors' clients, and what receivers of our webhooks verify them with. Mailgun's wants a library for forms
/// beside it.
const CLIENTS: [&str; 7] = [
    "@sendgrid/mail@8.1.6",
    "postmark@5.1.0",
    "mailgun.js@14.0.1",
    "form-data@4.0.6",
    "resend@6.38.0",
    "standardwebhooks@1.1.1",
    "svix@2.5.0",
];

/// Imports every client, and ends with an error where one is missing.
const IMPORT_ALL: &str = "for (const name of process.argv.slice(1)) require(name)";

/// Returns a script that is Node.js with the clients.
pub(super) fn prepare(dir: &Path) -> Result<PathBuf> {
    let script = dir.join("bin/node");
    if imports_clients(&script) {
        return Ok(script);
    }
    if find_program("node", &[]).is_none() || find_program("npm", &[]).is_none() {
        packages::install(NODE)?;
    }
    let node = find_program("node", &[]).ok_or_else(|| Failure::new("there is no node"))?;
    let home = dir.join("node");
    make_dir(&home)?;
    // No scripts: what is fetched here is read, and run only by tests.
    let mut npm = Command::new("npm");
    npm.args(["install", "--prefix"]).arg(&home);
    npm.args(["--no-package-lock", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]);
    shell::output(npm.args(CLIENTS))?;
    let modules = quoted(&home.join("node_modules"));
    write(&script, &format!("#!/bin/sh\nNODE_PATH={modules} exec {} \"$@\"\n", quoted(&node)), 0o755)?;
    if imports_clients(&script) { Ok(script) } else { Err(Failure::new("node cannot import the clients")) }
}

fn imports_clients(node: &Path) -> bool {
    let names = CLIENTS.iter().filter_map(|client| client.rsplit_once('@')).map(|(name, _)| name);
    shell::output(Command::new(node).args(["--eval", IMPORT_ALL, "--"]).args(names)).is_ok()
}
