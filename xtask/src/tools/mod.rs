//! The programs that tests ask for a second opinion: found, or put in place.

mod curl;
mod node;
mod openssl;
mod packages;
mod postfix;
mod postgres;
mod python;
mod sqlite;
mod strace;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::shell::{self, Failure, Result};

struct Tool {
    name: &'static str,
    /// The variable by which a test finds it.
    variable: &'static str,
    /// Returns its path, after putting it below this directory if it must.
    prepare: fn(&Path) -> Result<PathBuf>,
}

const TOOLS: [Tool; 10] = [
    Tool { name: "smtp-sink", variable: "COURIERX_TEST_SMTP_SINK", prepare: postfix::prepare_sink },
    Tool { name: "smtp-source", variable: "COURIERX_TEST_SMTP_SOURCE", prepare: postfix::prepare_source },
    Tool { name: "python", variable: "COURIERX_TEST_PYTHON", prepare: python::prepare },
    Tool { name: "schemathesis", variable: "COURIERX_TEST_SCHEMATHESIS", prepare: python::prepare_documents },
    Tool { name: "node", variable: "COURIERX_TEST_NODE", prepare: node::prepare },
    Tool { name: "openssl", variable: "COURIERX_TEST_OPENSSL", prepare: openssl::prepare },
    Tool { name: "curl", variable: "COURIERX_TEST_CURL", prepare: curl::prepare },
    Tool { name: "postgres", variable: "COURIERX_TEST_POSTGRES", prepare: postgres::prepare },
    Tool { name: "sqlite3", variable: "COURIERX_TEST_SQLITE", prepare: sqlite::prepare },
    Tool { name: "strace", variable: "COURIERX_TEST_STRACE", prepare: strace::prepare },
];

/// Makes every tool usable and returns the variables that point to them. What cannot be had is listed
/// at once, so that a person installs it all in one go.
pub(crate) fn prepare() -> Result<Vec<(&'static str, PathBuf)>> {
    let dir = shell::target_dir().join("tools");
    make_dir(&dir)?;
    let mut variables = Vec::new();
    let mut missing = Vec::new();
    for tool in &TOOLS {
        if tool.name == "strace" && !cfg!(target_os = "linux") {
            println!("  {:<12} only on Linux: the tests at the system call are left out here", tool.name);
            continue;
        }
        let start = Instant::now();
        match (tool.prepare)(&dir) {
            Ok(path) => {
                let took = start.elapsed().as_secs_f64();
                println!("  {:<12} {} ({took:.1} s)", tool.name, path.display());
                variables.push((tool.variable, path));
            }
            Err(failure) => {
                println!("  {:<12} missing", tool.name);
                missing.push(format!("{}: {failure}", tool.name));
            }
        }
    }
    if missing.is_empty() {
        return Ok(variables);
    }
    Err(Failure::new(format!("the tests need what is not here\n\n{}", missing.join("\n\n"))))
}

fn make_dir(dir: &Path) -> Result {
    fs::create_dir_all(dir).map_err(|error| Failure::new(format!("cannot make {}: {error}", dir.display())))
}

/// Writes a file in one step, so that an interrupted run leaves none by half.
fn write(path: &Path, text: &str, mode: u32) -> Result {
    let failed = |error| Failure::new(format!("cannot write {}: {error}", path.display()));
    if let Some(dir) = path.parent() {
        make_dir(dir)?;
    }
    let draft = path.with_extension("new");
    fs::write(&draft, text).map_err(failed)?;
    fs::set_permissions(&draft, fs::Permissions::from_mode(mode)).map_err(failed)?;
    fs::rename(&draft, path).map_err(failed)
}

/// One argument of a shell script, whatever is in it.
fn quoted(path: &Path) -> String {
    format!("'{}'", path.to_string_lossy().replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tool_has_a_variable_of_its_own() {
        let variables: std::collections::BTreeSet<_> = TOOLS.iter().map(|tool| tool.variable).collect();
        assert_eq!(variables.len(), TOOLS.len());
    }

    #[test]
    fn a_path_is_one_word_to_the_shell() {
        assert_eq!(quoted(Path::new("/a b/it's")), r"'/a b/it'\''s'");
    }
}
