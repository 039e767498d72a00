//! Programs of the compiler's own LLVM. Those of another version may not read what its programs write.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::shell::{self, Failure, Result, find_program};

pub(crate) struct Llvm {
    /// What this machine is called by the compiler.
    pub(crate) host: String,
    version: String,
    /// Where the toolchain has programs, once the component `llvm-tools` is there.
    folder: PathBuf,
}

impl Llvm {
    pub(crate) fn of_the_compiler() -> Result<Self> {
        let folder = shell::output(rustc().args(["--print", "target-libdir"]))?;
        let folder = Path::new(folder.trim()).with_file_name("bin");
        let (host, version) = described(&shell::output(rustc().arg("-vV"))?)?;
        Ok(Self { host, version, folder })
    }

    /// A program, of the toolchain or of the system, where it has the version in its name.
    pub(crate) fn find(&self, name: &str) -> Option<PathBuf> {
        let program = self.folder.join(name);
        if program.is_file() { Some(program) } else { find_program(&format!("{name}-{}", self.version), &[]) }
    }

    /// One that cannot be done without. `rustup` is asked for it if it is missing.
    pub(crate) fn get(&self, name: &str) -> Result<PathBuf> {
        if self.find(name).is_none() {
            let mut rustup = Command::new("rustup");
            shell::run(rustup.args(["component", "add", "llvm-tools"]).current_dir(shell::root()))?;
        }
        self.find(name)
            .ok_or_else(|| Failure::new(format!("neither {name} nor {name}-{} is there", self.version)))
    }
}

fn rustc() -> Command {
    let mut rustc = Command::new("rustc");
    rustc.current_dir(shell::root());
    rustc
}

/// The host and the first number of LLVM's version, of what `rustc -vV` prints.
fn described(text: &str) -> Result<(String, String)> {
    let value = |name: &str| text.lines().find_map(|line| Some(line.strip_prefix(name)?.trim().to_owned()));
    let major = |version: String| version.split('.').next().map(str::to_owned);
    value("host:")
        .zip(value("LLVM version:").and_then(major))
        .ok_or_else(|| Failure::new("rustc tells neither its host nor its LLVM"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_compiler_tells_what_it_is_built_on() {
        let text = "rustc 1.95.0\nhost: x86_64-unknown-linux-gnu\nrelease: 1.95.0\nLLVM version: 22.1.2\n";
        let (host, version) = described(text).unwrap();
        assert_eq!((&*host, &*version), ("x86_64-unknown-linux-gnu", "22"));
        assert!(described("rustc 1.95.0").is_err());
        assert!(!Llvm::of_the_compiler().unwrap().host.is_empty());
    }
}
