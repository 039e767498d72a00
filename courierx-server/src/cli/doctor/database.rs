//! An SQLite database and its keys.

use std::path::Path;

use courierx_core::store::{CanaryError, Store, look_at_canary};
use courierx_core::vault::Vault;
use courierx_store::sqlite::OpenError;

use super::super::open::{self, StartError, generated_key};
use super::super::probe;
use super::files::{existing, is_writable, shown};
use super::{Finding, Level};
use crate::config::{Migrate, Settings};

pub(super) const DATABASE: &str = "database";
const KEYS: &str = "keys";

/// Whether the database can be opened, and with these keys.
pub(super) async fn look(settings: &Settings, path: &Path) -> Vec<Finding> {
    if !path.exists() {
        return vec![absent(settings, path)];
    }
    // Opening would generate one; that it is missing was told already.
    if settings.encryption_key.is_none() && !generated_key(path).exists() {
        return Vec::new();
    }
    let (store, vault) = match open::store_to_look_at(settings).await {
        Ok(opened) => opened,
        Err(StartError::Database(OpenError::AlreadyOpen { .. })) => {
            return vec![in_use(settings, path).await];
        }
        Err(StartError::Database(OpenError::OlderSchema { .. })) => {
            let text = format!("{} is of an earlier version", shown(path));
            return vec![if settings.migrate == Migrate::Never {
                Finding::problem(DATABASE, text, open::migrate())
            } else {
                Finding::ok(DATABASE, format!("{text}; the server will bring it up to date"))
            }];
        }
        Err(StartError::Database(
            error @ (OpenError::KeyNotGiven { .. } | OpenError::SealedElsewhere { .. }),
        )) => return vec![Finding::problem(KEYS, error.to_string(), open::wrong_key())],
        Err(error) => {
            let cause =
                std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
            return vec![Finding::problem(DATABASE, cause, "restore it from a backup if it is damaged")];
        }
    };
    let opens = Finding::ok(DATABASE, format!("{} opens", shown(path)));
    vec![opens, keys(&*store, &vault).await]
}

/// Whether the keys are those of the database.
pub(super) async fn keys(store: &dyn Store, vault: &Vault) -> Finding {
    match look_at_canary(store, vault).await {
        Ok(_) => Finding::ok(KEYS, "they are those of the database"),
        Err(error @ CanaryError::WrongKey { .. }) => {
            Finding::problem(KEYS, error.to_string(), open::wrong_key())
        }
        Err(error) => Finding::problem(KEYS, error.to_string(), ""),
    }
}

fn absent(settings: &Settings, path: &Path) -> Finding {
    let directory = path.parent().unwrap_or(path);
    let is_ours = path.starts_with(&settings.data_dir);
    if !is_ours && !directory.as_os_str().is_empty() && !directory.is_dir() {
        let text = format!("{} is not a directory", shown(directory));
        return Finding::problem(DATABASE, text, format!("mkdir -p -m 700 {}", shown(directory)));
    }
    if is_writable(&existing(directory)) {
        Finding::ok(DATABASE, format!("{} will be created", shown(path)))
    } else {
        let mend = "choose another one: DATABASE_URL=sqlite:///var/lib/courierx/courierx.db";
        Finding::problem(DATABASE, format!("{} cannot be created", shown(path)), mend)
    }
}

/// A running server has it: whether that is well.
async fn in_use(settings: &Settings, path: &Path) -> Finding {
    let url = settings.local_url();
    match probe::get(settings, "/health/ready").await {
        Some((200, answer)) if answer["status"] == "ready" => {
            Finding::ok(DATABASE, format!("in use by the server at {url}, which is ready"))
        }
        Some((_, answer)) if answer["status"] == "not_ready" => Finding::problem(
            DATABASE,
            format!("in use by the server at {url}, which is not ready"),
            "its log tells why",
        ),
        _ => Finding::new(
            Level::Warning,
            DATABASE,
            format!("{} is in use by another process, and no server answers at {url}", shown(path)),
            "if that is a server with another PORT or BIND, run this with the same; otherwise stop it",
        ),
    }
}
