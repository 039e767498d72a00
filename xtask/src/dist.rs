//! `cargo xtask dist`: the server as it is given away, built by a profile of its work.
//!
//! An accepted message runs through much code, spread over all of the program. The compiler puts together what runs
//! together, and inlines what is called often, once it is told what that is. So does, once more, who lays out the
//! finished program, and sees what the compiler does not: how parts of different crates and languages follow each other.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Task;
use crate::llvm::Llvm;
use crate::shell::{self, Failure, Result, find_program, section};

pub(crate) const TASK: Task = Task {
    name: "dist",
    usage: "dist",
    summary: "builds the server as it is given away",
    details: "Builds it to count what it does, has it accept, deliver and read (`load` of the benchmark `serve`), and builds it anew by
what was counted: target/trained/courierx. Takes about half an hour on two cores, and 5 GB of disk.

Needs wrk and PostgreSQL for the load, and llvm-profdata, for which rustup is asked if it is missing. If they are there,
clang builds the C parts by a profile too, and llvm-bolt lays out the finished program by another one. All of them must be of
the compiler's own LLVM: of its toolchain, or of the system, with the version in their names (clang-22).
`cargo xtask bench --dist serve` measures what was built.",
    run: dist,
};

/// How it is loaded: see `load.rs` of the benchmark.
const LOAD: [&str; 6] = ["--bench", "serve", "--", "--only", "load", "--server"];

/// What runs together stands together: parts of functions, and functions; what does not run is elsewhere.
const LAYOUT: [&str; 6] = [
    "-reorder-blocks=ext-tsp",
    "-reorder-functions=cdsort",
    "-split-functions",
    "-split-all-cold",
    "-split-eh",
    "-icf=safe",
];

fn dist(args: &[String]) -> Result {
    shell::no_arguments(args)?;
    if find_program("wrk", &[]).is_none() {
        return Err(Failure::new("wrk is not in PATH"));
    }
    let llvm = Llvm::of_the_compiler()?;
    let (profdata, strip) = (llvm.get("llvm-profdata")?, llvm.get("llvm-strip")?);
    let (counted, profile) = (dir().join("counted"), dir().join("courierx.profdata"));
    empty(&counted)?;
    let counting = section("a server that counts", || build(&llvm, "profile-generate", &counted))?;
    section("what it counts", || {
        load(&counting)?;
        shell::run(Command::new(profdata).args(["merge", "--output"]).arg(&profile).arg(&counted))
    })?;
    let mut built = section("the server", || build(&llvm, "profile-use", &profile))?;
    match llvm.find("llvm-bolt").zip(llvm.find("merge-fdata")) {
        Some((bolt, merge)) => built = section("its layout", || lay_out(&built, &bolt, &merge))?,
        None => println!("\nno llvm-bolt of this LLVM is there: the layout stays as it is"),
    }
    shell::run(Command::new(strip).arg("-o").arg(program()).arg(&built))?;
    let size = fs::metadata(program()).map_err(|error| failed("read", &program(), &error))?.len();
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
fn build(llvm: &Llvm, with: &str, profile: &Path) -> Result<PathBuf> {
    let (folder, profile) = (dir().join("build"), profile.display());
    let mut cargo = shell::cargo(["build", "--locked", "--package", "courierx-server", "--bin", "courierx"]);
    // With a target named, the flags are for the program and not for what builds it.
    cargo.args(["--profile", "dist", "--target", &llvm.host]);
    let mut flags = format!("-C{with}={profile}");
    if llvm.find("llvm-bolt").is_some() {
        // Who lays it out has to find what refers to what. Linkers of other systems know no such option.
        flags += " -Clink-arg=-Wl,--emit-relocs";
    }
    cargo.env("RUSTFLAGS", flags).env("CARGO_PROFILE_DIST_STRIP", "none");
    if let Some(clang) = llvm.find("clang") {
        let target = llvm.host.replace('-', "_");
        cargo.env(format!("CC_{target}"), clang);
        cargo.env(format!("CFLAGS_{target}"), format!("-f{with}={profile}"));
    }
    cargo.env("CARGO_TARGET_DIR", &folder).env("CARGO_INCREMENTAL", "0");
    shell::run(&mut cargo)?;
    Ok(folder.join(&llvm.host).join("dist/courierx"))
}

/// Has it do what a server does all day. The benchmark is built as always: what it does itself is not to be counted.
fn load(server: &Path) -> Result {
    let mut load = shell::cargo(["bench", "--locked", "--package", "courierx-server"]);
    shell::run(load.args(LOAD).arg(server))
}

/// Counts once more, in the finished program, what follows what, and puts that together.
fn lay_out(server: &Path, bolt: &Path, merge: &Path) -> Result<PathBuf> {
    let [counting, followed, all, laid] =
        ["counting", "followed", "courierx.fdata", "laid-out"].map(|name| dir().join(name));
    empty(&followed)?;
    fs::create_dir_all(&followed).map_err(|error| failed("make", &followed, &error))?;
    let mut instrument = Command::new(bolt);
    instrument.arg(server).args(["-instrument", "-instrumentation-file-append-pid"]);
    instrument.arg(format!("-instrumentation-file={}", followed.join("by").display()));
    shell::run(instrument.arg("-o").arg(&counting))?;
    load(&counting)?;
    let each = fs::read_dir(&followed).map_err(|error| failed("list", &followed, &error))?;
    let each = each.flatten().map(|file| file.path());
    shell::run(Command::new(merge).arg("-o").arg(&all).args(each))?;
    let mut lay = Command::new(bolt);
    lay.arg(server).arg("-o").arg(&laid).arg("-data").arg(&all).args(LAYOUT);
    shell::run(&mut lay)?;
    empty(&followed)?;
    Ok(laid)
}

fn dir() -> PathBuf {
    shell::target_dir().join("trained")
}

fn program() -> PathBuf {
    dir().join("courierx")
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
