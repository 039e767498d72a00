//! The official clients (`sdk/`) against the real binary: their own tests, and what their pages print.

mod node;
mod python;
mod rust;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fs, io};

use serde_json::json;
use tempfile::TempDir;
use tokio::process::Command;

use crate::support::{Binary, Client, DnsServer};

/// Longer than a client's tests take on a busy machine.
const PATIENCE: Duration = Duration::from_mins(5);

/// A server, and a folder with copies of the clients.
struct Desk {
    binary: Binary,
    folder: TempDir,
    _dns: DnsServer,
}

impl Desk {
    fn new() -> Self {
        let (folder, dns) = (tempfile::tempdir().unwrap(), DnsServer::start());
        let data = folder.path().join("server");
        fs::create_dir(&data).unwrap();
        let address = dns.address().to_string();
        // Whoever is told by webhooks is on this machine, too.
        let settings =
            [("COURIERX_DNS_SERVER", address.as_str()), ("COURIERX_ALLOW_PRIVATE_TARGETS", "127.0.0.0/8")];
        let binary = Binary::start(&data, &settings);
        Self { binary, folder, _dns: dns }
    }

    /// A new tenant's key, that may do everything.
    async fn key(&self, name: &str) -> Client {
        let email = format!("owner@{name}.example");
        let owner = json!({ "name": name, "email": email, "password": "correct horse battery" });
        let registered = self.binary.client().post("/api/v1/auth/register", &owner).await;
        let owner = self.binary.client().with(registered.body["token"].as_str().unwrap());
        let key = owner.post("/api/v1/api_keys", &json!({ "name": name })).await;
        owner.with(key.body["key"].as_str().unwrap())
    }

    /// Copies a client to work on, without what was built of it.
    fn copy(&self, name: &str) -> PathBuf {
        let copies = self.folder.path().join("sdk");
        let copy = copies.join(name);
        copy_folder(&sdk(name), &copy).unwrap();
        fs::copy(sdk("webhook-vectors.json"), copies.join("webhook-vectors.json")).unwrap();
        copy
    }

    /// Runs a program that finds the server by this key, and returns what it printed.
    async fn run(&self, command: &mut Command, key: &Client) -> String {
        command.env("COURIERX_BASE_URL", self.binary.base_url()).env("COURIERX_API_KEY", key.token());
        run(command).await
    }
}

/// Where a client is.
fn sdk(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../sdk").join(name)
}

/// Runs a program that has to succeed, and returns what it printed, errors at the end.
async fn run(command: &mut Command) -> String {
    command.env("NO_PROXY", "*").kill_on_drop(true);
    let output = tokio::time::timeout(PATIENCE, command.output()).await;
    let output = output.unwrap_or_else(|_| panic!("{command:?} does not end"));
    let output = output.unwrap_or_else(|error| {
        panic!("{command:?} cannot be run ({error}): `cargo xtask test` provides what tests need")
    });
    let (said, errors) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?} failed\n{said}\n{errors}");
    said + &errors
}

/// A program that `cargo xtask test` provides.
fn tool(variable: &str, usual: &str) -> Command {
    Command::new(std::env::var_os(variable).unwrap_or_else(|| usual.into()))
}

/// Looks that a page's program sent what it says.
async fn assert_sent(key: &Client) {
    let emails = key.get("/api/v1/emails?per_page=100").await;
    let subjects: Vec<_> = emails.body.as_array().unwrap().iter().map(|one| one["subject"].clone()).collect();
    for subject in ["Welcome, Ada", "Your order", "News for Charles", "Your order 1042"] {
        assert!(subjects.contains(&json!(subject)), "{subjects:?}");
    }
}

/// The blocks of a page in one language, one after the other, as somebody has them in a file who types them all.
fn blocks(page: &Path, language: &str) -> String {
    let text = fs::read_to_string(page).unwrap();
    let blocks: Vec<_> = text.split(&format!("```{language}\n")).skip(1).collect();
    assert!(blocks.len() > 5, "the blocks were not found");
    blocks.iter().map(|rest| rest.split("```").next().unwrap()).collect::<Vec<_>>().join("\n")
}

fn copy_folder(from: &Path, to: &Path) -> io::Result<()> {
    const BUILT: [&str; 4] = ["dist", "node_modules", "__pycache__", "target"];
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        if BUILT.iter().any(|name| entry.file_name() == OsStr::new(name)) {
            continue;
        }
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
