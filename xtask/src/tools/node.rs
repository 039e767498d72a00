//! A Node.js that can import the vendors' own clients, which tell whether our emulators are what they talk to, and
//! has what our own client (`sdk/node`) is compiled with.

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

/// What `sdk/node/package.json` wants for development.
const COMPILER: [&str; 2] = ["typescript@5.9.3", "@types/node@18.19.130"];

/// Imports every client, and ends with an error where one is missing. Types are nothing to import.
const IMPORT_ALL: &str = "for (const name of process.argv.slice(1))
    name.startsWith('@types/') ? require.resolve(`${name}/package.json`) : require(name)";

/// Returns a script that is Node.js with all of them.
pub(super) fn prepare(dir: &Path) -> Result<PathBuf> {
    let script = dir.join("bin/node");
    if imports_all(&script) {
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
    shell::output(npm.args(CLIENTS).args(COMPILER))?;
    let modules = quoted(&home.join("node_modules"));
    write(&script, &format!("#!/bin/sh\nNODE_PATH={modules} exec {} \"$@\"\n", quoted(&node)), 0o755)?;
    if imports_all(&script) { Ok(script) } else { Err(Failure::new("node cannot import what npm installed")) }
}

fn imports_all(node: &Path) -> bool {
    let names =
        CLIENTS.iter().chain(&COMPILER).filter_map(|client| client.rsplit_once('@')).map(|(name, _)| name);
    shell::output(Command::new(node).args(["--eval", IMPORT_ALL, "--"]).args(names)).is_ok()
}
