//! `cargo xtask dist`: the server as it is given away, built by a profile of its work.
//!
//! An accepted message runs through much code, spread over all of the program. The compiler puts together what runs
//! together, and inlines what is called often, once it is told what that is.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Task;
use crate::shell::{self, Failure, Result, find_program, section};

pub(crate) const TASK: Task = Task {
    name: "dist",
    usage: "dist",
    summary: "builds the server as it is given away",
    details: "Builds it to count what it does, has it accept, deliver and read (`load` of the benchmark `serve`), and builds it anew by
what was counted: target/trained/courierx. Takes 45 minutes on two cores, and 4 GB of disk.

Needs wrk and PostgreSQL for the load, and the toolchain's llvm-tools, which rustup is asked for if they are missing.
`cargo xtask bench --dist serve` measures what was built.",
    run: dist,
};

/// How it is loaded: see `load.rs` of the benchmark.
const LOAD: [&str; 6] = ["--bench", "serve", "--", "--only", "load", "--server"];

fn dist(args: &[String]) -> Result {
    shell::no_arguments(args)?;
    if find_program("wrk", &[]).is_none() {
        return Err(Failure::new("wrk is not in PATH"));
    }
    let tool = profdata()?;
    let (counted, profile) = (dir().join("counted"), profile());
    empty(&counted)?;
    let counting = section("a server that counts", || build("-Cprofile-generate", &counted))?;
    section("what it counts", || {
        // The benchmark is built as always: what it does itself is not to be counted.
        let mut load = shell::cargo(["bench", "--locked", "--package", "courierx-server"]);
        shell::run(load.args(LOAD).arg(&counting))?;
        shell::run(Command::new(tool).args(["merge", "--output"]).arg(&profile).arg(&counted))
    })?;
    let built = section("the server", || build("-Cprofile-use", &profile))?;
    let size = fs::copy(&built, program()).map_err(|error| failed("copy", &built, &error))?;
    println!("\n{} ({} MB)", program().display(), size / 1_000_000);
    empty(&counted)
}

/// The server that was built last, if one was.
pub(crate) fn built() -> Result<String> {
    if !program().is_file() {
        return Err(Failure::new("there is no such server yet: `cargo xtask dist` builds it"));
    }
    Ok(program().display().to_string())
}

/// Builds the server with a profile to write or to read. Both are built in one place: the second needs nothing of the
/// first.
fn build(flag: &str, profile: &Path) -> Result<PathBuf> {
    let (folder, host) = (dir().join("build"), host()?);
    let mut cargo = shell::cargo(["build", "--locked", "--package", "courierx-server", "--bin", "courierx"]);
    // With a target named, the flags are for the program and not for what builds it.
    cargo.args(["--profile", "dist", "--target", &host]);
    cargo.env("RUSTFLAGS", format!("{flag}={}", profile.display()));
    cargo.env("CARGO_TARGET_DIR", &folder).env("CARGO_INCREMENTAL", "0");
    shell::run(&mut cargo)?;
    Ok(folder.join(host).join("dist/courierx"))
}

fn dir() -> PathBuf {
    shell::target_dir().join("trained")
}

fn program() -> PathBuf {
    dir().join("courierx")
}

fn profile() -> PathBuf {
    dir().join("courierx.profdata")
}

/// What this machine is called by the compiler.
fn host() -> Result<String> {
    let version = shell::output(rustc().arg("-vV"))?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).ok_or_else(|| Failure::new("rustc does not tell its host"))
}

/// `llvm-profdata` of this toolchain: those of others may not read what its programs write.
fn profdata() -> Result<PathBuf> {
    let libraries = shell::output(rustc().args(["--print", "target-libdir"]))?;
    let tool = PathBuf::from(libraries.trim()).with_file_name("bin").join("llvm-profdata");
    if !tool.is_file() {
        shell::run(
            Command::new("rustup").args(["component", "add", "llvm-tools"]).current_dir(shell::root()),
        )?;
    }
    if tool.is_file() { Ok(tool) } else { Err(Failure::new(format!("there is no {}", tool.display()))) }
}

fn rustc() -> Command {
    let mut rustc = Command::new("rustc");
    rustc.current_dir(shell::root());
    rustc
}

fn empty(dir: &PathBuf) -> Result {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(failed("empty", dir, &error)),
        _ => Ok(()),
    }
}

fn failed(what: &str, path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(format!("cannot {what} {}: {error}", path.display()))
}
