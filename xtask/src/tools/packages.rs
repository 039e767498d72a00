//! The system's package manager.

use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

use crate::shell::{self, Failure, Result, find_program};

/// What one tool is called by each package manager.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Package {
    pub(crate) apt: &'static str,
    pub(crate) dnf: &'static str,
    pub(crate) pacman: &'static str,
    pub(crate) brew: &'static str,
}

impl Package {
    /// A package that goes by one name everywhere.
    pub(crate) const fn same(name: &'static str) -> Self {
        Self { apt: name, dnf: name, pacman: name, brew: name }
    }
}

/// Installs a package if apt can do so without a question; otherwise the failure says what to type.
pub(crate) fn install(package: Package) -> Result {
    require_apt(package)?;
    apt_install(&package.apt.split(' ').collect::<Vec<_>>())
}

/// Fails, with the command to type, where there is no apt.
pub(crate) fn require_apt(package: Package) -> Result {
    if find_program("apt-get", &[]).is_some() {
        return Ok(());
    }
    let has = |name: &str| find_program(name, &["/opt/homebrew/bin"]).is_some();
    Err(Failure::new(advice(package, has)))
}

fn advice(package: Package, has: impl Fn(&str) -> bool) -> String {
    if has("dnf") {
        format!("run `sudo dnf install {}`", package.dnf)
    } else if has("pacman") {
        format!("run `sudo pacman -S {}`", package.pacman)
    } else if has("brew") {
        format!("run `brew install {}`", package.brew)
    } else {
        format!("no package manager is known here; install what Debian calls {}", package.apt)
    }
}

/// Installs Debian packages, and never at the price of removing one.
pub(crate) fn apt_install(packages: &[&str]) -> Result {
    let mut install = vec!["install", "--yes", "--quiet", "--no-install-recommends", "--no-remove"];
    install.extend(packages);
    with_fresh_lists(|| as_root(&install)).map_err(|failure| {
        let names = packages.join(" ");
        Failure::new(format!("run `sudo apt-get install --no-install-recommends {names}`\n{failure}"))
    })
}

/// Fetches a Debian package into `dir` without installing it; needs no privileges.
pub(crate) fn apt_download(package: &str, dir: &Path) -> Result {
    with_fresh_lists(|| {
        // Root would switch to a user who may not write below a home directory.
        let mut download = Command::new("apt-get");
        download.args(["download", "--quiet", "--option", "APT::Sandbox::User=root", package]);
        shell::output(download.current_dir(dir)).map(drop)
    })
    .map_err(|failure| Failure::new(format!("run `sudo apt-get update` and try again\n{failure}")))
}

/// A fresh machine has no list of packages and an old one has links that died: then fetch the lists
/// and try once more.
fn with_fresh_lists(attempt: impl Fn() -> Result) -> Result {
    if attempt().is_ok() {
        return Ok(());
    }
    println!("  apt-get update");
    as_root(&["update", "--quiet"])?;
    attempt()
}

fn as_root(args: &[&str]) -> Result {
    let user = shell::output(Command::new("id").arg("-u"))?;
    let mut words: Vec<OsString> = Vec::new();
    if user.trim() != "0" {
        words.extend(["sudo", "--non-interactive"].map(OsString::from));
    }
    words.extend(["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"].map(OsString::from));
    words.extend(["--option", "DPkg::Lock::Timeout=120"].map(OsString::from));
    words.extend(args.iter().map(OsString::from));
    shell::output(Command::new(&words[0]).args(&words[1..])).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advice_fits_the_machine() {
        let python =
            Package { apt: "python3 python3-venv", dnf: "python3", pacman: "python", brew: "python" };
        assert_eq!(advice(python, |name| name == "dnf"), "run `sudo dnf install python3`");
        assert_eq!(advice(python, |name| name == "pacman"), "run `sudo pacman -S python`");
        assert_eq!(advice(python, |name| name == "brew"), "run `brew install python`");
        assert!(advice(python, |_| false).contains("python3 python3-venv"));
    }
}
